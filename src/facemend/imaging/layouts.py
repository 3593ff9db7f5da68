"""Layouts in files: class ids as pictures that any editor can open, and back."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facemend.errors import ImageError
from facemend.face_classes import CLASS_NAMES, NUM_CLASSES
from facemend.imaging.modes import Layout, same_shape

_PALETTE = (
    (38, 42, 50), (240, 198, 165), (226, 150, 122), (72, 78, 96), (64, 140, 220), (96, 176, 244), (122, 82, 52),
    (146, 104, 70), (232, 172, 148), (220, 158, 134), (140, 32, 52), (206, 74, 92), (226, 102, 116), (112, 78, 140),
    (92, 164, 124), (255, 214, 64), (238, 180, 44), (214, 166, 134), (72, 122, 172),
)  # fmt: skip
LAYOUT_COLORS = dict(zip(CLASS_NAMES, _PALETTE, strict=True))
"""The colour in which each class is drawn, RGB."""

_ROUNDING = 3  # per channel, what an editor's colour management may add; the nearest two colours are 8 apart
_UNKNOWN = 255


def color_layout(layout: Layout) -> Image.Image:
    """Turn class ids [H, W] into a palette image: its pixel values are the ids, its colours tell them apart."""
    picture = Image.fromarray(layout).convert("P")
    picture.putpalette([channel for color in _PALETTE for channel in color])
    return picture


def read_layout(layout: Image.Image | NDArray[Any], size: tuple[int, int]) -> Layout:
    """Read a layout given by the user, as `color_layout` drew it and an editor may have stored it.

    Args:
        layout: an integer array [H, W] of class ids, or a PIL image: grey levels or palette indices that are class ids, or
            colours of `color_layout`'s palette. An image of the photo's aspect but another size is brought to it.
        size: the photo's (width, height).

    Returns:
        Class ids, uint8 [H, W].

    Raises:
        ImageError: Another shape than the photo's, ids that no class has, or colours that the palette does not hold.
    """
    if not isinstance(layout, Image.Image | np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance] - paths are often tried
        raise ImageError(f"layout is of type {type(layout).__name__}: give an image of PIL's or an array of NumPy's")
    ids = _read_image(layout) if isinstance(layout, Image.Image) else layout
    if isinstance(layout, Image.Image) and layout.size != size and same_shape(layout.size, size):
        ids = np.asarray(Image.fromarray(ids).resize(size, Image.Resampling.NEAREST))
    if ids.ndim != 2 or (ids.shape[1], ids.shape[0]) != size or not np.issubdtype(ids.dtype, np.integer):
        raise ImageError(f"layout is {ids.dtype} {list(ids.shape)}: give class ids of shape [{size[1]}, {size[0]}], as the photo")
    if ids.min() < 0 or ids.max() >= NUM_CLASSES:
        raise ImageError(
            f"layout holds class {ids.max() if ids.max() >= NUM_CLASSES else ids.min()}: ids are 0 to {NUM_CLASSES - 1}"
        )
    return ids.astype(np.uint8)


def _read_image(layout: Image.Image) -> NDArray[np.uint8]:
    """Read class ids from grey levels, from colours, or from the indices of a palette of other colours."""
    if layout.mode == "L":
        return np.asarray(layout)
    if layout.mode not in ("P", "RGB", "RGBA"):
        raise ImageError(f"layout has mode {layout.mode}: save it as a PNG in RGB, or with the palette that --save-layout writes")
    pixels = np.asarray(layout.convert("RGBA"))
    ids = _ids_of_colors(pixels[..., :3])
    stray = (ids == _UNKNOWN) | (pixels[..., 3] < 255)
    if layout.mode == "P" and stray.mean() > 0.5:
        return np.asarray(layout)
    if stray.any():
        y, x = divmod(int(stray.argmax()), layout.width)
        red, green, blue, alpha = pixels[y, x]
        raise ImageError(
            f"layout is #{red:02x}{green:02x}{blue:02x}{'' if alpha == 255 else ' and transparent'} at {x},{y}, and "
            f"{int(stray.sum()) - 1:,} more pixels have no class: paint with a hard, opaque brush in the colours that are there"
        )
    return ids


def _ids_of_colors(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    """Find the class of every colour [H, W, 3]; `_UNKNOWN` where there is none."""
    ids = np.full(rgb.shape[:2], _UNKNOWN, np.uint8)
    for number, color in enumerate(_PALETTE):
        low, high = (tuple(channel + step for channel in color) for step in (-_ROUNDING, _ROUNDING))
        ids[cv2.inRange(rgb, low, high) > 0] = number
    return ids
