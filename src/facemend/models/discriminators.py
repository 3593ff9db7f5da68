"""The critics of both stages. Each returns maps of logits: large where a place looks real."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from facemend.models.blocks import conv


class ProjectedDiscriminator(nn.Module):
    """Small spectral-norm heads on a frozen net's feature maps (Projected GANs, Sauer et al. 2021, section 3).

    The features are handed in, so that one pass through the frozen net serves every loss.
    """

    def __init__(self, map_channels: Sequence[int], width: int = 64) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                spectral_norm(conv(channels + 1, width, 1)), nn.LeakyReLU(0.2),
                spectral_norm(conv(width, width)), nn.LeakyReLU(0.2),
                spectral_norm(conv(width, 1, 1)),
            )
            for channels in map_channels
        )  # fmt: skip

    def forward(self, maps: Sequence[Tensor], mask: Tensor) -> list[Tensor]:
        """Score feature maps [N, C_i, H_i, W_i]; mask [N, 1, H, W], 1 = hole."""
        return [head(torch.cat([x, hole_share(mask, x)], dim=1)) for head, x in zip(self.heads, maps, strict=True)]

    if TYPE_CHECKING:

        def __call__(self, maps: Sequence[Tensor], mask: Tensor) -> list[Tensor]: ...


class PatchDiscriminator(nn.Module):
    """Strided convolutions on pixels or layout probabilities, and the mask (Isola et al. 2017, section 3.2.2).

    No norm layer: a gradient penalty is per sample, a norm over the batch would tie samples together.
    """

    def __init__(self, channels: int, width: int = 48, depth: int = 4) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inside = channels + 1
        for i in range(depth):
            outside = width * 2 ** min(i, 2)
            layers += [nn.Conv2d(inside, outside, 4, 2, 1), nn.LeakyReLU(0.2)]
            inside = outside
        self.layers = nn.Sequential(*layers, conv(inside, 1))

    def forward(self, maps: Sequence[Tensor], mask: Tensor) -> list[Tensor]:
        """Score one picture [N, C, H, W], given as a list of one; mask [N, 1, H, W], 1 = hole."""
        (x,) = maps
        return [self.layers(torch.cat([x, hole_share(mask, x)], dim=1))]

    if TYPE_CHECKING:

        def __call__(self, maps: Sequence[Tensor], mask: Tensor) -> list[Tensor]: ...


def hole_share(mask: Tensor, like: Tensor) -> Tensor:
    """The mask at the size of another map: the share of hole under each of its places."""
    return nn.functional.interpolate(mask, size=like.shape[2:], mode="area").to(like.dtype)
