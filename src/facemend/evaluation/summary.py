"""From the figures of single cases to those of bins, sets and groups, with bootstrap intervals: pure functions on numbers.

Resamples are drawn of faces, not of cases: the cases of one face are no independent witnesses.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facemend.distances import frechet_distance, resampled_kernel_distances
from facemend.evaluation.faces import Groups
from facemend.evaluation.figures import BY_KEY, FEATURE_NETS, METRICS, Metric
from facemend.evaluation.judge import unpack
from facemend.evaluation.protocols import TENTHS, Protocol, span_name
from facemend.evaluation.records import Cases
from facemend.face_classes import CLASS_NAMES, NUM_CLASSES

NUM_RESAMPLES = 1000
MIN_GROUP = 5  # faces from which a group gets a row of its own

_GAP_METRICS = ("lpips", "psnr", "identity", "layout")
_CURVE_METRICS = tuple(metric.key for metric in METRICS if metric.key != "own_layout")
_CURVE_BINS = (*TENTHS, 0.7, 0.8, 0.9, 1.0)

Numbers = NDArray[np.float64]
Selection = NDArray[np.bool_]  # of cases


@dataclass(frozen=True)
class MeasuredFace:
    """All that was measured of one face."""

    index: int
    name: str
    groups: Groups
    features: dict[str, str]  # of the truth, by net, packed
    cases: dict[str, Cases]  # by method


@dataclass(frozen=True)
class Estimate:
    """A figure of many cases: its value, and its value in each resample of the faces."""

    value: float
    draws: Numbers

    def to_json(self) -> dict[str, float]:
        """Give value and 95 % interval, the 2.5th to the 97.5th percentile of the resamples."""
        draws = self.draws[np.isfinite(self.draws)]
        low, high = np.percentile(draws, [2.5, 97.5]) if len(draws) else (self.value, self.value)
        return {"value": round(self.value, 7), "low": round(float(low), 7), "high": round(float(high), 7)}


@dataclass(frozen=True)
class _Sample:
    """The cases of one method, in columns."""

    method: str
    face: NDArray[np.int64]  # [n], position in the list of faces
    case: list[str]  # [n]
    area: Numbers  # [n]
    values: dict[str, Numbers]  # [n] by metric, nan where not measurable
    parts: Numbers | None  # [n, 3, classes]
    features: dict[str, list[str]]  # [n] by net, packed


def summarize(faces: Sequence[MeasuredFace], methods: Sequence[str], protocol: Protocol) -> dict[str, Any]:
    """Bring what was measured into the tables of the report, ready for JSON. The first method is compared with the others."""
    counts = _resample(len(faces), protocol.seed)
    samples = [_collect(faces, method) for method in methods]
    samples = [sample for sample in samples if len(sample.face)]
    spans = _spans(protocol)
    kinds = sorted({kind for face in faces for kind in face.groups})
    members = {kind: _members(faces, kind) for kind in kinds}

    def table(parts: Iterable[tuple[str, _Sample, Selection]]) -> list[dict[str, Any]]:
        return [_row(group, sample, chosen, counts) for group, sample, chosen in parts if chosen.any()]

    return {
        "tables": {
            "hole area, %": table(
                (span, sample, _within(sample, span, edges)) for span, edges in spans.items() for sample in samples
            ),
            **{
                kind: table(
                    (group, sample, np.isin(sample.face, positions)) for group, positions in groups.items() for sample in samples
                )
                for kind, groups in members.items()
            },
        },
        "gaps": [
            gap
            for kind, groups in members.items()
            if len(groups) > 1
            for sample in samples
            for gap in _gaps(kind, groups, sample, counts)
        ],
        "differences": [
            _difference(span, samples[0], other, edges, counts) for span, edges in spans.items() for other in samples[1:]
        ],
        "parts": [row for sample in samples if (row := _part_row(sample)) is not None],
        "distances": [
            row for span, edges in spans.items() for sample in samples for row in _distances(span, sample, edges, faces, counts)
        ],
        "curves": {
            key: [_curve(sample, BY_KEY[key], counts) for sample in samples]
            for key in _CURVE_METRICS
            if any(key in sample.values or (key == "layout" and sample.parts is not None) for sample in samples)
        },
    }


# --- columns ------------------------------------------------------------------------------------------------------------


def _resample(num_faces: int, seed: int) -> Numbers:
    """Draw how often each face is in each resample, [R, F]; the first row is the sample itself."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(num_faces, np.full(num_faces, 1 / num_faces), size=NUM_RESAMPLES)
    return np.concatenate([np.ones((1, num_faces)), drawn]).astype(np.float64)


def _collect(faces: Sequence[MeasuredFace], method: str) -> _Sample:
    rows = [
        (position, name, figures) for position, face in enumerate(faces) for name, figures in face.cases.get(method, {}).items()
    ]
    values = {
        metric.key: np.array([np.nan if (value := figures.get(metric.key)) is None else value for _, _, figures in rows])
        for metric in METRICS
    }
    has_parts = bool(rows) and "parts" in rows[0][2]
    return _Sample(
        method,
        np.array([position for position, _, _ in rows], np.int64),
        [name for _, name, _ in rows],
        np.array([figures["area"] for _, _, figures in rows]),
        {key: column for key, column in values.items() if np.isfinite(column).any()},
        np.array([figures["parts"] for _, _, figures in rows], np.float64) if has_parts else None,
        {net: [figures["features"][net] for _, _, figures in rows] for net in (rows[0][2]["features"] if rows else ())},
    )


def _spans(protocol: Protocol) -> dict[str, tuple[float, float]]:
    """Name the rows of the table by hole area: each bin, the wider ones, and all."""
    named = {span_name(*edges): edges for bins in (protocol.bins, protocol.coarse_bins) for edges in pairwise(bins)}
    whole = (0.0, 1.0)
    return named if list(named.values()) == [whole] else named | {"all": whole}


def _within(sample: _Sample, span: str, edges: tuple[float, float]) -> Selection:
    """Find the cases that were drawn for a bin; where no case bears its name, those whose hole is as large."""
    drawn_for = np.array(sample.case) == span
    return drawn_for if drawn_for.any() else (sample.area > edges[0]) & (sample.area <= edges[1])


def _members(faces: Sequence[MeasuredFace], kind: str) -> dict[str, list[int]]:
    """List the positions of the faces of each group that is large enough."""
    groups: dict[str, list[int]] = {}
    for position, face in enumerate(faces):
        if kind in face.groups:
            groups.setdefault(face.groups[kind], []).append(position)
    return {name: groups[name] for name in sorted(groups) if len(groups[name]) >= MIN_GROUP}


# --- estimates ----------------------------------------------------------------------------------------------------------


def _estimate(sample: _Sample, metric: Metric, chosen: Selection, counts: Numbers) -> Estimate | None:
    if metric.middle == "pooled":
        return None if sample.parts is None else _pooled_iou(sample.face[chosen], sample.parts[chosen], counts)
    if metric.key not in sample.values:
        return None
    values = sample.values[metric.key]
    chosen = chosen & np.isfinite(values)
    middle = mean_of_resamples if metric.middle == "mean" else median_of_resamples
    return middle(values[chosen], sample.face[chosen], counts)


def mean_of_resamples(values: Numbers, faces: NDArray[np.int64], counts: Numbers) -> Estimate | None:
    """Estimate the mean of values [n] of the faces [n]; `counts` [R, F] holds the sample itself first. None without values."""
    if not len(values):
        return None
    sums = np.bincount(faces, values, minlength=counts.shape[1])
    sizes = np.bincount(faces, minlength=counts.shape[1])
    with np.errstate(invalid="ignore"):
        draws = (counts @ sums) / (counts @ sizes)
    return Estimate(float(draws[0]), draws[1:])


def median_of_resamples(values: Numbers, faces: NDArray[np.int64], counts: Numbers) -> Estimate | None:
    """Estimate the median, as `mean_of_resamples` the mean; of an even number the middle two's mean, in the sample itself."""
    if not len(values):
        return None
    order = np.argsort(values, kind="stable")
    draws: list[Numbers] = []
    for some in np.array_split(counts[1:], 20):  # all at once would fill the memory
        below = np.cumsum(some[:, faces[order]], axis=1)
        middle = (below < below[:, -1:] / 2).sum(1)
        draws.append(np.where(below[:, -1] > 0, values[order][np.minimum(middle, len(values) - 1)], np.nan))
    return Estimate(float(np.median(values)), np.concatenate(draws))


def _pooled_iou(faces: NDArray[np.int64], parts: Numbers, counts: Numbers) -> Estimate | None:
    """Estimate the mean over the classes that occur of intersection over union, each summed over all cases."""
    if not len(parts):
        return None
    intersections, unions = np.zeros((counts.shape[1], NUM_CLASSES)), np.zeros((counts.shape[1], NUM_CLASSES))
    np.add.at(intersections, faces, parts[:, 0])
    np.add.at(unions, faces, parts[:, 1] + parts[:, 2] - parts[:, 0])
    occurs = unions.sum(0) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = (counts @ intersections)[:, occurs] / (counts @ unions)[:, occurs]
        draws = np.nansum(ratios, axis=1) / np.isfinite(ratios).sum(axis=1)  # of none nan, without nanmean's warning
    return Estimate(float(draws[0]), draws[1:])


# --- tables -------------------------------------------------------------------------------------------------------------


def _row(group: str, sample: _Sample, chosen: Selection, counts: Numbers) -> dict[str, Any]:
    estimates = {metric.key: _estimate(sample, metric, chosen, counts) for metric in METRICS}
    return {
        "group": group,
        "method": sample.method,
        "faces": len(np.unique(sample.face[chosen])),
        "cases": int(chosen.sum()),
        "figures": {key: estimate.to_json() for key, estimate in estimates.items() if estimate is not None},
    }


def _gaps(kind: str, groups: dict[str, list[int]], sample: _Sample, counts: Numbers) -> Iterable[dict[str, Any]]:
    """Compare the best served group of a kind with the worst, metric by metric."""
    for key in _GAP_METRICS:
        metric = BY_KEY[key]
        estimates = {
            group: estimate
            for group, positions in groups.items()
            if (estimate := _estimate(sample, metric, np.isin(sample.face, positions), counts)) is not None
        }
        if len(estimates) < 2:
            continue
        ranked = sorted(estimates, key=lambda group: estimates[group].value, reverse=metric.better == "high")
        best, worst = estimates[ranked[0]], estimates[ranked[-1]]
        gap = Estimate(worst.value - best.value, worst.draws - best.draws)
        yield {
            "kind": kind, "method": sample.method, "metric": key, "best": ranked[0], "worst": ranked[-1], "gap": gap.to_json(),
        }  # fmt: skip


def _difference(span: str, first: _Sample, other: _Sample, edges: tuple[float, float], counts: Numbers) -> dict[str, Any]:
    """Subtract another method's figures from the first's, case by case, where both have the case."""
    places = {(int(face), case): i for i, (face, case) in enumerate(zip(other.face, other.case, strict=True))}
    pairs = [
        (i, places[int(first.face[i]), first.case[i]])
        for i in np.flatnonzero(_within(first, span, edges))
        if (int(first.face[i]), first.case[i]) in places
    ]
    ours, theirs = np.array(pairs, np.int64).reshape(-1, 2).T
    figures: dict[str, Any] = {}
    for metric in METRICS:
        if metric.middle == "mean" and metric.key in first.values and metric.key in other.values:
            differences = first.values[metric.key][ours] - other.values[metric.key][theirs]
            finite = np.isfinite(differences)
            estimate = mean_of_resamples(differences[finite], first.face[ours][finite], counts)
            if estimate is not None:
                figures[metric.key] = estimate.to_json()
    return {"group": span, "method": first.method, "minus": other.method, "cases": len(pairs), "figures": figures}


def _part_row(sample: _Sample) -> dict[str, Any] | None:
    """Give the IoU of each part over all cases; None for one that occurs nowhere."""
    if sample.parts is None:
        return None
    intersection, result, truth = sample.parts.sum(0)
    union = result + truth - intersection
    return {
        "method": sample.method,
        "iou": {name: round(float(intersection[i] / union[i]), 7) if union[i] else None for i, name in enumerate(CLASS_NAMES)},
    }


def _distances(
    span: str, sample: _Sample, edges: tuple[float, float], faces: Sequence[MeasuredFace], counts: Numbers
) -> Iterable[dict[str, Any]]:
    """Compare the results of a bin with the truths of the same faces, as sets."""
    places = np.flatnonzero(_within(sample, span, edges))
    positions = sample.face[places]
    if not 2 <= len(positions) == len(np.unique(positions)):
        return  # wider rows hold several cases of a face
    for net, packed in sample.features.items():
        results = np.stack([unpack(packed[i]) for i in places])
        truths = np.stack([unpack(faces[int(position)].features[net]) for position in positions])
        with np.errstate(invalid="ignore", divide="ignore"):
            draws = resampled_kernel_distances(results, truths, counts[:, positions])
        yield {
            "group": span,
            "method": sample.method,
            "net": FEATURE_NETS[net],
            "pictures": len(positions),
            "frechet": round(frechet_distance(results, truths), 7),
            "kernel": Estimate(float(draws[0]), draws[1:]).to_json(),
        }


def _curve(sample: _Sample, metric: Metric, counts: Numbers) -> dict[str, Any]:
    """Follow a figure over hole area, tenth by tenth."""
    points: list[dict[str, Any]] = []
    for edges in pairwise(_CURVE_BINS):
        chosen = (sample.area > edges[0]) & (sample.area <= edges[1])
        if chosen.any() and (estimate := _estimate(sample, metric, chosen, counts)) is not None:
            points.append({"area": round(float(sample.area[chosen].mean()), 4), **estimate.to_json()})
    return {"method": sample.method, "points": points}
