"""Weights as a folder: `model.safetensors` (float16) and `config.json`, in the package, on the disk, or on the hub."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from facemend.config import ModelConfig
from facemend.errors import OutputError, WeightsError
from facemend.models.inpainter import InpaintNet

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
CARD_FILE = "README.md"
FORMAT = 1
BUNDLED = Path(__file__).parent / "weights_data"

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class ModelInfo:
    """A model that came with the package."""

    name: str
    parameters: int
    bytes: int
    sha256: str
    path: Path


def load_model(name_or_dir: str | Path = "default", device: str | torch.device = "cpu") -> InpaintNet:
    """Load a network in eval mode, float32.

    Args:
        name_or_dir: the name of a bundled model, a folder, or a hub id `owner/name`.
        device: where its tensors go.

    Raises:
        WeightsError: No such model, a file is missing or damaged, or a tensor is missing, unknown or of another shape.
        ConfigError: `config.json` holds an unknown key or a wrong value.
    """
    folder = resolve(name_or_dir)
    net = InpaintNet(_read_config(folder / CONFIG_FILE))
    state = _read_state(folder / WEIGHTS_FILE)
    _check_state(state, net.state_dict(), folder / WEIGHTS_FILE)
    net.load_state_dict(state)
    return net.to(device).eval()


def save_model(net: InpaintNet, directory: str | Path, *, card: str | None = None) -> None:
    """Write a network's weights as float16, with its config and, where given, its model card (Markdown).

    Files that are there are replaced, each of them whole or not at all.

    Raises:
        WeightsError: A tensor holds values that float16 cannot.
        OutputError: The folder cannot be written.
    """
    directory = Path(directory)
    files = {WEIGHTS_FILE: save(_stored_state(net)), CONFIG_FILE: _config_text(net.config).encode()}
    if card is not None:
        files[CARD_FILE] = card.encode()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _write_whole(directory / name, content)
    except OSError as error:
        raise OutputError(f"{directory}: weights cannot be written: {error}") from None


def list_models() -> list[ModelInfo]:
    """List the models that came with the package, by name."""
    return [_info(folder) for folder in _bundled().values()]


def resolve(name_or_dir: str | Path) -> Path:
    """Find the folder of a model: a bundled name, a folder, or a hub id `owner/name` (fetched, needs the extra `hub`).

    Raises:
        WeightsError: There is none, or the hub does not answer.
    """
    name = str(name_or_dir)
    bundled = _bundled()
    if name in bundled:
        return bundled[name]
    if Path(name).is_dir():
        return Path(name)
    missing = f"no model or folder {name!r}: bundled are {', '.join(bundled) or 'none'}"
    if not _HUB_ID.fullmatch(name):
        raise WeightsError(f"{missing}; a folder needs {WEIGHTS_FILE} and {CONFIG_FILE}")
    if find_spec("huggingface_hub") is None:
        raise WeightsError(f"{missing}; to fetch a hub id, pip install 'facemend[hub]'")
    return _fetch(name)


def _bundled() -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(BUNDLED.glob(f"*/{WEIGHTS_FILE}"))}


def _fetch(hub_id: str) -> Path:
    hub = cast(Any, import_module("huggingface_hub"))
    try:
        return Path(hub.snapshot_download(hub_id, allow_patterns=[WEIGHTS_FILE, CONFIG_FILE]))
    except Exception as error:  # the hub's errors share no base: no network, no such id, no permission
        reason = str(error).strip().splitlines()
        raise WeightsError(f"{hub_id}: cannot be fetched from the hub: {reason[0] if reason else type(error).__name__}") from None


def _info(folder: Path) -> ModelInfo:
    path = folder / WEIGHTS_FILE
    return ModelInfo(
        name=folder.name,
        parameters=sum(tensor.numel() for tensor in _read_state(path).values()),
        bytes=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        path=folder,
    )


def _read_config(path: Path) -> ModelConfig:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file; weights are a folder with {WEIGHTS_FILE} and {CONFIG_FILE}") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(values, dict) or cast(dict[str, Any], values).get("format") != FORMAT:
        raise WeightsError(f'{path}: is of no format this version knows: expected "format": {FORMAT}')
    return ModelConfig.parse(cast(dict[str, Any], values).get("model"), str(path))


def _read_state(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file; weights are a folder with {WEIGHTS_FILE} and {CONFIG_FILE}") from None
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: damaged or truncated ({error}); copy or fetch it again") from None


def _check_state(state: dict[str, Tensor], expected: dict[str, Tensor], path: Path) -> None:
    """Name the first tensor that is missing, of another shape, or too many."""
    for name, tensor in expected.items():
        if name not in state:
            raise WeightsError(f"{path}: tensor {name} is missing; these weights belong to another network or version")
        if state[name].shape != tensor.shape:
            raise WeightsError(
                f"{path}: tensor {name} is {list(state[name].shape)}, expected {list(tensor.shape)}; see {CONFIG_FILE}"
            )
    for name in state:
        if name not in expected:
            raise WeightsError(f"{path}: tensor {name} is unknown; these weights belong to another network or version")


def _stored_state(net: InpaintNet) -> dict[str, Tensor]:
    stored: dict[str, Tensor] = {}
    for name, tensor in net.state_dict().items():
        small = tensor.detach().cpu()
        if small.is_floating_point():
            small = small.half()
            if not small.isfinite().all():
                raise WeightsError(f"tensor {name} holds values that are not finite in float16: the network cannot be saved")
        stored[name] = small.contiguous()
    return stored


def _config_text(config: ModelConfig) -> str:
    return json.dumps({"format": FORMAT, "model": config.model_dump(mode="json")}, indent=2) + "\n"


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
