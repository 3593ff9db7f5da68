"""`facemend prepare`: a public face set turned into one to train on."""

from pathlib import Path
from typing import Annotated

import typer

from facemend.cli.options import AsJson, Device, Model, note, print_json

Source = Annotated[Path, typer.Argument(help="Folder that holds the set as it was downloaded.")]
Prepared = Annotated[Path, typer.Argument(help="Folder to write; the same command again goes on where it stopped.")]
Side = Annotated[int, typer.Option(help="Side of the pictures, a multiple of 16 from 64 to 1024; none is enlarged.")]


def celebahq(source: Source, output: Prepared, *, size: Side = 256, as_json: AsJson = False) -> None:
    """CelebAMask-HQ as it is distributed, with its hand-made labels and the official split.

    \b
    facemend prepare celebahq CelebAMask-HQ/ sets/celebahq --size 256
    """
    from facemend.data.celebahq import prepare_celebahq

    _report_prepared(output, prepare_celebahq(source, output, size=size), as_json)


def ffhq(
    source: Source,
    output: Prepared,
    *,
    size: Side = 256,
    model: Model = "default",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """FFHQ as it is distributed: 60,000 faces to train, 10,000 to test; a model draws the labels.

    \b
    facemend prepare ffhq ffhq-dataset/ sets/ffhq --size 256
    """
    from facemend.backends.on_torch import choose_device
    from facemend.data.ffhq import prepare_ffhq

    counts = prepare_ffhq(source, output, size=size, model=model, device=str(choose_device(device)))
    _report_prepared(output, counts, as_json)


def _report_prepared(output: Path, counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        print_json(output=str(output), faces=counts)
    else:
        note(", ".join(f"{count:,} {split}" for split, count in counts.items()))
        print(output)
