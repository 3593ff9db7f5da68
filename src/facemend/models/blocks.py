"""The small parts every net here is made of. Nothing in them mixes statistics across pixels."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

_SMALLEST_WEIGHT = 1e-4
_FILL_LEVELS = 7  # the seventh halving of the core's view is one pixel


def conv(in_channels: int, out_channels: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """Make a convolution that keeps the map's size at stride 1."""
    return nn.Conv2d(in_channels, out_channels, size, stride, padding=size // 2)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """Start a layer at zero, so that the block it ends begins as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class PixelNorm(nn.Module):
    """Layer norm over the channels of each pixel alone.

    Batch or instance norm would carry statistics of the hole into the known part and change with the photo's size,
    which shows as a colour shift.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:  # [N, C, H, W]
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    if TYPE_CHECKING:

        def __call__(self, x: Tensor) -> Tensor: ...


class ResBlock(nn.Module):
    """Norm, two 3x3 convolutions, and the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = PixelNorm(channels)
        self.conv1 = conv(channels, channels)
        self.conv2 = zeroed(conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(nn.functional.silu(self.conv1(self.norm(x))))

    if TYPE_CHECKING:

        def __call__(self, x: Tensor) -> Tensor: ...


class ModulatedResBlock(nn.Module):
    """A residual block whose features are scaled and shifted by the layout (SPADE, Park et al. 2019, eq. 1) and by z."""

    def __init__(self, channels: int, layout_channels: int, latent_size: int) -> None:
        super().__init__()
        self.norm = PixelNorm(channels)
        self.by_layout = zeroed(conv(layout_channels, 2 * channels, 1))
        self.by_latent = nn.Linear(latent_size, 2 * channels, bias=False)  # no bias: z = 0 changes nothing
        self.conv1 = conv(channels, channels)
        self.conv2 = zeroed(conv(channels, channels))

    def forward(self, x: Tensor, layout_features: Tensor, z: Tensor) -> Tensor:
        modulation = self.by_layout(layout_features) + self.by_latent(z)[:, :, None, None]
        scale, shift = modulation.chunk(2, dim=1)
        h = self.norm(x) * (1 + scale) + shift
        return x + self.conv2(nn.functional.silu(self.conv1(h)))

    if TYPE_CHECKING:

        def __call__(self, x: Tensor, layout_features: Tensor, z: Tensor) -> Tensor: ...


def upsample(x: Tensor) -> Tensor:
    """Double a map's sides bilinearly."""
    return nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def to_tokens(x: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, H * W, C]."""
    return x.flatten(2).transpose(1, 2)


def to_map(tokens: Tensor, like: Tensor) -> Tensor:
    """[N, H * W, C] -> [N, C, H, W], with the sides of `like`."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, like.shape[2], like.shape[3])


def _halve(x: Tensor) -> Tensor:
    return nn.functional.avg_pool2d(x, 2, ceil_mode=True)


def fill_smoothly(image: Tensor, mask: Tensor) -> Tensor:
    """Spread the known colours into the hole, without any structure: pull-push (Gortler et al. 1996, section 3.4).

    Args:
        image: [N, 3, H, W]; what lies under the hole is not looked at.
        mask: [N, 1, H, W] in [0, 1], 1 = hole.

    Returns:
        [N, 3, H, W]: known pixels as they are, 0 everywhere when none is known.
    """
    weight = 1 - mask
    levels = [(image * weight, weight)]
    for _ in range(_FILL_LEVELS):
        color, weight = levels[-1]
        levels.append((_halve(color), _halve(weight)))
    color, weight = (x.mean(dim=(2, 3), keepdim=True) for x in levels[-1])
    filled = (color / weight.clamp_min(_SMALLEST_WEIGHT)).expand_as(levels[-1][0])
    for color, weight in reversed(levels):
        filled = nn.functional.interpolate(filled, size=color.shape[2:], mode="bilinear", align_corners=False)
        # A quarter known says enough of a patch's colour, which is `color / weight`; with less, the coarser level helps out.
        filled = color / weight.clamp_min(1 / 4) + (1 - 4 * weight).clamp_min(0) * filled
    return filled


def masked_input(image: Tensor, mask: Tensor) -> Tensor:
    """The network's view of a damaged photo: I_m = I * (1 - M), joined with M (arXiv 2512.05039). [N, 4, H, W]."""
    return torch.cat([image * (1 - mask), mask], dim=1)
