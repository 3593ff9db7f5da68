"""Resampling along each side by a matrix: exact at any size, cut to any rows for nothing, and fast in ONNX Runtime."""

import torch
from torch import Tensor


def resample(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Weigh the pixels of [N, C, h, w] by `rows` [H, h] and `columns` [W, w]; returns [N, C, H, W], float32."""
    with torch.autocast(x.device.type, enabled=False):  # pixels have more than bfloat16's eight bits
        return rows @ x.float() @ columns.T


def averaging_weights(length: int, size: int, like: Tensor) -> Tensor:
    """Weights [size, length] that make each pixel the mean of the area it covers, pixels cut through included.

    PyTorch's own `area` mode takes whole pixels only, which shifts what is no multiple of the size, and has no form in ONNX.
    """
    edges = torch.arange(size + 1, dtype=torch.float32, device=like.device) * length / size
    pixels = torch.arange(length, dtype=torch.float32, device=like.device)
    covered = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return covered.clamp_min(0) * size / length


def linear_weights(length: int, size: int, like: Tensor) -> Tensor:
    """Weights [size, length] of linear interpolation; beyond the border, its last pixel goes on."""
    at = _middles(length, size, like).clamp(0, length - 1)
    return (1 - (at[:, None] - torch.arange(length, dtype=torch.float32, device=like.device)).abs()).clamp_min(0)


def cubic_weights(length: int, size: int, like: Tensor) -> Tensor:
    """Weights [size, length] of cubic convolution, a = -0.75 (Keys 1981, eq. 4), as PyTorch's `bicubic` has them."""
    at = _middles(length, size, like)
    before = at.floor()
    pixels = torch.arange(length, dtype=torch.float32, device=like.device)
    weights = torch.zeros(1, device=like.device)
    for tap in (-1, 0, 1, 2):
        far = (before + tap - at).abs()
        weight = torch.where(far <= 1, (1.25 * far - 2.25) * far**2 + 1, -0.75 * (((far - 5) * far + 8) * far - 4))
        weights = weights + weight[:, None] * ((before + tap).clamp(0, length - 1)[:, None] == pixels)
    return weights


def _middles(length: int, size: int, like: Tensor) -> Tensor:
    """Where the middle of each of `size` new pixels lies among `length` old ones, [size]."""
    return (torch.arange(size, dtype=torch.float32, device=like.device) + 0.5) * length / size - 0.5
