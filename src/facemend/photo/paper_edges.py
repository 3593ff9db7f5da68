"""The straight line at which a band of paper ends, looked for from each side of a scan. Needs no torch."""

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Hole, Pixels

PAPER_LEVELS = 30  # levels by which paper's colour varies at most; what is off by more is picture
TURNED = (1, -1, -1, 1)  # signs of the slopes of all four sides, upper, lower, left and right, of a print that is turned
_FEW = 0.2  # an edge has so many of the places at which the paper ends, where others tell how the print is turned
_POSITIONS = 200  # along a side, at which the picture's beginning is looked for
_EVERY = 8  # positions from one of those, through two of which lines are tried, to the next
_IN_A_ROW = 3  # pixels that must be picture, and over which colours are averaged along the side
_FIRST = 150  # pixels of the shorter side for each of the first rows, which must be paper; two of them at least
_CLEAN = 0.5  # of these are of one colour: most photos are told from prints by that alone
_DEPTHS = (0.01, 0.25)  # of the shorter side, of the photo across the side: how wide a border is
_STEEPEST = 0.06  # pixels of depth for each along the side: a scan is turned by 3 degrees at most
_NEAR = 0.002  # of the side, but 1.5 pixels at least: what is no farther from a line lies on it
_JUDGED, _ENDS = 0.15, 0.2  # so many of the positions can be judged, and at so many of these the paper ends
_SHADE = 0.005  # of the shorter side: beyond a print's edge, where its shadow and blur end


class Edge(NamedTuple):
    """Where a band ends along one side."""

    depth: float  # in pixels, at the side's first
    slope: float  # more of it from one pixel to the next
    paper: NDArray[np.float64]  # [3], the band's colour there
    support: float  # the share of the places where the band is seen to end that lie on it

    def at(self, along: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return its depth at places along the side."""
        return self.depth + self.slope * along


class Seen(NamedTuple):
    """A scan seen from one side, at some places along it, from a depth at each of them on."""

    size: tuple[int, int]  # rows, columns
    along: NDArray[np.int_]  # [n], pixels
    start: NDArray[np.int_]  # [n], rows
    colors: NDArray[np.float64]  # [rows, n, 3], each the mean of three pixels in a row
    hidden: Hole  # [rows, n]


def seen_from(picture: NDArray[Any], side: int) -> NDArray[Any]:
    """Turn a picture [H, W, ...] so that its upper, lower, left or right side comes first: a view of it."""
    return (picture, picture[::-1], picture.swapaxes(0, 1), picture[:, ::-1].swapaxes(0, 1))[side]


def count_first(size: tuple[int, int]) -> int:
    """Count the first rows that must be paper."""
    return max(2, min(size) // _FIRST)


def middle_of(edges: dict[int, Edge]) -> tuple[float, NDArray[np.float64]]:
    """Return the turn and the paper in the middle among edges."""
    turns = [TURNED[side] * edge.slope for side, edge in edges.items()]
    return float(np.median(turns)), np.median([edge.paper for edge in edges.values()], axis=0)


def look(photo: Pixels, hole: Hole, side: int, before: dict[int, Edge]) -> Seen:
    """Look from a side, or from beyond its edge among those found before, as far into a photo as paper may reach."""
    photo, hole = seen_from(photo, side), seen_from(hole, side)
    rows, columns = hole.shape
    num = max(0, min(_POSITIONS, columns - 2))
    along = 1 + np.arange(num) * (columns - 3) // max(1, num - 1)
    start = np.zeros(num, np.int_)
    if side in before:
        start = np.ceil(before[side].at(along) + max(2.0, _SHADE * min(rows, columns))).astype(np.int_)
    at = np.clip(start + np.arange(round(_DEPTHS[1] * rows))[:, None], 0, rows - 1)[..., None]
    beside = along[:, None] + np.arange(_IN_A_ROW) - _IN_A_ROW // 2
    colors, hidden = photo[at, beside].mean(axis=2), np.asarray(hole[at, beside].any(axis=2))
    if before:  # where what lies before those edges is seen, the print is torn
        hidden |= np.abs(colors[:1] - middle_of(before)[1]).max(axis=2) <= PAPER_LEVELS
    return Seen((rows, columns), along, start, colors, hidden)


def find_edge(seen: Seen) -> Edge | None:
    """Find the straight line at which the colour ends that a scan begins with."""
    deepest, first = len(seen.colors), count_first(seen.size)
    strip = seen.colors[:first][~seen.hidden[:first]]
    if deepest <= first + _IN_A_ROW or seen.size[1] < 4 * _EVERY or not len(strip):
        return None
    paper = np.median(strip, axis=0)
    if (np.abs(strip - paper).max(axis=1) <= PAPER_LEVELS).mean() < _CLEAN:
        return None
    off = np.abs(seen.colors - paper).max(axis=2)  # [deepest, n]
    depths = _first_run(np.asarray(off > PAPER_LEVELS), _IN_A_ROW)
    judged = _first_run(seen.hidden, 1) >= np.minimum(depths + _IN_A_ROW, deepest)
    ends = judged & (depths < deepest)
    if judged.sum() < _JUDGED * len(judged) or ends.sum() < max(2 * _EVERY, _ENDS * judged.sum()):
        return None
    along = seen.along.astype(np.float64)
    depth, slope, num_on_it = _fit(along[ends], (seen.start + depths)[ends], max(1.5, _NEAR * seen.size[1]))
    edge = Edge(depth, slope, paper, num_on_it / int(ends.sum()))
    width = float(np.mean(edge.at(along) - seen.start))
    is_border = max(first, _DEPTHS[0] * min(seen.size)) <= width < deepest and abs(slope) <= _STEEPEST and edge.support >= _FEW
    return edge if is_border else None


def _first_run(true: NDArray[np.bool_], length: int) -> NDArray[np.float64]:
    """Find in each column of [rows, columns] the first row from which so many are true; far beyond all of them if in none."""
    runs = np.lib.stride_tricks.sliding_window_view(true, length, axis=0).all(axis=2)
    return np.where(runs.any(axis=0), runs.argmax(axis=0), 9.0 * len(true))


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], near: float) -> tuple[float, float, int]:
    """Fit a line to points [n] of which some lie elsewhere: through the two that have most others near it, then to all of these.

    Returns:
        Its height at 0, its slope, and how many of the points are near it.
    """
    pairs = np.array(list(combinations(range(0, len(x), _EVERY), 2)))
    slopes = (y[pairs[:, 1]] - y[pairs[:, 0]]) / (x[pairs[:, 1]] - x[pairs[:, 0]])
    heights = y[pairs[:, 0]] - slopes * x[pairs[:, 0]]
    close = np.abs(heights[:, None] + slopes[:, None] * x - y) <= near  # [pairs, n]
    on_it = close[close.sum(axis=1).argmax()]
    offset, height = x[on_it] - x[on_it].mean(), y[on_it].mean()
    slope = float((offset * y[on_it]).sum() / (offset**2).sum())
    return float(height - slope * x[on_it].mean()), slope, int(on_it.sum())
