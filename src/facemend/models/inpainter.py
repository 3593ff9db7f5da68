"""`InpaintNet`: both stages at one scale, the head at full size, and the known pixels handed through untouched."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from facemend.config import ModelConfig
from facemend.errors import ImageError
from facemend.models.blocks import fill_smoothly, masked_input
from facemend.models.head import HeadInput, TextureHead, carry_detail
from facemend.models.layout import LayoutNet
from facemend.models.texture import TextureNet


class InpaintOutput(NamedTuple):
    """What `InpaintNet` returns."""

    completed: Tensor  # [N, 3, H, W] in [-1, 1]: the photo, repainted under the mask and nowhere else
    predicted: Tensor  # [N, 3, H, W] in [-1, 1]: the network's own picture of the whole face
    layout_logits: Tensor  # [N, K, h, w] at the size of the core's view


class CoreOutput(NamedTuple):
    """Both stages' results at the core's own size, h x w."""

    image: Tensor  # [N, 3, h, w], the core's view of the known pixels
    mask: Tensor  # [N, 1, h, w] in [0, 1], the share of hole in each pixel of that view
    layout_logits: Tensor  # [N, K, h, w]
    predicted: Tensor  # [N, 3, h, w]
    features: Tensor  # [N, C, h / 4, w / 4]
    scores: Tensor  # [N, heads, T, T]


class InpaintNet(nn.Module):
    """The two-stage network of arXiv 2512.05039, with a core that always sees the face at one scale and a full-size head."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.layout_net = LayoutNet(config)
        self.texture_net = TextureNet(config)
        self.head = TextureHead(config)

    def forward(self, image: Tensor, mask: Tensor, z: Tensor | None = None, layout: Tensor | None = None) -> InpaintOutput:
        """Repaint what the mask covers.

        Args:
            image: [N, 3, H, W] in [-1, 1]; H and W multiples of 16, at least 64. What lies under the hole is not looked at.
            mask: [N, 1, H, W] in {0, 1}, 1 = repaint.
            z: [N, Z] latent, standard normal; None for the single most likely completion.
            layout: [N, H, W] class ids that replace stage 1's own layout, or None.

        Raises:
            ImageError: for sides that are no multiple of 16, or below 64.
        """
        core = self.core(image, mask, z, layout)
        predicted = self.head(self.head_input(core, image, mask)).clamp(-1, 1)
        return InpaintOutput(torch.where(mask > 0, predicted, image), predicted, core.layout_logits)

    if TYPE_CHECKING:

        def __call__(
            self, image: Tensor, mask: Tensor, z: Tensor | None = None, layout: Tensor | None = None
        ) -> InpaintOutput: ...

    def core(self, image: Tensor, mask: Tensor, z: Tensor | None = None, layout: Tensor | None = None) -> CoreOutput:
        """Run both stages on the photo brought to the core's scale; arguments as in `forward`."""
        core_image, core_mask = core_view(image, mask, self.config.core_size)
        if z is None:
            z = image.new_zeros(image.shape[0], self.config.latent_size)
        logits, encoding = self.layout_net(core_image, core_mask, z)
        probabilities = logits.softmax(dim=1) if layout is None else self._given_layout(layout, core_mask)
        texture = self.texture_net(core_image, core_mask, probabilities, encoding, z)
        if layout is not None:
            logits = probabilities.clamp_min(1e-6).log()
        return CoreOutput(core_image, core_mask, logits, *texture)

    def head_input(self, core: CoreOutput, image: Tensor, mask: Tensor) -> HeadInput:
        """Bring the core's results to the photo's own size, [H, W], beside its known pixels."""
        height, width = image.shape[2:]
        enlarged = nn.functional.interpolate(
            core.predicted.to(image.dtype), size=(height, width), mode="bicubic", align_corners=False
        )
        return HeadInput(
            # Where the core is off at the hole's edge, so is it beyond: spreading the difference inwards leaves no seam.
            coarse=enlarged + fill_smoothly(image - enlarged, mask),
            masked=masked_input(image, mask),
            carried=carry_detail(core.scores, image, mask, core.image),
            features=nn.functional.interpolate(
                core.features, size=(height // 4, width // 4), mode="bilinear", align_corners=False
            ),
        )

    def _given_layout(self, layout: Tensor, like: Tensor) -> Tensor:
        """Class ids [N, H, W] -> probabilities [N, K, h, w]: the share of each class under each pixel of the core's view."""
        one_hot = nn.functional.one_hot(layout.long(), self.config.num_classes).permute(0, 3, 1, 2).to(like.dtype)
        return nn.functional.interpolate(one_hot, size=like.shape[2:], mode="area")


def core_view(image: Tensor, mask: Tensor, core_size: int) -> tuple[Tensor, Tensor]:
    """Bring a photo to the one scale at which the core sees a face: its short side becomes `core_size`.

    Only known pixels are averaged, so the hole darkens nothing.

    Args:
        image: [N, 3, H, W] in [-1, 1].
        mask: [N, 1, H, W] in {0, 1}, 1 = hole.
        core_size: the short side of the view, a multiple of 16.

    Returns:
        The view [N, 3, h, w] (0 where nothing is known) and the share of hole in each of its pixels [N, 1, h, w].
    """
    height, width = image.shape[2:]
    if height % 16 or width % 16 or min(height, width) < 64:
        raise ImageError(f"the network takes sides that are multiples of 16 and at least 64, not {height}x{width}: pad first")
    scale = core_size / min(height, width)
    size = (max(1, round(height * scale / 16)) * 16, max(1, round(width * scale / 16)) * 16)
    if size == (height, width):
        return image * (1 - mask), mask
    known = 1 - mask
    known_share = nn.functional.interpolate(known, size=size, mode="area")
    known_sum = nn.functional.interpolate(image * known, size=size, mode="area")
    return known_sum / known_share.clamp_min(1e-4), 1 - known_share
