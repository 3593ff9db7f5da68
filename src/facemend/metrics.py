"""How near a restored photo, or its layout, comes to the truth. Pictures are RGB uint8 [H, W, 3], masks [H, W], True = hole.

LPIPS needs a network and stands with it: `models.features.Lpips`. `distances` compares sets of pictures.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Plane = NDArray[np.float64]

_WINDOW_SIZE, _WINDOW_SIGMA = 11, 1.5
_MARGIN = _WINDOW_SIZE // 2
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(result: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """Return the peak signal-to-noise ratio of the whole picture, or of the hole, in dB; infinite where both are the same."""
    error = float(np.mean(_over(mask, (result.astype(np.float64) - truth) ** 2)))
    return 10 * math.log10(255**2 / error) if error else math.inf


def l1(result: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """Return the mean absolute error of the whole picture, or of the hole: 0 = identical, 1 = black for white."""
    return float(np.mean(_over(mask, np.abs(result.astype(np.float64) - truth)))) / 255


def ssim(result: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """Return the structural similarity, 1 = identical: the mean over channels and over windows that fit the picture.

    With a mask only windows whose middle lies in the hole count; it is nan where there are none.
    Source: Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13, with its 11x11 Gaussian window of sigma 1.5.
    """
    a, b = result.astype(np.float64), truth.astype(np.float64)
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    variance_a, variance_b = _window_mean(a * a) - mean_a**2, _window_mean(b * b) - mean_b**2
    covariance = _window_mean(a * b) - mean_a * mean_b
    similarity = ((2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)) / (
        (mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2)
    )
    counted = _over(None if mask is None else mask[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN], similarity)
    return float(counted.mean()) if counted.size else math.nan


def _over(mask: Mask | None, values: Plane) -> Plane:
    """Take the values [H, W, 3] of the hole, or all of them."""
    return values if mask is None else values[mask]


def _window_mean(x: Plane) -> Plane:
    blurred = cv2.GaussianBlur(x, (_WINDOW_SIZE, _WINDOW_SIZE), _WINDOW_SIGMA)
    return np.asarray(blurred, np.float64)[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def high_frequency_ratio(result: Picture, truth: Picture, mask: Mask) -> float:
    """Return the energy of the Laplacian of the luminance in the hole, result / truth: below 1 = blurred, above = noisy.

    It is nan where the truth is flat all over the hole, or there is no hole.
    """
    energies = [float(np.sum(np.asarray(cv2.Laplacian(_luminance(x), cv2.CV_64F))[mask] ** 2)) for x in (result, truth)]
    return _ratio(energies[0], energies[1])


def seam_ratio(result: Picture, truth: Picture, mask: Mask) -> float:
    """Return the mean step of luminance from a known pixel to its neighbour in the hole, result / truth: above 1 = a seam.

    It is nan where the truth is flat all along the edge, or there is no edge.
    """
    return _ratio(_mean_step(result, mask), _mean_step(truth, mask))


def _mean_step(picture: Picture, mask: Mask) -> float:
    luminance = _luminance(picture)
    steps = [np.abs(np.diff(luminance, axis=axis))[np.diff(mask, axis=axis)] for axis in (0, 1)]
    total = np.concatenate(steps)
    return float(total.mean()) if total.size else 0.0


def _luminance(picture: Picture) -> Plane:
    return picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def _ratio(result: float, truth: float) -> float:
    return result / truth if truth else math.nan


def layout_accuracy(predicted: NDArray[np.uint8], truth: NDArray[np.uint8], mask: Mask) -> float:
    """Return the share of the hole's pixels whose class id is right; layouts are [H, W]. It is nan without a hole."""
    return np.count_nonzero(predicted[mask] == truth[mask]) / np.count_nonzero(mask) if mask.any() else math.nan


def confusion_matrix(predicted: NDArray[np.uint8], truth: NDArray[np.uint8], mask: Mask, num_classes: int) -> NDArray[np.int64]:
    """Count the hole's pixels [num_classes, num_classes] by true class (row) and predicted class (column).

    The matrices of several pictures are summed to get the figure of all of them.
    """
    pairs = truth[mask].astype(np.int64) * num_classes + predicted[mask]
    return np.bincount(pairs, minlength=num_classes**2).astype(np.int64).reshape(num_classes, num_classes)


def mean_iou(confusion: NDArray[np.int64]) -> float:
    """Return the mean intersection over union of the classes that occur in the truth or in the prediction."""
    intersection = np.diag(confusion).astype(np.float64)
    union: Plane = confusion.sum(0) + confusion.sum(1) - intersection
    occurs = union > 0
    return float((intersection[occurs] / union[occurs]).mean()) if occurs.any() else math.nan
