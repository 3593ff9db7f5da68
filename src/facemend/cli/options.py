"""What several verbs share: options, and how they print. Results go to stdout, everything else to stderr."""

import json
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from os.path import realpath
from pathlib import Path
from typing import Annotated, Literal

import typer

from facemend.errors import OutputError

STOPPED = 130  # exit code, as a shell says it of what Ctrl-C ended

Model = Annotated[str, typer.Option(help="Name of a bundled model, a folder with weights, or a hub id owner/name.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Backend = Annotated[
    Literal["auto", "torch", "onnx", "onnx-int8"],
    typer.Option(help="What runs the network; auto is PyTorch on a GPU or without graph.onnx, else ONNX Runtime."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def note(text: str) -> None:
    """Say something beside the result."""
    print(text, file=sys.stderr)


@contextmanager
def progress_line(quiet: bool) -> Generator[Callable[[str], None]]:
    """Lend what tells, on the terminal's last line, what is being done; the line goes when that is over.

    Nothing is shown where `quiet` is wished or stderr is no terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda doing: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("", total=None)
        yield lambda doing: progress.update(task, description=doing, refresh=True)


def shown_share(share: float, digits: int = 1) -> str:
    """Write a share of a photo in per cent; a small one is not nothing."""
    least = 10.0 ** -(digits + 2)
    return f"<{least:.{digits}%}" if 0 < share < least else f"{share:.{digits}%}"


def print_json(**values: object) -> None:
    """Print the result for a program."""
    print(json.dumps(values))


def check_mask_suffix(path: Path) -> None:
    """Refuse a place for a mask whose format would blur it. Raises OutputError."""
    from facemend import imaging

    if not imaging.keeps_pixels(path):
        raise OutputError(f"{path}: a mask in {path.suffix} would lose its sharp edge: write .png")


def check_places(results: Iterable[Path], others: Iterable[Path | str]) -> None:
    """Refuse a result that would take the place of one of the other files, or of another result. Raises OutputError."""
    taken = {realpath(path) for path in others}
    for path in results:
        if realpath(path) in taken:
            raise OutputError(f"{path}: is the place of the photo, or of another file that is used: give each a name of its own")
        taken.add(realpath(path))
