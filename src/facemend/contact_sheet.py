"""A contact sheet: a photo, what was repainted, and the variants, side by side from near by, to choose from."""

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from facemend.imaging import Hole, Pixels, Region, cover_hole, extent, to_rgb

CELL_SIZE = 480  # pixels, the longer side of a picture; smaller ones are shown as they are
CLOSE_UP = 2.5  # times the hole's longer side: enough of the face round it to judge the result
MIN_CLOSE_UP = 256  # pixels of the photo
_MARGIN, _CAPTION = 16, 30  # pixels


def draw_contact_sheet(photo: Image.Image, hole: Hole, variants: Sequence[Image.Image]) -> Image.Image:
    """Lay photo, masked photo and variants out in rows, as square a sheet as they make, each over its name.

    Args:
        photo: W x H, of one of `PHOTO_MODES`.
        hole: bool [H, W], True = repainted.
        variants: W x H each.
    """
    before = to_rgb(photo)
    shown = [
        ("photo", before),
        ("mask", cover_hole(before, hole)),
        *((f"variant {number}", to_rgb(each)) for number, each in enumerate(variants, 1)),
    ]
    near = _close_up(hole)
    sheet = _lay_out([(name, _cell(pixels[near])) for name, pixels in shown])
    sheet.info["restored"] = True
    return sheet


def _close_up(hole: Hole) -> Region:
    """Choose what to show of a photo: the surroundings of the hole."""
    rows, columns = extent(hole)
    longer = max(rows.stop - rows.start, columns.stop - columns.start) - 1
    size = max(MIN_CLOSE_UP, round(CLOSE_UP * longer))

    def around(side: slice, length: int) -> slice:
        start = max(0, min((side.start + side.stop - 1 - size) // 2, length - size))
        return slice(start, min(start + size, length))

    return around(rows, hole.shape[0]), around(columns, hole.shape[1])


def _cell(pixels: Pixels) -> Image.Image:
    cell = Image.fromarray(pixels)
    cell.thumbnail((CELL_SIZE, CELL_SIZE), Image.Resampling.LANCZOS)
    return cell


def _lay_out(cells: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Put pictures of one size into a grid, over their names."""
    width, height = cells[0][1].size
    step_x, step_y = max(width, 160) + _MARGIN, height + _CAPTION + _MARGIN  # a name needs some width
    columns = max(1, min(len(cells), round(math.sqrt(len(cells) * step_y / step_x))))
    rows = math.ceil(len(cells) / columns)
    sheet = Image.new("RGB", (_MARGIN + columns * step_x, _MARGIN + rows * step_y), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=16)
    for number, (name, cell) in enumerate(cells):
        left, top = _MARGIN + number % columns * step_x, _MARGIN + number // columns * step_y
        sheet.paste(cell, (left, top))
        draw.text((left + width // 2, top + height + _CAPTION // 2), name, fill="black", anchor="mm", font=font)
    return sheet
