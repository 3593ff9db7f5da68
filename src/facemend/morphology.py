"""The shape by which masks are made wider and narrower."""

from functools import lru_cache
from typing import cast

import cv2
import numpy as np


@lru_cache(maxsize=32)
def disk(radius: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return a disk of this radius, 0 and 1 of [2 r + 1, 2 r + 1]: what OpenCV calls a structuring element."""
    side = 2 * radius + 1
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cast(np.ndarray[tuple[int, int], np.dtype[np.uint8]], element)
