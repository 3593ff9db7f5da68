"""The network in ONNX Runtime, on the CPU, without torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facemend.backends.contract import MaskedView, Painted
from facemend.imaging import Floats, Layout
from facemend.onnx_runtime import OnnxNet


class OnnxBackend:
    """An `OnnxNet` as a `Backend`."""

    device = "cpu"

    def __init__(self, path: Path, num_threads: int | None = None) -> None:
        self._net = OnnxNet(path, num_threads=num_threads)

    @property
    def latent_size(self) -> int:
        """Numbers in a latent."""
        return self._net.latent_size

    def __call__(self, views: Sequence[MaskedView]) -> list[Painted]:
        """Repaint views; see `Backend`."""
        image, mask, latent = (np.stack(parts) for parts in zip(*((v.image, v.mask, v.latent) for v in views), strict=True))
        shares = [_shares(v.layout, self._net.num_classes, self._net.core_size) for v in views if v.layout is not None]
        output = self._net(image, mask, latent, np.stack(shares) if shares else None)
        return [
            Painted(completed, probabilities, scores)
            for completed, probabilities, scores in zip(output.completed, output.probabilities, output.scores, strict=True)
        ]


def _shares(layout: Layout, num_classes: int, size: int) -> Floats:
    """Class ids [S, S] -> the share of each class under each of the core's pixels, [K, size, size]."""
    classes = np.arange(num_classes, dtype=np.uint8)[:, None, None]
    side = layout.shape[0]
    edges = np.arange(size + 1, dtype=np.float32) * side / size
    pixels = np.arange(side, dtype=np.float32)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = covered.clip(0) * size / side
    return (weights @ (layout == classes).astype(np.float32) @ weights.T).astype(np.float32)
