"""The network's view of a photo, and the way back: one square, [3, S, S] in [-1, 1], S a multiple of 16. Needs no torch.

A point is (x, y) in pixels of the photo, whose first pixel reaches from 0 to 1.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Floats, Hole, Layout, Pixels, Region, extent

VIEW_SIZE = 256  # side at which the network sees a square; what is finer is carried from the known part
PADDING = 16  # fewer pixels beyond the photo are nothing known, rather than the photo enlarged

Box = tuple[int, int, int, int]  # left, top, right, bottom
Matrix = NDArray[np.float64]  # [2, 3], an affine map of points


@dataclass(frozen=True)
class Window:
    """A square of the photo, perhaps turned; where it reaches beyond the photo nothing is known.

    `angle` is in degrees, clockwise as one sees the photo: a window of 90 degrees has its upper edge on the right.
    `size` is the side of the view, a multiple of 16.
    """

    center: tuple[float, float]
    side: float
    size: int = VIEW_SIZE
    angle: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether the view shows the photo's own pixels, none of them resampled."""
        corner = np.subtract(self.center, self.side / 2)
        return self.angle == 0 and self.side == self.size and bool((corner == np.round(corner)).all())

    @property
    def to_photo(self) -> Matrix:
        """Where a point of the view lies in the photo."""
        scale, turn = self.side / self.size, math.radians(self.angle)
        linear = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        return np.column_stack([linear, np.array(self.center) - linear @ np.full(2, self.size / 2)])

    @property
    def corners(self) -> NDArray[np.float64]:
        """The photo's points [4, 2] under the view's corners: upper left, upper right, lower right, lower left."""
        corners = np.array([[0, 0], [self.size, 0], [self.size, self.size], [0, self.size]])
        return corners @ self.to_photo[:, :2].T + self.to_photo[:, 2]

    def scaled(self, factor: float) -> "Window":
        """The window about the same centre, `factor` times as wide."""
        return replace(self, side=self.side * factor)

    def region(self, shape: tuple[int, ...]) -> Region:
        """The upright part of a photo [H, W, ...] that holds all the window sees of it; empty where it sees nothing."""
        low, high = np.floor(self.corners.min(axis=0) + 1e-6), np.ceil(self.corners.max(axis=0) - 1e-6)
        (left, top), (right, bottom) = np.clip([low, high], 0, (shape[1], shape[0])).astype(int)
        return slice(int(top), int(bottom)), slice(int(left), int(right))

    def inside(self, region: Region) -> Hole:
        """Which pixels of a region lie in the window, bool [h, w]."""
        rows, columns = region
        seen = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        corners = self.corners - (columns.start, rows.start) - 0.5  # OpenCV counts from the middle of the first pixel
        inwards = np.where(corners < corners.mean(axis=0), np.ceil(corners * 16 - 1e-6), np.floor(corners * 16 + 1e-6))
        if seen.size:  # OpenCV paints on nothing else
            cv2.fillConvexPoly(seen, inwards.astype(np.int32), 1, cv2.LINE_8, shift=4)
        return seen > 0


def choose_window(hole: Hole) -> Window:
    """Choose one square for a photo: as wide as its short side and round the hole if that fits in, else the whole photo."""
    height, width = hole.shape
    rows, columns = extent(hole)
    box = (columns.start, rows.start, columns.stop, rows.stop)
    fits = max(box[2] - box[0], box[3] - box[1]) <= min(height, width)
    return window_round(box, hole.shape, min(height, width) if fits else max(height, width))


def window_round(box: Box, shape: tuple[int, ...], side: int) -> Window:
    """Lay an upright window of whole pixels round a box, inside the photo [H, W] where it fits in."""
    if VIEW_SIZE - PADDING < side < VIEW_SIZE:
        side = VIEW_SIZE
    left, top = (_start(box[i] + box[i + 2], shape[1 - i], side) for i in range(2))
    return Window((left + side / 2, top + side / 2), side)


def view_photo(rgb: Pixels, hole: Hole, window: Window) -> tuple[Floats, Floats]:
    """Bring a window of the photo to the network's size. Colours under the hole have no say in it.

    Args:
        rgb: uint8 [H, W, 3].
        hole: bool [H, W].
        window: a square; a detector of one's own may see faces where there is no photo at all.

    Returns:
        Colours, float32 [3, S, S] in [-1, 1], and mask, float32 [1, S, S], 1 where nothing is known (colour is 0 there).
    """
    region = window.region(hole.shape)
    if 0 in _size(region):  # OpenCV resamples nothing that is empty
        return np.zeros((3, window.size, window.size), np.float32), np.ones((1, window.size, window.size), np.float32)
    known = hole[region].view(np.uint8) - np.uint8(1)  # 0 in the hole, else 255
    colors = cv2.copyTo(rgb[region], known)  # 0 in the hole
    share, colors = (_resample(x, _from(region, window), window) for x in (known, colors))
    share = share / 255  # [S, S]; the same averages as of the colours, so that their quotient is a mean of known colours
    unknown = (share < 0.5).astype(np.float32)
    image = np.clip(colors / np.maximum(share, 0.5)[:, :, None], 0, 255) / 127.5 - 1
    image = (image * (1 - unknown)[:, :, None]).astype(np.float32)
    return np.ascontiguousarray(image.transpose(2, 0, 1)), unknown[None]


def view_layout(layout: Layout, window: Window) -> Layout:
    """Bring a window of class ids [H, W] to the network's size, [S, S]; 0 (background) beyond the photo."""
    region = window.region(layout.shape)
    return _nearest(layout[region], _from(region, window), (window.size, window.size), cv2.BORDER_CONSTANT)


def unview_photo(completed: Floats, window: Window, region: Region) -> Pixels:
    """Bring the network's picture, [3, S, S] in [-1, 1], to a region of the photo, uint8 [h, w, 3]."""
    warp = _nearest if window.is_plain else _warp
    return warp(to_pixels(completed), _into(region, window), _size(region), cv2.BORDER_REPLICATE)


def unview_layout(ids: Layout, window: Window, region: Region) -> Layout:
    """Bring class ids [S, S] to a region of the photo, uint8 [h, w]."""
    return _nearest(ids, _into(region, window), _size(region), cv2.BORDER_REPLICATE)


def shrink_hole(hole: Hole, side: int) -> tuple[Hole, float]:
    """Shrink a hole to at most `side` pixels, each of which belongs to it if a 500th of it does; returns the scale, too."""
    height, width = hole.shape
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(hole.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 0, scale


def to_pixels(image: Floats) -> Pixels:
    """[3, S, S] in [-1, 1] -> uint8 [S, S, 3]."""
    return np.ascontiguousarray(np.round((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0))


def _start(ends: int, length: int, side: int) -> int:
    """Place `side` pixels on `length`: centred between two ends (their sum) and inside the photo, or round the whole photo."""
    if side >= length:
        return -((side - length) // 2)
    return min(max(0, (ends - side) // 2), length - side)


def _size(region: Region) -> tuple[int, int]:
    """(width, height), as OpenCV wants it."""
    return region[1].stop - region[1].start, region[0].stop - region[0].start


def _from(region: Region, window: Window) -> Matrix:
    """Where in a region of the photo a point of the view comes from."""
    matrix = window.to_photo
    matrix[:, 2] -= (region[1].start, region[0].start)
    return matrix


def _into(region: Region, window: Window) -> Matrix:
    """Where in the view a point of a region of the photo comes from."""
    return cast(Matrix, cv2.invertAffineTransform(_from(region, window)))


def _resample(image: NDArray[Any], source: Matrix, window: Window) -> Floats:
    """Bring a region of the photo to the view: as it is, or in floating point, so that nothing is cut off before it is used."""
    size = (window.size, window.size)
    if window.is_plain:
        return _nearest(image, source, size, cv2.BORDER_CONSTANT).astype(np.float32)
    return _warp(image, source, size, cv2.BORDER_CONSTANT, np.float32)


def _nearest(image: NDArray[Any], source: Matrix, size: tuple[int, int], border: int) -> Pixels:
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cast(Pixels, cv2.warpAffine(image, _between_middles(source), size, flags=flags, borderMode=border))


def _warp(image: NDArray[Any], source: Matrix, size: tuple[int, int], border: int, dtype: Any = np.uint8) -> NDArray[Any]:
    """Resample an image of uint8 through an affine map: bicubic, and where it shrinks, averaged over what each pixel covers.

    Args:
        image: uint8 [h, w] or [h, w, 3].
        source: where in the image a point of the result comes from.
        size: the result's (width, height).
        border: OpenCV's code for what lies beyond the image.
        dtype: of the result; uint8 cuts off what overshoots.
    """
    (a, b, _), (d, e, _) = source
    ratio = math.sqrt(abs(a * e - b * d))  # NumPy's det() is a hair off, and the browser's view then a pixel wider or narrower
    oversampling = 2 if ratio > 1 else 1  # twice too fine and then averaged: sharper, and freer of jaggies, than in one step
    if ratio > oversampling:
        height, width = image.shape[:2]
        smaller = (max(1, round(width * oversampling / ratio)), max(1, round(height * oversampling / ratio)))
        image = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
        source = np.array([[smaller[0] / width], [smaller[1] / height]]) * source
    finer = source * [[1 / oversampling, 1 / oversampling, 1]]
    fine_size = (size[0] * oversampling, size[1] * oversampling)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(image.astype(dtype), _between_middles(finer), fine_size, flags=flags, borderMode=border)
    return cast(NDArray[Any], warped if oversampling == 1 else cv2.resize(warped, size, interpolation=cv2.INTER_AREA))


def _between_middles(source: Matrix) -> Matrix:
    """Turn a map of points into one of pixel indices, which stand for the pixels' middles."""
    return np.column_stack([source[:, :2], source @ (0.5, 0.5, 1.0) - 0.5])
