"""Families of one shape: a side of the picture, its border, parts of the face."""

import math
from functools import lru_cache
from typing import cast

import cv2
import numpy as np

from facemend.face_classes import NUM_CLASSES
from facemend.masks.areas import HOLE, Mask, Rng, grow, shrink

_PARTS = {  # CelebAMask-HQ class ids of what people want repainted
    "left eye": (4,),
    "right eye": (5,),
    "eyes and glasses": (3, 4, 5),
    "brows": (6, 7),
    "nose": (2,),
    "mouth": (10, 11, 12),
    "ears": (8, 9),
    "hair and hat": (13, 14),
    "face": (1, 2, 3, 4, 5, 6, 7, 10, 11, 12),
    "neck and cloth": (16, 17, 18),
}


def cover_side(mask: Mask, area: float, rng: Rng) -> None:
    """Cover one side of a straight line: left, right, top, bottom, or aslant."""
    height, width = mask.shape
    angle = rng.integers(4) * math.pi / 2 if rng.random() < 0.6 else rng.uniform(0, 2 * math.pi)
    x = np.arange(width, dtype=np.float32) * round(math.cos(angle), 6)
    y = np.arange(height, dtype=np.float32) * round(math.sin(angle), 6)
    along = y[:, None] + x
    mask[along <= np.partition(along, round(area * mask.size) - 1, axis=None)[round(area * mask.size) - 1]] = HOLE


def cover_border(mask: Mask, area: float, rng: Rng) -> None:
    """Cover everything but an inner rectangle."""
    height, width = mask.shape
    kept = 1 - area
    share = float(kept ** rng.uniform(0.3, 0.7))  # of the height; the width takes the rest
    kept_height = min(height, max(1, round(share * height)))
    kept_width = min(width, max(1, round(kept * mask.size / kept_height)))
    top = rng.integers(height - kept_height + 1)
    left = rng.integers(width - kept_width + 1)
    mask[:] = HOLE
    mask[top : top + kept_height, left : left + kept_width] = 0


def cover_parts(mask: Mask, area: float, rng: Rng, layout: Mask) -> None:
    """Cover parts of the face that together come near the area, then widen or narrow their outline to meet it."""
    sizes = np.bincount(layout.ravel(), minlength=NUM_CLASSES) / layout.size
    parts = [ids for ids in _PARTS.values() if sizes[list(ids)].sum() > 0.0005]
    if not parts:
        return cover_parts(mask, area, rng, aligned_face(mask.shape))
    chosen: set[int] = set()
    for i in cast(list[int], rng.permutation(len(parts)).tolist()):
        union = chosen | set(parts[i])
        if sizes[list(union)].sum() <= 1.2 * area:
            chosen = union
    if not chosen:
        chosen = set(min(parts, key=lambda ids: sizes[list(ids)].sum()))
    covered = np.zeros(256, np.uint8)
    covered[list(chosen)] = HOLE
    cv2.LUT(layout, covered, dst=mask)
    grow(mask, area, rng)
    shrink(mask, area, rng)


@lru_cache(maxsize=8)
def aligned_face(shape: tuple[int, int]) -> Mask:
    """Draw the layout of an average face as FFHQ frames it: eyes at (.38, .47) and (.62, .47), mouth at height .725."""
    height, width = shape
    layout: Mask = np.zeros(shape, np.uint8)

    def ellipse(class_id: int, x: float, y: float, half_width: float, half_height: float) -> None:
        center, axes = (round(x * width), round(y * height)), (round(half_width * width), round(half_height * height))
        cv2.ellipse(layout, center, axes, 0, 0, 360, class_id, cv2.FILLED)

    ellipse(18, 0.5, 1.06, 0.45, 0.14)  # cloth
    ellipse(13, 0.5, 0.42, 0.36, 0.42)  # hair
    ellipse(17, 0.5, 0.92, 0.16, 0.12)  # neck
    ellipse(8, 0.235, 0.55, 0.03, 0.07)  # ears
    ellipse(9, 0.765, 0.55, 0.03, 0.07)
    ellipse(1, 0.5, 0.55, 0.26, 0.37)  # skin
    ellipse(6, 0.375, 0.4, 0.075, 0.018)  # brows
    ellipse(7, 0.625, 0.4, 0.075, 0.018)
    ellipse(4, 0.38, 0.47, 0.048, 0.022)  # eyes
    ellipse(5, 0.62, 0.47, 0.048, 0.022)
    ellipse(2, 0.5, 0.575, 0.06, 0.075)  # nose
    ellipse(11, 0.5, 0.712, 0.1, 0.02)  # lips
    ellipse(12, 0.5, 0.745, 0.085, 0.022)
    ellipse(10, 0.5, 0.728, 0.075, 0.01)  # mouth
    return layout
