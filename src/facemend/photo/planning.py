"""Which squares of a photo the network is to see, in which order, and which pixels each of them paints. Needs no torch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Floats, Hole, Region, extent
from facemend.photo import framing
from facemend.photo.framing import Window

LARGEST_PORTRAIT = 1024  # pixels; where no face is found, a larger photo is seen in parts
CELL = 16  # pixels; what is left beside the faces is gathered on a grid of such cells
TILE = 32  # cells; narrow damage is repainted in squares of at most this side
MARGIN = 64  # pixels of surroundings that such a square sees at least
THIN = 1  # cells; no face hides behind damage of no more than this to the nearest of its sides
CONTEXT = 16  # times half the thickness of the damage that it sees round it
MIDDLE = 0.6  # of a face's square holds the face itself, which its neighbours' squares leave to it

_Cells = NDArray[np.bool_]  # [rows, columns] of the grid


@dataclass(frozen=True)
class View:
    """One run of the network."""

    window: Window
    region: Region  # of the photo
    area: Hole  # [h, w] of that region: the pixels that are this view's to paint, where they are damaged
    beside: bool = False  # the photo's faces, which have views of their own: what it paints is none


def plan_views(hole: Hole, faces: Sequence[Window], *, faceless: bool = False) -> list[View]:
    """Share a hole out among views: of the faces first, so that the views of what is left see them mended.

    Args:
        hole: bool [H, W], not empty.
        faces: the squares of the photo's faces, surest first.
        faceless: where there are none, there are none indeed; else what lies round the hole is taken for one, unless the photo is
            larger than a portrait and the hole thin.

    Returns:
        Views in the order of their runs. Every pixel of the hole is in the area of exactly one of them.
    """
    free = np.ones_like(hole)  # what no view has claimed
    views = _claim(free, hole, faces)
    rest = hole & free
    if rest.any():
        beside = bool(faces) or faceless
        fits = not beside and min(hole.shape) <= LARGEST_PORTRAIT
        for window, is_thin in [(framing.choose_window(hole), False)] if fits else _cover(rest):
            views += [replace(view, beside=beside or is_thin) for view in _claim(free, hole, [window])]
    return views


def plan_faces(shape: tuple[int, ...], faces: Sequence[Window]) -> list[View]:
    """Share a photo [H, W] out among its faces, surest first; the whole of it is one where there are none."""
    everything = np.ones(shape, np.bool_)
    return _claim(np.ones_like(everything), everything, faces or [framing.choose_window(everything)])


def _claim(free: Hole, hole: Hole, windows: Sequence[Window]) -> list[View]:
    """Give each window in turn what is free in it, if that holds some of the hole.

    It leaves the middle of the windows still to come to them, but for its own middle.
    """
    views: list[View] = []
    for i, window in enumerate(windows):
        region = window.region(hole.shape)
        area = free[region] & window.inside(region)
        for other in windows[i + 1 :]:
            area &= ~other.scaled(MIDDLE).inside(region) | window.scaled(MIDDLE).inside(region)
        if (area & hole[region]).any():
            free[region] &= ~area
            views.append(View(window, region, area))
    return views


def _cover(rest: Hole) -> Iterator[tuple[Window, bool]]:
    """Find windows that hold all of a hole: a wide one round each broad part, tiles for what is narrow (scratches, specks).

    The thicker the damage, the more a window takes in: without a face in sight the network is tempted to paint one. With each
    comes whether the damage in it is thin.
    """
    share = _share_of_cells(rest)
    depth = cv2.distanceTransform(np.pad(share > 0.5, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    narrow = share > 0
    _, labels = cv2.connectedComponents(narrow.astype(np.uint8))
    for label in np.unique(labels[depth > TILE / 4]):
        part = labels == label
        narrow &= ~part
        yield _window(part, rest.shape, lambda extent: 2 * extent), False
    while narrow.any():
        top = int(narrow.any(axis=1).argmax())
        left = int(narrow[top].argmax())
        tile = slice(top, top + TILE), slice(left, left + TILE)
        part = np.zeros_like(narrow)
        part[tile] = narrow[tile]
        narrow[tile] = False
        deepest = float(depth[part].max())
        margin = max(MARGIN, round(CONTEXT * CELL * deepest))
        yield _window(part, rest.shape, lambda extent, margin=margin: extent + 2 * margin), deepest <= THIN


def _window(part: _Cells, shape: tuple[int, ...], side: Callable[[int], int]) -> Window:
    """Lay a window round some cells, of a side that depends on their extent, but neither tiny nor larger than the photo."""
    rows, columns = extent(part)
    box = (columns.start * CELL, rows.start * CELL, columns.stop * CELL, rows.stop * CELL)
    wished = side(max(box[2] - box[0], box[3] - box[1]))
    return framing.window_round(box, shape, min(max(wished, framing.VIEW_SIZE), max(shape)))


def _share_of_cells(hole: Hole) -> Floats:
    """How much of each cell is hole, [rows, columns]."""
    height, width = hole.shape
    padded = np.pad(hole, ((0, -height % CELL), (0, -width % CELL)))
    cells = padded.reshape(padded.shape[0] // CELL, CELL, padded.shape[1] // CELL, CELL)
    return cells.mean(axis=(1, 3), dtype=np.float32)
