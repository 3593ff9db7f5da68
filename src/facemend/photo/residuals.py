"""Detail finer than the network saw, carried from the known part of a photo into the hole. Needs no torch.

Contextual residual aggregation (Yi et al. 2020, section 3.2): what is left of the photo when the network's own, enlarged picture
is taken away is known outside the hole, and wanted inside it. There the attention scores alone choose, among places a sixteenth
of the face wide, which shows as rectangles and ghosts. Here they are one of three voices: many small patches are copied, each
from a place that looks alike in the network's picture, that is the same part of the face, and that the attention drew on.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from facemend.imaging import Floats, Hole, Pixels, Region, extent
from facemend.photo.framing import Matrix, Window
from facemend.photo.network_view import NetworkView

Indices = NDArray[np.int64]

_SIZE = 128  # side of the picture in which patches are compared
_CELL = 2  # of its pixels from one patch to the next
_PATCH = 2 * _CELL
_SOURCE_STEP = 2  # of its pixels from one source to the next
_SCORE_WEIGHT = 0.05  # of minus log attention, beside the mean squared difference of colours in [-1, 1]
_LAYOUT_WEIGHT = 0.1  # of the squared difference of class probabilities
_CHOICE = 0.005  # scale of the random choice among good sources: without it the best one repeats as a pattern
_STRIDE = 101  # random numbers from those of one patch to those of the next
_TARGETS_AT_ONCE = 256
_LIKENESS = 0.2 * 255  # where target and source differ more, little is carried, or edges would come along
_SURE_SHARE = 0.25  # of known pixels round a place, which says all there is to say of it
_REACH = 4  # of the network's pixels: so far known residuals spread into the hole
_PIXELS_AT_ONCE = 2**16
_NOWHERE = -(2**40)  # a source that lies in no photo


def carry_residuals(photo: Pixels, hole: Hole, wanted: Hole, soft: Pixels, view: NetworkView, *, region: Region) -> Pixels:
    """Add to what the network painted the fine detail that the known part of the photo has, and its fills lack.

    Takes 3 bytes for a pixel of the region (7 where that is narrower than the photo), some 10 MB for a band of its rows (40 at 12
    megapixels), and 10 for the search.

    Args:
        photo: the region of it, uint8 [h, w, 3]; what lies under the hole is not looked at.
        hole: bool [h, w].
        wanted: bool [h, w], the part of the hole to be filled.
        soft: `view.softened()`, brought to the region, uint8 [h, w, 3].
        view: where that picture comes from.
        region: rows and columns of the whole photo, all that the view's window sees of it.

    Returns:
        `soft`, with detail where it is wanted.
    """
    filled = soft.copy()
    if not wanted.any():
        return filled
    photo, hole = np.ascontiguousarray(photo), np.ascontiguousarray(hole)  # their pixels are taken by number
    rows, columns = extent(wanted)
    grid = _Grid(view.window, region, wanted)
    sources = _match(view, grid)
    ratio = view.window.side / view.window.size
    band = max(math.ceil(_PIXELS_AT_ONCE / (columns.stop - columns.start)), round(2 * _REACH * ratio))
    for top in range(rows.start, rows.stop, band):
        part = slice(top, min(rows.stop, top + band)), columns
        places = np.nonzero(wanted[part])
        if len(places[0]):
            carried = np.zeros((*wanted[part].shape, 3), np.float32)
            carried[places] = _carried(photo, hole, soft, grid, sources, places=(places[0] + top, places[1] + columns.start))
            _join(carried, photo, hole, soft, part, ratio=ratio)
            detailed = np.clip(np.round(soft[part] + carried), 0, 255).astype(np.uint8)
            cv2.copyTo(detailed, wanted[part].view(np.uint8), filled[part])
    return filled


class _Grid:
    """Where the patches to be filled lie in the region, and where its pixels lie in the matching picture."""

    def __init__(self, window: Window, region: Region, wanted: Hole) -> None:
        self.cell = _CELL * window.side / _SIZE  # in the photo's pixels
        self.size = max(1, math.floor(2 * self.cell))  # so that no two of every second ones overlap
        self._to_photo: Matrix = window.to_photo @ np.diag([window.size / _SIZE, window.size / _SIZE, 1])
        self._to_photo[:, 2] -= (region[1].start, region[0].start)
        self._wanted = wanted
        self.tops, self.lefts = map(self._starts, extent(wanted))

    def _starts(self, side: slice) -> Indices:
        """Place overlapping patches along one side, so that two cover every pixel of its extent."""
        return np.array([round(side.start + i * self.cell) for i in range(-1, math.ceil((side.stop - side.start) / self.cell))])

    def touched(self) -> Indices:
        """Find the patches that hold anything to be filled; their numbers among `tops` and `lefts`, [n, 2]."""
        rows = [self._wanted[max(0, top) : max(0, top + self.size)].any(axis=0) for top in self.tops]
        ends = np.clip([self.lefts, self.lefts + self.size], 0, self._wanted.shape[1])
        counts = np.pad(np.cumsum(rows, axis=1), ((0, 0), (1, 0)))
        return np.argwhere(counts[:, ends[1]] > counts[:, ends[0]])

    def in_matching_picture(self, patches: Indices) -> Indices:
        """Turn patches [n, 2] into the corners (row, column) of those about the same middles in the matching picture."""
        middles = np.column_stack([self.lefts[patches[:, 1]], self.tops[patches[:, 0]]]) + self.size / 2
        inverse = cast(Matrix, cv2.invertAffineTransform(self._to_photo))
        corners = np.round(middles @ inverse[:, :2].T + inverse[:, 2] - _CELL).astype(np.int64)
        return np.clip(corners, -_CELL, _SIZE - _CELL)[:, ::-1]

    def in_region(self, corners: Indices) -> Indices:
        """Turn corners (row, column), [n, 2], in the matching picture into those of patches of the region."""
        middles = (corners[:, ::-1] + _CELL) @ self._to_photo[:, :2].T + self._to_photo[:, 2]
        return np.round(middles - self.size / 2).astype(np.int64)[:, ::-1]


class _Sources(NamedTuple):
    """What each patch of the grid is filled from."""

    corners: Indices  # (row, column) in the region, [tops, lefts, 2]
    kinship: Floats  # of the parts there to the patch's own, [tops, lefts]: Bhattacharyya's coefficient, 1 for the same


def _match(view: NetworkView, grid: _Grid) -> _Sources:
    """Choose for each patch of the grid the source it is filled from."""
    patches = _Patches(view)
    shape = len(grid.tops), len(grid.lefts)
    chosen = _Sources(np.full((*shape, 2), _NOWHERE), np.zeros(shape, np.float32))
    sources = patches.known_corners()
    if not len(sources):
        return chosen
    features, tokens, in_region = patches.features(sources), patches.tokens(sources), grid.in_region(sources)
    # The squared distance but for the target's own square, which is the same for all its sources: one product.
    by_source = np.hstack([-2 * features, (features**2).sum(axis=1, keepdims=True)]).T
    attention = _SCORE_WEIGHT * np.log(view.scores.mean(axis=0) + np.float32(1e-3))
    touched = grid.touched()
    chances = _chances(len(touched), len(sources))
    for start in range(0, len(touched), _TARGETS_AT_ONCE):
        part = touched[start : start + _TARGETS_AT_ONCE]
        targets = grid.in_matching_picture(part)
        cost = np.hstack([patches.features(targets), np.ones((len(part), 1), np.float32)]) @ by_source
        cost -= attention[patches.tokens(targets)].take(tokens, axis=1)
        cost -= chances[start : start + _TARGETS_AT_ONCE]
        best = cost.argmin(axis=1)
        at = part[:, 0], part[:, 1]
        chosen.corners[at] = in_region[best]
        chosen.kinship[at] = np.sqrt(patches.parts(targets) * patches.parts(sources[best])).sum(axis=1)
    return chosen


def _chances(num_targets: int, num_sources: int) -> Floats:
    """Draw what makes the least of `cost - chances` a draw with likelihood exp(-cost / _CHOICE): Gumbel's numbers, [n, m].

    One long row serves all targets, each from another place on.
    """
    numbers = np.random.default_rng(0).random((num_targets - 1) * _STRIDE + num_sources, np.float32)
    with np.errstate(divide="ignore"):  # of a 0, which then has no chance
        return sliding_window_view(np.float32(-_CHOICE) * np.log(-np.log(numbers)), num_sources)[::_STRIDE]


class _Patches:
    """All patches of the matching picture, by their corners (row, column), [n, 2], which may lie a cell outside it."""

    def __init__(self, view: NetworkView) -> None:
        picture = _resized(np.ascontiguousarray(view.completed.transpose(1, 2, 0)), _SIZE)
        padded = np.pad(picture, ((_CELL, _CELL), (_CELL, _CELL), (0, 0)), "edge")
        self._colors: Floats = sliding_window_view(padded, (_PATCH, _PATCH), (0, 1))
        self._unknown = _resized(view.unknown[0], _SIZE) > 0
        self._layout = view.layout
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
        weights = colors.shape[1] ** -0.5, _LAYOUT_WEIGHT**0.5
        return np.hstack([weights[0] * colors, weights[1] * self.parts(corners)])

    def parts(self, corners: Indices) -> Floats:
        """Return the class probabilities in the patches' middles, [n, K]."""
        rows, columns = self._middles(corners, self._layout.shape[1])
        return self._layout[:, rows, columns].T

    def tokens(self, corners: Indices) -> Indices:
        """Return which place of the scores' grid the patches' middles lie in, [n]."""
        rows, columns = self._middles(corners, self._num_tokens)
        return rows * self._num_tokens + columns

    def _middles(self, corners: Indices, size: int) -> Indices:
        return (np.clip(corners + _CELL, 0, _SIZE - 1) * size // _SIZE).T


def _resized(image: Floats, size: int) -> Floats:
    mode = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size, size), interpolation=mode), np.float32)


def _carried(
    photo: Pixels, hole: Hole, soft: Pixels, grid: _Grid, sources: _Sources, *, places: tuple[Indices, Indices]
) -> Floats:
    """Blend the sources' residuals at places (rows, columns) [n], less where target and source are unlike: [n, 3].

    Unlike in colour, place by place, or in part: where only a lawn is known, its blades are not to grow on a face.
    """
    height, width = hole.shape
    bump = np.hanning(grid.size + 2)[1:].astype(np.float32)  # 0 at `size`: beyond the patch
    mean = np.full((3, 1), 1 / 3 / _LIKENESS, np.float32)  # of the colours: numpy's own is slow where so few are averaged
    tops, lefts = sources.corners.reshape(-1, 2).T
    kinship = sources.kinship.ravel()
    # Pixels are taken by their number, which takes a third of the time that rows and columns do.
    photo, hole, soft = photo.reshape(-1, 3), hole.ravel(), soft.reshape(-1, 3)
    here = np.take(soft, places[0] * width + places[1], axis=0).astype(np.float32)
    sums, weights = np.zeros((len(here), 3), np.float32), np.zeros((len(here), 1), np.float32)
    columns_over = list(_patches_over(grid.lefts, grid.size, places[1]))
    for rows, y in _patches_over(grid.tops, grid.size, places[0]):
        for columns, x in columns_over:
            patches = rows * len(grid.lefts) + columns
            v, u = tops.take(patches) + y, lefts.take(patches) + x
            weight = (bump.take(y) * bump.take(x) * ((v >= 0) & (v < height) & (u >= 0) & (u < width)))[:, None]
            at = np.clip(v, 0, height - 1) * width + np.clip(u, 0, width - 1)
            there = np.take(soft, at, axis=0).astype(np.float32)
            unlike = np.abs(there - here) @ mean
            likeness = kinship.take(patches)[:, None] * np.exp(-(unlike**2))
            sums += weight * likeness * ~hole[at][:, None] * (np.take(photo, at, axis=0) - there)
            weights += weight
    return (sums / np.maximum(weights, 1e-6)).astype(np.float32)


def _patches_over(starts: Indices, size: int, along: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Find which patches of a side lie over each place: among every second one, then among the others.

    Yields numbers among `starts` [n], and how far into its patch each place lies, `size` where it is in none.
    """
    first = int(along.min())
    side = np.arange(first, int(along.max()) + 1)  # each row or column once, however many places are in it
    for turn in (0, 1):
        numbers = np.maximum(np.searchsorted(starts[turn::2], side, "right") * 2 - 2, 0) + turn
        inside = side - starts[numbers]
        yield numbers.take(along - first), np.where((inside >= 0) & (inside < size), inside, size).take(along - first)


def _join(carried: Floats, photo: Pixels, hole: Hole, soft: Pixels, part: Region, *, ratio: float) -> None:
    """Join carried residuals, [h, w, 3], to those that are known across the hole's edge, in a part of the region.

    Known residuals spread into the hole, near ones before far ones: pull-push (Gortler et al. 1996, section 3.4) of three levels.
    Beyond the widest they are 0; within a pixel of the network they say more than what was carried.
    """
    radii = [round(_REACH * ratio), round(ratio), 1]
    reach = radii[0]
    rows, columns = (slice(max(0, side.start - reach), side.stop + reach) for side in part)
    known_columns = np.flatnonzero(~hole[rows, columns].all(axis=0)) + columns.start
    if not len(known_columns):
        return
    # Deep in a hole nothing is known to be joined: between these columns it is.
    left = max(part[1].start, int(known_columns[0]) - reach)
    right = min(part[1].stop, int(known_columns[-1]) + 1 + reach)
    seen = rows, slice(max(0, left - reach), right + reach)
    inner = (
        slice(part[0].start - seen[0].start, part[0].stop - seen[0].start),
        slice(left - seen[1].start, right - seen[1].start),
    )
    known = np.logical_not(hole[seen]).astype(np.float32)
    off = (photo[seen].astype(np.float32) - soft[seen]) * known[..., None]
    near_edge = carried[:, left - part[1].start : right - part[1].start]
    joined = np.zeros_like(near_edge)
    for i, radius in enumerate(radii):
        box = (2 * radius + 1, 2 * radius + 1)
        share = np.asarray(cv2.blur(known, box), np.float32)[inner][..., None]
        near = np.asarray(cv2.blur(off, box), np.float32)[inner] / np.maximum(share, 1e-6)
        joined += np.minimum(share / _SURE_SHARE, 1) * (near - joined)
        if i == 0:
            joined += near_edge
    near_edge[:] = joined
