"""Work only where the hole is: the rows and the columns of a picture that it touches, cut out and put back."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

BLOCK = 4  # pixels: bands are whole blocks of them


class Bands(NamedTuple):
    """Blocks of rows and of columns, ascending, that meet a hole or come near it."""

    rows: Tensor  # [R]
    columns: Tensor  # [C]


def hole_bands(mask: Tensor, margin: int) -> Bands:
    """Find the bands that the holes of a batch touch.

    Args:
        mask: [N, 1, H, W] in {0, 1}, 1 = hole; H and W multiples of `BLOCK`.
        margin: How many blocks beside a hole count too.

    Returns:
        At least the first block of each, so that nothing is ever empty.
    """
    touched = nn.functional.max_pool2d(mask, BLOCK).amax(dim=(0, 1))  # [H / 4, W / 4]
    return Bands(_near(touched.amax(dim=1), margin), _near(touched.amax(dim=0), margin))


def all_bands(image: Tensor) -> Bands:
    """All blocks of [N, C, H, W]."""
    return Bands(*(torch.arange(length // BLOCK, device=image.device) for length in image.shape[2:]))


def cut_bands(x: Tensor, bands: Bands) -> Tensor:
    """Leave out of [N, C, H, W] what is in no band."""
    return _take_blocks(_take_blocks(x, bands.rows, 2), bands.columns, 3)


def put_back(part: Tensor, bands: Bands, like: Tensor) -> tuple[Tensor, Tensor]:
    """Put [N, C, BLOCK * R, BLOCK * C] back to where it was cut from.

    Returns:
        [N, C, H, W] with the sides of `like`, of no meaning beyond the bands; and where those are, bool [1, 1, H, W].
    """
    inside = torch.ones((), dtype=torch.bool, device=like.device)
    for dim, blocks in ((3, bands.columns), (2, bands.rows)):  # columns cost a copy per block: while there are few rows
        every = torch.arange(like.shape[dim] // BLOCK, device=like.device)
        is_there = every[:, None] == blocks  # [H / 4, R]
        part = _take_blocks(part, is_there.long().argmax(dim=1), dim)
        inside = inside & is_there.any(dim=1).repeat_interleave(BLOCK).view([-1 if i == dim else 1 for i in range(4)])
    return part, inside


def pixels_of(blocks: Tensor, size: int) -> Tensor:
    """Return the pixels [R * size] of blocks [R] of that size."""
    return (blocks[:, None] * size + torch.arange(size, device=blocks.device)).flatten()


def _take_blocks(x: Tensor, blocks: Tensor, dim: int) -> Tensor:
    """Choose blocks along an axis of [N, C, H, W]: pixels are copied four at a time, which along a row is faster."""
    return x.reshape(*x.shape[:dim], -1, BLOCK, *x.shape[dim + 1 :]).index_select(dim, blocks).flatten(dim, dim + 1)


def _near(touched: Tensor, margin: int) -> Tensor:
    """[K] in {0, 1} -> indices of the ones and of up to `margin` places beside them."""
    # In one dimension, `torch.export` would take the photo's size for a constant.
    near = nn.functional.max_pool2d(touched[None, None], (1, 2 * margin + 1), stride=1, padding=(0, margin))[0, 0]
    first = torch.arange(touched.shape[0], device=touched.device) == 0
    return ((near > 0) | first).nonzero()[:, 0]
