"""`InpaintNet`: both stages at one scale, the head at full size, and the known pixels handed through untouched."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from facemend.config import ModelConfig
from facemend.errors import ImageError
from facemend.models.ablations import do_without
from facemend.models.bands import BLOCK, Bands, all_bands, cut_bands, hole_bands, put_back
from facemend.models.blocks import fill_smoothly, masked_input
from facemend.models.head import HeadInput, TextureHead, carry_detail
from facemend.models.layout import LayoutNet
from facemend.models.resampling import averaging_weights, cubic_weights, linear_weights, resample
from facemend.models.texture import TextureNet


class InpaintOutput(NamedTuple):
    """What `InpaintNet` returns."""

    completed: Tensor  # [N, 3, H, W] in [-1, 1]: the photo, repainted under the mask and nowhere else
    predicted: Tensor  # [N, 3, H, W] in [-1, 1]: the network's own picture of the whole face
    layout_logits: Tensor  # [N, K, h, w] at the size of the core's view
    scores: Tensor  # [N, heads, T, T], stage 2's attention over the core's grid at 1/8


class CoreOutput(NamedTuple):
    """Both stages' results at the core's own size, h x w."""

    image: Tensor  # [N, 3, h, w], the core's view of the known pixels
    mask: Tensor  # [N, 1, h, w] in [0, 1], the share of hole in each pixel of that view
    layout_logits: Tensor  # [N, K, h, w]
    layout: Tensor  # [N, K, h, w], their probabilities
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
        for part in config.without:
            do_without(self, part)

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
        core = self.core(image, mask, z, None if layout is None else self._layout_shares(layout, image))
        return InpaintOutput(*self.detailed(core, image, mask), core.layout_logits, core.scores)

    if TYPE_CHECKING:

        def __call__(
            self, image: Tensor, mask: Tensor, z: Tensor | None = None, layout: Tensor | None = None
        ) -> InpaintOutput: ...

    def core(self, image: Tensor, mask: Tensor, z: Tensor | None = None, layout: Tensor | None = None) -> CoreOutput:
        """Run both stages on the photo brought to the core's scale.

        Args:
            image: as for `forward`.
            mask: as for `forward`.
            z: as for `forward`.
            layout: [N, K, h, w] probabilities at the core's size; where all are 0, and everywhere without it, stage 1 decides.
        """
        core_image, core_mask = core_view(image, mask, self.config.core_size)
        if z is None:
            z = image.new_zeros(image.shape[0], self.config.latent_size)
        logits, encoding = self.layout_net(core_image, core_mask, z)
        if layout is not None:
            logits = torch.where(layout.sum(dim=1, keepdim=True) > 0, layout.clamp_min(1e-6).log(), logits)
        drawn = logits.softmax(dim=1)
        texture = self.texture_net(core_image, core_mask, drawn, encoding, z)
        return CoreOutput(core_image, core_mask, logits, drawn, *texture)

    def detailed(self, core: CoreOutput, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Run the head where the hole is. The hole's pixels are what a whole run gives.

        Returns:
            `completed` and `predicted`, as `InpaintOutput` has them; beyond the hole's rows and columns, `predicted` is the
            core's face, enlarged.
        """
        bands = hole_bands(mask, self.head.reach)
        coarse = fit_core(core, image, mask)
        part = self.head(self.head_input(core, coarse, image, mask, bands)).clamp(-1, 1)
        spread, inside = put_back(part, bands, image)
        return torch.where(mask > 0, spread, image), torch.where(inside, spread, coarse.clamp(-1, 1))

    def head_input(self, core: CoreOutput, coarse: Tensor, image: Tensor, mask: Tensor, bands: Bands | None = None) -> HeadInput:
        """Gather what the head reads, beside the photo's known pixels, of the whole photo or of bands of it.

        Args:
            core: the core's results.
            coarse: what `fit_core` makes of them, [N, 3, H, W].
            image: as for `forward`.
            mask: as for `forward`.
            bands: which part of it.
        """
        bands = bands or all_bands(image)
        rows, columns = (
            linear_weights(length, whole // BLOCK, image).index_select(0, band)
            for length, whole, band in zip(core.features.shape[2:], image.shape[2:], bands, strict=True)
        )
        return HeadInput(
            coarse=cut_bands(coarse, bands),
            masked=cut_bands(masked_input(image, mask), bands),
            carried=carry_detail(core.scores, image, mask, core.image, bands),
            features=resample(core.features, rows, columns),
        )

    def _layout_shares(self, layout: Tensor, image: Tensor) -> Tensor:
        """Class ids [N, H, W] -> probabilities [N, K, h, w]: the share of each class under each pixel of the core's view."""
        one_hot = nn.functional.one_hot(layout.long(), self.config.num_classes).permute(0, 3, 1, 2).to(image.dtype)
        return _average(one_hot, core_view_size(image, self.config.core_size))


def core_view_size(image: Tensor, core_size: int) -> tuple[int, int]:
    """Sides (h, w) of the core's view of a photo [N, 3, H, W]: the short one is `core_size`, the other a multiple of 16.

    Raises:
        ImageError: for sides that are no multiple of 16, or below 64.
    """
    height, width = image.shape[2:]
    if height % 16 or width % 16 or min(height, width) < 64:
        raise ImageError(f"the network takes sides that are multiples of 16 and at least 64, not {height}x{width}: pad first")
    if height == width:
        return core_size, core_size
    scale = core_size / min(height, width)
    return max(1, round(height * scale / 16)) * 16, max(1, round(width * scale / 16)) * 16


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
    size = core_view_size(image, core_size)
    known = 1 - mask
    known_share = _average(known, size)
    return _average(image * known, size) / known_share.clamp_min(1e-4), 1 - known_share


def fit_core(core: CoreOutput, image: Tensor, mask: Tensor) -> Tensor:
    """Enlarge the core's face to a photo [N, 3, H, W], fitted to what is known of it; returns [N, 3, H, W].

    Where the core is off at the hole's edge, so is it beyond: spreading the difference inwards leaves no seam.
    """
    weights = (cubic_weights(length, whole, image) for length, whole in zip(core.image.shape[2:], image.shape[2:], strict=True))
    enlarged = resample(core.predicted, *weights)
    return enlarged + fill_smoothly(image - enlarged, mask)


def _average(x: Tensor, size: tuple[int, int]) -> Tensor:
    return resample(x, *(averaging_weights(whole, length, x) for whole, length in zip(x.shape[2:], size, strict=True)))
