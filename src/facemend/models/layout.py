"""Stage 1: what is where. The masked face in, a probabilistic semantic layout out (arXiv 2512.05039, stage 1)."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from facemend.config import ModelConfig
from facemend.models.attention import DynamicBlock, token_validity
from facemend.models.blocks import ResBlock, conv, masked_input, to_map, to_tokens, upsample

PATCH_SIZE = 16  # of a transformer token, in pixels of the core's view


class LayoutOutput(NamedTuple):
    """The layout, and the encoding that stage 2 goes on from."""

    logits: Tensor  # [N, K, H, W]
    encoding: Tensor  # F_enc, the hybrid perceptual encoding: [N, C, H / 16, W / 16]


class ViTBranch(nn.Module):
    """Long-range structure: patches of I_m and M, a learnable position embedding, dynamic self-attention."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        grid = config.core_size // PATCH_SIZE
        self.patch_embedding = conv(4 * PATCH_SIZE**2, config.vit_width, 1)
        self.position_embedding = nn.Parameter(torch.randn(1, config.vit_width, grid, grid) * 0.02)
        self.blocks = nn.ModuleList(DynamicBlock(config.vit_width, config.attention_head_width) for _ in range(config.vit_depth))

    def forward(self, masked: Tensor) -> Tensor:
        x = self.patch_embedding(nn.functional.pixel_unshuffle(masked, PATCH_SIZE))
        position = self.position_embedding
        if position.shape[2:] != x.shape[2:]:  # a view that is not square
            position = nn.functional.interpolate(position, size=x.shape[2:], mode="bilinear", align_corners=False)
        tokens, validity = to_tokens(x + position), token_validity(masked[:, 3:], PATCH_SIZE)
        for block in self.blocks:
            tokens, validity = block(tokens, validity)
        return to_map(tokens, x)

    if TYPE_CHECKING:

        def __call__(self, masked: Tensor) -> Tensor: ...


class CnnBranch(nn.Module):
    """Local features at 1/4, 1/8 and 1/16: residual blocks and stride-2 convolutions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        fine, middle, coarse = config.layout_widths
        self.fine = nn.Sequential(conv(4 * 16, fine), ResBlock(fine), ResBlock(fine))
        self.middle = nn.Sequential(conv(fine, middle, stride=2), ResBlock(middle), ResBlock(middle))
        self.coarse = nn.Sequential(conv(middle, coarse, stride=2), ResBlock(coarse))

    def forward(self, masked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.fine(nn.functional.pixel_unshuffle(masked, 4))
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)

    if TYPE_CHECKING:

        def __call__(self, masked: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...


class LayoutNet(nn.Module):
    """CNN and ViT side by side, joined by a 1x1 convolution, decoded to K logits per pixel.

    With an empty mask it is a face parser.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        fine, middle, coarse = config.layout_widths
        self.cnn = CnnBranch(config)
        self.vit = ViTBranch(config)
        self.fusion = conv(coarse + config.vit_width, coarse, 1)
        self.by_latent = nn.Linear(config.latent_size, coarse, bias=False)
        self.to_middle = conv(coarse, middle, 1)
        self.join_middle = nn.Sequential(conv(2 * middle, middle, 1), ResBlock(middle))
        self.to_fine = conv(middle, fine, 1)
        self.join_fine = nn.Sequential(conv(2 * fine, fine, 1), ResBlock(fine))
        self.to_logits = conv(fine, config.num_classes * 16, 1)

    def forward(self, image: Tensor, mask: Tensor, z: Tensor) -> LayoutOutput:
        """Draw the layout.

        Args:
            image: [N, 3, H, W] in [-1, 1]; what lies under the hole is not looked at.
            mask: [N, 1, H, W] in [0, 1], 1 = hole.
            z: [N, Z] latent; zeros for the most likely layout.
        """
        masked = masked_input(image, mask)
        fine, middle, coarse = self.cnn(masked)
        encoding = self.fusion(torch.cat([coarse, self.vit(masked)], dim=1)) + self.by_latent(z)[:, :, None, None]
        x = self.join_middle(torch.cat([upsample(self.to_middle(encoding)), middle], dim=1))
        x = self.join_fine(torch.cat([upsample(self.to_fine(x)), fine], dim=1))
        return LayoutOutput(nn.functional.pixel_shuffle(self.to_logits(x), 4), encoding)

    if TYPE_CHECKING:

        def __call__(self, image: Tensor, mask: Tensor, z: Tensor) -> LayoutOutput: ...
