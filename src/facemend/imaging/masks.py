"""Masks as people hand them in, turned into holes."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facemend.errors import ImageError, MaskError
from facemend.imaging.modes import Hole, Pixels, Region, same_shape, sixteen_bit_grey

THRESHOLD = 128  # a mask's grey level from which a pixel is repainted
HOLE_COLOR = (228, 64, 140)  # RGB, of what is covered
MUCH = 0.75  # of the photo: a mask that covers more may well be meant the other way round
_GREY = 0.3  # of a mask's pixels: where more are neither dark nor light, a photo may have been taken for a mask


def read_hole(mask: Image.Image | NDArray[Any], size: tuple[int, int], *, may_be_black: bool = False) -> Hole:
    """Find the pixels a mask asks to repaint.

    Grey levels from 128 up are hole, those of 16 or 32 bits from 32,768 up where any is above 255; colours count by their
    brightness, transparent pixels as black. A mask of the photo's aspect but another size is brought to it, so that every pixel
    touched by the hole belongs to it.

    Args:
        mask: a PIL image, or an array [H, W] of bool or of uint8.
        size: the photo's (width, height).
        may_be_black: take a mask that is black all over for an empty hole. One with levels from 1 to 127, as of strokes that
            are 1 in place of 255, is an error still.

    Returns:
        Bool [H, W], True = repaint.

    Raises:
        MaskError: Another aspect, another kind of array, an empty mask or one that covers the whole photo.
    """
    levels = _levels(mask)
    white = int(np.iinfo(levels.dtype).max)
    threshold = THRESHOLD * (white + 1) // 256
    hole = levels >= threshold
    if (hole.shape[1], hole.shape[0]) != size:
        hole = _fit_hole(hole, size)
    if not (hole.any() or (may_be_black and not levels.any())):
        brightest = f" (its brightest level is {levels.max()})" if levels.any() else ""
        paint = f"paint the hole white ({threshold} to {white}) on black"
        raise MaskError(f"the mask is empty{brightest}, there is nothing to repaint: {paint}")
    if hole.all():
        raise MaskError(f"the mask covers the whole photo: leave the part that is to be kept black (0 to {threshold - 1})")
    return hole


def looks_like_photo(mask: Image.Image) -> bool:
    """Tell whether so much of a mask is neither dark nor light that it is hardly one."""
    levels = _levels(mask)
    eighth = int(np.iinfo(levels.dtype).max) // 8
    return bool(((levels > eighth) & (levels < 7 * eighth)).mean() > _GREY)


def extent(hole: Hole) -> Region:
    """Return the rows and columns that a hole, bool [H, W], spans; none where it is empty."""
    left, top, width, height = cv2.boundingRect(hole.view(np.uint8))
    return slice(top, top + height), slice(left, left + width)


def mask_picture(hole: NDArray[Any]) -> Image.Image:
    """Turn a mask [H, W], bool or 0 and 255, into a grey image: 255 = repaint."""
    return Image.fromarray((hole > 0).astype(np.uint8) * 255)


def cover_hole(rgb: Pixels, hole: Hole) -> Pixels:
    """Show a photo, uint8 [H, W, 3], with its hole, bool [H, W], painted over."""
    covered = rgb.copy()
    covered[hole] = HOLE_COLOR
    return covered


def _levels(mask: Image.Image | NDArray[Any]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Bring a mask to grey levels [H, W] of 8 bits, or of 16."""
    if not isinstance(mask, Image.Image):
        if not isinstance(mask, np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance] - lists and paths are often tried
            raise MaskError(f"mask is of type {type(mask).__name__}: give an image of PIL's or an array of NumPy's")
        if mask.ndim != 2 or mask.dtype.name not in ("bool", "uint8") or mask.size == 0:
            raise MaskError(f"mask is {mask.dtype} {list(mask.shape)}: give bool or uint8 (255 = repaint) of shape [H, W]")
        return mask.astype(np.uint8) * 255 if mask.dtype == np.bool_ else mask
    if mask.mode.startswith("I"):
        levels = _sixteen_bit_mask(mask)
        # ImageJ and scikit-image write 0 and 255 in any depth. In one of 16 bits these would all be black: nothing else is meant.
        return levels.astype(np.uint8) if levels.max() <= 255 else levels
    if mask.mode in ("F", "LAB", "HSV"):
        raise MaskError(f"mask of colour mode {mask.mode} is not supported: save it as 8-bit grey")
    if mask.has_transparency_data:
        painted = mask.convert("RGBA")
        mask = Image.new("RGBA", mask.size, (0, 0, 0, 255))
        mask.alpha_composite(painted)
        levels = np.asarray(mask.convert("L"))
        if not levels.any() and np.ptp(np.asarray(painted.getchannel("A"))) > 0:
            raise MaskError("what is painted in the mask is black, on a transparent ground: paint it white")
        return levels
    return np.asarray(mask.convert("L"))


def _sixteen_bit_mask(mask: Image.Image) -> NDArray[np.uint16]:
    try:
        return np.asarray(sixteen_bit_grey(mask, "mask"))
    except ImageError as error:
        raise MaskError(str(error)) from None


def _fit_hole(hole: Hole, size: tuple[int, int]) -> Hole:
    """Bring a hole of the same aspect (to a pixel) to the photo's size."""
    width, height = size
    mask_height, mask_width = hole.shape
    if not same_shape((mask_width, mask_height), size):
        raise MaskError(
            f"the mask is {mask_width}x{mask_height} but the photo {width}x{height} pixels (as seen upright): "
            "draw the mask on the photo, or scale it without changing its shape"
        )
    if mask_width * mask_height < width * height:
        return _enlarge(_enlarge(hole, height).T, width).T
    return cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0


def _enlarge(hole: Hole, length: int) -> Hole:
    """Stretch a hole's first axis: each new pixel lies over two old ones at most, and belongs to it if one of them does."""
    places, count = np.arange(length), hole.shape[0]
    return hole[places * count // length] | hole[-(-(places + 1) * count // length) - 1]
