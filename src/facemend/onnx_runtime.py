"""The network in ONNX Runtime, which needs no torch. `export` makes the files."""

import json
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facemend.errors import ConfigError, WeightsError
from facemend.model_folders import GRAPH_FILE, GRAPH_INT8_FILE, WEIGHTS_FILE, read_tensor_table
from facemend.whole_files import sha256_of

FORMAT = 2
METADATA_KEY = "facemend"
NAMES_IN = ("image", "mask", "latent", "layout")
NAMES_OUT = ("completed", "probabilities", "scores")

_IN_FOLDERS = (GRAPH_FILE, GRAPH_INT8_FILE)  # they point into the weights beside them

Array = NDArray[np.float32]


def import_runtime(module: str = "onnxruntime") -> Any:
    """Import ONNX Runtime, which takes time, or a module of it: as `Any`, for it has no types.

    Its builds of 2026 tell Microsoft how they are used, and number the machine in the user's cache folder. Not in this program,
    which works offline, unless the user has set the variable to something else.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return import_module(module)


class OnnxOutput(NamedTuple):
    """What `OnnxNet` returns."""

    completed: Array  # [N, 3, S, S] in [-1, 1]: the photo, repainted under the mask and nowhere else
    probabilities: Array  # [N, K, C, C], of the layout at the core's size
    scores: Array  # [N, heads, T, T], stage 2's attention over a grid of 8 core pixels a cell


class OnnxNet:
    """A network from a `.onnx` file that `facemend export` wrote, or from a model's folder.

    Args:
        path: The file, or the folder with `graph.onnx` and `model.safetensors`.
        num_threads: Of one run; None for one per core.
        providers: ONNX Runtime's execution providers, best first; it has others than the CPU's in other builds.

    Raises:
        ConfigError: ONNX Runtime has no such provider.
        WeightsError: The file is missing, damaged, of another version, or not one of ours.
    """

    def __init__(
        self, path: str | Path, *, num_threads: int | None = None, providers: Sequence[str] = ("CPUExecutionProvider",)
    ) -> None:
        path = Path(path)
        if path.is_dir():
            path = path / GRAPH_FILE
        if not path.is_file():
            raise WeightsError(f"{path}: no such file: write it with `facemend export`")
        self._session = _open_session(path, num_threads, providers)
        description = self._describe(path)
        self.core_size: int = description["core_size"]
        self.num_classes: int = description["num_classes"]
        self.latent_size: int = description["latent_size"]
        weights = path.with_name(WEIGHTS_FILE)
        if path.name in _IN_FOLDERS and sha256_of(weights) != description["weights_sha256"]:
            raise WeightsError(f"{path}: was made for other weights than {weights.name}: write it again with `facemend export`")

    def __call__(self, image: Array, mask: Array, latent: Array, layout: Array | None = None) -> OnnxOutput:
        """Repaint square photos.

        Args:
            image: [N, 3, S, S] in [-1, 1], S a multiple of 16 from 64.
            mask: [N, 1, S, S] in {0, 1}, 1 = repaint.
            latent: [N, Z]; zeros for the single most likely completion.
            layout: [N, K, C, C] probabilities at the core's size; where all are 0, and without it, the network decides.

        """
        if layout is None:
            layout = np.zeros((image.shape[0], self.num_classes, self.core_size, self.core_size), np.float32)
        return OnnxOutput(*self._session.run(NAMES_OUT, dict(zip(NAMES_IN, (image, mask, latent, layout), strict=True))))

    def _describe(self, path: Path) -> dict[str, Any]:
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        names = [node.name for node in self._session.get_inputs()]
        if text is None or names != list(NAMES_IN):
            raise WeightsError(f"{path}: is an ONNX file, but not one that `facemend export` wrote")
        description: dict[str, Any] = json.loads(text)
        if description.get("format") != FORMAT:
            there = description.get("format")
            raise WeightsError(
                f"{path}: is of format {there}, this version knows {FORMAT}: write it again with `facemend export`"
            )
        return description


def _open_session(path: Path, num_threads: int | None, providers: Sequence[str]) -> Any:
    runtime = import_runtime()
    there: list[str] = runtime.get_available_providers()
    for provider in providers:
        if provider not in there:
            raise ConfigError(f"ONNX Runtime has no {provider} here: take one of {', '.join(there)}")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = num_threads or 0  # 0: as many as there are cores
    options.log_severity_level = 4  # errors are raised, too
    # Threads that wait busily for longer take a quarter of a busy server's processors; those that never do lose up to 9 %.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "50")
    # Planning for a graph's life how its values share memory takes longer than all else; the arena lets them share it anyway.
    options.enable_mem_reuse = False
    options.enable_mem_pattern = False  # one block for all of a run, besides what the first run took
    try:
        return runtime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's errors share no public base
        if path.name in _IN_FOLDERS:
            read_tensor_table(path.with_name(WEIGHTS_FILE))  # which may be what is damaged
        reason = " ".join(str(error).split())
        raise WeightsError(f"{path}: ONNX Runtime cannot load it, it is damaged or no ONNX file: {reason[:200]}") from None
