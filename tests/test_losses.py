"""Losses against values known from elsewhere: closed forms, torch.distributions, linear critics."""

import torch

from facemend import losses


def test_a_split_batch_averages_to_the_same() -> None:
    predicted, image = torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8)
    mask = (torch.rand(4, 1, 8, 8) > 0.5).float()
    whole = losses.l1_hole(predicted, image, mask)
    parts = torch.cat([losses.l1_hole(predicted[i : i + 2], image[i : i + 2], mask[i : i + 2]) for i in (0, 2)])
    torch.testing.assert_close(whole, parts)


def test_l1_hole_is_the_mean_over_hole_pixels() -> None:
    predicted, image, mask = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    predicted[..., 0, 0], predicted[..., 3, 3] = 0.5, 9  # one wrong pixel in the hole, one outside
    mask[..., :2, :2] = 1
    torch.testing.assert_close(losses.l1_hole(predicted, image, mask), torch.tensor([0.125]))


def test_dice_of_a_sure_right_layout_is_near_zero_and_of_a_wrong_one_near_one() -> None:
    labels = torch.zeros(1, 16, 16, dtype=torch.long)
    labels[:, 8:] = 3
    sure = torch.nn.functional.one_hot(labels, 5).permute(0, 3, 1, 2).float()
    assert losses.dice(sure, labels) < 0.01
    assert losses.dice(sure.roll(1, dims=1), labels) > 0.99


def test_hidden_labels_count_twice() -> None:
    logits, labels = torch.randn(1, 5, 8, 8), torch.randint(0, 5, (1, 8, 8))
    known = losses.layout_cross_entropy(logits, labels, torch.zeros(1, 1, 8, 8))
    hidden = losses.layout_cross_entropy(logits, labels, torch.ones(1, 1, 8, 8))
    torch.testing.assert_close(hidden, 2 * known)


def test_kl_equals_torch_distributions() -> None:
    mean, log_variance = torch.randn(3, 8), torch.randn(3, 8)
    normal = torch.distributions.Normal
    oracle = torch.distributions.kl_divergence(normal(mean, (log_variance / 2).exp()), normal(torch.zeros(8), torch.ones(8)))
    torch.testing.assert_close(losses.kl_to_standard_normal(mean, log_variance), oracle.mean(dim=1))


def test_penalties_of_a_linear_critic_are_known() -> None:
    weight = torch.randn(3, 4, 4)

    def score(image: torch.Tensor) -> list[torch.Tensor]:
        return [(image * weight).sum(dim=(1, 2, 3))[:, None]]

    real, fake = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    norm = weight.norm()
    torch.testing.assert_close(losses.r1_penalty(score, real), norm.square().expand(2))
    torch.testing.assert_close(losses.gradient_penalty(score, real, fake, torch.rand(2)), (norm - 1).square().expand(2))


def test_hinge_is_satisfied_beyond_its_margins_and_counts_fakes_in_the_hole_alone() -> None:
    real, weights = [torch.full((1, 1, 4, 4), 1.5)], [torch.zeros(1, 1, 4, 4)]
    weights[0][..., :2] = 1
    fake = torch.full((1, 1, 4, 4), -1.5)
    assert losses.hinge_discriminator(real, [fake], weights) == 0
    fake[..., 3] = 5  # outside the hole: a known pixel is no fake
    assert losses.hinge_discriminator(real, [fake], weights) == 0
    fake[..., 0] = 1
    assert losses.hinge_discriminator(real, [fake], weights) == 1
    assert losses.adversarial_generator([fake], weights) == 0.25


def test_feature_matching_is_relative_to_the_real_map() -> None:
    real = [torch.full((1, 2, 4, 4), 4.0)]
    assert losses.feature_matching([real[0] * 1.5], real) == 0.5
    assert losses.feature_matching(real, real) == 0
