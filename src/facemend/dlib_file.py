"""Reads the layers of a network that dlib has written: `dlib::serialize`, packed with bzip2 as its author publishes them."""

import bz2
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

_TENSOR_VERSION = 2


def read_dlib_net(path: Path) -> dict[str, Tensor]:
    """Read the weights of a `.dat.bz2` of convolutions, each followed by an affine layer, and one fully connected layer.

    Returns:
        Of convolution i: conv{i:02d}.weight [out, in, k, k], .bias, .scale and .shift [out]; and fc.weight [in, out].

    Raises:
        OSError: The file is not what it should be.
    """
    try:
        return _name_layers(bz2.decompress(path.read_bytes()))
    except (OSError, ValueError, RuntimeError, IndexError, EOFError) as error:
        raise OSError(f"is no network of dlib's ({error})") from None


def _name_layers(content: bytes) -> dict[str, Tensor]:
    convs = [_read_con(content, at) for at in _find(content, rb"con_\d")]
    affines = [_read_floats(content, at)[0] for at in _find(content, rb"affine_\d?")]
    (fully_connected,) = (_read_fc(content, at) for at in _find(content, rb"fc_\d"))
    state = {"fc.weight": fully_connected}
    for i, ((values, num_filters, kernel_size), affine) in enumerate(zip(convs, affines, strict=True)):
        state[f"conv{i:02d}.weight"] = values[:-num_filters].reshape(num_filters, -1, kernel_size, kernel_size)
        state[f"conv{i:02d}.bias"] = values[-num_filters:]
        state[f"conv{i:02d}.scale"], state[f"conv{i:02d}.shift"] = affine.reshape(2, num_filters)
    return state


def _find(content: bytes, pattern: bytes) -> Iterator[int]:
    """Yield where the content of each layer begins: its name stands before it, with the name's length in front."""
    for match in re.finditer(pattern, content):
        if content[match.start() - 2 : match.start()] == bytes((1, len(match[0]))):
            yield match.end()


def _read_con(content: bytes, at: int) -> tuple[Tensor, int, int]:
    """Read a convolution: its weights and then its biases in one row, its number of filters, the side of its kernel."""
    values, at = _read_floats(content, at)
    num_filters, at = _read_int(content, at)
    kernel_size, _ = _read_int(content, at)
    return values, num_filters, kernel_size


def _read_fc(content: bytes, at: int) -> Tensor:
    num_outputs, at = _read_int(content, at)
    num_inputs, at = _read_int(content, at)
    return _read_floats(content, at)[0].reshape(num_inputs, num_outputs)


def _read_floats(content: bytes, at: int) -> tuple[Tensor, int]:
    """Read a tensor as one row of numbers; also return where it ends."""
    version, at = _read_int(content, at)
    if version != _TENSOR_VERSION:
        raise ValueError(f"tensor of version {version}")
    count = 1
    for _ in range(4):
        length, at = _read_int(content, at)
        count *= length
    values = torch.frombuffer(bytearray(content[at : at + 4 * count]), dtype=torch.float32)
    return values, at + 4 * count


def _read_int(content: bytes, at: int) -> tuple[int, int]:
    """Read one of dlib's packed integers: sign and number of bytes, then these, lowest first; also return where it ends."""
    size = content[at] & 0x0F
    value = int.from_bytes(content[at + 1 : at + 1 + size], "little")
    return (-value if content[at] & 0x80 else value), at + 1 + size
