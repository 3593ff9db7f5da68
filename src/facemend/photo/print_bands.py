"""What lies round a print: a band of one colour along a scan's edges, inside which the picture begins at straight lines.

A print that does not fill the scan has two of them: what it lies on, and its paper. Needs no torch.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Floats, Hole, Pixels
from facemend.photo.paper_edges import PAPER_LEVELS, TURNED, Edge, count_first, find_edge, look, middle_of, seen_from

_MOSTLY = 0.4  # an edge has so many of the places at which the paper ends; where three others tell how it lies, fewer do
_ALIKE = 0.01  # by how much the slopes of a print's sides may differ from their median
_LEAST_SIDES = 3
_HIDDEN = 0.5  # of the paper along the fourth, by the hole: then it is taken to be there


class Band(NamedTuple):
    """What lies round a print, or round the picture on it, and is of one colour."""

    edges: dict[int, Edge]  # by side
    share: Floats  # [H, W], of each pixel that lies outside these
    color: NDArray[np.float64]  # [3], the mean


def find_bands(photo: Pixels, hole: Hole) -> list[Band]:
    """Find what lies round a print and round its picture, from outside in: up to two bands.

    A print in a scanner's corner has the lid along two sides only, but paper along all of them.

    Args:
        photo: uint8 [H, W, 3]; what lies under the hole is not looked at.
        hole: bool [H, W].

    Returns:
        No band for a photo without either along three sides at least.
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
