"""Faded pictures, spread over the levels that the network is used to, and back. Needs no torch."""

from dataclasses import dataclass

import numpy as np

from facemend.imaging import LUMA, Floats

_LEAST_KNOWN = 0.4  # of the image: less may be a plain wall beside a face of full contrast
_ENDS = 0.01, 0.99  # of the known pixels, from the darkest on: between these lies the range of brightness
_FADED = 1.1  # range in [-1, 1] that faces in photos of full contrast hardly fall below
_MIDDLE = 0.75  # of the image, as wide and high, is looked at too: a print's white edge may be in the rest
_FADED_MIDDLE = 0.9  # range that faces of full contrast hardly fall below there
_USUAL = 1.6  # their median range, roughly
_MOST = 4.0  # times the contrast of what is faded away all but wholly


@dataclass(frozen=True)
class Levels:
    """An affine map of colours in [-1, 1] that brings `middle` to 0 and spreads what lies round it."""

    middle: Floats  # [3, 1, 1], of each colour: dyes fade unequally
    gain: float

    def spread(self, image: Floats, unknown: Floats) -> Floats:
        """Spread the known pixels of an image [3, S, S]; the others, where `unknown` [1, S, S] is 1, stay 0."""
        return np.clip((image - self.middle) * self.gain, -1, 1).astype(np.float32) * (1 - unknown)

    def fade(self, completed: Floats, image: Floats, unknown: Floats) -> Floats:
        """Bring a completed picture [3, S, S] back to the levels of the image, whose own pixels are put in where known."""
        return np.where(unknown > 0, completed / self.gain + self.middle, image).astype(np.float32)


def find_levels(image: Floats, unknown: Floats) -> Levels | None:
    """Find how to spread a faded image.

    Args:
        image: [3, S, S] in [-1, 1].
        unknown: [1, S, S], 1 where nothing is known.

    Returns:
        The map to spread it by; None for an image of full contrast, and one of which little is known.
    """
    rest = round(image.shape[1] * (1 - _MIDDLE) / 2)
    middle = np.s_[:, rest : image.shape[1] - rest, rest : image.shape[2] - rest]
    return _measure(image, unknown, _FADED) or _measure(image[middle], unknown[middle], _FADED_MIDDLE)


def _measure(image: Floats, unknown: Floats, faded: float) -> Levels | None:
    known = unknown[0] == 0
    if known.mean() < _LEAST_KNOWN:
        return None
    darkest, lightest = (float(end) for end in np.quantile(np.tensordot(LUMA, image, axes=1)[known], _ENDS))
    if lightest - darkest >= faded:
        return None
    gain = min(_MOST, _USUAL / max(1e-6, lightest - darkest))
    # What is off in colour is brought no nearer to grey than it takes to keep it within what the network sees.
    lows, highs = np.quantile(image[:, known], _ENDS, axis=1)
    own, reach = (lows + highs) / 2, 1 / gain
    middle = np.clip((darkest + lightest) / 2, np.minimum(highs - reach, own), np.maximum(lows + reach, own))
    return Levels(middle.astype(np.float32)[:, None, None], gain)
