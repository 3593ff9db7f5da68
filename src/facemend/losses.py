"""Losses as plain functions. Each returns one value per sample, [N], so that any split of a batch averages to the same."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

_SMALLEST_AREA = 0.02  # a smaller hole counts as this large: one dust speck must not outweigh a face


def per_sample(x: Tensor) -> Tensor:
    """Mean over everything but the batch, in float32."""
    return x.float().flatten(1).mean(dim=1)


def l1(predicted: Tensor, image: Tensor) -> Tensor:
    """Mean absolute error of [N, C, H, W]."""
    return per_sample((predicted - image).abs())


def l1_hole(predicted: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error inside the hole (mask [N, 1, H, W], 1 = hole)."""
    return per_sample((predicted - image).abs() * mask) / per_sample(mask).clamp_min(_SMALLEST_AREA)


def layout_cross_entropy(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of [N, K, H, W] against class ids [N, H, W]; what is hidden counts twice."""
    return per_sample(functional.cross_entropy(logits.float(), labels, reduction="none") * (1 + mask[:, 0]))


def dice(probabilities: Tensor, labels: Tensor) -> Tensor:
    """One minus the Dice overlap, averaged over the classes a face has: small parts weigh as much as large ones.

    Milletari et al. 2016, section 3.

    Args:
        probabilities: [N, K, H, W].
        labels: [N, H, W] class ids.
    """
    flat, places = probabilities.float().flatten(2), labels.flatten(1)
    nothing = flat.new_zeros(flat.shape[:2])
    overlap = nothing.scatter_add(1, places, flat.gather(1, places[:, None])[:, 0])
    area = nothing.scatter_add(1, places, torch.ones_like(places, dtype=flat.dtype))
    present = (area > 0).float()
    return ((1 - 2 * overlap / (flat.sum(dim=2) + area + 1)) * present).sum(dim=1) / present.sum(dim=1)


def feature_matching(fake_maps: Sequence[Tensor], real_maps: Sequence[Tensor]) -> Tensor:
    """L1 between two lists of feature maps, each scaled by the size of the real one (Wang et al. 2018, eq. 3)."""
    terms = [l1(fake, real) / per_sample(real.abs()).clamp_min(1e-3) for fake, real in zip(fake_maps, real_maps, strict=True)]
    return torch.stack(terms).mean(dim=0)


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) from N(0, 1), mean over the latent (Kingma and Welling 2014, app. B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).float().mean(dim=1)


def hinge_discriminator(real: Sequence[Tensor], fake: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Hinge loss over several maps of logits; a fake place counts by `weights`, its share of hole (Lim and Ye 2017)."""
    terms = [
        per_sample(functional.relu(1 - r.float())) + _weighted(functional.relu(1 + f.float()), w)
        for r, f, w in zip(real, fake, weights, strict=True)
    ]
    return torch.stack(terms).mean(dim=0)


def critic_discriminator(real: Sequence[Tensor], fake: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """The Wasserstein critic's loss (Arjovsky et al. 2017, eq. 3)."""
    return torch.stack([_weighted(f, w) - per_sample(r) for r, f, w in zip(real, fake, weights, strict=True)]).mean(dim=0)


def adversarial_generator(fake: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """What the generator minimises against either kind: minus the logits, where there is hole."""
    return torch.stack([-_weighted(f, w) for f, w in zip(fake, weights, strict=True)]).mean(dim=0)


def r1_penalty(score: Callable[[Tensor], Sequence[Tensor]], real: Tensor) -> Tensor:
    """Squared gradient of the logits at real images (Mescheder et al. 2018, eq. 9)."""
    return _gradient(score, real).square().flatten(1).sum(dim=1)


def gradient_penalty(score: Callable[[Tensor], Sequence[Tensor]], real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """Keep the critic's slope at 1 between real and fake (Gulrajani et al. 2017, eq. 3). `share` [N] in [0, 1]."""
    between = torch.lerp(real, fake, share[:, None, None, None])
    slope = (_gradient(score, between).square().flatten(1).sum(dim=1) + 1e-12).sqrt()
    return (slope - 1).square()


def _gradient(score: Callable[[Tensor], Sequence[Tensor]], image: Tensor) -> Tensor:
    image = image.detach().requires_grad_()
    total = torch.stack([per_sample(logits).sum() for logits in score(image)]).sum()
    (gradient,) = torch.autograd.grad(total, image, create_graph=True)
    return gradient


def _weighted(logits: Tensor, weight: Tensor) -> Tensor:
    return per_sample(logits.float() * weight) / per_sample(weight).clamp_min(_SMALLEST_AREA)
