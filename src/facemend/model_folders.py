"""Models as folders: in the package, on the disk, or on the hub. Needs no torch.

A folder holds `model.safetensors` (float16), `config.json`, and perhaps `graph.onnx` and a model card.
"""

import json
import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any, cast

from facemend.errors import WeightsError, how_to_install
from facemend.whole_files import sha256_of

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
GRAPH_FILE = "graph.onnx"  # points into the weights beside it
GRAPH_INT8_FILE = "graph-int8.onnx"  # the same, its convolutions in 8-bit integers
CARD_FILE = "README.md"
BUNDLED = Path(__file__).parent / "weights_data"

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class ModelInfo:
    """A model that came with the package."""

    name: str
    parameters: int  # numbers stored, the fixed noise among them
    bytes: int  # of the weights file
    sha256: str  # of the weights file
    path: Path


def list_models() -> list[ModelInfo]:
    """List the models that came with the package, by name."""
    return [_info(folder) for folder in _bundled().values()]


def resolve(name_or_dir: str | Path) -> Path:
    """Find the folder of a model: a bundled name, a folder, or a hub id `owner/name` (fetched, needs the extra `hub`).

    A `Path` is always a folder, and a `./` before its name makes a folder of what else is a bundled name.

    Returns:
        Its absolute path, of which none can be a bundled name.

    Raises:
        WeightsError: There is none, or the hub does not answer.
    """
    name = str(name_or_dir)
    bundled = _bundled()
    if isinstance(name_or_dir, str) and name in bundled:
        return bundled[name]
    if Path(name).is_dir():
        return Path(name).absolute()
    missing = f"no model or folder {name!r}: bundled are {', '.join(bundled) or 'none'}"
    if isinstance(name_or_dir, Path) or not _HUB_ID.fullmatch(name):
        raise WeightsError(f"{missing}; a folder needs {WEIGHTS_FILE} and {CONFIG_FILE}")
    if find_spec("huggingface_hub") is None:
        raise WeightsError(f"{missing}; to fetch a hub id: {how_to_install('hub')}")
    return _fetch(name)


def _bundled() -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(BUNDLED.glob(f"*/{WEIGHTS_FILE}"))}


def _fetch(hub_id: str) -> Path:
    hub = cast(Any, import_module("huggingface_hub"))
    wanted = [WEIGHTS_FILE, CONFIG_FILE, GRAPH_FILE, GRAPH_INT8_FILE]
    try:
        return Path(hub.snapshot_download(hub_id, allow_patterns=wanted))
    except Exception as error:  # the hub's errors share no base: no network, no such id, no permission
        reason = str(error).strip().splitlines()
        raise WeightsError(f"{hub_id}: cannot be fetched from the hub: {reason[0] if reason else type(error).__name__}") from None


@dataclass(frozen=True)
class TensorPlace:
    """Where a tensor lies in its file, in bytes."""

    shape: tuple[int, ...]
    offset: int
    length: int


def read_tensor_table(path: Path) -> dict[str, TensorPlace]:
    """Read the head of a safetensors file (https://github.com/huggingface/safetensors#format).

    Raises:
        WeightsError: The file is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, path.stat().st_size)))
        spans = {name: (entry["shape"], *entry["data_offsets"]) for name, entry in header.items() if name != "__metadata__"}
        size = 8 + length + max((end for _, _, end in spans.values()), default=0)
        if path.stat().st_size != size:
            raise ValueError(f"{path.stat().st_size} of {size} bytes")
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file; weights are a folder with {WEIGHTS_FILE} and {CONFIG_FILE}") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(f"{path}: damaged or truncated ({error}); copy or fetch it again") from None
    return {name: TensorPlace(tuple(shape), 8 + length + start, end - start) for name, (shape, start, end) in spans.items()}


def _info(folder: Path) -> ModelInfo:
    path = folder / WEIGHTS_FILE
    return ModelInfo(
        name=folder.name,
        parameters=sum(prod(entry.shape) for entry in read_tensor_table(path).values()),
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
        path=folder,
    )
