"""A photo as a sheet of paper to draw damage on: layers, lines that waver, ragged shapes. Needs no torch."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Values = NDArray[np.float32]
Points = NDArray[np.float64]  # [N, 2], x and y in pixels
Profile = NDArray[np.float64]  # [N - 1], a quantity along a line
_SUBPIXEL = 4  # bits that OpenCV's lines take after the point


@dataclass
class Sheet:
    """The photo, and how coarse and how much the damage is."""

    pixels: Values  # [H, W, 3], 0 to 255, painted on
    unit: float  # pixels
    amount: float
    rng: Rng

    @property
    def height(self) -> int:
        """In pixels."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.pixels.shape[1]

    def layer(self) -> NDArray[np.uint8]:
        """Lay a blank sheet over the photo, [H, W], to draw opacities on."""
        return np.zeros((self.height, self.width), np.uint8)

    def count(self, low: float, high: float) -> int:
        """Choose how many of something to draw: one at least."""
        return max(1, round(self.amount * self.rng.uniform(low, high)))

    def anywhere(self) -> Points:
        """Choose a point of the photo, [2]."""
        return self.rng.random(2) * (self.width, self.height)

    def cover(self, alpha: NDArray[np.uint8] | Values, color: NDArray[np.float32], *, softness: float = 0.0) -> None:
        """Lay a colour over the pixels; `alpha` is [H, W], 255 = opaque, blurred by `softness` pixels first."""
        self.pixels += _shares(alpha, softness) * (color - self.pixels)

    def stain(self, alpha: NDArray[np.uint8] | Values, color: NDArray[np.float32], *, softness: float = 0.0) -> None:
        """Let the pixels show through a colour, as `cover` lays it: on black ink is not seen."""
        self.pixels *= 1 - _shares(alpha, softness) * (1 - color / 255)

    def shade(self, light: Values) -> None:
        """Add light, [H, W]."""
        self.pixels += light[..., None]


def _shares(alpha: NDArray[np.uint8] | Values, softness: float) -> Values:
    """[H, W], 255 = opaque -> [H, W, 1] in [0, 1], blurred."""
    soft = cast(Values, cv2.GaussianBlur(alpha, (0, 0), softness) if softness > 0.3 else alpha)
    return (soft / np.float32(255)).astype(np.float32)[..., None]


def paper(rng: Rng) -> NDArray[np.float32]:
    """Choose the colour of bare paper: white to cream."""
    return np.float32(rng.uniform(205, 256)) * np.array([1, rng.uniform(0.96, 1), rng.uniform(0.86, 1)], np.float32)


def mark_color(rng: Rng) -> NDArray[np.float32]:
    """Choose what a scratch or a speck shows: mostly bare paper, else black, else one of a colour film's layers."""
    choice = rng.random()
    if choice < 0.5:
        return paper(rng)
    if choice < 0.9:
        return np.full(3, rng.uniform(0, 50), np.float32)
    return rng.uniform(0, 255, 3).astype(np.float32)


def noise(shape: tuple[int, int], grain: float, rng: Rng) -> Values:
    """Draw smooth noise [H, W], about -2 to 2, whose bumps are `grain` pixels wide."""
    small = rng.standard_normal([max(2, math.ceil(side / max(1.0, grain)) + 1) for side in shape]).astype(np.float32)
    return cast(Values, cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))


def wavering(num: int, period: float, rng: Rng) -> Profile:
    """Draw `num` values that wander about 0 with a spread of 1, a new direction every `period` values."""
    knots = rng.standard_normal(max(2, math.ceil(num / period) + 1))
    return np.interp(np.linspace(0, len(knots) - 1, num), np.arange(len(knots)), knots)


def walk(sheet: Sheet, start: Points, heading: float, length: float, *, bend: float, jag: float) -> Points:
    """Walk from a point: `bend` is how far the whole way turns, `jag` how much each step does, in radians."""
    step = max(1.5, 3 * sheet.unit)
    num = max(4, math.ceil(length / step))
    headings = heading + bend * np.cumsum(wavering(num, num / 3, sheet.rng)) / num + jag * sheet.rng.standard_normal(num)
    steps = step * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    return start + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def draw_line(layer: NDArray[np.uint8], points: Points, width: Profile | float, strength: Profile | float) -> None:
    """Draw a line of varying width (pixels) and strength (0 to 1) into a layer; thinner than a pixel is fainter."""
    num = len(points) - 1
    widths = np.broadcast_to(np.asarray(width, np.float64), num)
    strengths = np.broadcast_to(np.asarray(strength, np.float64), num) * np.minimum(1, widths)
    fixed = np.rint(np.clip(points, -1e5, 1e5) * 2**_SUBPIXEL).astype(int).tolist()
    for (p, q), thick, strong in zip(pairwise(fixed), widths, strengths, strict=True):
        if strong > 0.02:
            cv2.line(layer, p, q, min(255, round(255 * strong)), max(1, round(thick)), cv2.LINE_AA, _SUBPIXEL)


def blob(center: Points, radius: float, roughness: float, rng: Rng) -> Points:
    """Outline a roundish shape [N, 2]."""
    angles = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    waves = sum(rng.normal(0, 1 / k) * np.cos(k * angles + rng.uniform(0, 7)) for k in range(1, 6))
    reach = radius * np.maximum(0.25, 1 + roughness * waves)
    turn, squeeze = rng.uniform(0, math.pi), rng.uniform(0.5, 1)
    x, y = reach * np.cos(angles), reach * np.sin(angles) * squeeze
    turned = np.stack([x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)], axis=1)
    return center + turned


def fill(layer: NDArray[np.uint8], outline: Points, strength: float) -> None:
    """Fill an outline in a layer, with a strength of 0 to 1."""
    fixed = np.rint(outline * 2**_SUBPIXEL).astype(np.int32)
    cv2.fillPoly(layer, [fixed], round(255 * strength), cv2.LINE_AA, _SUBPIXEL)


def fray(layer: NDArray[np.uint8], sheet: Sheet) -> Values:
    """Gnaw at the edge of what is drawn, as paper fibres do."""
    shape = (sheet.height, sheet.width)
    soft = cast(Values, cv2.GaussianBlur(layer.astype(np.float32), (0, 0), max(0.5, 0.8 * sheet.unit)))
    return np.clip(2.2 * (soft - 80) + 45 * noise(shape, 2.5 * sheet.unit, sheet.rng), 0, 255) * (soft > 20)
