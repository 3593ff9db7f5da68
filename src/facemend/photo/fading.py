"""Faded pictures, spread over the levels that the network is used to, and back. Needs no torch."""

from dataclasses import dataclass

import numpy as np

from facemend.imaging import LUMA, Floats

_LEAST_KNOWN = 0.4  # of the image: less may be a plain wall beside a face of full contrast
_ENDS = 0.01, 0.99  # of the known pixels, from the darkest on: between these lies the range of brightness
_FADED = 1.1  # range in [-1, 1] that faces in photos of full contrast hardly fall below
_USUAL = 1.6  # their median range, roughly
_MOST = 4.0  # times the contrast of what is faded away all but wholly


@dataclass(frozen=True)
class Levels:
    """An affine map of colours in [-1, 1] that brings `middle` to 0 and spreads what lies round it."""

    middle: float
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
    known = unknown[0] == 0
    if known.mean() < _LEAST_KNOWN:
        return None
    luma = np.tensordot(LUMA, image, axes=1)[known]
    darkest, lightest = (float(end) for end in np.quantile(luma, _ENDS))
    if lightest - darkest >= _FADED:
        return None
    return Levels((darkest + lightest) / 2, min(_MOST, _USUAL / max(1e-6, lightest - darkest)))
