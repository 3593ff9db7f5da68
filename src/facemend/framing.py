"""The network's view of a photo, and the way back: one square, [3, S, S] in [-1, 1], S a multiple of 16. Needs no torch."""

import math
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Hole, Layout, Pixels

MIN_WORKING_SIZE = 256  # smaller photos are enlarged before the network sees them
MAX_WORKING_SIZE = 1024  # larger ones are reduced


@dataclass(frozen=True)
class Window:
    """A square of the photo, in its pixels; where it reaches beyond the photo nothing is known.

    `size` is the side at which the network sees it, a multiple of 16.
    """

    top: int
    left: int
    side: int
    size: int


@dataclass(frozen=True)
class _Overlap:
    """Where a window and a photo meet: in the photo's pixels and in the view's."""

    photo: tuple[slice, slice]
    view: tuple[slice, slice]
    view_size: tuple[int, int]  # (width, height), as OpenCV wants it
    photo_size: tuple[int, int]


def choose_window(hole: Hole) -> Window:
    """Choose the one square the network sees: a short side wide round the hole if the hole fits, else the whole photo.

    The square grows to the next multiple of 16, so that photos of 256 to 1024 pixels are seen without resampling.
    """
    height, width = hole.shape
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    side = min(height, width)
    if max(np.ptp(rows), np.ptp(columns)) >= side:
        side = max(height, width)
    padded = math.ceil(side / 16) * 16
    size = min(max(padded, MIN_WORKING_SIZE), MAX_WORKING_SIZE)
    side = padded if size == padded else side
    return Window(_start(rows, height, side), _start(columns, width, side), side, size)


def view_photo(rgb: Pixels, hole: Hole, window: Window) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Bring a window of the photo to the network's size. Colours under the hole have no say in it.

    Args:
        rgb: uint8 [H, W, 3].
        hole: bool [H, W].
        window: a square of the photo.

    Returns:
        Colours, float32 [3, S, S] in [-1, 1], and mask, float32 [1, S, S], 1 where nothing is known (colour is 0 there).
    """
    overlap = _overlap(hole.shape[0], hole.shape[1], window)
    known = np.logical_not(hole[overlap.photo]).astype(np.float32)
    colors = (rgb[overlap.photo] * known[:, :, None]).astype(np.uint8)
    if window.side != window.size:
        known_share = _resize(known, overlap.view_size)
        known = (known_share >= 0.5).astype(np.float32)
        colors = _resize(colors, overlap.view_size) / np.maximum(known_share, 0.5)[:, :, None]
    image = np.zeros((window.size, window.size, 3), np.float32)
    mask = np.ones((window.size, window.size), np.float32)
    image[overlap.view] = (np.clip(colors, 0, 255) / 127.5 - 1) * known[:, :, None]
    mask[overlap.view] = 1 - known
    return np.ascontiguousarray(image.transpose(2, 0, 1)), mask[None]


def view_layout(layout: Layout, window: Window) -> Layout:
    """Bring a window of class ids [H, W] to the network's size, [S, S]; 0 (background) beyond the photo."""
    overlap = _overlap(layout.shape[0], layout.shape[1], window)
    view: Layout = np.zeros((window.size, window.size), np.uint8)
    view[overlap.view] = cv2.resize(layout[overlap.photo], overlap.view_size, interpolation=cv2.INTER_NEAREST_EXACT)
    return view


def unview_photo(completed: NDArray[np.float32], window: Window, size: tuple[int, int]) -> Pixels:
    """Bring the network's picture, [3, S, S] in [-1, 1], to its place in a photo of `size` (width, height).

    Returns:
        uint8 [H, W, 3]; black outside the window.
    """
    overlap = _overlap(size[1], size[0], window)
    colors = np.round((np.clip(completed, -1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    rgb: Pixels = np.zeros((size[1], size[0], 3), np.uint8)
    rgb[overlap.photo] = _resize(np.ascontiguousarray(colors[overlap.view]), overlap.photo_size)
    return rgb


def unview_layout(ids: Layout, window: Window, size: tuple[int, int]) -> Layout:
    """Bring class ids [S, S] to their place in a photo of `size` (width, height); 0 (background) outside the window."""
    overlap = _overlap(size[1], size[0], window)
    layout: Layout = np.zeros((size[1], size[0]), np.uint8)
    layout[overlap.photo] = cv2.resize(ids[overlap.view], overlap.photo_size, interpolation=cv2.INTER_NEAREST_EXACT)
    return layout


def _start(span: NDArray[Any], length: int, side: int) -> int:
    """Place `side` pixels on `length`: centred on the hole's span and inside the photo, or round the whole photo."""
    if side >= length:
        return -((side - length) // 2)
    return min(max(0, int(span[0] + span[-1] + 1 - side) // 2), length - side)


def _overlap(height: int, width: int, window: Window) -> _Overlap:
    scale = window.size / window.side
    rows = slice(max(0, window.top), min(height, window.top + window.side))
    columns = slice(max(0, window.left), min(width, window.left + window.side))
    view_rows = slice(round((rows.start - window.top) * scale), round((rows.stop - window.top) * scale))
    view_columns = slice(round((columns.start - window.left) * scale), round((columns.stop - window.left) * scale))
    return _Overlap(
        photo=(rows, columns),
        view=(view_rows, view_columns),
        view_size=(view_columns.stop - view_columns.start, view_rows.stop - view_rows.start),
        photo_size=(columns.stop - columns.start, rows.stop - rows.start),
    )


def _resize(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize [h, w] or [h, w, 3]: area averages on the way down, bicubic on the way up."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    smaller = size[0] * size[1] < image.shape[0] * image.shape[1]
    return cast(NDArray[Any], cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))
