"""The verbs of the `facemend` command: parse, call, print.

Each verb is one file here and imports what it needs when it runs, so that `facemend --help` does not wait for torch.
"""

import sys
from typing import Annotated

import typer

import facemend
from facemend.cli.batch import batch
from facemend.cli.demo import demo
from facemend.cli.inpaint import inpaint
from facemend.cli.mask import mask
from facemend.cli.models import models
from facemend.cli.options import note
from facemend.cli.prepare import celebahq, ffhq
from facemend.cli.train import train
from facemend.errors import FacemendError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. A mistake of the user's is one line on stderr and exit code 2."""
    try:
        app(args=arguments, prog_name="facemend")
    except FacemendError as error:
        note(f"facemend: {' '.join(str(error).split())}")
        sys.exit(2)


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
    """Restore the missing or damaged part of a face in a photo, changing no other pixel.

    \b
    facemend mask mask.png --size 800x600 --family strokes
    facemend inpaint photo.jpg --mask mask.png --output restored.png

    Results are printed on stdout, notes and errors on stderr; a wrong input is one line and exit code 2.
    """


for verb in (inpaint, batch, mask, models, demo, train):
    app.command()(verb)

prepare_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Turn a public face set into one to train on.")
for verb in (celebahq, ffhq):
    prepare_app.command()(verb)
app.add_typer(prepare_app, name="prepare")
