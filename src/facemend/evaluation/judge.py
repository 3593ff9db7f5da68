"""Measures one restored face: every figure of every case, and what sets of faces are compared by later."""

import base64
import math
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facemend import metrics
from facemend.evaluation.faces import Face
from facemend.evaluation.holes import Case
from facemend.evaluation.methods import Restored
from facemend.face_classes import NUM_CLASSES
from facemend.imaging import Layout, Pixels
from facemend.models.features import Lpips, LpipsName
from facemend.models.identity import IdentityNet
from facemend.models.parser import ParserNet

Part = Literal["lpips", "lpips-vgg", "identity", "layout"]
PARTS: tuple[Part, ...] = ("lpips", "lpips-vgg", "identity", "layout")  # what needs a net, and may be left out

Figures = dict[str, Any]  # of one case: numbers by metric, `parts` and `features`; fit for JSON

MAX_PSNR = 100.0  # of identical pictures; one level off in one value of a 256x256 picture is 101 dB

_LPIPS: dict[Part, tuple[str, LpipsName]] = {"lpips": ("lpips", "alexnet"), "lpips-vgg": ("lpips_vgg", "vgg16")}


@dataclass(frozen=True)
class View:
    """What the nets see in pictures [N]: LPIPS features and raw pooled ones by metric, descriptors, class ids."""

    lpips: dict[str, list[Tensor]]
    pooled: dict[str, NDArray[np.float16]]
    identity: Tensor | None
    layouts: NDArray[np.uint8] | None


class Judge:
    """All metrics, with their networks.

    Args:
        device: where the networks run.
        without: parts to leave out.

    Raises:
        WeightsError: A network's weights are damaged, or neither in the cache nor to be had.
    """

    def __init__(self, device: torch.device, without: frozenset[Part] = frozenset()) -> None:
        self._device = device
        self._lpips = {key: Lpips(net).to(device) for part, (key, net) in _LPIPS.items() if part not in without}
        self._identity = None if "identity" in without else IdentityNet.load().to(device)
        self._parser = None if "layout" in without else ParserNet.load().to(device)

    def look(self, truth: Pixels) -> View:
        """See a true face, once for all methods."""
        return self._see([truth])

    def keep(self, truth: View) -> dict[str, str]:
        """Pack the features by which sets of faces are compared, by net."""
        return _packed(truth, 0)

    def measure(self, face: Face, truth: View, results: list[tuple[Case, Restored]]) -> dict[str, Figures]:
        """Measure a method's results on some cases of one face, `truth` being what `look` saw; returns figures by case."""
        if not results:
            return {}
        view = self._see([result.picture for _, result in results])
        measured: dict[str, Figures] = {}
        for i, (case, result) in enumerate(results):
            figures: Figures = {"area": case.area, "mask": case.mask}
            figures |= measure_pixels(result.picture, face.truth, case.hole)
            figures |= self._measure_lpips(view, truth, case, i)
            if view.identity is not None and truth.identity is not None:
                figures["identity"] = 1 - (view.identity[i] - truth.identity[0]).square().sum().sqrt().item()
            if view.layouts is not None and truth.layouts is not None:
                figures["parts"] = count_parts(view.layouts[i], truth.layouts[0], case.hole)
            if result.layout is not None and face.labels is not None:
                figures["own_layout"] = own_layout_accuracy(result.layout, face.labels, case.hole)
            figures["features"] = _packed(view, i)
            measured[case.name] = {key: _finite(value) for key, value in figures.items()}
        return measured

    @torch.inference_mode()
    def _see(self, pictures: list[Pixels]) -> View:
        batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(self._device).float() / 127.5 - 1
        lpips: dict[str, list[Tensor]] = {}
        pooled: dict[str, NDArray[np.float16]] = {}
        for key, net in self._lpips.items():
            maps = net.net(batch)
            lpips[key] = net.unit_features(maps)
            pooled[key] = maps[-1].mean((2, 3)).cpu().numpy().astype(np.float16)
        identity = None if self._identity is None else self._identity(batch)
        layouts = None if self._parser is None else self._parser(batch).cpu().numpy()
        return View(lpips, pooled, identity, layouts)

    @torch.inference_mode()
    def _measure_lpips(self, view: View, truth: View, case: Case, i: int) -> Figures:
        figures: Figures = {}
        hole = torch.from_numpy(case.hole).to(self._device)
        for key, net in self._lpips.items():
            result = [x[i : i + 1] for x in view.lpips[key]]
            figures[key] = float(net.distance(result, truth.lpips[key]))
            distances = net.distance_map(result, truth.lpips[key], (case.hole.shape[0], case.hole.shape[1]))
            figures[f"hole_{key}"] = float(distances[0][hole].mean())
        return figures


def measure_pixels(result: Pixels, truth: Pixels, hole: NDArray[np.bool_]) -> Figures:
    """Measure what needs no net."""
    return {
        "psnr": min(MAX_PSNR, metrics.psnr(result, truth)),
        "ssim": metrics.ssim(result, truth),
        "l1": metrics.l1(result, truth),
        "hole_psnr": min(MAX_PSNR, metrics.psnr(result, truth, hole)),
        "hole_ssim": metrics.ssim(result, truth, hole),
        "hole_l1": metrics.l1(result, truth, hole),
        "detail": metrics.high_frequency_ratio(result, truth, hole),
        "seam": metrics.seam_ratio(result, truth, hole),
    }


def count_parts(result: Layout, truth: Layout, hole: NDArray[np.bool_]) -> list[list[int]]:
    """Count the hole's pixels of each class: where both layouts agree on it, in the result, and in the truth."""
    a, b = result[hole], truth[hole]
    return [np.bincount(x, minlength=NUM_CLASSES).tolist() for x in (a[a == b], a, b)]


def own_layout_accuracy(layout: Layout, labels: Layout, hole: NDArray[np.bool_]) -> float:
    """Return the share of the hole's pixels that a method's own layout names as the labels do, at the labels' size."""
    size = (labels.shape[1], labels.shape[0])
    label_hole = cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return metrics.layout_accuracy(
        np.asarray(cv2.resize(layout, size, interpolation=cv2.INTER_NEAREST), np.uint8), labels, label_hole
    )


def unpack(text: str) -> NDArray[np.float64]:
    """Read features that `Judge` packed."""
    return np.frombuffer(base64.b64decode(text), np.float16).astype(np.float64)


def _packed(view: View, i: int) -> dict[str, str]:
    return {key: base64.b64encode(values[i].tobytes()).decode() for key, values in view.pooled.items()}


def _finite(value: Any) -> Any:
    """Turn what was not measurable, such as the seam of a hole without an edge, into null; cut noise off numbers."""
    if not isinstance(value, float):
        return value
    return round(value, 7) if math.isfinite(value) else None
