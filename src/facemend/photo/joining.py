"""Where two views meet in a hole. The later one knows what the earlier painted, but hair and cloth still show where it ended.

So it paints over the rim of that once more, and one fades into the other.
"""

import math

import cv2
import numpy as np

from facemend.imaging import Floats, Hole, Pixels, extent

RIM = 1 / 12  # of the side of the smaller of two windows


def fading(own: Hole, mended: Hole, width: float) -> Floats:
    """Say how much a view decides at each pixel: all of its own, and less and less of what was mended before beside them.

    Args:
        own: bool [h, w], what it has to paint.
        mended: bool [h, w], what the views before it painted.
        width: of the rim, in pixels.

    Returns:
        [h, w] in [0, 1]; 0 beyond the rim.
    """
    share = own.astype(np.float32)
    if mended.any() and own.any():
        margin = math.ceil(width)
        rows, columns = (slice(max(0, side.start - margin), side.stop + margin) for side in extent(own))
        near = (rows, columns)
        distance = cv2.distanceTransform((~own[near]).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        share[near] = np.clip(1 - distance / width, 0, 1) * (own | mended)[near]
    return share


def fade_in(photo: Pixels, painted: Pixels, share: Floats) -> None:
    """Put a view's picture, uint8 [h, w, 3], into its region of the photo by its share [h, w]."""
    whole = share == 1
    partly = (share > 0) & ~whole
    before = photo[partly]
    photo[partly] = np.round(before + share[partly][:, None] * (painted[partly].astype(np.float32) - before)).astype(np.uint8)
    cv2.copyTo(painted, whole.view(np.uint8), photo)  # a tenth of the time, and of the memory, that fading takes
