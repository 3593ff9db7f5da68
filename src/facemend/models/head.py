"""The full-size head: local detail on top of the core's face, at 256, 512 or the photo's own size.

It never decides what a face is, the core did; so one head serves every size and is cheap to train.
"""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from facemend.config import ModelConfig
from facemend.models.bands import BLOCK, Bands, cut_bands, pixels_of
from facemend.models.blocks import ResBlock, conv, zeroed
from facemend.models.texture import LAYOUT_CHANNELS, NUM_SHARED_HEADS


class HeadInput(NamedTuple):
    """Everything the head reads. All maps are cut alike, so that a head can also be trained on crops."""

    coarse: Tensor  # [N, 3, H, W], the core's face enlarged and fitted to the known pixels
    masked: Tensor  # [N, 4, H, W], I_m and M
    carried: Tensor  # [N, 3 * heads, H, W], known detail brought to the hole by the core's attention
    features: Tensor  # [N, C, H / 4, W / 4], the core's features enlarged


class TextureHead(nn.Module):
    """Residual blocks at 1/4, then two pixel-shuffle steps that see the real pixels again; adds to the fitted core's face."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, half = config.head_width, config.head_width // 2
        self.reach = 2 * config.head_depth + 4  # blocks of 4 pixels: two convolutions each, six at 1/2 and two finer ones
        seen = 3 + 4
        self.from_features = conv(config.texture_widths[0] + LAYOUT_CHANNELS, width, 1)
        self.from_pixels = conv(16 * (seen + 3 * NUM_SHARED_HEADS), width, 1)
        self.blocks = nn.Sequential(*(ResBlock(width) for _ in range(config.head_depth)))
        self.to_half = conv(width, 4 * half, 1)
        self.at_half = nn.Sequential(
            conv(half + 4 * seen, half), nn.SiLU(), ResBlock(half), ResBlock(half), conv(half, half), nn.SiLU(),
        )  # fmt: skip
        self.to_full = conv(half, 4 * 12, 1)
        self.at_full = nn.Sequential(conv(12 + seen, 16), nn.SiLU(), zeroed(conv(16, 3)))  # begins as plain enlargement

    def forward(self, inputs: HeadInput) -> Tensor:
        """Return the detailed face, [N, 3, H, W]."""
        seen = torch.cat([inputs.coarse, inputs.masked], dim=1)
        pixels = nn.functional.pixel_unshuffle(torch.cat([seen, inputs.carried], dim=1), 4)
        x = self.blocks(self.from_pixels(pixels) + self.from_features(inputs.features))
        x = nn.functional.pixel_shuffle(self.to_half(x), 2)
        x = self.at_half(torch.cat([x, nn.functional.pixel_unshuffle(seen, 2)], dim=1))
        x = nn.functional.pixel_shuffle(self.to_full(x), 2)
        return inputs.coarse + self.at_full(torch.cat([x, seen], dim=1))

    if TYPE_CHECKING:

        def __call__(self, inputs: HeadInput) -> Tensor: ...


def carry_detail(scores: Tensor, image: Tensor, mask: Tensor, core_image: Tensor, bands: Bands) -> Tensor:
    """Bring the known part's fine detail to the hole with the core's attention scores (Yi et al. 2020, section 3.2).

    Detail is what is left of the known pixels when the core's view, enlarged, is taken away.

    Args:
        scores: [N, heads, T, T] over the core's grid at 1/8.
        image: [N, 3, H, W] in [-1, 1].
        mask: [N, 1, H, W] in {0, 1}.
        core_image: [N, 3, h, w], the core's view of the known pixels.
        bands: where it is wanted, R blocks of rows and C of columns.

    Returns:
        [N, 3 * heads, 4 * R, 4 * C]: one proposal for each head.
    """
    height, width = image.shape[2:]
    rows, columns = core_image.shape[2] // 8, core_image.shape[3] // 8
    blurred = nn.functional.interpolate(core_image, size=(height, width), mode="bilinear", align_corners=False)
    detail = (image - blurred) * (1 - mask)
    patch_size = max(-(-height // rows), -(-width // columns))
    grid_size = (rows * patch_size, columns * patch_size)
    on_grid = scores.reshape(*scores.shape[:2], rows, columns, rows * columns)
    if grid_size == (height, width):
        tokens, places = zip(
            *(_tokens_under(band, count, patch_size) for band, count in zip(bands, (rows, columns), strict=True)), strict=True
        )
        wanted = on_grid.index_select(2, tokens[0]).index_select(3, tokens[1])
        carried = _read_by_each_head(wanted, detail, patch_size)
        return carried.index_select(2, places[0]).index_select(3, places[1])
    # The photo is no whole multiple of the grid. (A square one always is where the core's side is 64 or 128.)
    detail = nn.functional.interpolate(detail, size=grid_size, mode="bilinear", align_corners=False)
    carried = _read_by_each_head(on_grid, detail, patch_size)
    return cut_bands(nn.functional.interpolate(carried, size=(height, width), mode="bilinear", align_corners=False), bands)


def _read_by_each_head(scores: Tensor, detail: Tensor, patch_size: int) -> Tensor:
    """Read `detail` [N, 3, H, W] with scores [N, heads, rows, columns, T]; [N, 3 * heads, rows * patch, columns * patch]."""
    n, heads, rows, columns, t = scores.shape
    height, width = detail.shape[2:]
    patches = detail.reshape(n, 3, height // patch_size, patch_size, width // patch_size, patch_size).permute(0, 2, 4, 1, 3, 5)
    read = scores.flatten(1, 3).to(detail.dtype) @ patches.reshape(n, t, -1)
    read = read.reshape(n, heads, rows, columns, 3, patch_size, patch_size).permute(0, 1, 4, 2, 5, 3, 6)
    return read.reshape(n, heads * 3, rows * patch_size, columns * patch_size)


def _tokens_under(blocks: Tensor, count: int, patch_size: int) -> tuple[Tensor, Tensor]:
    """Find which of `count` tokens in a row lie under blocks [R], and where the blocks' pixels are among theirs, [4 * R]."""
    pixels = pixels_of(blocks, BLOCK)
    tokens = pixels // patch_size
    needed = (torch.arange(count, device=blocks.device)[:, None] == tokens).any(dim=1)
    place = needed.cumsum(0) - 1  # of each token among the needed ones
    return needed.nonzero()[:, 0], pixels + (place[tokens] - tokens) * patch_size
