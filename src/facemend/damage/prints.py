"""What the paper round a print tells of its damage: it is none itself, and where something else is seen a piece is torn off.

The net takes white paper for burnt out. What is torn off is looked for only where paper is seen along three sides at least: where
a picture ends without any, sky and walls may be as plain as a scanner's lid.
"""

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Hole, Pixels
from facemend.photo.print_border import PAPER_LEVELS, Band, find_bands

LONGER_SIDE = 1024  # pixels, of what is looked at
SMOOTHED = 5  # pixels, the side of the median that takes its noise
BLURRED = 0.005  # of the shorter side: how far from a band's end its colour is mixed with the next
BEHIND_LEVELS = 20  # by which what lies behind a print varies
LEAST_EDGE = 0.01  # of the edge of a scan that ends in paper, where something else is seen
OPENED = 0.004  # of the shorter side: narrower links are none of a tear
TORN_EDGE = 0.012  # of it: the torn edge itself, white with fibres
LEAST, MOST = 0.001, 0.5  # of the print, torn off in one piece

_Mask = NDArray[np.uint8]  # [H, W], 0 or 1


@dataclass(frozen=True)
class PrintDamage:
    """What is known of a print from its paper; both masks are reduced."""

    clean: Hole  # [h, w], where it is paper that nothing has happened to, or no print at all
    torn: Hole  # [h, w], what is torn off, with the torn edge

    def correct(self, found: Hole) -> Hole:
        """Take what is clean from the damage found, bool [H, W], and add what is torn off."""
        clean, torn = (cv2.resize(_ones(each) * np.uint8(255), found.shape[::-1]) > 127 for each in (self.clean, self.torn))
        kept = found & ~clean
        touched = cv2.dilate(_ones(kept), _disk(BLURRED, found.shape)) > 0  # a scratch goes on across the paper's end
        return kept | found & touched | torn


def judge_print(rgb: Pixels) -> PrintDamage | None:
    """Judge a photo, uint8 [H, W, 3], as a print with paper round its picture; None if it is none."""
    height, width = rgb.shape[:2]
    scale = min(1.0, LONGER_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cast(Pixels, cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    bands = find_bands(small, np.zeros(small.shape[:2], np.bool_))
    if not bands:
        return None
    smooth = cv2.medianBlur(small, SMOOTHED).astype(np.float32)
    return PrintDamage(_find_clean(smooth, bands), _find_torn(smooth, bands))


def _find_clean(rgb: NDArray[np.float32], bands: list[Band]) -> Hole:
    inner = bands[-1].share
    clean = (inner > 0) & (np.abs(rgb - bands[-1].color).max(axis=2) <= PAPER_LEVELS)
    if len(bands) > 1:
        clean |= bands[0].share > 0
    for band in bands:
        inside, outside = (
            cv2.dilate(_ones(part), _disk(BLURRED, inner.shape)) > 0 for part in (band.share < 0.5, band.share >= 0.5)
        )
        clean |= inside & outside
    return clean


def _find_torn(rgb: NDArray[np.float32], bands: list[Band]) -> Hole:
    shape = (rgb.shape[0], rgb.shape[1])
    outside, behind = np.zeros(shape, np.bool_), None
    if len(bands) == 1:
        behind = _color_behind(rgb, bands[0])
    elif len(bands[0].edges) == 4:
        outside, behind = bands[0].share > 0.5, bands[0].color
    if behind is None:
        return outside
    alike = cv2.morphologyEx(_ones(np.abs(rgb - behind).max(axis=2) <= BEHIND_LEVELS), cv2.MORPH_OPEN, _disk(OPENED, shape)) > 0
    _, labels = _label(np.pad(alike | outside, 1, constant_values=True))
    reached = (labels == labels[0, 0])[1:-1, 1:-1] & ~outside  # from beyond the print
    num, pieces = _label(reached)
    areas = np.bincount(pieces.ravel(), minlength=num) / np.count_nonzero(~outside)
    kept = (areas >= LEAST) & (areas <= MOST) & (np.bincount(pieces[bands[-1].share > 0], minlength=num) > 0)
    kept[0] = False  # what is not reached
    return (cv2.dilate(_ones(kept)[pieces], _disk(TORN_EDGE, shape)) > 0) & ~outside


def _color_behind(rgb: NDArray[np.float32], paper: Band) -> NDArray[np.floating] | None:
    """Tell the colour that is seen instead of paper along the edges of a scan that ends in it; None if there is only paper."""
    edge = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    other = edge[np.abs(edge - paper.color).max(axis=1) > PAPER_LEVELS]
    return np.median(other, axis=0) if len(other) > LEAST_EDGE * len(edge) else None


def _label(mask: Hole) -> tuple[int, NDArray[np.int32]]:
    """Number the connected pieces of a mask from 1; returns one more than there are, and each pixel's number."""
    return cast(tuple[int, NDArray[np.int32]], cv2.connectedComponents(_ones(mask)))


def _ones(mask: Hole) -> _Mask:
    return mask.astype(np.uint8)


def _disk(radius: float, shape: tuple[int, ...]) -> _Mask:
    """Return a disk of this radius, in shares of the shorter side."""
    side = 2 * math.ceil(radius * min(shape)) + 1
    return cast(_Mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
