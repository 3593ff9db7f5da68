"""A contact sheet: pictures side by side on one sheet, each with its name, to choose from."""

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from facemend.imaging import Hole, to_rgb

CELL_SIZE = 480  # pixels, the longer side of a picture; smaller ones are shown as they are
_MARGIN, _CAPTION = 16, 30  # pixels
_HOLE_COLOR = (228, 64, 140)


def show_hole(photo: Image.Image, hole: Hole) -> Image.Image:
    """Paint a photo's hole, bool [H, W], in one plain colour."""
    shown = Image.fromarray(to_rgb(photo))
    shown.paste(_HOLE_COLOR, mask=Image.fromarray(hole))
    return shown


def draw_contact_sheet(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Lay pictures out in rows, as square a sheet as they make, each over its name.

    Args:
        pictures: names and photos of one size, of any of `PHOTO_MODES`. Where one of them was restored, so is the sheet.
    """
    cells = [Image.fromarray(to_rgb(picture)) for _, picture in pictures]
    for cell in cells:
        cell.thumbnail((CELL_SIZE, CELL_SIZE), Image.Resampling.LANCZOS)
    width, height = (max(sides) for sides in zip(*(cell.size for cell in cells), strict=True))
    width = max(width, 120)  # a name's
    columns = min(len(cells), round(math.sqrt(len(cells) * height / width)) or 1)
    rows = math.ceil(len(cells) / columns)
    step_x, step_y = width + _MARGIN, height + _CAPTION + _MARGIN
    sheet = Image.new("RGB", (_MARGIN + columns * step_x, _MARGIN + rows * step_y), "white")
    for number, ((name, _), cell) in enumerate(zip(pictures, cells, strict=True)):
        left, top = _MARGIN + number % columns * step_x, _MARGIN + number // columns * step_y
        sheet.paste(cell, (left + (width - cell.width) // 2, top + (height - cell.height) // 2))
        place = (left + width // 2, top + height + _CAPTION // 2)
        ImageDraw.Draw(sheet).text(place, name, fill="black", anchor="mm", font=ImageFont.load_default(size=16))
    sheet.info["restored"] = any(picture.info.get("restored") for _, picture in pictures)
    return sheet
