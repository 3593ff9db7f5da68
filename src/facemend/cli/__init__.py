"""The verbs of the `facemend` command: parse, call, print.

Each verb is one file here and imports what it needs when it runs, so that `facemend --help` does not wait for torch.
"""

import io
import os
import sys
from itertools import pairwise
from typing import Annotated

import typer

import facemend
from facemend import library_settings
from facemend.cli.batch import batch
from facemend.cli.benchmark import benchmark
from facemend.cli.damage import damage
from facemend.cli.demo import demo
from facemend.cli.evaluate import evaluate
from facemend.cli.export import export
from facemend.cli.grouped_help import GroupedCommand
from facemend.cli.inpaint import inpaint
from facemend.cli.mask import mask
from facemend.cli.models import models
from facemend.cli.options import STOPPED, note
from facemend.cli.prepare import celebahq, ffhq
from facemend.cli.serve import serve
from facemend.cli.train import train
from facemend.cli.web_export import web_export
from facemend.errors import FacemendError, how_to_install

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. A mistake of the user's is one line on stderr and exit code 2."""
    _replace_closed_streams()
    words = sys.argv[1:] if arguments is None else arguments
    if "" in words:  # as of a shell's variable that is not set; for a path it would be the folder one is in
        sys.exit(_refuse(f"an empty word stands after {['facemend', *words][words.index('')]}: give a value"))
    library_settings.suit_libraries()
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may hold what it cannot print
        sys.stdout.reconfigure(errors="surrogateescape" if sys.stdout.encoding.lower() == "utf-8" else "backslashreplace")
    try:
        code = app(args=words or ["--help"], prog_name="facemend", standalone_mode=False)
    except FacemendError as error:
        code = _refuse(str(error))
    except ModuleNotFoundError as error:  # restoring photos needs no torch, much else does
        if error.name not in ("torch", "safetensors"):
            raise
        code = _refuse(f"this needs PyTorch: {how_to_install('torch')}")
    except OSError as error:  # a folder that may not be entered, a disk that is full
        code = _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = STOPPED
    except typer.TyperException as error:  # what typer itself refuses
        context = getattr(error, "ctx", None)
        code = _refuse(_with_value(error, words) + (f" (see {context.command_path} --help)" if context else ""))
    sys.exit(code)


def _replace_closed_streams() -> None:
    """Open the null device where the caller closed a standard stream (`2>&-`).

    Python has None for it, with which much fails, and `print` takes stdout; and the next file that is opened, a result perhaps,
    would get the stream's number, and what libraries write to it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the end


def _with_value(error: typer.TyperException, words: list[str]) -> str:
    """Name the option and the value that typer refuses; it tells the option only."""
    names = getattr(getattr(error, "param", None), "opts", ())
    values = (f"{word} {value}: {error.message}" for word, value in pairwise(words) if word in names)
    return next(values, error.format_message())


def _refuse(message: str) -> int:
    note(f"facemend: {' '.join(message.split())}")
    return 2


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"facemend {facemend.__version__}")
        raise typer.Exit


@app.callback()
def _root(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Restore the missing or damaged part of a face in a photo, repainting nothing else.

    \b
    facemend inpaint photo.jpg --mask mask.png
    facemend inpaint scan.tif --mask auto

    Results are printed on stdout, notes and errors on stderr; a wrong input is one line and exit code 2.
    """


for verb in (inpaint, batch, serve, web_export, damage, mask, models, demo, train, evaluate, export, benchmark):
    app.command(cls=GroupedCommand)(verb)

prepare_app = typer.Typer(rich_markup_mode=None, help="Turn a public face set into one to train on.")
for verb in (celebahq, ffhq):
    prepare_app.command()(verb)
app.add_typer(prepare_app, name="prepare")
