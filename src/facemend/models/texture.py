"""Stage 2: the multi-modal texture generator, from known pixels, mask, layout and F_enc to a face at the core's size."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from facemend.config import ModelConfig
from facemend.models.attention import ContextualAttention, DynamicBlock, attend_map, token_validity
from facemend.models.blocks import ModulatedResBlock, ResBlock, conv, fill_smoothly, to_map, to_tokens, upsample, zeroed

LAYOUT_CHANNELS = 32  # of the embedded layout that modulates every block
NUM_SHARED_HEADS = 2  # of the contextual attention whose scores are handed on
NOISE_CHANNELS = 4
PIXEL_CHANNELS = 16  # at full size, from which colours are made


class TextureOutput(NamedTuple):
    """The face at the core's size, and what the full-size head needs."""

    predicted: Tensor  # [N, 3, H, W]
    features: Tensor  # [N, C + LAYOUT_CHANNELS, H / 4, W / 4]
    scores: Tensor  # [N, heads, T, T] over the grid at 1/8


class TextureNet(nn.Module):
    """Encoder, dynamic attention at 1/16, contextual attention at 1/8, its scores again at 1/4, modulated decoder up to 1/2."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        fine, middle, coarse = config.texture_widths
        self.embed_layout = conv(config.num_classes * 16, LAYOUT_CHANNELS, 1)
        self.fine = nn.Sequential(conv(4 * 16 + LAYOUT_CHANNELS, fine), ResBlock(fine))
        self.middle = nn.Sequential(conv(fine, middle, stride=2), ResBlock(middle))
        self.coarse = conv(middle, coarse, stride=2)
        self.join_encoding = conv(coarse + config.layout_widths[2], coarse, 1)
        self.blocks = nn.ModuleList(DynamicBlock(coarse, config.attention_head_width) for _ in range(2))

        def modulated(channels: int) -> ModulatedResBlock:
            return ModulatedResBlock(channels, LAYOUT_CHANNELS, config.latent_size)

        self.at_coarse = modulated(coarse)
        self.to_middle = conv(coarse, middle, 1)
        self.join_middle = conv(2 * middle, middle, 1)
        self.contextual = ContextualAttention(middle, NUM_SHARED_HEADS)
        self.at_middle = nn.ModuleList(modulated(middle) for _ in range(3))
        self.to_fine = conv(middle, fine, 1)
        self.join_fine = conv(3 * fine, fine, 1)
        # Where everything around is flat and unknown, convolutions can only repeat themselves: fixed noise sets places apart,
        # as in StyleGAN (Karras et al. 2019, section 3.2), so that hair and foliage need not come out knitted.
        self.noise: Tensor
        self.register_buffer("noise", torch.randn(1, NOISE_CHANNELS, config.core_size // 4, config.core_size // 4))
        self.from_noise = zeroed(conv(NOISE_CHANNELS, fine, 1))
        self.at_fine = nn.ModuleList(modulated(fine) for _ in range(2))
        half = 4 * PIXEL_CHANNELS
        self.to_half = conv(fine, 4 * half, 1)
        self.at_half = nn.Sequential(ResBlock(half), ResBlock(half))  # hairs and lashes are finer than a place at 1/4
        self.to_rgb = nn.Sequential(conv(PIXEL_CHANNELS + 4, 16), nn.SiLU(), conv(16, 3))

    def forward(self, image: Tensor, mask: Tensor, layout: Tensor, encoding: Tensor, z: Tensor) -> TextureOutput:
        """Paint the face.

        Args:
            image: [N, 3, H, W] in [-1, 1]; what lies under the hole is not looked at.
            mask: [N, 1, H, W] in [0, 1], 1 = hole.
            layout: [N, K, H, W] probabilities.
            encoding: [N, C, H / 16, W / 16], F_enc of stage 1.
            z: [N, Z] latent; zeros for the most likely face.
        """
        masked = torch.cat([fill_smoothly(image, mask), mask], dim=1)  # the right colours to begin with
        layout_fine = self.embed_layout(nn.functional.pixel_unshuffle(layout, 4))
        layout_middle = nn.functional.avg_pool2d(layout_fine, 2)
        layout_coarse = nn.functional.avg_pool2d(layout_middle, 2)

        fine = self.fine(torch.cat([nn.functional.pixel_unshuffle(masked, 4), layout_fine], dim=1))
        middle = self.middle(fine)
        x = self.join_encoding(torch.cat([self.coarse(middle), encoding], dim=1))

        tokens, validity = to_tokens(x), token_validity(mask, 16)
        for block in self.blocks:
            tokens, validity = block(tokens, validity)
        x = self.at_coarse(to_map(tokens, x), layout_coarse, z)

        x = self.join_middle(torch.cat([upsample(self.to_middle(x)), middle], dim=1))
        x, scores = self.contextual(x, token_validity(mask, 8))
        for block in self.at_middle:
            x = block(x, layout_middle, z)

        carried = attend_map(scores.reshape(*scores.shape[:2], *x.shape[2:], scores.shape[3]), fine, 2)
        x = self.join_fine(torch.cat([upsample(self.to_fine(x)), fine, carried], dim=1)) + self.from_noise(self._noise_like(fine))
        for block in self.at_fine:
            x = block(x, layout_fine, z)

        pixels = nn.functional.pixel_shuffle(self.at_half(nn.functional.pixel_shuffle(self.to_half(x), 2)), 2)
        predicted = self.to_rgb(torch.cat([pixels, masked], dim=1))
        return TextureOutput(predicted, torch.cat([x, layout_fine], dim=1), scores)

    def _noise_like(self, fine: Tensor) -> Tensor:
        """The noise under a map [N, C, H, W]: [1, NOISE_CHANNELS, H, W], tiled where a view is not square."""
        rows, columns = (
            torch.arange(length, device=fine.device) % side
            for length, side in zip(fine.shape[2:], self.noise.shape[2:], strict=True)
        )
        return self.noise.index_select(2, rows).index_select(3, columns)

    if TYPE_CHECKING:

        def __call__(self, image: Tensor, mask: Tensor, layout: Tensor, encoding: Tensor, z: Tensor) -> TextureOutput: ...
