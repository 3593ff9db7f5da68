import math
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facemend.distances import frechet_distance, resampled_kernel_distances
from facemend.metrics import confusion_matrix, high_frequency_ratio, l1, layout_accuracy, mean_iou, psnr, seam_ratio, ssim

Picture = NDArray[np.uint8]


def picture(size: tuple[int, int] = (48, 64), seed: int = 0) -> Picture:
    """A smooth drawing with some grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (size[0] // 8, size[1] // 8, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


def noisy(image: Picture, amount: float) -> Picture:
    return np.clip(image + np.random.default_rng(1).normal(0, amount, image.shape), 0, 255).astype(np.uint8)


def box_mask(size: tuple[int, int] = (48, 64)) -> NDArray[np.bool_]:
    mask = np.zeros(size, bool)
    mask[10:30, 20:50] = True
    return mask


def test_psnr_of_a_known_error() -> None:
    truth = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(truth + np.uint8(5), truth) == pytest.approx(34.1514, abs=1e-4)  # 20 log10(255 / 5)
    assert psnr(truth, truth + np.uint8(5)) == pytest.approx(34.1514, abs=1e-4)
    assert psnr(truth, truth) == math.inf


def test_ssim_of_two_flat_pictures() -> None:
    """Without variance only the luminance term is left: (2 * 100 * 120 + C1) / (100 ** 2 + 120 ** 2 + C1), C1 = 2.55 ** 2."""
    a, b = (np.full((16, 16, 3), value, np.uint8) for value in (100, 120))
    assert ssim(a, b) == pytest.approx(0.9836110, abs=1e-6)
    assert ssim(a, a) == pytest.approx(1)


@pytest.mark.parametrize("amount", [2, 20, 80])
def test_psnr_and_ssim_agree_with_scikit_image(amount: float) -> None:
    oracle: Any = pytest.importorskip("skimage.metrics")
    truth = picture()
    result = noisy(truth, amount)
    assert psnr(result, truth) == pytest.approx(oracle.peak_signal_noise_ratio(truth, result), abs=1e-9)
    expected = oracle.structural_similarity(
        truth, result, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2
    )
    assert ssim(result, truth) == pytest.approx(expected, abs=1e-9)


def test_a_mask_leaves_only_the_hole_to_psnr_and_l1() -> None:
    truth, mask = np.full((48, 64, 3), 100, np.uint8), box_mask()
    result = np.where(mask[..., None], truth + np.uint8(51), truth + np.uint8(7))
    assert l1(result, truth, mask) == pytest.approx(0.2)  # 51 of 255
    assert l1(result, truth) == pytest.approx((51 * mask.mean() + 7 * (1 - mask.mean())) / 255)
    assert psnr(result, truth, mask) == pytest.approx(20 * math.log10(255 / 51))


def test_ssim_of_the_hole_is_scikit_images_map_averaged_there() -> None:
    oracle: Any = pytest.importorskip("skimage.metrics")
    truth, mask = picture(), box_mask()
    result = np.where(mask[..., None], noisy(truth, 30), truth)
    _, similarity = oracle.structural_similarity(
        truth, result, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2, full=True
    )
    assert ssim(result, truth, mask) == pytest.approx(similarity[mask].mean(), abs=1e-9)
    corner = np.zeros_like(mask)
    corner[:4, :4] = True  # no window that fits the picture has its middle there
    assert math.isnan(ssim(result, truth, corner))


def test_high_frequency_ratio_tells_blur_from_grain() -> None:
    truth, mask = picture(), box_mask()
    blurred = np.asarray(cv2.GaussianBlur(truth, (0, 0), 2), np.uint8)
    assert high_frequency_ratio(truth, truth, mask) == 1
    assert high_frequency_ratio(blurred, truth, mask) < 0.1
    assert high_frequency_ratio(noisy(truth, 15), truth, mask) > 2
    outside = np.where(mask[..., None], truth, noisy(truth, 15))
    inner = np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((3, 3))), bool)
    assert high_frequency_ratio(outside, truth, inner) == 1


def test_high_frequency_ratio_is_the_laplacian_by_hand() -> None:
    """A grey dot of height h has Laplacian -4h at itself and h at its four neighbours: the energies go as h squared."""
    mask = np.ones((9, 9), bool)
    truth, result = np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 3), np.uint8)
    truth[4, 4], result[4, 4] = 100, 50
    assert high_frequency_ratio(result, truth, mask) == pytest.approx(0.25)
    assert math.isnan(high_frequency_ratio(result, np.zeros_like(truth), mask))


def test_seam_ratio_counts_only_steps_across_the_edge() -> None:
    mask = box_mask()
    truth = np.zeros((48, 64, 3), np.uint8)
    truth[..., :] = (2 * np.arange(64))[None, :, None]  # a ramp: every horizontal step is 2, every vertical one 0
    # The edge of the 20 x 30 hole has 2 * 20 horizontal steps and 2 * 30 vertical ones.
    assert seam_ratio(truth, truth, mask) == 1
    lifted = truth + (10 * mask[..., None]).astype(np.uint8)
    # Into the hole +12 on the left, -8 on the right of it, 10 above and below; the truth has 2 and 0.
    assert seam_ratio(lifted, truth, mask) == pytest.approx((20 * 12 + 20 * 8 + 60 * 10) / (40 * 2))
    assert math.isnan(seam_ratio(truth, truth, np.zeros_like(mask)))


def test_layout_figures_by_hand() -> None:
    truth = np.array([[0, 0, 1, 1], [0, 0, 1, 2]], np.uint8)
    predicted = np.array([[0, 1, 1, 1], [0, 0, 0, 3]], np.uint8)
    everywhere, right = np.ones((2, 4), bool), np.array([[0, 0, 1, 1]] * 2, bool)
    assert layout_accuracy(predicted, truth, everywhere) == 5 / 8
    assert layout_accuracy(predicted, truth, right) == 2 / 4
    assert math.isnan(layout_accuracy(predicted, truth, np.zeros((2, 4), bool)))
    confusion = confusion_matrix(predicted, truth, everywhere, 5)
    assert confusion.tolist() == [[3, 1, 0, 0, 0], [1, 2, 0, 0, 0], [0, 0, 0, 1, 0], [0] * 5, [0] * 5]
    # IoU 3/5, 2/4, 0, 0; class 4 occurs nowhere and does not count
    assert mean_iou(confusion) == pytest.approx((3 / 5 + 2 / 4) / 4)
    left = confusion_matrix(predicted, truth, ~right, 5)
    assert (left + confusion_matrix(predicted, truth, right, 5) == confusion).all()
    assert math.isnan(mean_iou(np.zeros((5, 5), np.int64)))


def features(count: int, width: int, seed: int) -> NDArray[np.float64]:
    """Correlated features of a set of pictures."""
    rng = np.random.default_rng(seed)
    return rng.normal(seed, 1, (count, width)) @ rng.normal(0, 0.4, (width, width))


@pytest.mark.parametrize(("count", "width"), [(60, 8), (20, 40)], ids=["many pictures", "more features than pictures"])
def test_frechet_distance_agrees_with_scipys_matrix_root(count: int, width: int) -> None:
    linalg: Any = pytest.importorskip("scipy.linalg")
    a, b = features(count, width, 0), features(count + 5, width, 1)
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(covariance_a @ covariance_b).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariance_a + covariance_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-3)


def test_frechet_distance_of_a_shift_and_a_stretch() -> None:
    """Of one feature: (difference of means) ** 2 + (difference of standard deviations) ** 2."""
    a = np.array([[-1.0], [0.0], [1.0]])  # mean 0, standard deviation 1
    assert frechet_distance(3 * a + 2, a) == pytest.approx(2**2 + (3 - 1) ** 2)


def kernel_distance_slowly(a: NDArray[np.float64], b: NDArray[np.float64], drawn: list[int]) -> float:
    """Gretton et al. 2012, eq. 4, pair by pair of the pictures drawn, of which copies of one are no pair."""

    def kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    pairs = [(i, j) for i in drawn for j in drawn if i != j]
    same = [kernel(x[i], x[j]) for x in (a, b) for i, j in pairs]
    crossed = [kernel(a[i], b[j]) for i, j in pairs]
    return (sum(same) - 2 * sum(crossed)) / len(pairs)


def kernel_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of the sets themselves."""
    return float(resampled_kernel_distances(a, b, np.ones((1, len(a))))[0])


def test_kernel_distance_agrees_with_pair_by_pair() -> None:
    a, b = features(9, 4, 0), features(9, 4, 1)
    assert kernel_distance(a, b) == pytest.approx(kernel_distance_slowly(a, b, list(range(9))))
    (resampled,) = resampled_kernel_distances(a, b, np.array([[0.0, 1, 2, 1, 1, 1, 1, 1, 1]]))
    assert resampled == pytest.approx(kernel_distance_slowly(a, b, [1, 2, 2, 3, 4, 5, 6, 7, 8]))


@pytest.mark.parametrize("likeness", [0, 0.9])
def test_kernel_distance_is_right_on_average_for_small_sets(likeness: float) -> None:
    """However much a result is like its truth: what they share, the two of a pair are not compared by."""
    rng = np.random.default_rng(0)
    shared, own, other = rng.normal(0, 1, (3, 400, 6, 5))
    results, truths = (math.sqrt(likeness) * shared + math.sqrt(1 - likeness) * rest for rest in (own, other))
    drawn = [kernel_distance(a, b) for a, b in zip(results, truths, strict=True)]
    assert abs(np.mean(drawn)) < 3 * np.std(drawn) / math.sqrt(len(drawn))
