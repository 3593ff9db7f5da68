"""The paper round a print, put where a hole takes it.

The network knows nothing of paper: it painted leaves over a torn white corner. Paper is filled with paper, and the picture as
if it ended where the paper begins. Needs no torch.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Floats, Hole, Pixels
from facemend.photo.paper_edges import PAPER_LEVELS
from facemend.photo.print_bands import find_bands

_LARGE = 1024  # pixels, the longer side of what is looked at for paper's colours
_SMALL = 128  # pixels, the longer side of the picture in which paper's colours spread
_SPREAD = 3.0  # of them, standard deviation


@dataclass(frozen=True)
class PrintBorder:
    """Where a scan is no picture, and of what colour it is there."""

    shares: tuple[Floats, ...]  # [H, W], of each pixel that lies outside the end of each band, from outside in
    colors: tuple[Pixels, ...]  # [h, w, 3], theirs at every place, reduced

    @property
    def share(self) -> Floats:
        """How much of each pixel is no picture, [H, W]."""
        return self.shares[-1]

    def fill(self, painted: Pixels, hole: Hole) -> Pixels:
        """Put paper into the hole, bool [H, W], of a picture, uint8 [H, W, 3], where there is to be paper."""
        result = painted.copy()
        for share, colors in zip(reversed(self.shares), reversed(self.colors), strict=True):
            there = hole & (share > 0)
            paper = cv2.resize(colors, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)[there].astype(np.float32)
            result[there] = np.round(result[there] + share[there][:, None] * (paper - result[there])).astype(np.uint8)
        return result


def find_border(photo: Pixels, hole: Hole) -> PrintBorder | None:
    """Find the paper round a print, and what a print lies on.

    Args:
        photo: uint8 [H, W, 3]; what lies under the hole is not looked at.
        hole: bool [H, W].

    Returns:
        None for a photo without either along three sides at least, and where the hole does not reach any.
    """
    bands = find_bands(photo, hole)
    if not bands or not (hole & (bands[-1].share > 0)).any():
        return None
    known, colors = ~hole, list[Pixels]()
    for band in bands:
        colors.append(spread_paper(photo, known & (band.share == 1), band.color))
        known &= band.share == 0
    return PrintBorder(tuple(band.share for band in bands), tuple(colors))


def spread_paper(photo: Pixels, paper: Hole, color: NDArray[np.float64]) -> Pixels:
    """Spread paper's colours, where it is known and clean, over all of a reduced picture [h, w, 3].

    Args:
        photo: uint8 [H, W, 3].
        paper: bool [H, W], where it is known.
        color: [3], about its colour.
    """
    every = math.ceil(max(paper.shape) / _LARGE)
    photo, paper = photo[::every, ::every], paper[::every, ::every]
    scale = min(1.0, _SMALL / max(paper.shape))
    size = (max(1, round(paper.shape[1] * scale)), max(1, round(paper.shape[0] * scale)))
    clean = paper & (np.abs(photo - color.astype(np.float32)).max(axis=2) <= PAPER_LEVELS)

    def reduced(values: Pixels) -> Floats:
        small = cv2.resize(values, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), _SPREAD), np.float32)

    weight = reduced(clean.astype(np.uint8) * 255)[..., None] / 255
    little = np.float32(1e-3)  # of the mean colour, for places far from all paper
    spread = reduced(np.where(clean[..., None], photo, np.uint8(0))) + little * color.astype(np.float32)
    return np.asarray(np.round(spread / (weight + little)), np.uint8)
