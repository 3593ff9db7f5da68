"""The paper round a print: a band of one colour along a scan's edges, inside which the picture begins at straight lines.

The network knows nothing of paper: it painted leaves over a torn white corner. Paper is filled with paper, and the picture as if
it ended where the paper begins. Needs no torch.
"""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Hole, Pixels

Floats = NDArray[np.float32]

_POSITIONS = 200  # along a side, at which the picture's beginning is looked for
_EVERY = 8  # positions from one of those, through two of which lines are tried, to the next
_IN_A_ROW = 3  # pixels that must be picture, and over which colours are averaged along the side
_PAPER = 30  # levels by which paper's colour varies at most; what is off by more is picture
_FIRST = 150  # pixels of the shorter side for each of the first rows, which must be paper; two of them at least
_CLEAN = 0.5  # of these are of one colour: most photos are told from prints by that alone
_DEPTHS = (0.01, 0.25)  # of the shorter side, of the photo across the side: how wide a border is
_STEEPEST = 0.06  # pixels of depth for each along the side: a scan is turned by 3 degrees at most
_NEAR = 0.002  # of the side, but 1.5 pixels at least: what is no farther from a line lies on it
_JUDGED, _MOSTLY = 0.15, 0.4  # so many of the positions can be judged, and so many of these lie on the line
_TURNED = (1, -1, -1, 1)  # signs of the slopes of all four sides of a print that is turned
_ALIKE = 0.01  # by how much these may differ from their median
_LEAST_SIDES = 3
_HIDDEN = 0.5  # of the paper along the fourth, by the hole: then it is taken to be there
_LARGE = 1024  # pixels, the longer side of what is looked at for paper's colours
_SMALL = 128  # pixels, the longer side of the picture in which paper's colours spread
_SPREAD = 3.0  # of them, standard deviation


@dataclass(frozen=True)
class PrintBorder:
    """Where a scan is paper, and of what colour."""

    share: Floats  # [H, W], of paper in each pixel
    colors: Pixels  # [h, w, 3]: paper's colour at every place, reduced

    def fill(self, painted: Pixels, hole: Hole) -> Pixels:
        """Put paper into the hole, bool [H, W], of a picture, uint8 [H, W, 3], where there is to be paper."""
        there, result = hole & (self.share > 0), painted.copy()
        paper = cv2.resize(self.colors, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)[there].astype(np.float32)
        result[there] = np.round(painted[there] + self.share[there][:, None] * (paper - painted[there])).astype(np.uint8)
        return result


class _Edge(NamedTuple):
    """Where the picture begins along one side."""

    depth: float  # in pixels, at the side's first
    slope: float  # more of it from one pixel to the next
    paper: NDArray[np.float64]  # [3], its colour there


def find_border(photo: Pixels, hole: Hole) -> PrintBorder | None:
    """Find the paper round a print.

    Args:
        photo: uint8 [H, W, 3]; what lies under the hole is not looked at.
        hole: bool [H, W].

    Returns:
        None for a photo without paper along three sides at least, and where the hole does not reach any.
    """
    edges = _find_edges(photo, hole)
    if len(edges) < _LEAST_SIDES:
        return None
    share = np.zeros(hole.shape, np.float32)
    for side, edge in edges.items():
        _draw(share, side, edge)
    if (fourth := _find_fourth(photo, hole, share, edges)) is not None:
        _draw(share, *fourth)
    if not (hole & (share > 0)).any():
        return None
    return PrintBorder(share, _spread(photo, (share == 1) & ~hole, np.mean([edge.paper for edge in edges.values()], axis=0)))


def _draw(share: Floats, side: int, edge: _Edge) -> None:
    """Put the paper along a side into what each pixel has of it, [H, W]."""
    turned = _seen_from(share, side)
    depths = edge.depth + edge.slope * np.arange(turned.shape[1], dtype=np.float32)
    part = turned[: math.ceil(depths.max())]
    np.maximum(part, np.clip(depths - np.arange(part.shape[0], dtype=np.float32)[:, None], 0, 1), out=part)


def _find_edges(photo: Pixels, hole: Hole) -> dict[int, _Edge]:
    """Find the edges of a print, by side: those that are turned alike, and are of one paper."""
    found = {side: _find_edge(_seen_from(photo, side), _seen_from(hole, side)) for side in range(4)}
    edges = {side: edge for side, edge in found.items() if edge is not None}
    if not edges:
        return {}
    turn, paper = _middle(edges)
    return {
        side: edge
        for side, edge in edges.items()
        if abs(_TURNED[side] * edge.slope - turn) <= _ALIKE and np.abs(edge.paper - paper).max() <= _PAPER
    }


def _middle(edges: dict[int, _Edge]) -> tuple[float, NDArray[np.float64]]:
    """Return the turn and the paper in the middle among edges."""
    turns = [_TURNED[side] * edge.slope for side, edge in edges.items()]
    return float(np.median(turns)), np.median([edge.paper for edge in edges.values()], axis=0)


def _find_fourth(photo: Pixels, hole: Hole, share: Floats, edges: dict[int, _Edge]) -> tuple[int, _Edge] | None:
    """Take the edge that is missing among four, with its side, to lie as the one across from it does.

    None where that side is not hidden for the most part, or shows picture where there would be paper.
    """
    missing = next((side for side in range(4) if side not in edges), None)
    if missing is None:
        return None
    photo, hole, share = (_seen_from(each, missing) for each in (photo, hole, share))
    across, half = edges[missing ^ 1], hole.shape[1] / 2
    middle = across.depth + across.slope * half
    turn, paper = _middle(edges)
    first = _count_first(hole)
    known = photo[:first][~hole[:first] & (share[:first] == 0)]  # which the sides beside it say nothing of
    is_picture = len(known) > 0 and np.abs(np.median(known, axis=0) - paper).max() > _PAPER
    if is_picture or hole[: math.ceil(middle)].any(axis=0).mean() <= _HIDDEN:
        return None
    slope = _TURNED[missing] * turn
    return missing, _Edge(middle - slope * half, slope, paper)


def _count_first(hole: Hole) -> int:
    """Count the first rows that must be paper."""
    return max(2, min(hole.shape) // _FIRST)


def _seen_from(picture: NDArray[Any], side: int) -> NDArray[Any]:
    """Turn a picture [H, W, ...] so that its upper, lower, left or right side comes first: a view of it."""
    return (picture, picture[::-1], picture.swapaxes(0, 1), picture[:, ::-1].swapaxes(0, 1))[side]


def _find_edge(photo: Pixels, hole: Hole) -> _Edge | None:
    """Find the straight line at which the picture begins below a photo's upper side."""
    height, width = hole.shape
    shorter, deepest = min(height, width), round(_DEPTHS[1] * height)
    first = _count_first(hole)
    strip = photo[:first][~hole[:first]]
    if deepest <= first + _IN_A_ROW or width < 4 * _EVERY or not len(strip):
        return None
    paper = np.median(strip, axis=0)
    if (np.abs(strip - paper).max(axis=1) <= _PAPER).mean() < _CLEAN:
        return None
    num = min(_POSITIONS, width - 2)
    along = 1 + np.arange(num) * (width - 3) // (num - 1)
    columns = along[:, None] + np.arange(_IN_A_ROW) - _IN_A_ROW // 2
    off = np.abs(photo[:deepest, columns].mean(axis=2) - paper).max(axis=2)  # [deepest, num]
    depths = _first_run(np.asarray(off > _PAPER), _IN_A_ROW)
    judged = _first_run(np.asarray(hole[:deepest, columns].any(axis=2)), 1) >= np.minimum(depths + _IN_A_ROW, deepest)
    if judged.sum() < max(2 * _EVERY, _JUDGED * num):
        return None
    depth, slope, on_it = _fit(along[judged].astype(np.float64), depths[judged], max(1.5, _NEAR * width))
    middle = depth + slope * width / 2
    is_border = max(first, _DEPTHS[0] * shorter) <= middle < deepest and abs(slope) <= _STEEPEST and on_it >= _MOSTLY
    return _Edge(depth, slope, paper) if is_border else None


def _first_run(true: NDArray[np.bool_], length: int) -> NDArray[np.float64]:
    """Find in each column of [rows, columns] the first row from which so many are true; far beyond all of them if in none."""
    runs = np.lib.stride_tricks.sliding_window_view(true, length, axis=0).all(axis=2)
    return np.where(runs.any(axis=0), runs.argmax(axis=0), 9.0 * len(true))


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], near: float) -> tuple[float, float, float]:
    """Fit a line to points [n] of which some lie elsewhere: through the two that have most others near it, then to all of these.

    Returns:
        Its height at 0, its slope, and which share of the points is near it.
    """
    pairs = np.array(list(combinations(range(0, len(x), _EVERY), 2)))
    slopes = (y[pairs[:, 1]] - y[pairs[:, 0]]) / (x[pairs[:, 1]] - x[pairs[:, 0]])
    heights = y[pairs[:, 0]] - slopes * x[pairs[:, 0]]
    close = np.abs(heights[:, None] + slopes[:, None] * x - y) <= near  # [pairs, n]
    on_it = close[close.sum(axis=1).argmax()]
    offset, height = x[on_it] - x[on_it].mean(), y[on_it].mean()
    slope = float((offset * y[on_it]).sum() / (offset**2).sum())
    return float(height - slope * x[on_it].mean()), slope, float(on_it.mean())


def _spread(photo: Pixels, paper: Hole, color: NDArray[np.float64]) -> Pixels:
    """Spread paper's colours, where it is known and clean, over all of a reduced picture [h, w, 3]."""
    every = math.ceil(max(paper.shape) / _LARGE)
    photo, paper = photo[::every, ::every], paper[::every, ::every]
    scale = min(1.0, _SMALL / max(paper.shape))
    size = (max(1, round(paper.shape[1] * scale)), max(1, round(paper.shape[0] * scale)))
    clean = paper & (np.abs(photo - color.astype(np.float32)).max(axis=2) <= _PAPER)

    def reduced(values: Pixels) -> Floats:
        small = cv2.resize(values, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), _SPREAD), np.float32)

    weight = reduced(clean.astype(np.uint8) * 255)[..., None] / 255
    little = np.float32(1e-3)  # of the mean colour, for places far from all paper
    spread = reduced(np.where(clean[..., None], photo, np.uint8(0))) + little * color.astype(np.float32)
    return np.asarray(np.round(spread / (weight + little)), np.uint8)
