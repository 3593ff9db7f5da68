"""Networks from and into the folders that `model_folders` knows."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from facemend.errors import ConfigError, OutputError, WeightsError
from facemend.model_config import config_text, read_config
from facemend.model_folders import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, resolve
from facemend.models.inpainter import InpaintNet
from facemend.whole_files import write_whole


def load_model(name_or_dir: str | Path = "default", device: str | torch.device = "cpu") -> InpaintNet:
    """Load a network in eval mode, float32.

    Args:
        name_or_dir: the name of a bundled model, a folder, or a hub id `owner/name`.
        device: where its tensors go.

    Returns:
        The network, to be called as `InpaintNet.forward` says.

    Raises:
        WeightsError: No such model, a file is missing or damaged, or a tensor is missing, unknown or of another shape.
        ConfigError: `config.json` holds an unknown key or a wrong value, or the device cannot be used.
    """
    folder = resolve(name_or_dir)
    net = InpaintNet(read_config(folder / CONFIG_FILE))
    state = _read_state(folder / WEIGHTS_FILE)
    _check_state(state, net.state_dict(), folder / WEIGHTS_FILE)
    net.load_state_dict(state)
    try:
        return net.to(device).eval()
    except (RuntimeError, AssertionError) as error:  # it is not there, or its memory is full
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"device {str(device)!r} cannot be used ({reason}): take another, such as cpu") from None


def save_model(net: InpaintNet, directory: str | Path, *, card: str | None = None) -> None:
    """Write a network's weights as float16, with its config and, where given, its model card (Markdown).

    Files that are there are replaced, each of them whole or not at all. A `graph.onnx` beside them is the old weights' and is
    refused from then on: `facemend export --format onnx-graph` writes it anew.

    Raises:
        WeightsError: A tensor holds values that float16 cannot.
        OutputError: The folder cannot be written.
    """
    directory = Path(directory)
    files = {WEIGHTS_FILE: save(_stored_state(net)), CONFIG_FILE: config_text(net.config).encode()}
    if card is not None:
        files[CARD_FILE] = card.encode()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(directory / name, content)
    except OSError as error:
        raise OutputError(f"{directory}: weights cannot be written: {error}") from None


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
