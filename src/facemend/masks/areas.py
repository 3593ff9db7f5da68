"""Holes of the area asked for: elements are added, the last one cut off, or an edge moved."""

import math
from collections.abc import Callable
from typing import cast

import cv2
import numpy as np

from facemend.morphology import disk

HOLE = 255  # repaint; 0 = keep
MAX_ELEMENTS = 120  # a hole still too small after this many elements is grown at its edge

Mask = np.ndarray[tuple[int, int], np.dtype[np.uint8]]  # [H, W]
Rng = np.random.Generator
AddElement = Callable[[Mask], None]  # paints one more element of a family into the mask


def fill(mask: Mask, area: float, rng: Rng, add_element: AddElement, *, right_angles: bool = False) -> None:
    """Add elements until the hole has the area asked for."""
    target = round(area * mask.size)
    for _ in range(MAX_ELEMENTS):
        before = mask.copy()
        add_element(mask)
        if cv2.countNonZero(mask) >= target:
            _trim(mask, before, target, rng, right_angles)
            return
    grow(mask, area, rng)


def grow(mask: Mask, area: float, rng: Rng) -> None:
    """Widen the hole at its edge until it has the area asked for."""
    target = round(area * mask.size)
    while cv2.countNonZero(mask) < target:
        before = mask.copy()
        cv2.dilate(before, disk(max(1, min(mask.shape) // 100)), dst=mask)
        if cv2.countNonZero(mask) >= target:
            _trim(mask, before, target, rng)


def shrink(mask: Mask, area: float, rng: Rng) -> None:
    """Narrow the hole at its edge until it has the area asked for."""
    target = round(area * mask.size)
    while cv2.countNonZero(mask) > target:
        inner = cv2.erode(mask, disk(max(1, min(mask.shape) // 200)), borderType=cv2.BORDER_REPLICATE)
        if np.array_equal(inner, mask):  # it has no edge: it is the whole picture
            inner = np.zeros_like(mask)
        if cv2.countNonZero(inner) <= target:
            _trim(mask, cast(Mask, inner), target, rng)
            return
        mask[:] = inner


def _trim(mask: Mask, before: Mask, target: int, rng: Rng, right_angles: bool = False) -> None:
    """Of what was added to `before`, keep the side of a straight cut that makes the hole `target` pixels large."""
    rows, columns = np.nonzero(mask != before)
    keep = target - cv2.countNonZero(before)
    if keep >= len(rows):
        return
    angle = rng.integers(4) * math.pi / 2 if right_angles else rng.uniform(0, 2 * math.pi)
    along = columns * round(math.cos(angle), 6) + rows * round(math.sin(angle), 6)
    dropped = along > np.partition(along, keep)[keep]
    mask[rows[dropped], columns[dropped]] = 0
