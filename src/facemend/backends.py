"""What runs the network on one view: PyTorch, or ONNX Runtime. Which one it is, nobody above has to know."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.errors import ConfigError
from facemend.imaging import Layout
from facemend.model_folders import GRAPH_FILE, resolve
from facemend.onnx_runtime import OnnxNet

BackendName = Literal["auto", "torch", "onnx"]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Painted:
    """What the network makes of one view."""

    completed: Floats  # [3, S, S] in [-1, 1]: the view, repainted under its mask and nowhere else
    layout: Floats  # [K, C, C], probabilities of the face's parts at the core's size
    scores: Floats  # [heads, T, T], attention of stage 2 over a square grid of T places

    def ids(self) -> Layout:
        """Class ids at the view's own size, uint8 [S, S]."""
        size = self.completed.shape[1:]
        enlarged: list[Floats] = [cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in self.layout]
        return np.argmax(enlarged, axis=0).astype(np.uint8)


class Backend(Protocol):
    """A network, ready to run."""

    @property
    def device(self) -> str:
        """Where it runs: `cpu`, `cuda:1`, ..."""
        ...

    @property
    def latent_size(self) -> int:
        """Numbers in a latent."""
        ...

    def __call__(self, image: Floats, mask: Floats, latent: Floats, layout: Layout | None) -> Painted:
        """Repaint a view.

        Args:
            image: [3, S, S] in [-1, 1], S a multiple of 16 from 64 on.
            mask: [1, S, S] in {0, 1}, 1 = repaint.
            latent: [Z]; zeros for the single most likely completion.
            layout: class ids [S, S] to paint by, or None.
        """
        ...


class OnnxBackend:
    """ONNX Runtime on the CPU, without torch."""

    device = "cpu"

    def __init__(self, folder: Path, num_threads: int | None = None) -> None:
        self._net = OnnxNet(folder, num_threads=num_threads)

    @property
    def latent_size(self) -> int:
        """Numbers in a latent."""
        return self._net.latent_size

    def __call__(self, image: Floats, mask: Floats, latent: Floats, layout: Layout | None) -> Painted:
        """Repaint a view; see `Backend`."""
        given = None if layout is None else _shares(layout, self._net.num_classes, self._net.core_size)[None]
        output = self._net(image[None], mask[None], latent[None], given)
        return Painted(output.completed[0], softmax(output.layout_logits[0]), output.scores[0])


def open_backend(
    name_or_dir: str | Path = "default", device: str = "auto", backend: BackendName = "auto", *, num_threads: int | None = None
) -> Backend:
    """Load a model for use.

    Args:
        name_or_dir: the name of a bundled model, a folder, or a hub id `owner/name`.
        device: `auto` (the first there is of cuda, mps, cpu), or any device PyTorch knows, such as `cuda:1`; ONNX Runtime runs on
            the CPU.
        backend: `torch`, `onnx`, or `auto`: PyTorch where it is installed.
        num_threads: Of one run on the CPU (for PyTorch, of the whole process); None for one per core.

    Raises:
        ConfigError: There is no such device or backend here.
        WeightsError: The model is missing, damaged, or another network's.
    """
    has_torch = find_spec("torch") is not None
    if backend == "auto":
        backend = "torch" if has_torch else "onnx"
    if backend == "torch":
        if not has_torch:
            raise ConfigError("PyTorch is not installed: pip install 'facemend[torch]', or take backend onnx")
        # Imported by name, because torch takes seconds and may be absent.
        return import_module("facemend.torch_backend").TorchBackend.open(name_or_dir, device, num_threads)
    if backend != "onnx":
        raise ConfigError(f"backend {backend!r} is unknown: take auto, torch or onnx")
    if device not in ("auto", "cpu"):
        raise ConfigError(f"the onnx backend runs on the cpu, not on {device!r}: take backend torch")
    folder = resolve(name_or_dir)
    if not (folder / GRAPH_FILE).is_file():
        make_it = f"facemend export --model {name_or_dir} --format onnx-graph"
        raise ConfigError(f"{folder} has no {GRAPH_FILE} for ONNX Runtime: write it with `{make_it}`")
    return OnnxBackend(folder, num_threads)


def softmax(logits: Floats) -> Floats:
    """Probabilities over the first axis."""
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)


def _shares(layout: Layout, num_classes: int, size: int) -> Floats:
    """Class ids [S, S] -> the share of each class under each of the core's pixels, [K, size, size]."""
    classes = np.arange(num_classes, dtype=np.uint8)[:, None, None]
    side = layout.shape[0]
    edges = np.arange(size + 1, dtype=np.float32) * side / size
    pixels = np.arange(side, dtype=np.float32)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = covered.clip(0) * size / side
    return (weights @ (layout == classes).astype(np.float32) @ weights.T).astype(np.float32)
