"""Squares cut out of pictures for the losses to look at."""

from collections.abc import Sequence

import torch
from torch import Tensor


def crop_corners(mask: Tensor, share: Tensor, crop: int) -> list[tuple[int, int]]:
    """Choose for each sample a crop around one of its hole's pixels; corners (y, x) are multiples of 4.

    Args:
        mask: [N, 1, H, W], 1 = hole.
        share: [N] in [0, 1]: which of the hole's pixels, in reading order.
        crop: side of the crop.
    """
    limits = torch.tensor(mask.shape[2:]) - crop
    corners: list[tuple[int, int]] = []
    for sample, part in zip(mask[:, 0], share, strict=True):
        holes = sample.nonzero()
        centre = holes[int(float(part) * (len(holes) - 1))].cpu() if len(holes) else limits // 2
        y, x = (centre - crop // 2).clamp_min(0).minimum(limits) // 4 * 4
        corners.append((int(y), int(x)))
    return corners


def cut(x: Tensor, corners: Sequence[tuple[int, int]], size: int) -> Tensor:
    """Cut a square of `size` out of each sample of [N, C, H, W], its first pixel at the sample's corner (y, x)."""
    parts = [sample[:, top : top + size, left : left + size] for sample, (top, left) in zip(x, corners, strict=True)]
    return torch.stack(parts).contiguous(memory_format=torch.channels_last)
