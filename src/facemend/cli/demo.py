"""`facemend demo`: one picture to look at."""

from pathlib import Path
from typing import Annotated

import typer

from facemend.cli.options import AsJson, Device, Model, Overwrite, print_json


def demo(
    output: Annotated[Path, typer.Option(help="Folder for the pictures; it is made where it is missing.")],
    model: Model = "default",
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Restore a portrait under several masks and write one picture to look at: photo, masked photo, layout, result.

    \b
    facemend demo --output demo/
    """
    from facemend.demo import check_demo_output, load_portrait, run_demo
    from facemend.pipeline import Inpainter

    portrait = load_portrait()
    check_demo_output(output, overwrite=overwrite)
    inpainter = Inpainter.from_pretrained(model, device=device)
    picture = run_demo(inpainter, portrait, output, overwrite=overwrite)
    if as_json:
        print_json(picture=str(picture), model=model, device=inpainter.backend.device)
    else:
        print(picture)
