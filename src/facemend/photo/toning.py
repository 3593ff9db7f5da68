"""One colour for each brightness, in photos that have no more: grey ones, and old ones faded to brown. Needs no torch.

The network learnt faces in colour, and paints lips red into a grey photo.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Hole, Pixels

_CELL = 4  # pixels a side over which colours are averaged before they are judged: noise has colours of its own
_LEVELS = 16  # of brightness at which the tint is measured
_FEW = 20  # cells at a level, too few to say anything
_NEARLY_ALL, _ALIKE = 0.99, 10.0  # in a photo of one tint, this share of the cells is off by fewer levels than that


def match_tone(painted: Pixels, photo: Pixels, hole: Hole) -> Pixels:
    """Give a fill the tint that the photo has at each brightness, if colours hardly differ from that.

    Args:
        painted: the photo with its hole filled, uint8 [H, W, 3].
        photo: the photo, uint8 [H, W, 3]; what lies under the hole is not looked at.
        hole: bool [H, W].

    Returns:
        `painted`, with other colours in the hole; itself where the photo has colours of its own.
    """
    tint = _measure(_average(photo, hole))
    if tint is None:
        return painted
    result = painted.copy()
    inside = painted[hole]
    result[hole] = np.clip(np.round(tint[_brightness(inside).astype(np.int64)]), 0, 255).astype(np.uint8)
    return result


def _average(photo: Pixels, hole: Hole) -> Pixels:
    """Average a photo over cells; returns the colours [n, 3] of those without a hole."""
    size = (max(1, hole.shape[1] // _CELL), max(1, hole.shape[0] // _CELL))
    colors = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    return colors[cv2.resize(hole.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) == 0]


def _measure(colors: Pixels) -> NDArray[np.float32] | None:
    """Find the mean colour [256, 3] at each brightness, or None where colours [n, 3] differ from it."""
    if not len(colors):
        return None
    brightness = _brightness(colors)
    bins = brightness.astype(np.int64) * _LEVELS // 256
    counts = np.bincount(bins, minlength=_LEVELS)
    used = counts >= _FEW
    if not used.any():
        return None

    def means(values: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.bincount(bins, values, _LEVELS)[used] / counts[used]

    levels, middles = np.arange(256), means(brightness)
    casts = [np.interp(levels, middles, means(colors[:, i] - brightness)) for i in range(3)]
    tint = (levels[:, None] + np.stack(casts, axis=1)).astype(np.float32)
    off = np.abs(colors - tint[brightness.astype(np.int64)]).max(axis=1)
    return tint if (off < _ALIKE).mean() > _NEARLY_ALL else None


def _brightness(colors: Pixels) -> NDArray[np.float32]:
    """Return the luminance of colours [n, 3], 0 to 255."""
    return np.asarray(cv2.cvtColor(colors[None], cv2.COLOR_RGB2GRAY)[0], np.float32)
