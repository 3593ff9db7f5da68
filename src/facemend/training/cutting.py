"""Squares cut out of pictures for the losses to look at."""

from collections.abc import Sequence

import torch
from torch import Tensor


def cut(x: Tensor, corners: Sequence[tuple[int, int]], size: int) -> Tensor:
    """Cut a square of `size` out of each sample of [N, C, H, W], its first pixel at the sample's corner (y, x)."""
    parts = [sample[:, top : top + size, left : left + size] for sample, (top, left) in zip(x, corners, strict=True)]
    return torch.stack(parts).contiguous(memory_format=torch.channels_last)
