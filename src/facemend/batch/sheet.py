"""The contact sheet: before, masked, after for every photo of a batch, on as many pages as that takes."""

import textwrap
from collections.abc import Sequence
from contextlib import suppress
from unicodedata import combining, normalize

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
_FONTS = ("DejaVuSans.ttf", "Arial.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf")  # what systems have
_FONT_SIZE = 13
_MOST_LINES = 8
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
    draw, words = ImageDraw.Draw(page), _Words()
    for number, (caption, content) in enumerate(cells):
        left, top = _MARGIN + number % _PER_LINE * _CELL[0], _MARGIN + number // _PER_LINE * _CELL[1]
        draw.text((left, top), words.fitted(caption, _STRIP[0]), _TEXT_COLOR, words.font)
        if isinstance(content, Image.Image):
            page.paste(content, (left, top + _CAPTION))
        else:
            draw.rectangle((left, top + _CAPTION, left + _STRIP[0], top + _CAPTION + _STRIP[1]), _EMPTY_COLOR)
            lines_of_text = words.wrapped(content, _STRIP[0] - 2 * _CAPTION)
            draw.text((left + _CAPTION, top + 2 * _CAPTION), lines_of_text, _BAD_COLOR, words.font)
    return page


class _Words:
    """Words as wide as there is room, in a font that can write them."""

    def __init__(self) -> None:
        self.font, self._is_poor = ImageFont.load_default(_FONT_SIZE), True  # hardly a letter beyond ASCII
        for name in _FONTS:
            with suppress(OSError):
                self.font, self._is_poor = ImageFont.truetype(name, _FONT_SIZE), False
                break

    def fitted(self, path: str, width: int) -> str:
        """Shorten a path from its front: its end tells it from its neighbours."""
        text = shown = self._spelt(path)
        while self.font.getlength(shown) > width:
            text = text[1:]
            shown = f"…{text}"
        return shown

    def wrapped(self, text: str, width: int) -> str:
        """Break a text into lines, each with as many letters as the widest one lets."""
        text, columns = self._spelt(text), 72
        while True:
            lines = textwrap.wrap(text, columns, max_lines=_MOST_LINES, placeholder=" …")
            if all(self.font.getlength(line) <= width for line in lines):
                return "\n".join(lines)
            columns -= 1

    def _spelt(self, text: str) -> str:
        """Leave accents away where the font has none."""
        if not self._is_poor:
            return text
        plain = "".join(letter for letter in normalize("NFKD", text.replace("ß", "ss")) if not combining(letter))
        return plain.encode("ascii", "replace").decode()
