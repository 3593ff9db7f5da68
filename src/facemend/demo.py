"""The demo: a portrait that scikit-image ships, restored under several masks, as one picture a person can look at."""

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facemend import imaging
from facemend.errors import FacemendError, OutputError, how_to_install
from facemend.imaging import Hole
from facemend.masks import random_mask
from facemend.pipeline import Inpainter, InpaintResult

SIZE = 256

_OVERVIEW, _PHOTO = "demo.png", "photo.png"
_FACE = (135, 16, 315, 196)  # of the astronaut, 512 x 512: framed as FFHQ frames faces, eyes at (.38, .47) and (.62, .47)
_COLUMNS = ("photo", "masked", "layout", "restored")
_MARGIN, _CAPTION = 8, 26  # pixels


@dataclass(frozen=True)
class _Row:
    name: str
    hole: Hole
    result: InpaintResult


def load_portrait() -> Image.Image:
    """Load the portrait of the astronaut Eileen Collins (NASA, public domain), 256 x 256.

    Raises:
        FacemendError: scikit-image is not installed.
    """
    try:
        data = cast(Any, import_module("skimage.data"))
    except ImportError:
        raise FacemendError(f"the demo's portrait comes with scikit-image: {how_to_install('demo')}") from None
    photo = Image.fromarray(np.asarray(data.astronaut()))
    return photo.resize((SIZE, SIZE), Image.Resampling.LANCZOS, box=_FACE)


def demo_holes() -> dict[str, Hole]:
    """Draw the demo's masks, by name: bool [256, 256], True = repaint."""
    return {
        "strokes": random_mask(SIZE, family="strokes", area=0.3, seed=4) > 0,
        "scratches": random_mask(SIZE, family="scratches", area=0.1, seed=0) > 0,
        "text": random_mask(SIZE, family="text", area=0.12, seed=0) > 0,
        "eye": _ellipse(0.62, 0.46, 0.12, 0.1),
        "mouth": _ellipse(0.5, 0.72, 0.17, 0.1),
        "half": np.broadcast_to(np.arange(SIZE) < SIZE // 2, (SIZE, SIZE)),
        "border": random_mask(SIZE, family="border", area=0.45, seed=0) > 0,
    }


def check_demo_output(directory: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a folder the pictures could not be written to.

    Raises:
        OutputError: The folder cannot be made or written, or holds one of the files and `overwrite` is not set.
    """
    if not os.path.lexists(directory):
        imaging.check_folder(directory.absolute().parent)
        return
    if not directory.is_dir():
        raise OutputError(f"{directory}: is no folder: name one for the pictures")
    holes = demo_holes()
    for name in (_OVERVIEW, _PHOTO, *map(_masked_name, holes), *map(_restored_name, holes)):
        imaging.check_output(directory / name, "RGB", overwrite=overwrite)


def run_demo(inpainter: Inpainter, portrait: Image.Image, directory: Path, *, overwrite: bool = False) -> Path:
    """Restore the portrait under every mask and write the pictures.

    Args:
        inpainter: What restores it.
        portrait: RGB, 256 x 256.
        directory: Gets `demo.png`, `photo.png` and, for each mask, NAME-masked.png and NAME-restored.png. Made where missing.
        overwrite: Replace pictures that exist.

    Returns:
        The path of `demo.png`: a row per mask, with photo, masked photo, layout and result side by side.

    Raises:
        OutputError: A file cannot be written.
    """
    check_demo_output(directory, overwrite=overwrite)
    rows = [_Row(name, hole, inpainter(portrait, hole)) for name, hole in demo_holes().items()]
    pictures = {_OVERVIEW: _overview(portrait, rows), _PHOTO: portrait}
    for row in rows:
        pictures[_masked_name(row.name)] = _masked(portrait, row.hole)
        pictures[_restored_name(row.name)] = row.result.image
    directory.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        imaging.save_image(picture, directory / name, overwrite=overwrite)
    return directory / _OVERVIEW


def _masked_name(name: str) -> str:
    return f"{name}-masked.png"


def _restored_name(name: str) -> str:
    return f"{name}-restored.png"


def _ellipse(x: float, y: float, half_width: float, half_height: float) -> Hole:
    """Draw an ellipse, given in shares of the side."""
    hole = np.zeros((SIZE, SIZE), np.uint8)
    center, axes = (round(x * SIZE), round(y * SIZE)), (round(half_width * SIZE), round(half_height * SIZE))
    cv2.ellipse(hole, center, axes, 0, 0, 360, 1, cv2.FILLED)
    return hole > 0


def _masked(photo: Image.Image, hole: Hole) -> Image.Image:
    return Image.fromarray(imaging.cover_hole(np.asarray(photo), hole))


def _overview(photo: Image.Image, rows: list[_Row]) -> Image.Image:
    step = SIZE + _MARGIN
    sheet = Image.new("RGB", (_CAPTION + len(_COLUMNS) * step, _CAPTION + len(rows) * step), "white")
    for column, title in enumerate(_COLUMNS):
        _write(sheet, title, (_CAPTION + column * step, 0), SIZE)
    for number, row in enumerate(rows):
        top = _CAPTION + number * step
        caption = Image.new("RGB", (SIZE, _CAPTION), "white")
        _write(caption, row.name, (0, 0), SIZE)
        sheet.paste(caption.rotate(90, expand=True), (0, top))
        layout = imaging.color_layout(row.result.layout).convert("RGB")
        cells = (photo, _masked(photo, row.hole), Image.blend(row.result.image, layout, 0.6), row.result.image)
        for column, cell in enumerate(cells):
            sheet.paste(cell, (_CAPTION + column * step, top))
    return sheet


def _write(sheet: Image.Image, text: str, corner: tuple[int, int], width: int) -> None:
    place = (corner[0] + width // 2, corner[1] + _CAPTION // 2)
    ImageDraw.Draw(sheet).text(place, text, fill="black", anchor="mm", font=ImageFont.load_default(size=16))
