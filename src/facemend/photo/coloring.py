"""Colours that follow brightness, for paint whose colours glitter."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import LUMA, Floats

RADIUS = 4  # pixels, of the squares in which colour is a straight line over brightness
LEAST_VARIANCE = 0.003  # of brightness in [-1, 1]: where there is less, colour is its own mean


def calm_colors(picture: Floats, hole: Floats) -> Floats:
    """Let colours in a hole follow brightness: a guided filter (He et al. 2013, equations 4 to 8) of what they have beside it.

    Args:
        picture: [3, H, W] in [-1, 1].
        hole: [1, H, W], 1 = to be changed; what lies round it counts too.

    Returns:
        The picture, [3, H, W], with the same brightness.
    """
    colors = np.ascontiguousarray(picture.transpose(1, 2, 0))
    luma = (colors @ LUMA[:, None]).astype(np.float32)
    chroma = colors - luma
    mean, mean_chroma = _blurred(luma), _blurred(chroma)
    slope = (_blurred(luma * chroma) - mean * mean_chroma) / (_blurred(luma * luma) - mean * mean + LEAST_VARIANCE)
    calm = luma + _blurred(slope) * luma + _blurred(mean_chroma - slope * mean)
    return np.where(hole > 0, calm.transpose(2, 0, 1), picture).astype(np.float32, copy=False)


def _blurred(values: NDArray[Any]) -> Floats:
    side = 2 * RADIUS + 1
    return np.asarray(cv2.blur(values, (side, side)), np.float32).reshape(values.shape)  # OpenCV drops a single channel
