"""What runs the network on one view: PyTorch, or ONNX Runtime. Which one it is, nobody above has to know."""

import platform
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from facemend.backends.batching import BatchingBackend
from facemend.backends.contract import Backend, MaskedView, Painted
from facemend.backends.on_onnx import OnnxBackend
from facemend.errors import ConfigError, how_to_install
from facemend.model_folders import GRAPH_FILE, GRAPH_INT8_FILE, resolve

BackendName = Literal["auto", "torch", "onnx", "onnx-int8"]

__all__ = ["Backend", "BackendName", "BatchingBackend", "MaskedView", "OnnxBackend", "Painted", "open_backend"]

_GRAPHS = {"onnx": (GRAPH_FILE, ""), "onnx-int8": (GRAPH_INT8_FILE, " --calibrate FACES")}
_GPU_DRIVERS = (  # what is there where PyTorch may find a GPU; asking PyTorch itself takes a second
    "/dev/nvidiactl",
    "/dev/kfd",  # AMD
    "/dev/dxg",  # Linux under Windows
    "C:/Windows/System32/nvcuda.dll",
)


def open_backend(
    name_or_dir: str | Path = "default", device: str = "auto", backend: BackendName = "auto", *, num_threads: int | None = None
) -> Backend:
    """Load a model for use.

    Args:
        name_or_dir: the name of a bundled model, a folder, or a hub id `owner/name`.
        device: `auto` (the first there is of cuda, mps, cpu), or any device PyTorch knows, such as `cuda:1`; ONNX Runtime runs on
            the CPU.
        backend: `torch`, `onnx`, `onnx-int8` (faster, rounded to 8 bits within), or `auto`: PyTorch for a GPU and for a model
            without `graph.onnx`; else ONNX Runtime, which starts sooner and is faster on the CPU.
        num_threads: Of one run on the CPU (for PyTorch, of the whole process); None for one per core.

    Raises:
        ConfigError: There is no such device or backend here.
        WeightsError: The model is missing, damaged, or another network's.
    """
    has_torch = find_spec("torch") is not None
    folder = resolve(name_or_dir)
    if backend == "auto":
        on_cpu = device == "cpu" or (device == "auto" and not _may_have_gpu())
        backend = "onnx" if not has_torch or (on_cpu and (folder / GRAPH_FILE).is_file()) else "torch"
    if backend == "torch":
        if not has_torch:
            raise ConfigError(f"PyTorch is not installed: take backend onnx, or {how_to_install('torch')}")
        # Imported by name, because torch takes seconds and may be absent.
        return import_module("facemend.backends.on_torch").TorchBackend.open(folder, device, num_threads)
    if backend not in _GRAPHS:
        raise ConfigError(f"backend {backend!r} is unknown: take auto, torch, onnx or onnx-int8")
    if device not in ("auto", "cpu"):
        raise ConfigError(f"the onnx backend runs on the cpu, not on {device!r}: take backend torch")
    name, option = _GRAPHS[backend]
    path = folder / name
    if not path.is_file():
        make_it = f"facemend export --model {name_or_dir} --format onnx-graph{option}"
        raise ConfigError(f"{folder} has no {name} for ONNX Runtime: write it with `{make_it}`")
    return OnnxBackend(path, num_threads)


def _may_have_gpu() -> bool:
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return any(Path(driver).exists() for driver in _GPU_DRIVERS)
