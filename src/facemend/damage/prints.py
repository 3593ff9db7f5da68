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
from facemend.morphology import disk
from facemend.photo.paper_edges import PAPER_LEVELS
from facemend.photo.print_bands import Band, find_bands
from facemend.photo.print_border import spread_paper

LONGER_SIDE = 1024  # pixels, of what is looked at
SMOOTHED = 5  # pixels, the side of the median that takes its noise
MIXED = 0.015  # of the shorter side: how far from where paper ends the net takes that end itself for damage
CLEAN_LEVELS = 12  # by which clean paper is off from paper about it
BEHIND_LEVELS = 20  # by which what lies behind a print varies
LEAST_OTHER = 0.01  # of the place of paper, where something else is seen
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
        reduced = cv2.resize(_ones(found) * np.uint8(255), self.clean.shape[::-1], interpolation=cv2.INTER_AREA) > 0
        touched = _widened(reduced & ~self.clean, MIXED)  # a scratch goes on across the paper's end
        clean, torn = (
            cv2.resize(_ones(each) * np.uint8(255), found.shape[::-1]) > 127 for each in (self.clean & ~touched, self.torn)
        )
        return found & ~clean | torn


def judge_print(rgb: Pixels) -> PrintDamage | None:
    """Judge a photo, uint8 [H, W, 3], as a print with paper round its picture; None if it is none."""
    height, width = rgb.shape[:2]
    scale = min(1.0, LONGER_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cast(Pixels, cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    bands = find_bands(small, np.zeros(small.shape[:2], np.bool_))
    if not bands:
        return None
    smooth = cast(Pixels, cv2.medianBlur(small, SMOOTHED))
    return PrintDamage(_find_clean(smooth, bands), _find_torn(smooth, bands))


def _find_clean(smooth: Pixels, bands: list[Band]) -> Hole:
    inner, color = bands[-1].share, bands[-1].color
    outside = bands[0].share > 0 if len(bands) > 1 else np.zeros(inner.shape, np.bool_)
    paper = cv2.resize(spread_paper(smooth, (inner == 1) & ~outside, color), inner.shape[::-1]).astype(np.float32)
    clean = outside | (inner > 0) & (np.abs(smooth - paper).max(axis=2) <= CLEAN_LEVELS)
    for band in bands:
        clean |= _widened(band.share < 0.5, MIXED) & _widened(band.share >= 0.5, MIXED)
    return clean


def _find_torn(smooth: Pixels, bands: list[Band]) -> Hole:
    shape = (smooth.shape[0], smooth.shape[1])
    outside, behind = np.zeros(shape, np.bool_), None
    if len(bands) == 1:
        behind = _color_behind(smooth, bands[0])
    elif len(bands[0].edges | bands[1].edges) == 4:  # or what is seen along the fourth side may be the lid
        outside, behind = bands[0].share > 0.5, bands[0].color
    if behind is None:
        return outside
    alike = _ones(np.abs(smooth - behind).max(axis=2) <= BEHIND_LEVELS)
    alike = cv2.morphologyEx(alike, cv2.MORPH_OPEN, disk(_pixels(OPENED, shape))) > 0
    _, labels = _label(np.pad(alike | outside, 1, constant_values=True))
    reached = (labels == labels[0, 0])[1:-1, 1:-1] & ~outside  # from beyond the print
    num, pieces = _label(reached)
    areas = np.bincount(pieces.ravel(), minlength=num) / np.count_nonzero(~outside)
    kept = (areas >= LEAST) & (areas <= MOST) & (np.bincount(pieces[bands[-1].share > 0], minlength=num) > 0)
    kept[0] = False  # what is not reached
    return _widened(kept[pieces], TORN_EDGE) & ~outside


def _color_behind(smooth: Pixels, band: Band) -> NDArray[np.floating] | None:
    """Tell the colour that is seen instead of paper where a scan ends in it; None if there is only paper."""
    seen = smooth[band.share > 0.5]
    other = seen[np.abs(seen - band.color).max(axis=1) > PAPER_LEVELS]
    return np.median(other, axis=0) if len(other) > LEAST_OTHER * len(seen) else None


def _label(mask: Hole) -> tuple[int, NDArray[np.int32]]:
    """Number the connected pieces of a mask from 1; returns one more than there are, and each pixel's number."""
    return cast(tuple[int, NDArray[np.int32]], cv2.connectedComponents(_ones(mask)))


def _widened(mask: Hole, radius: float) -> Hole:
    return cv2.dilate(_ones(mask), disk(_pixels(radius, mask.shape))) > 0


def _ones(mask: Hole) -> _Mask:
    return mask.astype(np.uint8)


def _pixels(radius: float, shape: tuple[int, ...]) -> int:
    """Turn a radius in shares of the shorter side into pixels."""
    return math.ceil(radius * min(shape))
