"""The paper round a print: a band of one colour along a scan's edges, inside which the picture begins at straight lines.

A print that does not fill the scan has two of them: what it lies on, and its paper. The network knows nothing of either: it
painted leaves over a torn white corner. Paper is filled with paper, and the picture as if it ended where the paper begins. Needs
no torch.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Hole, Pixels
from facemend.photo.paper_edges import PAPER_LEVELS, TURNED, Edge, count_first, find_edge, look, middle_of, seen_from

Floats = NDArray[np.float32]

_MOSTLY = 0.4  # an edge has so many of the places at which the paper ends; where three others tell how it lies, fewer do
_ALIKE = 0.01  # by how much the slopes of a print's sides may differ from their median
_LEAST_SIDES = 3
_HIDDEN = 0.5  # of the paper along the fourth, by the hole: then it is taken to be there
_LARGE = 1024  # pixels, the longer side of what is looked at for paper's colours
_SMALL = 128  # pixels, the longer side of the picture in which paper's colours spread
_SPREAD = 3.0  # of them, standard deviation


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
    turned = seen_from(share, side)
    depths = edge.at(np.arange(turned.shape[1], dtype=np.float32))
    part = turned[: math.ceil(depths.max())]
    np.maximum(part, np.clip(depths - np.arange(part.shape[0], dtype=np.float32)[:, None], 0, 1), out=part)


def _find_edges(photo: Pixels, hole: Hole, before: dict[int, Edge]) -> list[dict[int, Edge]]:
    """Find the edges of a print, or of its picture, beyond those found before: those turned alike, and of one paper.

    Returns:
        Edges by side, grouped by what they have in common, large groups first.
    """
    found = {side: find_edge(look(photo, hole, side, before)) for side in range(4)}
    edges = {side: edge for side, edge in found.items() if edge is not None}
    sure = {side: edge for side, edge in edges.items() if edge.support >= _MOSTLY}
    groups: list[dict[int, Edge]] = []
    for side, edge in sure.items():
        group = _choose_alike(sure, *middle_of({side: edge}))
        if len(group) >= _LEAST_SIDES:
            group = _choose_alike(edges, *middle_of(group))
        if group.keys() not in [known.keys() for known in groups]:
            groups.append(group)
    return sorted(groups, key=len, reverse=True)


def _choose_alike(edges: dict[int, Edge], turn: float, paper: NDArray[np.float64]) -> dict[int, Edge]:
    return {
        side: edge
        for side, edge in edges.items()
        if abs(TURNED[side] * edge.slope - turn) <= _ALIKE and np.abs(edge.paper - paper).max() <= PAPER_LEVELS
    }


def _find_fourth(photo: Pixels, hole: Hole, share: Floats, edges: dict[int, Edge], before: dict[int, Edge]) -> dict[int, Edge]:
    """Take the edge that is missing among four, with its side, to be as far in as the one across from it.

    Empty where that side is not hidden for the most part, or shows picture where there would be paper.
    """
    missing = next((side for side in range(4) if side not in edges), None)
    if missing is None or len(edges) < _LEAST_SIDES:
        return {}
    seen, opposite = look(photo, hole, missing, before), missing ^ 1
    middle = np.array([seen.size[1] / 2])
    outer = {side: float(edge.at(middle)[0]) for side, edge in before.items()}
    width = float(edges[opposite].at(middle)[0]) - outer.get(opposite, 0.0)
    turn, paper = middle_of(edges)
    first = count_first(seen.size)
    rows = np.clip(seen.start + np.arange(first)[:, None], 0, seen.size[0] - 1)
    is_told_of = seen.hidden[:first] | (seen_from(share, missing)[rows, seen.along] > 0)  # by the sides beside it
    known = seen.colors[:first][~is_told_of]
    is_picture = len(known) > 0 and np.abs(np.median(known, axis=0) - paper).max() > PAPER_LEVELS
    if is_picture or seen.hidden[: math.ceil(width)].any(axis=0).mean() <= _HIDDEN:
        return {}
    slope = TURNED[missing] * turn
    return {missing: Edge(outer.get(missing, 0.0) + width - slope * middle[0], slope, paper, 0.0)}


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
