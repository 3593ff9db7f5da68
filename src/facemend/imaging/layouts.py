"""Layouts in files: class ids as palette images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facemend.config import NUM_CLASSES
from facemend.errors import ImageError
from facemend.imaging.modes import Layout

_PALETTE = (
    (38, 42, 50), (240, 198, 165), (226, 150, 122), (72, 78, 96), (64, 140, 220), (96, 176, 244), (122, 82, 52),
    (146, 104, 70), (232, 172, 148), (220, 158, 134), (140, 32, 52), (206, 74, 92), (226, 102, 116), (112, 78, 140),
    (92, 164, 124), (255, 214, 64), (238, 180, 44), (214, 166, 134), (72, 122, 172),
)  # fmt: skip


def read_layout(layout: Image.Image | NDArray[Any], size: tuple[int, int]) -> Layout:
    """Check a layout given by the user.

    Args:
        layout: a PIL image of mode L or P whose pixel values are class ids, or an integer array [H, W].
        size: the photo's (width, height).

    Returns:
        Class ids, uint8 [H, W].

    Raises:
        ImageError: Another mode or size than the photo's, or ids that no class has.
    """
    if isinstance(layout, Image.Image) and layout.mode not in ("L", "P"):
        raise ImageError(f"layout has mode {layout.mode}: its pixel values must be class ids, as --save-layout writes them")
    ids = np.asarray(layout)
    if ids.ndim != 2 or (ids.shape[1], ids.shape[0]) != size or not np.issubdtype(ids.dtype, np.integer):
        raise ImageError(f"layout is {ids.dtype} {list(ids.shape)}: give class ids of shape [{size[1]}, {size[0]}], as the photo")
    if ids.min() < 0 or ids.max() >= NUM_CLASSES:
        raise ImageError(
            f"layout holds class {ids.max() if ids.max() >= NUM_CLASSES else ids.min()}: ids are 0 to {NUM_CLASSES - 1}"
        )
    return ids.astype(np.uint8)


def color_layout(layout: Layout) -> Image.Image:
    """Turn class ids [H, W] into a palette image: its pixel values are the ids, its colours tell them apart."""
    picture = Image.fromarray(layout).convert("P")
    picture.putpalette([channel for color in _PALETTE for channel in color])
    return picture
