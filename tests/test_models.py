"""The networks keep their promises at any size: what they look at, what they leave alone, what they cost."""

from typing import get_args

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from facemend.config import MODEL_PRESETS, Part
from facemend.errors import ImageError
from facemend.face_classes import NUM_CLASSES
from facemend.models.attention import DynamicAttention, attend_map, token_validity
from facemend.models.bands import all_bands, hole_bands
from facemend.models.blocks import PixelNorm, fill_smoothly
from facemend.models.discriminators import PatchDiscriminator, ProjectedDiscriminator
from facemend.models.head import carry_detail
from facemend.models.inpainter import InpaintNet, core_view, fit_core
from facemend.models.resampling import cubic_weights, linear_weights, resample


@pytest.fixture(scope="module")
def net() -> InpaintNet:
    """A tiny net whose every layer has a say: layers that start at zero are filled."""
    torch.manual_seed(0)
    net = InpaintNet(MODEL_PRESETS["tiny"]).eval()
    for parameter in net.parameters():
        if parameter.abs().sum() == 0:
            torch.nn.init.normal_(parameter, std=0.05)
    return net.requires_grad_(False)


def photo(height: int, width: int, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """A random photo and a box-shaped hole."""
    image = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1
    mask = torch.zeros(batch, 1, height, width)
    mask[:, :, height // 4 : height // 2, width // 4 : width // 2] = 1
    return image, mask


def test_the_default_preset_stays_within_its_budget() -> None:
    net = InpaintNet(MODEL_PRESETS["default"]).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(photo(256, 256)[0], torch.ones(1, 1, 256, 256))  # a smaller hole costs less
    assert sum(p.numel() for p in net.parameters()) <= 8e6
    assert counter.get_total_flops() <= 12e9


@pytest.mark.parametrize("size", [(64, 64), (80, 112), (256, 128), (272, 160), (64, 400)])
def test_any_multiple_of_16_runs_and_known_pixels_are_identical(net: InpaintNet, size: tuple[int, int]) -> None:
    image, mask = photo(*size, batch=2)
    output = net(image, mask)
    assert output.completed.shape == output.predicted.shape == image.shape
    assert output.layout_logits.shape[:2] == (2, NUM_CLASSES)
    assert torch.equal(output.completed[mask.expand_as(image) == 0], image[mask.expand_as(image) == 0])
    assert output.completed.abs().max() <= 1
    assert not torch.equal(output.completed, image)


@pytest.mark.parametrize("size", [(250, 256), (256, 48), (48, 48)])
def test_other_sizes_are_refused_in_words(net: InpaintNet, size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="multiples of 16"):
        net(*photo(*size))


@pytest.mark.parametrize("size", [(64, 64), (144, 128)])
def test_what_lies_under_the_hole_is_not_looked_at(net: InpaintNet, size: tuple[int, int]) -> None:
    image, mask = photo(*size)
    other = torch.where(mask > 0, -image, image)
    assert torch.equal(net(image, mask).predicted, net(other, mask).predicted)


def test_the_core_sees_the_same_face_whatever_the_photo_s_size(net: InpaintNet) -> None:
    image, mask = photo(64, 64)
    large_image, large_mask = (x.repeat_interleave(4, 2).repeat_interleave(4, 3) for x in (image, mask))
    small, large = net(image, mask), net(large_image, large_mask)
    torch.testing.assert_close(small.layout_logits, large.layout_logits, atol=1e-4, rtol=1e-4)


def test_only_known_pixels_are_averaged_into_the_core_s_view() -> None:
    image = torch.full((1, 3, 128, 128), 0.5)
    mask = (torch.arange(128) % 2).float().expand(1, 1, 128, 128)
    view, hole = core_view(torch.where(mask > 0, -1.0, image), mask, 64)
    assert torch.allclose(view, torch.tensor(0.5))
    assert torch.allclose(hole, torch.tensor(0.5))


def test_known_colours_spread_into_the_hole() -> None:
    image, mask = torch.empty(2, 3, 64, 64), torch.zeros(2, 1, 64, 64)
    image[:, :, :, :32], image[:, :, :, 32:] = -0.5, 0.5
    mask[0, :, 8:56, 4:60] = 1
    mask[1] = 1
    filled = fill_smoothly(torch.where(mask > 0, 9.0, image), mask)
    assert torch.equal(filled[0][mask[0].expand(3, 64, 64) == 0], image[0][mask[0].expand(3, 64, 64) == 0])
    assert filled[0].abs().max() <= 0.5 and filled[0, 0, 32, 8] < -0.1 and filled[0, 0, 32, 56] > 0.1
    assert (filled[1] == 0).all()


def test_the_head_starts_from_a_face_that_fits_the_known_pixels(net: InpaintNet) -> None:
    image, mask = photo(128, 128)
    core = net.core(image, mask)
    off = core._replace(predicted=torch.full_like(core.predicted, -0.8))
    coarse = fit_core(off, torch.full_like(image, 0.2), mask)
    torch.testing.assert_close(coarse, torch.full_like(image, 0.2))


@pytest.mark.parametrize("size", [(64, 64), (256, 256), (208, 208), (160, 256)])
@pytest.mark.parametrize("hole", [(slice(0, 6), slice(2, 9)), (slice(-9, None), slice(30, 60)), (slice(None), slice(40, 44))])
def test_the_head_may_leave_out_what_no_hole_is_near(net: InpaintNet, size: tuple[int, int], hole: tuple[slice, slice]) -> None:
    image, mask = photo(*size, batch=2)[0], torch.zeros(2, 1, *size)
    mask[0, 0][hole] = 1
    mask[1, 0, size[0] // 2, size[1] // 2] = 1
    core = net.core(image, mask)
    whole = net.head(net.head_input(core, fit_core(core, image, mask), image, mask)).clamp(-1, 1)
    torch.testing.assert_close(net.detailed(core, image, mask)[0] * mask, whole * mask, atol=1e-6, rtol=0)


def test_the_head_works_only_near_the_hole(net: InpaintNet) -> None:
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 100:104, 20:24] = 1
    bands = hole_bands(mask, net.head.reach)
    assert bands.rows.tolist() == [0, *range(25 - net.head.reach, 26 + net.head.reach)]
    assert bands.columns.tolist() == list(range(6 + net.head.reach))


@pytest.mark.parametrize(("size", "new"), [(16, 32), (16, 64), (32, 208), (24, 24)])
@pytest.mark.parametrize(("weights", "mode"), [(linear_weights, "bilinear"), (cubic_weights, "bicubic")])
def test_resampling_by_a_matrix_is_what_pytorch_does(weights, mode: str, size: int, new: int) -> None:
    x = torch.randn(1, 2, size, size)
    matrix = weights(size, new, x)
    expected = torch.nn.functional.interpolate(x, size=(new, new), mode=mode, align_corners=False)
    torch.testing.assert_close(resample(x, matrix, matrix), expected, atol=1e-4, rtol=0)


def test_no_latent_is_the_zero_latent_and_another_changes_the_picture(net: InpaintNet) -> None:
    image, mask = photo(64, 64)
    zeros = torch.zeros(1, net.config.latent_size)
    assert torch.equal(net(image, mask).completed, net(image, mask, zeros).completed)
    assert not torch.equal(net(image, mask).completed, net(image, mask, zeros + 1).completed)


def test_fixed_noise_sets_places_apart_where_nothing_else_does(net: InpaintNet) -> None:
    """An all-hidden photo is one colour to the network; far from its edges, only noise can tell one place from the next."""
    texture, size = net.texture_net, 512
    blank, hidden = torch.zeros(1, 3, size, size), torch.ones(1, 1, size, size)
    layout = torch.zeros(1, net.config.num_classes, size, size)
    encoding = torch.zeros(1, net.config.layout_widths[2], size // 16, size // 16)

    def repeats() -> bool:
        face = texture(blank, hidden, layout, encoding, torch.zeros(1, net.config.latent_size)).predicted
        return torch.allclose(face[..., 248:256, 248:256], face[..., 264:272, 264:272], atol=1e-5)

    assert not repeats()
    strength = texture.from_noise.weight.clone()
    texture.from_noise.weight.zero_()
    assert repeats()
    texture.from_noise.weight.copy_(strength)


def test_a_given_layout_is_painted(net: InpaintNet) -> None:
    image, mask = photo(128, 128)
    layout = torch.full((1, 128, 128), 13)
    layout[:, 64:] = 1
    output = net(image, mask, layout=layout)
    assert torch.equal(output.layout_logits.argmax(1), layout[:, ::2, ::2])
    assert not torch.equal(output.completed, net(image, mask, layout=layout.flip(1)).completed)


def test_samples_of_a_batch_do_not_touch_each_other(net: InpaintNet) -> None:
    image, mask = photo(64, 64, batch=3)
    alone = net(image[1:2], mask[1:2]).completed
    torch.testing.assert_close(net(image, mask).completed[1:2], alone, atol=1e-5, rtol=1e-5)


def test_pixel_norm_keeps_pixels_apart() -> None:
    x = torch.randn(1, 8, 4, 4)
    changed = x.clone()
    changed[..., 0, 0] += 10
    same = (PixelNorm(8)(x) == PixelNorm(8)(changed)).all(dim=1)[0]
    assert same.sum() == 15 and not same[0, 0]


def test_attention_reads_known_tokens_and_validity_spreads() -> None:
    torch.manual_seed(0)
    attention = DynamicAttention(32, 16)
    tokens, validity = torch.randn(1, 6, 32), torch.tensor([[1.0, 1, 1, 0, 0, 0]])
    mixed, after = attention(tokens, validity)
    hidden_changed = tokens.clone()
    hidden_changed[:, 4] += 1  # an unknown token: the known ones must hardly see it
    known_changed = tokens.clone()
    known_changed[:, 1] += 1
    by_hidden = (attention(hidden_changed, validity)[0] - mixed)[:, 0].abs().max()
    by_known = (attention(known_changed, validity)[0] - mixed)[:, 0].abs().max()
    assert by_hidden < by_known / 50
    assert (after[:, :3] == 1).all() and (after[:, 3:] > 0.1).all() and (after <= 1).all()


def test_validity_is_the_share_of_known_pixels() -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :16, :8] = 1
    assert token_validity(mask, 16).tolist() == [[0.5, 1, 1, 1]]


def test_shared_scores_move_whole_patches() -> None:
    x = torch.randn(1, 4, 8, 8)
    stay = torch.eye(16).expand(1, 2, 16, 16).unflatten(2, (4, 4))
    swap = torch.eye(16).roll(1, dims=0).expand(1, 2, 16, 16).unflatten(2, (4, 4))
    assert torch.equal(attend_map(stay, x, 2), x)
    moved = attend_map(swap, x, 2)
    assert torch.equal(moved[..., 0:2, 2:4], x[..., 0:2, 0:2])


@pytest.mark.parametrize("size", [(128, 128), (144, 128), (64, 64)])
def test_carried_detail_is_zero_for_a_photo_without_detail(size: tuple[int, int]) -> None:
    image, mask = torch.full((1, 3, *size), 0.3), photo(*size)[1]
    view, _ = core_view(image, torch.zeros_like(mask), 64)
    tokens = (view.shape[2] // 8) * (view.shape[3] // 8)
    carried = carry_detail(torch.full((1, 2, tokens, tokens), 1 / tokens), image, mask, view, all_bands(image))
    assert carried.shape == (1, 6, *size)
    assert carried.abs().max() < 1e-5


def test_discriminators_give_a_map_for_each_input() -> None:
    mask = photo(64, 64)[1]
    maps = [torch.randn(1, 24, 16, 16), torch.randn(1, 40, 8, 8)]
    assert [x.shape for x in ProjectedDiscriminator((24, 40))(maps, mask)] == [(1, 1, 16, 16), (1, 1, 8, 8)]
    assert [x.shape for x in PatchDiscriminator(3)([torch.randn(1, 3, 64, 64)], mask)] == [(1, 1, 4, 4)]


@pytest.mark.parametrize("part", get_args(Part))
def test_a_part_put_out_of_action_changes_the_picture_and_keeps_the_parameters(net: InpaintNet, part: Part) -> None:
    ablated = InpaintNet(net.config.model_copy(update={"without": (part,)})).eval()
    ablated.load_state_dict(net.state_dict())
    whole, partial = (model.core(*photo(64, 64)).predicted for model in (net, ablated))
    assert torch.isfinite(partial).all()
    assert not torch.allclose(whole, partial, atol=1e-4)


def test_without_its_layout_stage_the_network_does_not_hear_of_a_given_layout(net: InpaintNet) -> None:
    ablated = InpaintNet(net.config.model_copy(update={"without": ("layout stage",)})).eval()
    ablated.load_state_dict(net.state_dict())
    given = torch.zeros(1, NUM_CLASSES, 64, 64)
    given[:, 1] = 1
    assert torch.equal(ablated.core(*photo(64, 64)).predicted, ablated.core(*photo(64, 64), layout=given).predicted)
    assert not torch.equal(net.core(*photo(64, 64)).predicted, net.core(*photo(64, 64), layout=given).predicted)
