"""The paper round a print: a band of one colour along a scan's edges, inside which the picture begins at straight lines.

A print that does not fill the scan has two of them: what it lies on, and its paper. The network knows nothing of either: it
painted leaves over a torn white corner. Paper is filled with paper, and the picture as if it ended where the paper begins. Needs
no torch.
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
PAPER_LEVELS = 30  # levels by which paper's colour varies at most; what is off by more is picture
_FIRST = 150  # pixels of the shorter side for each of the first rows, which must be paper; two of them at least
_CLEAN = 0.5  # of these are of one colour: most photos are told from prints by that alone
_DEPTHS = (0.01, 0.25)  # of the shorter side, of the photo across the side: how wide a border is
_STEEPEST = 0.06  # pixels of depth for each along the side: a scan is turned by 3 degrees at most
_NEAR = 0.002  # of the side, but 1.5 pixels at least: what is no farther from a line lies on it
_JUDGED, _ENDS = 0.15, 0.2  # so many of the positions can be judged, and at so many of these the paper ends
_MOSTLY, _FEW = 0.4, 0.2  # so many of these lie on the line; the few, where three other sides tell how the print is turned
_TURNED = (1, -1, -1, 1)  # signs of the slopes of all four sides of a print that is turned
_ALIKE = 0.01  # by how much these may differ from their median
_LEAST_SIDES = 3
_SHADE = 0.005  # of the shorter side: beyond a print's edge, where its shadow and blur end
_HIDDEN = 0.5  # of the paper along the fourth, by the hole: then it is taken to be there
_LARGE = 1024  # pixels, the longer side of what is looked at for paper's colours
_SMALL = 128  # pixels, the longer side of the picture in which paper's colours spread
_SPREAD = 3.0  # of them, standard deviation


class Edge(NamedTuple):
    """Where a band ends along one side."""

    depth: float  # in pixels, at the side's first
    slope: float  # more of it from one pixel to the next
    paper: NDArray[np.float64]  # [3], the band's colour there
    support: float  # the share of the places where the band is seen to end that lie on it

    def at(self, along: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return its depth at places along the side."""
        return self.depth + self.slope * along


class Band(NamedTuple):
    """What lies round a print, or round the picture on it, and is of one colour."""

    edges: dict[int, Edge]  # by side
    share: Floats  # [H, W], of each pixel that lies outside these
    color: NDArray[np.float64]  # [3], the mean


@dataclass(frozen=True)
class PrintBorder:
    """Where a scan is no picture, and of what colour it is there."""

    shares: tuple[Floats, ...]  # [H, W], of each pixel that lies outside the end of each band, from outside in
    colors: tuple[Pixels, ...]  # [h, w, 3], theirs at every place, reduced

    @property
    def share(self) -> Floats:
        """How much of each pixel is no picture, [H, W]."""
        return self.shares[-1]

    def fill(self, painted: Pixels, hole: Hole) -> Pixels:
        """Put paper into the hole, bool [H, W], of a picture, uint8 [H, W, 3], where there is to be paper."""
        result = painted.copy()
        for share, colors in zip(reversed(self.shares), reversed(self.colors), strict=True):
            there = hole & (share > 0)
            paper = cv2.resize(colors, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)[there].astype(np.float32)
            result[there] = np.round(result[there] + share[there][:, None] * (paper - result[there])).astype(np.uint8)
        return result


class _Seen(NamedTuple):
    """A scan seen from one side, at some places along it, from a depth at each of them on."""

    size: tuple[int, int]  # rows, columns
    along: NDArray[np.int_]  # [n], pixels
    start: NDArray[np.int_]  # [n], rows
    colors: NDArray[np.float64]  # [rows, n, 3], each the mean of three pixels in a row
    hidden: Hole  # [rows, n]


def find_border(photo: Pixels, hole: Hole) -> PrintBorder | None:
    """Find the paper round a print, and what a print lies on.

    Args:
        photo: uint8 [H, W, 3]; what lies under the hole is not looked at.
        hole: bool [H, W].

    Returns:
        None for a photo without either along three sides at least, and where the hole does not reach any.
    """
    bands = find_bands(photo, hole)
    if not bands or not (hole & (bands[-1].share > 0)).any():
        return None
    known, colors = ~hole, list[Pixels]()
    for band in bands:
        colors.append(spread_paper(photo, known & (band.share == 1), band.color))
        known &= band.share == 0
    return PrintBorder(tuple(band.share for band in bands), tuple(colors))


def find_bands(photo: Pixels, hole: Hole) -> list[Band]:
    """Find what lies round a print and round its picture, from outside in: up to two bands. The arguments are `find_border`'s.

    A print in a scanner's corner has the lid along two sides only, but paper along all of them.
    """
    for outer in _find_edges(photo, hole, {}):
        inner = next(iter(_find_edges(photo, hole, outer)), dict[int, Edge]())
        if len(inner) >= _LEAST_SIDES:
            band = _make_band(photo, hole, outer)
            return [band, _make_band(photo, hole, inner, band)]
        if len(outer) >= _LEAST_SIDES:
            return [_make_band(photo, hole, outer)]
    return []


def _make_band(photo: Pixels, hole: Hole, edges: dict[int, Edge], outer: Band | None = None) -> Band:
    share = np.zeros(hole.shape, np.float32) if outer is None else outer.share.copy()
    for side, edge in edges.items():
        _draw(share, side, edge)
    fourth = _find_fourth(photo, hole, share, edges, {} if outer is None else outer.edges)
    for side, edge in fourth.items():
        _draw(share, side, edge)
    return Band(edges | fourth, share, np.mean([edge.paper for edge in edges.values()], axis=0))


def _draw(share: Floats, side: int, edge: Edge) -> None:
    """Put what lies outside an edge into what each pixel has of it, [H, W]."""
    turned = _seen_from(share, side)
    depths = edge.at(np.arange(turned.shape[1], dtype=np.float32))
    part = turned[: math.ceil(depths.max())]
    np.maximum(part, np.clip(depths - np.arange(part.shape[0], dtype=np.float32)[:, None], 0, 1), out=part)


def _find_edges(photo: Pixels, hole: Hole, before: dict[int, Edge]) -> list[dict[int, Edge]]:
    """Find the edges of a print, or of its picture, beyond those found before: those turned alike, and of one paper.

    Returns:
        Edges by side, grouped by what they have in common, large groups first.
    """
    found = {side: _find_edge(_look(photo, hole, side, before)) for side in range(4)}
    edges = {side: edge for side, edge in found.items() if edge is not None}
    sure = {side: edge for side, edge in edges.items() if edge.support >= _MOSTLY}
    groups: list[dict[int, Edge]] = []
    for side, edge in sure.items():
        group = _choose_alike(sure, *_middle({side: edge}))
        if len(group) >= _LEAST_SIDES:
            group = _choose_alike(edges, *_middle(group))
        if group.keys() not in [known.keys() for known in groups]:
            groups.append(group)
    return sorted(groups, key=len, reverse=True)


def _choose_alike(edges: dict[int, Edge], turn: float, paper: NDArray[np.float64]) -> dict[int, Edge]:
    return {
        side: edge
        for side, edge in edges.items()
        if abs(_TURNED[side] * edge.slope - turn) <= _ALIKE and np.abs(edge.paper - paper).max() <= PAPER_LEVELS
    }


def _middle(edges: dict[int, Edge]) -> tuple[float, NDArray[np.float64]]:
    """Return the turn and the paper in the middle among edges."""
    turns = [_TURNED[side] * edge.slope for side, edge in edges.items()]
    return float(np.median(turns)), np.median([edge.paper for edge in edges.values()], axis=0)


def _find_fourth(photo: Pixels, hole: Hole, share: Floats, edges: dict[int, Edge], before: dict[int, Edge]) -> dict[int, Edge]:
    """Take the edge that is missing among four, with its side, to be as far in as the one across from it.

    Empty where that side is not hidden for the most part, or shows picture where there would be paper.
    """
    missing = next((side for side in range(4) if side not in edges), None)
    if missing is None or len(edges) < _LEAST_SIDES:
        return {}
    seen, opposite = _look(photo, hole, missing, before), missing ^ 1
    middle = np.array([seen.size[1] / 2])
    outer = {side: float(edge.at(middle)[0]) for side, edge in before.items()}
    width = float(edges[opposite].at(middle)[0]) - outer.get(opposite, 0.0)
    turn, paper = _middle(edges)
    first = _count_first(seen.size)
    rows = np.clip(seen.start + np.arange(first)[:, None], 0, seen.size[0] - 1)
    is_told_of = seen.hidden[:first] | (_seen_from(share, missing)[rows, seen.along] > 0)  # by the sides beside it
    known = seen.colors[:first][~is_told_of]
    is_picture = len(known) > 0 and np.abs(np.median(known, axis=0) - paper).max() > PAPER_LEVELS
    if is_picture or seen.hidden[: math.ceil(width)].any(axis=0).mean() <= _HIDDEN:
        return {}
    slope = _TURNED[missing] * turn
    return {missing: Edge(outer.get(missing, 0.0) + width - slope * middle[0], slope, paper, 0.0)}


def _count_first(size: tuple[int, int]) -> int:
    """Count the first rows that must be paper."""
    return max(2, min(size) // _FIRST)


def _seen_from(picture: NDArray[Any], side: int) -> NDArray[Any]:
    """Turn a picture [H, W, ...] so that its upper, lower, left or right side comes first: a view of it."""
    return (picture, picture[::-1], picture.swapaxes(0, 1), picture[:, ::-1].swapaxes(0, 1))[side]


def _look(photo: Pixels, hole: Hole, side: int, before: dict[int, Edge]) -> _Seen:
    """Look from a side, or from beyond its edge among those found before, as far into a photo as paper may reach."""
    photo, hole = _seen_from(photo, side), _seen_from(hole, side)
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
        hidden |= np.abs(colors[:1] - _middle(before)[1]).max(axis=2) <= PAPER_LEVELS
    return _Seen((rows, columns), along, start, colors, hidden)


def _find_edge(seen: _Seen) -> Edge | None:
    """Find the straight line at which the colour ends that a scan begins with."""
    deepest, first = len(seen.colors), _count_first(seen.size)
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


def spread_paper(photo: Pixels, paper: Hole, color: NDArray[np.float64]) -> Pixels:
    """Spread paper's colours, where it is known and clean, over all of a reduced picture [h, w, 3].

    Args:
        photo: uint8 [H, W, 3].
        paper: bool [H, W], where it is known.
        color: [3], about its colour.
    """
    every = math.ceil(max(paper.shape) / _LARGE)
    photo, paper = photo[::every, ::every], paper[::every, ::every]
    scale = min(1.0, _SMALL / max(paper.shape))
    size = (max(1, round(paper.shape[1] * scale)), max(1, round(paper.shape[0] * scale)))
    clean = paper & (np.abs(photo - color.astype(np.float32)).max(axis=2) <= PAPER_LEVELS)

    def reduced(values: Pixels) -> Floats:
        small = cv2.resize(values, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), _SPREAD), np.float32)

    weight = reduced(clean.astype(np.uint8) * 255)[..., None] / 255
    little = np.float32(1e-3)  # of the mean colour, for places far from all paper
    spread = reduced(np.where(clean[..., None], photo, np.uint8(0))) + little * color.astype(np.float32)
    return np.asarray(np.round(spread / (weight + little)), np.uint8)
