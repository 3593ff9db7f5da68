"""JPEG's squares: a fill has none, so in a photo that shows them it is stored as coarsely as the photo was. Needs no torch."""

from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from facemend.imaging import Hole, JpegCoding, Pixels, extent

_BLOCK = 8  # pixels, side of JPEG's squares
_UNIT = 2 * _BLOCK  # where colours are halved, theirs are twice as wide
_BAND = 32 * _UNIT  # rows treated at a time, which bounds the memory
_MARGIN = 8 * _UNIT  # of surroundings in which the squares are looked for
_VISIBLE = 1.15  # times the steps inside squares are those between them, where the squares show


def match_compression(painted: Pixels, photo: Pixels, hole: Hole, coding: JpegCoding, mode: str) -> Pixels:
    """Store a fill as a JPEG photo was stored, so that it has the same squares and the same coarseness.

    Nothing is done where the surroundings show no squares: a photo of high quality, or one turned so that they lie elsewhere.

    Args:
        painted: the photo with its hole filled, uint8 [H, W, 3].
        photo: the photo, uint8 [H, W, 3]; what lies under the hole is not looked at.
        hole: bool [H, W].
        coding: how the photo was stored.
        mode: the photo's: in colours or in grey.

    Returns:
        `painted`, stored and read again in the hole.
    """
    rows, columns = map(_around, extent(hole))
    if blockiness(photo[rows, columns], ~hole[rows, columns]) < _VISIBLE:
        return painted
    result = painted.copy()
    for start in range(rows.start, min(rows.stop, len(hole)), _BAND):
        band = slice(start, start + _BAND), columns
        if hole[band].any():
            stored = BytesIO()
            Image.fromarray(painted[band]).convert(mode).save(stored, "JPEG", **coding)
            result[band][hole[band]] = np.asarray(Image.open(stored).convert("RGB"))[hole[band]]
    return result


def blockiness(rgb: Pixels, known: Hole) -> float:
    """Measure how far JPEG's squares show: the mean step between neighbours across their edges over that inside them.

    Args:
        rgb: uint8 [H, W, 3], from a corner of a square on.
        known: bool [H, W], what is measured.

    Returns:
        1 where there are none; 0 where there is nothing to be measured.
    """
    inside, across = np.zeros(2), np.zeros(2)  # sum and number of the steps
    for start in range(0, len(rgb), _BAND):
        luma = np.asarray(cv2.cvtColor(rgb[start : start + _BAND], cv2.COLOR_RGB2GRAY)).astype(np.int16)
        part = known[start : start + _BAND]
        for grey, seen in ((luma, part), (luma.T, part.T)):
            both = seen[:, 1:] & seen[:, :-1]
            columns = np.stack([(np.abs(np.diff(grey, axis=1)) * both).sum(axis=0), both.sum(axis=0)])  # [2, W - 1]
            edges = columns[:, _BLOCK - 1 :: _BLOCK].sum(axis=1)
            across += edges
            inside += columns.sum(axis=1) - edges
    if across[1] == 0 or inside[0] == 0:
        return 0.0
    return float((across[0] / across[1]) / (inside[0] / inside[1]))


def _around(side: slice) -> slice:
    """Find what is to be looked at round these rows or columns, from a corner of JPEG's largest squares on."""
    return slice(max(0, (side.start - _MARGIN) // _UNIT * _UNIT), side.stop + _MARGIN)
