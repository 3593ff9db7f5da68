"""One colour for each brightness, in photos that have no more: grey ones, and old ones faded to brown. Needs no torch.

The network learnt faces in colour, and paints lips red into a grey photo. A face goes by its own surroundings: a grey print may
lie on a red cloth, a child in colours stand in the snow.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Floats, Hole, Pixels
from facemend.photo.framing import Window

_CELL = 4  # pixels a side over which colours are averaged before they are judged: noise has colours of its own
_LEVELS = 16  # of brightness at which the tint is measured
_FEW = 20  # cells at a level, too few to say anything
_NEARLY_ALL, _ALIKE = 0.98, 8.0  # in a photo of one tint, this share of the cells is off by fewer levels than that
_FULL_CONTRAST, _LEAST_ALIKE = 110.0, 5.0  # levels; in a faded photo, of less than that, colours are nearer to each other, too

_MIDDLE = 0.75  # of a face's square, as wide and high: a print's white edge may be in the rest
_LEAST_KNOWN = 0.3  # of that, or it may be hair alone


@dataclass(frozen=True)
class Tones:
    """The mean colour at each brightness of what was measured, and how much of that has it."""

    colors: Floats  # [256, 3]
    share: float

    def match(self, painted: Pixels, hole: Hole) -> Pixels:
        """Give a fill these colours, if what was measured hardly has others.

        Args:
            painted: uint8 [H, W, 3].
            hole: bool [H, W], what is to have them.

        Returns:
            `painted`, with other colours in the hole; itself where the photo has colours of its own.
        """
        if self.share <= _NEARLY_ALL:
            return painted
        result = painted.copy()
        tinted = self.colors[_brightness(painted[hole]).astype(np.int64)]
        result[hole] = np.clip(np.round(tinted), 0, 255).astype(np.uint8)
        return result


def measure_tones(photo: Pixels, known: Hole) -> Tones | None:
    """Measure which colours a photo, uint8 [H, W, 3], has where it is known, bool [H, W]; None where too little is to tell."""
    colors = _average(photo, known)
    if not len(colors):
        return None
    brightness = _brightness(colors)
    bins = brightness.astype(np.int64) * _LEVELS // 256
    counts = np.bincount(bins, minlength=_LEVELS)
    used = counts >= _FEW
    if not used.any():
        return None

    def means(values: Floats) -> NDArray[np.float64]:
        return np.bincount(bins, values, _LEVELS)[used] / counts[used]

    levels, middles = np.arange(256), means(brightness)
    casts = [np.interp(levels, middles, means(colors[:, i] - brightness)) for i in range(3)]
    tint = (levels[:, None] + np.stack(casts, axis=1)).astype(np.float32)
    off = np.abs(colors - tint[brightness.astype(np.int64)]).max(axis=1)
    contrast = float(np.ptp(np.quantile(brightness, (0.01, 0.99))))
    return Tones(tint, float((off < max(_LEAST_ALIKE, _ALIKE * min(1.0, contrast / _FULL_CONTRAST))).mean()))


def measure_face_tones(photo: Pixels, hole: Hole, window: Window) -> Tones | None:
    """Measure the colours that a face has in the middle of its square; None where too little of it is left to tell."""
    middle = window.scaled(_MIDDLE)
    region = middle.region(hole.shape)
    inside = middle.inside(region)
    known = inside & ~hole[region]
    return measure_tones(photo[region], known) if known.sum() > _LEAST_KNOWN * inside.sum() else None


def _average(photo: Pixels, known: Hole) -> Pixels:
    """Average a photo over cells; returns the colours [n, 3] of those that are wholly known."""
    size = (max(1, known.shape[1] // _CELL), max(1, known.shape[0] // _CELL))
    colors = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    return colors[cv2.resize(np.where(known, np.uint8(0), np.uint8(255)), size, interpolation=cv2.INTER_AREA) == 0]


def _brightness(colors: Pixels) -> Floats:
    """Return the luminance of colours [n, 3], 0 to 255."""
    return np.asarray(cv2.cvtColor(colors[None], cv2.COLOR_RGB2GRAY)[0], np.float32)
