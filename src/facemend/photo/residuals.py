"""Detail finer than the network saw, carried from the known part of a photo into the hole. Needs no torch.

Contextual residual aggregation (Yi et al. 2020, section 3.2): what is left of the photo when the network's own, enlarged picture
is taken away is known outside the hole, and wanted inside it. There the attention scores alone choose, among places a sixteenth
of the face wide, which shows as rectangles and ghosts. Here they are one of three voices: many small patches are copied, each
from a place that looks alike in the network's picture, that is the same part of the face, and that the attention drew on.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from facemend.imaging import Hole, Pixels
from facemend.photo.framing import Matrix, Region, Window

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

_SIZE = 256  # side of the picture in which patches are compared
_CELL = 4  # of its pixels from one patch to the next
_PATCH = 2 * _CELL
_SOURCE_STEP = 4  # of its pixels from one source to the next: with half of it four times the work gives the same figures
_SCORE_WEIGHT = 0.05  # of minus log attention, beside the mean squared difference of colours in [-1, 1]
_LAYOUT_WEIGHT = 0.1  # of the squared difference of class probabilities
_CHOICE = 0.02  # spread of the random choice among good sources: without it the best one repeats as a pattern
_LIKENESS = 0.2 * 255  # where target and source differ more, little is carried, or edges would come along
_SURE_SHARE = 0.25  # of known pixels round a place, which says all there is to say of it


@dataclass(frozen=True)
class NetworkView:
    """What the network made of a window of the photo."""

    window: Window
    region: Region  # of the photo, which holds all that the window sees
    completed: Floats  # [3, S, S] in [-1, 1], known pixels included
    unknown: Floats  # [1, S, S], 1 where nothing was known
    scores: Floats  # [heads, T, T], attention of stage 2 over a square grid of T places
    layout: Floats  # [K, h, w], probabilities of the face's parts


def carry_residuals(photo: Pixels, hole: Hole, wanted: Hole, enlarged: Pixels, view: NetworkView) -> Pixels:
    """Add to what the network painted the fine detail that the known part of the photo has.

    Takes 3 bytes for a pixel of the region, 16 for one of a band of rows as high as a patch, and some 10 MB for the search.

    Args:
        photo: the view's region of it, uint8 [h, w, 3]; what lies under the hole is not looked at.
        hole: bool [h, w].
        wanted: bool [h, w], the part of the hole to be filled.
        enlarged: the network's picture brought to the region, uint8 [h, w, 3].
        view: where that picture comes from. A window no larger than the network saw it has no finer detail.

    Returns:
        `enlarged`, with detail where it is wanted.
    """
    filled = enlarged.copy()
    if view.window.side <= view.window.size or not wanted.any():
        return filled
    grid = _Grid(view.window, view.region, wanted)
    matches = _match(view, grid, np.random.default_rng(0))
    ratio = view.window.side / view.window.size
    for rows, carried in _carried_bands(photo, hole, enlarged, grid, matches):
        detailed = enlarged[rows] + _joined(carried, photo, hole, enlarged, rows, ratio=ratio)
        filled[rows][wanted[rows]] = np.clip(np.round(detailed[wanted[rows]]), 0, 255).astype(np.uint8)
    return filled


class _Grid:
    """Where the patches to be filled lie in the region, and where its pixels lie in the matching picture."""

    def __init__(self, window: Window, region: Region, wanted: Hole) -> None:
        self.cell = _CELL * window.side / _SIZE  # in the photo's pixels
        self.size = round(2 * self.cell)
        self._to_photo: Matrix = window.to_photo @ np.diag([window.size / _SIZE, window.size / _SIZE, 1])
        self._to_photo[:, 2] -= (region[1].start, region[0].start)
        self._wanted = wanted
        self.tops = self._starts(np.flatnonzero(wanted.any(axis=1)))
        self.lefts = self._starts(np.flatnonzero(wanted.any(axis=0)))

    def _starts(self, touched: Indices) -> list[int]:
        """Place overlapping patches along one side, so that two cover every pixel from the first touched to the last."""
        first, last = int(touched[0]), int(touched[-1]) + 1
        return [round(first + i * self.cell) for i in range(-1, math.ceil((last - first) / self.cell))]

    def touched_lefts(self, top: int) -> Indices:
        """Return the left edges of the row's patches that hold anything to be filled."""
        touched = np.flatnonzero(self._wanted[max(0, top) : top + self.size].any(axis=0))
        lefts = np.array(self.lefts)
        return lefts[np.searchsorted(touched, lefts + self.size) > np.searchsorted(touched, lefts)]

    def in_matching_picture(self, top: int, lefts: Indices) -> Indices:
        """Return the corners (row, column), [n, 2], of the patches about the same middles in the matching picture."""
        middles = np.column_stack([lefts, np.full(len(lefts), top)]) + self.size / 2
        inverse = cast(Matrix, cv2.invertAffineTransform(self._to_photo))
        corners = np.round(middles @ inverse[:, :2].T + inverse[:, 2] - _CELL).astype(np.int64)
        return np.clip(corners, -_CELL, _SIZE - _CELL)[:, ::-1]

    def in_region(self, corners: Indices) -> Indices:
        """Turn corners (row, column), [n, 2], in the matching picture into those of patches of the region."""
        middles = (corners[:, ::-1] + _CELL) @ self._to_photo[:, :2].T + self._to_photo[:, 2]
        return np.round(middles - self.size / 2).astype(np.int64)[:, ::-1]


class _Matches(NamedTuple):
    """The left edges of a row's patches, and the corners (row, column) of those they are filled from, in the region's pixels."""

    lefts: Indices  # [n]
    sources: Indices  # [n, 2]


def _match(view: NetworkView, grid: _Grid, random: np.random.Generator) -> Iterator[_Matches]:
    """Find the sources, one row of patches after the other: that bounds the memory."""
    patches = _Patches(view)
    sources = patches.known_corners()
    if not len(sources):
        yield from (_Matches(np.zeros(0, np.int64), sources) for _ in grid.tops)
        return
    features, tokens, in_region = patches.features(sources), patches.tokens(sources), grid.in_region(sources)
    own_cost = (features**2).sum(axis=1)
    attention = _SCORE_WEIGHT * np.log(view.scores.mean(axis=0) + np.float32(1e-3))
    for top in grid.tops:
        lefts = grid.touched_lefts(top)
        targets = grid.in_matching_picture(top, lefts)
        # The squared distance but for the target's own square, which is the same for all its sources.
        cost = own_cost - 2 * (patches.features(targets) @ features.T) - attention[patches.tokens(targets)].take(tokens, axis=1)
        yield _Matches(lefts, in_region[_draw(cost, random)])


def _draw(cost: Floats, random: np.random.Generator) -> Indices:
    """Draw from each row of [n, m] one of its numbers, with likelihood exp(-cost / _CHOICE)."""
    likelihood = np.exp((cost.min(axis=1, keepdims=True, initial=np.inf) - cost) / np.float32(_CHOICE))
    reached = likelihood.cumsum(axis=1)
    return (reached < random.random((len(cost), 1), np.float32) * reached[:, -1:]).sum(axis=1)


class _Patches:
    """All patches of the matching picture, by their corners (row, column), [n, 2], which may lie a cell outside it."""

    def __init__(self, view: NetworkView) -> None:
        picture = _resized(np.ascontiguousarray(view.completed.transpose(1, 2, 0)), _SIZE)
        padded = np.pad(picture, ((_CELL, _CELL), (_CELL, _CELL), (0, 0)), "edge")
        self._colors: Floats = sliding_window_view(padded, (_PATCH, _PATCH), (0, 1))
        self._unknown = _resized(view.unknown[0], _SIZE) > 0
        self._parts = view.layout
        self._num_tokens = round(view.scores.shape[1] ** 0.5)  # along one side

    def known_corners(self) -> Indices:
        """Return the corners of what may be a source: patches of which all is known."""
        known = np.logical_not(
            sliding_window_view(self._unknown, (_PATCH, _PATCH))[::_SOURCE_STEP, ::_SOURCE_STEP].any(axis=(2, 3))
        )
        return np.argwhere(known) * _SOURCE_STEP

    def features(self, corners: Indices) -> Floats:
        """Return the patches' colours and, in their middles, the class probabilities, weighted: [n, F]."""
        rows, columns = (corners + _CELL).T
        colors = self._colors[rows, columns].reshape(len(corners), 3 * _PATCH**2)
        rows, columns = self._middles(corners, self._parts.shape[1])
        weights = colors.shape[1] ** -0.5, _LAYOUT_WEIGHT**0.5
        return np.hstack([weights[0] * colors, weights[1] * self._parts[:, rows, columns].T])

    def tokens(self, corners: Indices) -> Indices:
        """Return which place of the scores' grid the patches' middles lie in, [n]."""
        rows, columns = self._middles(corners, self._num_tokens)
        return rows * self._num_tokens + columns

    def _middles(self, corners: Indices, size: int) -> Indices:
        return (np.clip(corners + _CELL, 0, _SIZE - 1) * size // _SIZE).T


def _resized(image: Floats, size: int) -> Floats:
    mode = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size, size), interpolation=mode), np.float32)


def _carried_bands(
    photo: Pixels, hole: Hole, enlarged: Pixels, grid: _Grid, matches: Iterator[_Matches]
) -> Iterator[tuple[slice, Floats]]:
    """Blend the sources' residuals, less where target and source are unlike; yields band after band of rows as they are done."""
    height, width = hole.shape
    size = grid.size
    bump = np.hanning(size + 2)[1:-1].astype(np.float32)
    window = bump[:, None, None] * bump[:, None]
    sums = np.zeros((size, width, 4), np.float32)  # of residuals times weight and likeness, and of weights
    ends = [*grid.tops[1:], grid.tops[-1] + size]
    mean = np.full((3, 1), 1 / 3 / _LIKENESS, np.float32)  # of the colours: numpy's own is slow where so few are averaged
    for top, end, (lefts, sources) in zip(grid.tops, ends, matches, strict=True):
        for left, (v, u) in zip(lefts.tolist(), sources.tolist(), strict=True):
            a, b = max(0, -top, -v), min(size, height - top, height - v)  # the part of the patch that lies in the region,
            c, d = max(0, -left, -u), min(size, width - left, width - u)  # at the target as at the source
            if a >= b or c >= d:
                continue
            source = np.s_[v + a : v + b, u + c : u + d]
            there = enlarged[source].astype(np.float32)
            unlike = np.abs(there - enlarged[top + a : top + b, left + c : left + d]) @ mean
            weight = window[a:b, c:d]
            alike = weight * np.exp(-(unlike**2)) * np.logical_not(hole[source])[..., None]
            part = sums[a:b, left + c : left + d]
            part[..., :3] += alike * (photo[source] - there)
            part[..., 3:] += weight
        rows = slice(max(0, top), min(end, height))
        done = sums[rows.start - top : rows.stop - top]
        yield rows, (done[..., :3] / np.maximum(done[..., 3:], 1e-6)).astype(np.float32)
        sums = np.concatenate([sums[end - top :], np.zeros_like(sums[: end - top])])


def _joined(carried: Floats, photo: Pixels, hole: Hole, enlarged: Pixels, rows: slice, *, ratio: float) -> Floats:
    """Join carried residuals to those that are known across the hole's edge: [rows, w, 3].

    Known residuals spread into the hole, near ones before far ones: pull-push (Gortler et al. 1996, section 3.4) of three levels.
    Beyond the widest they are 0; within a pixel of the network they say more than what was carried.
    """
    radii = [round(4 * ratio), round(ratio), 1]
    seen = slice(max(0, rows.start - radii[0]), min(hole.shape[0], rows.stop + radii[0]))
    inner = slice(rows.start - seen.start, rows.stop - seen.start)
    known = np.logical_not(hole[seen]).astype(np.float32)
    off = (photo[seen].astype(np.float32) - enlarged[seen]) * known[..., None]
    joined = np.zeros_like(carried)
    for i, radius in enumerate(radii):
        box = (2 * radius + 1, 2 * radius + 1)
        share = np.asarray(cv2.blur(known, box), np.float32)[inner, :, None]
        near = np.asarray(cv2.blur(off, box), np.float32)[inner] / np.maximum(share, 1e-6)
        joined += np.minimum(share / _SURE_SHARE, 1) * (near - joined)
        if i == 0:
            joined += carried
    return joined
