"""Film grain and sensor noise: what a network paints has none, so it is given the like of what surrounds it. Needs no torch."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import LUMA, Floats, Hole, Pixels, extent

_BLOCK = 8  # side of the squares in which noise is measured
_BAND = 64 * _BLOCK  # rows treated at a time, which bounds the memory
_LEAST_MARGIN = 128  # pixels of surroundings, or half the hole's extent if that is more
_LEVELS = 32  # grey levels in a bin of brightness
_LEAST_BLOCKS = 40  # in a bin, to say something of its noise
_FEW_BLOCKS = 10  # in a bin, to say that there is no more of it
_MOST_BLOCKS = 4096  # from which colour and coarseness of the grain are learnt
_QUANTILE, _NORMAL_QUANTILE = 0.05, -1.6449  # the smoothest blocks of a photo are those with noise alone
_SMOOTH = 2  # times that quantile a block's variance may be, to be taken for noise alone: fewer would look finer than it is
_LEAST_SMOOTH = 0.2  # of the blocks are, or there is none: noise is as strong everywhere, leaves in the sun are not
_DARKEST, _BRIGHTEST = 8, 232  # beyond, noise is cut off
_STEEPEST = 2  # times its neighbour's variance may be that of a bin
_LEAST_VARIANCE = 0.5  # in grey levels squared: less is not to be seen
_FINE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_LEAST_FINENESS = 0.1  # white noise has 36, Gaussian grain of a pixel 0.26; below, it is the picture's own shading
_ROUNDING = 1 / 12  # variance of rounding to whole grey levels
_ROUNDING_ENERGY = _ROUNDING * float((_FINE**2).sum())
_LEAST_FREEDOM = 14  # white noise has 60, Gaussian grain of a pixel 24, coarse grain in a JPEG 17; a video's rows have 6 at most
_LEAST_PART = 0.02  # of the strongest colour's variance: weaker ones are traces of the picture
_STEPS = 12  # towards a kernel


def match_grain(filled: Pixels, photo: Pixels, hole: Hole, *, textured: Hole | None = None) -> Pixels:
    """Give a fill as much noise as its surroundings have, of the same colour and coarseness.

    The noise is that part of the smoothest known squares which no smooth surface explains, by brightness. Where the fill has
    some already only what is missing is added; a photo without noise is left as it is.

    Args:
        filled: the photo with its hole filled, uint8 [H, W, 3].
        photo: the photo, uint8 [H, W, 3]; what lies under the hole is not looked at.
        hole: bool [H, W].
        textured: bool [H, W], what is nowhere smooth, such as hair, whose texture is not to be taken for noise.

    Returns:
        `filled`, with noise in the hole.
    """
    rows, columns = extent(hole)
    margin = max(_LEAST_MARGIN, max(rows.stop - rows.start, columns.stop - columns.start) // 2)
    around = tuple(slice(max(0, side.start - margin), side.stop + margin) for side in (rows, columns))
    grain = _measure(photo[around], (hole if textured is None else hole | textured)[around])
    if grain is None:
        return filled
    result = filled.copy()
    random = np.random.default_rng(0)
    for start in range(rows.start, rows.stop, _BAND):
        band = slice(start, min(start + _BAND, rows.stop)), columns
        wanted = hole[band]
        if wanted.any():
            noise = _synthesize(wanted.shape, grain.kernels, grain.colors, random)
            noisy = filled[band].transpose(2, 0, 1) + _missing(filled[band], grain) * noise
            noisy = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
            cv2.copyTo(cv2.merge(list(noisy)), wanted.view(np.uint8), result[band])
    return result


@dataclass(frozen=True)
class _Grain:
    """The noise of a photo."""

    brightness: Floats  # [n], rising
    variances: Floats  # [n], of the luminance at that brightness
    fineness: float  # mean `_fine_energy` of such noise of variance 1
    kernels: list[Floats]  # [k, k] each: what makes white noise as coarse as the grain, for each of its independent colours
    colors: list[Floats]  # [3] each: those colours, for a luminance of variance 1


def _smooth_surfaces() -> Floats:
    """An orthonormal basis [B * B, 6] of the surfaces of second order over a block: light and shade, which are no noise."""
    y, x = np.mgrid[:_BLOCK, :_BLOCK].reshape(2, -1) / _BLOCK
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1))[0].astype(np.float32)


_SURFACES = _smooth_surfaces()
_FREEDOM = _BLOCK**2 - _SURFACES.shape[1]  # of a block once they are taken away


def _blocks(plane: NDArray[Any]) -> NDArray[Any]:
    """Cut [H, W, ...] into whole blocks [H / B, W / B, B * B, ...]."""
    rows, columns = plane.shape[0] // _BLOCK, plane.shape[1] // _BLOCK
    cut = plane[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK, *plane.shape[2:])
    return cut.swapaxes(1, 2).reshape(rows, columns, _BLOCK * _BLOCK, *plane.shape[2:])


def _brightness_and_variance(rgb: Pixels) -> tuple[Floats, Floats]:
    """Measure the luminance of each block, [H / B, W / B]: its mean, and the variance that no smooth surface explains."""
    blocks = _blocks(rgb @ LUMA).astype(np.float32) - 128  # nearer to 0, where float32 is finer
    explained = blocks @ _SURFACES
    rest = (blocks**2).sum(axis=-1) - (explained**2).sum(axis=-1)
    return blocks.mean(axis=-1) + 128, np.maximum(rest, 0) / _FREEDOM


def _quantile(values: Floats) -> float:
    """`np.quantile` of _QUANTILE, without the masked arrays that it loads: they take a tenth of the time to a first result."""
    place = _QUANTILE * (len(values) - 1)
    low, high = math.floor(place), math.ceil(place)
    below, above = np.partition(values, [low, high])[[low, high]]
    return float(below + (above - below) * (place - low))


def _measure(photo: Pixels, hole: Hole) -> _Grain | None:
    """Measure the noise of what is known; None where there is none to speak of, or too little is known to tell."""
    bands = [_brightness_and_variance(photo[start : start + _BAND]) for start in range(0, photo.shape[0], _BAND)]
    brightness, variance = (np.concatenate(parts) for parts in zip(*bands, strict=True))
    known = ~_blocks(hole).any(axis=-1)
    usable = known & (brightness > _DARKEST) & (brightness < _BRIGHTEST)
    bins = np.where(usable, brightness // _LEVELS, -1).astype(np.int64)
    counts = np.bincount(bins[usable], minlength=256 // _LEVELS)
    levels = np.flatnonzero(counts >= _FEW_BLOCKS)
    lowest = _without_texture(np.array([_quantile(variance[bins == level]) for level in levels]))
    many = counts[levels] >= _LEAST_BLOCKS
    levels, lowest = levels[many], lowest[many]
    floor = np.zeros(256 // _LEVELS)
    floor[levels] = lowest
    noisy = usable & (floor[bins] >= _LEAST_VARIANCE)
    places = np.argwhere(noisy & (variance <= _SMOOTH * floor[bins]))
    if len(places) <= _LEAST_SMOOTH * np.count_nonzero(noisy):
        return None
    places = places[:: -(-len(places) // _MOST_BLOCKS)]
    noise = np.stack([photo[y : y + _BLOCK, x : x + _BLOCK] for y, x in places * _BLOCK]).astype(np.float32)
    strengths = np.sqrt(floor[bins[places[:, 0], places[:, 1]]]).astype(np.float32)
    noise = _rough(noise.reshape(len(places), -1, 3)) / strengths[:, None, None]
    freedom = _degrees_of_freedom(_spectrum(np.asarray(noise @ LUMA, np.float32)))
    if freedom < _LEAST_FREEDOM:  # a regular pattern, not noise
        return None
    kernels, colors = _independent_parts(noise)
    variances = lowest / _quantile_of_mean_square(freedom)
    variances[variances < _LEAST_VARIANCE] = 0
    middles = np.array([brightness[bins == level].mean() for level in levels])
    fineness = float(_fineness(kernels, colors) - _ROUNDING_ENERGY / variances.max())  # without what rounding adds to it
    if fineness < _LEAST_FINENESS:
        return None
    return _Grain(middles.astype(np.float32), variances.astype(np.float32), fineness, kernels, colors)


def _without_texture(lowest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut off what rises too steeply from one brightness to the next: hair, say, or a wall that is all of a photo's dark part."""
    limited = np.maximum(lowest, _ROUNDING)
    for order in (range(1, len(limited)), range(len(limited) - 2, -1, -1)):
        for i in order:
            neighbour = limited[i - 1 if order.step > 0 else i + 1]
            limited[i] = min(limited[i], _STEEPEST * neighbour)
    return limited


_WAVES = np.fft.fft2(np.eye(_BLOCK**2).reshape(-1, _BLOCK, _BLOCK)).reshape(_BLOCK**2, -1).astype(np.complex64)


@cache
def _measuring() -> Floats:
    """What each frequency of a block, measured, owes to each frequency of noise, of which there are twice as many a side.

    Measuring cuts blocks out and takes smooth surfaces away: a wave of the block, with those taken away from it, is what
    noise is multiplied by, so its transform says how much of every frequency passes. [B * B, 4 * B * B].
    """
    seen = _rough(_WAVES.real).T + 1j * _rough(_WAVES.imag).T
    passed = np.abs(np.fft.fft2(seen.reshape(-1, _BLOCK, _BLOCK), (2 * _BLOCK, 2 * _BLOCK))) ** 2
    return (passed.reshape(_BLOCK**2, -1) / (4 * _BLOCK**2)).astype(np.float32)


def _spectrum(noise: Floats) -> Floats:
    """Mean power [B, B] of blocks [n, B * B] at each frequency."""
    covariance = noise.T @ noise / len(noise)  # which tells it, without a transform of each block
    return (_WAVES.conj() * (covariance @ _WAVES)).sum(axis=0).real.reshape(_BLOCK, _BLOCK)


def _degrees_of_freedom(spectrum: Floats) -> float:
    """Say how many independent values noise of this spectrum has in a block: coarse grain has few (Satterthwaite 1946)."""
    return float(spectrum.sum() ** 2 / (spectrum**2).sum())


def _quantile_of_mean_square(freedom: float) -> float:
    """Say what share of its mean the chosen quantile of a block's variance is, by chance alone (Wilson and Hilferty 1931)."""
    return (1 - 2 / (9 * freedom) + _NORMAL_QUANTILE * (2 / (9 * freedom)) ** 0.5) ** 3


def _independent_parts(noise: Floats) -> tuple[list[Floats], list[Floats]]:
    """Find kernels and colours that turn white noise into the like of these blocks, [n, B * B, 3]."""
    values, axes = np.linalg.eigh(np.einsum("npc,npd->cd", noise, noise))
    shown = values > _LEAST_PART * values[-1]
    colors = np.sqrt(values[shown])[:, None] * axes.T[shown]
    colors /= np.sqrt(((colors @ LUMA) ** 2).sum())
    return [_find_kernel(_spectrum(noise @ axis)) for axis in axes.T[shown]], list(colors.astype(np.float32))


def _find_kernel(spectrum: Floats) -> Floats:
    """Find, step by step, a kernel that gives white noise, measured like the photo's, this spectrum and variance 1."""
    wanted = spectrum / spectrum.sum()
    power, kernel = np.ones_like(spectrum), np.ones((1, 1))
    for _ in range(_STEPS):
        shown = _measured(kernel)
        power *= np.clip(wanted / np.maximum(shown / shown.sum(), 1e-6), 0.2, 5)
        power[0, 0] = (power[0, 1] + power[1, 0]) / 2  # the mean of a block says nothing of its noise
        kernel = np.fft.fftshift(np.fft.ifft2(np.sqrt(power)).real)[1:, 1:]
    variance = float(_measured(kernel).sum()) / _BLOCK**2 / _FREEDOM
    return (kernel / variance**0.5).astype(np.float32)


def _measured(kernel: NDArray[np.float64]) -> Floats:
    """Tell the `_spectrum` that blocks of white noise, filtered by this kernel, have on average once they are `_rough`."""
    power = np.abs(np.fft.fft2(kernel, (2 * _BLOCK, 2 * _BLOCK))) ** 2
    return (_measuring() @ power.ravel().astype(np.float32)).reshape(_BLOCK, _BLOCK)


def _fineness(kernels: list[Floats], colors: list[Floats]) -> float:
    """Tell the mean `_fine_energy` of such noise: of filtered white noise, that of the filter."""
    fine = (cv2.filter2D(np.pad(kernel, 1), -1, _FINE, borderType=cv2.BORDER_CONSTANT) for kernel in kernels)
    return sum(float((part**2).sum() * (color @ LUMA) ** 2) for part, color in zip(fine, colors, strict=True))


def _rough(blocks: Floats) -> Floats:
    """Take smooth surfaces away from blocks [n, B * B, C]."""
    return np.asarray(blocks - _SURFACES @ (_SURFACES.T @ blocks), np.float32)


def _synthesize(shape: tuple[int, ...], kernels: list[Floats], colors: list[Floats], random: np.random.Generator) -> Floats:
    """Make noise [3, h, w] whose luminance has variance 1."""
    noise = np.zeros((3, *shape), np.float32)
    for kernel, color in zip(kernels, colors, strict=True):
        white = random.standard_normal(shape, np.float32)
        noise += np.asarray(cv2.filter2D(white, -1, kernel, borderType=cv2.BORDER_REFLECT)) * color[:, None, None]
    return noise


def _fine_energy(rgb: NDArray[Any]) -> Floats:
    """Filter the luminance by what no shading and no straight edge passes, and square it: [h, w] (Immerkaer 1996, section 2)."""
    luminance = np.asarray(rgb @ LUMA, np.float32)
    return np.asarray(cv2.filter2D(luminance, -1, _FINE, borderType=cv2.BORDER_REFLECT), np.float32) ** 2


def _missing(filled: Pixels, grain: _Grain) -> Floats:
    """Say what standard deviation [h, w] the noise still lacks in each pixel."""
    size = (2 * _BLOCK + 1, 2 * _BLOCK + 1)
    brightness = np.asarray(cv2.blur(filled, size)) @ LUMA
    wanted = np.interp(brightness, grain.brightness, grain.variances).astype(np.float32)
    present = np.maximum(np.asarray(cv2.blur(_fine_energy(filled), size)) - _ROUNDING_ENERGY, 0) / grain.fineness
    return np.sqrt(np.maximum(wanted - present, 0))
