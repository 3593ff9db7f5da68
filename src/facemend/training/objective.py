"""What training minimises: each term under a comment that says what it is for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from facemend import losses
from facemend.config import JUDGES_STRIDE, LossConfig, ModelConfig, PhaseConfig
from facemend.data.sampling import Batch
from facemend.models.discriminators import PatchDiscriminator, ProjectedDiscriminator, hole_share
from facemend.models.features import EfficientNetLite0Features, FeatureNet, Lpips, load_features
from facemend.models.head import HeadInput
from facemend.models.inpainter import CoreOutput, InpaintNet, fit_core
from facemend.training.components import hidden_components_loss
from facemend.training.cutting import crop_corners, cut

NUM_PROJECTED_MAPS = 3
LAYOUT_CRITIC_STRIDE = 4  # the layout critic judges shape, not single pixels
CORE_SHARE_OF_JOINT = 0.5  # weight of the core's own losses while both are trained


class View(NamedTuple):
    """One picture as the losses see it: the core's, or a crop of the full-size one."""

    image: Tensor  # [N, 3, h, w] in [-1, 1]
    mask: Tensor  # [N, 1, h, w] in [0, 1]
    predicted: Tensor  # [N, 3, h, w]
    completed: Tensor  # [N, 3, h, w]


class Judged(NamedTuple):
    """What the critics compare, detached from the generator."""

    real: list[Tensor]
    fake: list[Tensor]
    mask: Tensor
    real_layout: Tensor | None
    fake_layout: Tensor | None
    core_mask: Tensor  # of the layouts
    share: Tensor


class GeneratorResult(NamedTuple):
    """The generator's loss, its terms for the log, and what goes to the critics."""

    loss: Tensor
    terms: dict[str, Tensor]
    judged: Judged


class LatentEncoder(nn.Module):
    """Reads a latent off the true face, in training alone, so that z comes to mean what the hole leaves open.

    A conditional VAE (Sohn et al. 2015, eq. 4): at use, z is 0 or drawn from the prior.
    """

    def __init__(self, latent_size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(4, 32, 4, 2, 1), nn.SiLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.SiLU(), nn.Conv2d(64, 128, 4, 2, 1), nn.SiLU(),
        )  # fmt: skip
        self.to_moments = nn.Linear(128 * 16, 2 * latent_size)
        nn.init.normal_(self.to_moments.weight, std=0.01)

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x = functional.interpolate(torch.cat([image, mask], dim=1), size=(32, 32), mode="area")
        mean, log_variance = self.to_moments(self.layers(x).flatten(1)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-8, 4)

    if TYPE_CHECKING:

        def __call__(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]: ...


class Objective(nn.Module):
    """Holds the nets under training and the frozen ones that judge them, and computes both sides' losses."""

    def __init__(self, model: ModelConfig, config: LossConfig, *, pretrained: bool = True) -> None:
        """Build the nets; with `pretrained` false the frozen ones are random, for tests."""
        super().__init__()
        self.config = config
        self.net = InpaintNet(model)
        self.latent_encoder = LatentEncoder(model.latent_size)
        self.layout_critic = PatchDiscriminator(model.num_classes, width=24, depth=3) if config.layout_adversarial else None
        self.features: FeatureNet | None = None
        self.texture_critic: ProjectedDiscriminator | PatchDiscriminator | None = None
        if config.adversary == "projected":
            num = NUM_PROJECTED_MAPS
            self.features = load_features("efficientnet_lite0", num) if pretrained else EfficientNetLite0Features(num)
            self.texture_critic = ProjectedDiscriminator(self.features.channels)
        elif config.adversary != "none":
            self.texture_critic = PatchDiscriminator(3)
        self.perceptual: Lpips | None = None
        if config.perceptual:
            self.perceptual = Lpips(config.perceptual_net, config.perceptual_maps, pretrained=pretrained)

    def trained(self) -> dict[str, nn.Module]:
        """The modules that a checkpoint holds, by name."""
        modules = {
            "net": self.net,
            "latent_encoder": self.latent_encoder,
            "texture_critic": self.texture_critic,
            "layout_critic": self.layout_critic,
        }
        return {name: module for name, module in modules.items() if module is not None}

    def generator_parameters(self) -> list[nn.Parameter]:
        """Parameters of the network and of the latent encoder."""
        return [*self.net.parameters(), *self.latent_encoder.parameters()]

    def critic_parameters(self) -> list[nn.Parameter]:
        """Parameters of both critics."""
        critics = (self.texture_critic, self.layout_critic)
        return [p for critic in critics if critic is not None for p in critic.parameters()]

    def generator(self, batch: Batch, phase: PhaseConfig, *, adversarial: bool) -> GeneratorResult:
        """Run the network on a batch and weigh what came out."""
        image, mask = as_float(batch.image) * 2 - 1, as_float(batch.mask)
        size = self.net.config.core_size
        labels = functional.interpolate(batch.labels[:, None].float(), size=(size, size), mode="nearest")[:, 0].long()
        with torch.set_grad_enabled(phase.phase != "head"):  # the head learns on a core that stays as it is
            small = functional.interpolate(image, size=(size, size), mode="area")
            z, kl = self._latent(small, functional.interpolate(mask, size=(size, size), mode="area"), batch)
            core = self.net.core(image, mask, z)
        core_view = View(small, core.mask, core.predicted, torch.lerp(small, core.predicted.float(), core.mask))

        terms: dict[str, Tensor] = {}
        layout_maps = (None, None)
        if phase.phase != "head":
            layout_maps = _layout_maps(core.layout, labels)
            terms |= self._layout_terms(core, labels, layout_maps[1] if adversarial else None)
            terms["latent_kl"] = kl * self.config.latent_kl
        if phase.phase == "core":
            view = core_view
            if self.config.components and self.perceptual is not None:
                # Eyes and mouth are a hundredth of the picture, and most of what people look at.
                terms["components"] = self.config.components * hidden_components_loss(
                    view.completed, view.image, labels, view.mask, self.perceptual
                )
        else:
            view = self._head_view(core, image, mask, batch.share, phase.crop)
        if phase.phase == "joint":
            core_terms = self._pixel_terms(core_view, batch.share, self.config.core_perceptual_stride)
            terms |= {f"core_{name}": CORE_SHARE_OF_JOINT * value for name, value in core_terms.items()}
        terms |= self._pixel_terms(view, batch.share, self.config.core_perceptual_stride if phase.phase == "core" else 1)
        judged_view = shaken(view, batch.share)
        real, fake = self._critic_maps(judged_view)
        terms |= self._map_terms(real, fake, judged_view.mask, adversarial=adversarial)
        if phase.phase != "head" and self.config.semantic:
            terms["semantic"] = self.config.semantic * self._semantic(core_view.completed, labels)

        judged = Judged(
            real, [x.detach() for x in fake], judged_view.mask,
            *layout_maps, core.mask, batch.share,
        )  # fmt: skip
        terms = {name: value.mean() for name, value in terms.items()}
        return GeneratorResult(torch.stack(list(terms.values())).sum(), terms, judged)

    def critics(self, judged: Judged) -> dict[str, Tensor]:
        """Both critics' losses; their sum is what the critics minimise."""
        terms: dict[str, Tensor] = {}
        if self.texture_critic is not None:
            critic, wgan = self.texture_critic, self.config.adversary == "wgan-gp"
            terms |= self._critic_terms("texture", critic, judged.real, judged.fake, judged.mask, wgan=wgan)
            if self.config.adversary != "projected":
                (real,), (fake,) = judged.real, judged.fake

                def score(image: Tensor) -> Sequence[Tensor]:
                    return critic([image], judged.mask)

                if wgan:
                    penalty = losses.gradient_penalty(score, real, fake, judged.share)
                else:
                    penalty = losses.r1_penalty(score, real) / 2
                terms["texture_penalty"] = (self.config.gradient_penalty * penalty).mean()
        if self.layout_critic is not None and judged.real_layout is not None and judged.fake_layout is not None:
            maps = ([judged.real_layout], [judged.fake_layout.detach()])
            terms |= self._critic_terms("layout", self.layout_critic, *maps, judged.core_mask, wgan=False)
        return terms

    @staticmethod
    def _critic_terms(
        name: str,
        critic: ProjectedDiscriminator | PatchDiscriminator,
        real: Sequence[Tensor],
        fake: Sequence[Tensor],
        mask: Tensor,
        *,
        wgan: bool,
    ) -> dict[str, Tensor]:
        real_logits, fake_logits = critic(real, mask), critic(fake, mask)
        weights = [hole_share(mask, logits) for logits in fake_logits]
        loss = losses.critic_discriminator if wgan else losses.hinge_discriminator
        return {f"{name}_critic": loss(real_logits, fake_logits, weights).mean()}

    def _latent(self, small: Tensor, mask: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        # Half the samples see z = 0, which must stand for the most likely face; half see what the encoder read.
        mean, log_variance = self.latent_encoder(small, mask)
        z = mean + (log_variance / 2).exp() * batch.noise
        return z * (batch.share < 0.5)[:, None], losses.kl_to_standard_normal(mean, log_variance)

    def _layout_terms(self, core: CoreOutput, labels: Tensor, judged: Tensor | None) -> dict[str, Tensor]:
        # Each part where it belongs; Dice keeps small parts (eyes, brows) from being outvoted by skin.
        terms = {
            "layout": self.config.layout * losses.layout_cross_entropy(core.layout_logits, labels, core.mask),
            "dice": self.config.dice * losses.dice(core.layout, labels),
        }
        if judged is not None and self.layout_critic is not None:
            # Layouts that could be a face's, not an average of several.
            logits = self.layout_critic([judged], core.mask)
            weights = [hole_share(core.mask, x) for x in logits]
            terms["layout_adversarial"] = self.config.layout_adversarial * losses.adversarial_generator(logits, weights)
        return terms

    def _pixel_terms(self, view: View, share: Tensor, perceptual_stride: int) -> dict[str, Tensor]:
        # Colours: everywhere, and most of all where something was missing.
        terms = {
            "l1": self.config.l1 * losses.l1(view.predicted, view.image),
            "l1_hole": self.config.l1_hole * losses.l1_hole(view.predicted, view.image, view.mask),
        }
        if self.perceptual is not None:
            # Structure and texture as a frozen classifier sees them, on the picture that the user gets.
            seen = shaken(view, share)
            pair = (functional.avg_pool2d(x, perceptual_stride) for x in (seen.completed, seen.image))
            terms["perceptual"] = self.config.perceptual * self.perceptual(*pair)
        return terms

    def _map_terms(self, real: list[Tensor], fake: list[Tensor], mask: Tensor, *, adversarial: bool) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        if self.config.feature_matching:
            # The same features that the projected critic reads should be those of the true picture.
            terms["feature_matching"] = self.config.feature_matching * losses.feature_matching(fake, real)
        if adversarial and self.texture_critic is not None:
            # Fine texture that no average of plausible faces has.
            logits = self.texture_critic(fake, mask)
            weights = [hole_share(mask, x) for x in logits]
            terms["adversarial"] = self.config.adversarial * losses.adversarial_generator(logits, weights)
        return terms

    def _critic_maps(self, view: View) -> tuple[list[Tensor], list[Tensor]]:
        """What the texture critic reads: frozen feature maps, or the pixels themselves."""
        if self.features is None:
            return [view.image], [view.completed]
        with torch.no_grad():
            real = self.features(view.image)
        return real, self.features(view.completed)

    def _head_view(self, core: CoreOutput, image: Tensor, mask: Tensor, share: Tensor, crop: int | None) -> View:
        inputs = self.net.head_input(core, fit_core(core, image, mask), image, mask)
        if crop is not None and crop < image.shape[2]:
            corners = crop_corners(mask, 2 * share % 1, crop)  # its half has decided about the latent
            image, mask = cut(image, corners, crop), cut(mask, corners, crop)
            inputs = HeadInput(
                cut(inputs.coarse, corners, crop),
                cut(inputs.masked, corners, crop),
                cut(inputs.carried, corners, crop),
                cut(inputs.features, [(y // 4, x // 4) for y, x in corners], crop // 4),
            )
        predicted = self.net.head(inputs)
        return View(image, mask, predicted, torch.where(mask > 0, predicted.float(), image))

    def _semantic(self, completed: Tensor, labels: Tensor) -> Tensor:
        # The result, parsed by stage 1 as it stands, should show the parts that are there in truth.
        net = self.net.layout_net
        fixed = {name: p.detach() for name, p in net.named_parameters()}
        nothing = torch.zeros_like(completed[:, :1])
        z = completed.new_zeros(completed.shape[0], self.net.config.latent_size)
        logits: Tensor = functional_call(net, fixed, (completed, nothing, z)).logits
        return losses.layout_cross_entropy(logits, labels, nothing)


def _layout_maps(drawn: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What the layout critic compares: class ids [N, H, W] and probabilities [N, K, H, W], averaged down."""
    classes = torch.arange(drawn.shape[1], device=labels.device)[:, None, None]
    truth = (labels[:, None] == classes).float()
    return functional.avg_pool2d(truth, LAYOUT_CRITIC_STRIDE), functional.avg_pool2d(drawn.float(), LAYOUT_CRITIC_STRIDE)


def shaken(view: View, share: Tensor) -> View:
    """Cut `JUDGES_STRIDE` pixels off a view, from another side for each sample.

    A net that reads a picture in steps of several pixels is blind to some grids of that period. If it always met the same
    pixels, the generator would learn to draw them.

    Args:
        view: what is to be judged, square.
        share: [N] uniform in [0, 1]; its fine digits say from which side.
    """
    numbers = (share.double() * 1e5 % 1 * JUDGES_STRIDE**2).long()  # share itself decides other things too
    corners = [divmod(int(number), JUDGES_STRIDE) for number in numbers]
    return View(*(cut(x, corners, x.shape[2] - JUDGES_STRIDE) for x in view))


def as_float(x: Tensor) -> Tensor:
    """Bring uint8 [N, C, H, W] to [0, 1], channels last."""
    return (x.float() / 255).contiguous(memory_format=torch.channels_last)
