"""`facemend mask`: a random mask."""

import re
import secrets
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from facemend.cli.options import AsJson, Overwrite, check_mask_suffix, check_places, note, print_json
from facemend.errors import ConfigError


def mask(
    output: Annotated[Path, typer.Argument(help="Where to write the mask: a PNG.")],
    *,
    size: Annotated[str | None, typer.Option(help="Side in pixels, or WIDTHxHEIGHT; else the layout's size, or 256.")] = None,
    family: Annotated[
        str, typer.Option(help="strokes, box, half, parts (of a face), scratches, dust, text, border, or mixed.")
    ] = "mixed",
    area: Annotated[float, typer.Option(help="Share of the picture to cover, 0.01 to 0.9.")] = 0.3,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same number draws the same mask; else one is drawn, and told.")
    ] = None,
    layout: Annotated[Path | None, typer.Option(help="PNG of class ids: the face whose parts are covered.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Draw a random mask: white is to be repainted.

    \b
    facemend mask mask.png --size 320x240 --family scratches --area 0.1 --seed 1
    """
    from facemend import imaging
    from facemend.masks import mask_area, random_mask

    check_places([output], [] if layout is None else [layout])
    imaging.check_output(output, "L", overwrite=overwrite)
    check_mask_suffix(output)
    ids = None
    width, height = _parse_size(size or "256")
    if layout is not None:
        labels = imaging.load_layout(layout)
        width, height = (width, height) if size else labels.size
        ids = imaging.read_layout(labels, (width, height))
    seed = secrets.randbelow(2**32) if seed is None else seed
    drawn = random_mask((height, width), family=cast(Any, family), area=area, seed=seed, layout=ids)
    imaging.save_image(imaging.mask_picture(drawn), output, overwrite=overwrite)
    if as_json:
        print_json(mask=str(output), size=[width, height], family=family, area=round(mask_area(drawn), 6), seed=seed)
    else:
        note(f"covers {mask_area(drawn):.1%} of {width}x{height} pixels, seed {seed}")
        print(output)


def _parse_size(text: str) -> tuple[int, int]:
    """Read '256' or '320x240' as (width, height)."""
    sides = re.fullmatch(r"([0-9]{1,6})(?:x([0-9]{1,6}))?", text.lower())
    if sides is None:
        raise ConfigError(f"--size {text!r} is no size: give a side, such as 256, or WIDTHxHEIGHT, such as 320x240")
    return int(sides[1]), int(sides[2] or sides[1])
