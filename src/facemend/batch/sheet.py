"""The contact sheet: before, masked, after for every photo of a batch, on as many pages as that takes."""

import textwrap
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facemend import imaging
from facemend.imaging import Hole

SIDE = 160  # pixels of a thumbnail's longer side
PER_PAGE = 36
_PER_LINE = 3
_GAP, _MARGIN, _CAPTION = 4, 16, 22  # pixels
_STRIP = (3 * SIDE + 2 * _GAP, SIDE)
_CELL = (_STRIP[0] + _MARGIN, _STRIP[1] + _CAPTION + _MARGIN)
_BAD_COLOR, _TEXT_COLOR, _EMPTY_COLOR = (176, 24, 24), (32, 32, 32), (238, 238, 238)


def draw_thumbnails(photo: Image.Image, hole: Hole, restored: Image.Image) -> Image.Image:
    """Draw a photo, the same with its hole [H, W] painted over, and the restored one, side by side."""
    scale = SIDE / max(photo.size)
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    before, after = (
        Image.fromarray(imaging.to_rgb(image)).resize(size, Image.Resampling.BOX, reducing_gap=2) for image in (photo, restored)
    )
    covered = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    visible = np.minimum(1, 3 * covered)  # or a scratch of a pixel in a large photo would be lost
    masked = Image.composite(
        Image.new("RGB", size, imaging.HOLE_COLOR), before, Image.fromarray(np.round(255 * visible).astype(np.uint8))
    )
    strip = Image.new("RGB", _STRIP, "white")
    for number, thumbnail in enumerate((before, masked, after)):
        strip.paste(thumbnail, (number * (SIDE + _GAP) + (SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return strip


def draw_page(cells: Sequence[tuple[str, Image.Image | str]]) -> Image.Image:
    """Draw up to `PER_PAGE` captioned cells: three thumbnails, or words where there are none."""
    lines = -(-len(cells) // _PER_LINE)
    page = Image.new("RGB", (_MARGIN + min(len(cells), _PER_LINE) * _CELL[0], _MARGIN + lines * _CELL[1]), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=13)
    for number, (caption, content) in enumerate(cells):
        left, top = _MARGIN + number % _PER_LINE * _CELL[0], _MARGIN + number // _PER_LINE * _CELL[1]
        draw.text((left, top), _fit(caption, 70), _TEXT_COLOR, font)
        if isinstance(content, Image.Image):
            page.paste(content, (left, top + _CAPTION))
        else:
            draw.rectangle((left, top + _CAPTION, left + _STRIP[0], top + _CAPTION + _STRIP[1]), _EMPTY_COLOR)
            words = textwrap.wrap(content, 72, max_lines=8, placeholder=" …")
            draw.text((left + _CAPTION, top + 2 * _CAPTION), "\n".join(words), _BAD_COLOR, font)
    return page


def _fit(text: str, length: int) -> str:
    """Shorten a path from its front: its end tells it from its neighbours."""
    return text if len(text) <= length else f"…{text[1 - length :]}"
