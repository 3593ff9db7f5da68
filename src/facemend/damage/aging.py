"""Draws the damage of old prints and films onto a clean photo, with its truth: to train and to measure `find_damage`.

Needs no torch. Every length is in units of 1/512 of the photo's short side, times `scale`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.errors import ConfigError
from facemend.imaging import Hole, Pixels

DamageKind = Literal["scratches", "tears", "creases", "dust", "spots"]
KINDS: tuple[DamageKind, ...] = get_args(DamageKind)
VISIBLE = 16  # of 255: a pixel whose colour changed by less counts as whole

Rng = np.random.Generator
Values = NDArray[np.float32]
Points = NDArray[np.float64]  # [N, 2], x and y in pixels
Profile = NDArray[np.float64]  # [N - 1], a quantity along a line
_SUBPIXEL = 4  # bits that OpenCV's lines take after the point


@dataclass(frozen=True)
class AgedPhoto:
    """A photo with damage drawn onto it."""

    image: Pixels  # [H, W, 3]
    change: NDArray[np.uint8]  # [H, W] by how much the damage changed the most changed colour, 0 to 255

    @property
    def damage(self) -> Hole:
        """Where the damage can be seen."""
        return self.change >= VISIBLE


def age_photo(
    rgb: Pixels, *, kinds: Sequence[DamageKind] = KINDS, amount: float = 1.0, scale: float = 1.0, seed: int | Rng = 0
) -> AgedPhoto:
    """Draw damage onto a clean photo.

    Args:
        rgb: uint8 [H, W, 3].
        kinds: What to draw, in this order: `scratches` (of film, upright, and of prints), `tears` (from the edge, with torn
            corners), `creases` (folds across the photo, cracked corners), `dust` (specks and hairs), `spots` (burnt-out,
            bleached or stained).
        amount: How much of each kind; 1 is a badly kept photo.
        scale: How coarse the damage is for the photo's size.
        seed: The same number draws the same damage. A generator is drawn from and moves on.

    Raises:
        ConfigError: An unknown kind, or an amount or scale that is not above 0.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(f"unknown kind of damage {kind!r}: take some of {', '.join(KINDS)}")
    if amount <= 0 or scale <= 0:
        raise ConfigError(f"amount {amount:g} and scale {scale:g} of damage must both be above 0")
    rng = np.random.default_rng(seed)
    sheet = _Sheet(rgb.astype(np.float32), scale * min(rgb.shape[:2]) / 512, amount, rng)
    for kind in kinds:
        _DRAW[kind](sheet)
    image = np.clip(np.rint(sheet.pixels), 0, 255).astype(np.uint8)
    return AgedPhoto(image, cast(NDArray[np.uint8], cv2.absdiff(image, rgb).max(axis=2)))


# --- the sheet, and what is drawn with --------------------------------------------------------------------------------------


@dataclass
class _Sheet:
    pixels: Values  # [H, W, 3], 0 to 255, painted on
    unit: float  # pixels
    amount: float
    rng: Rng

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    def layer(self) -> NDArray[np.uint8]:
        return np.zeros((self.height, self.width), np.uint8)

    def count(self, low: float, high: float) -> int:
        return max(1, round(self.amount * self.rng.uniform(low, high)))

    def anywhere(self) -> Points:
        return self.rng.random(2) * (self.width, self.height)

    def cover(self, alpha: NDArray[np.uint8] | Values, color: NDArray[np.float32], *, softness: float = 0.0) -> None:
        """Lay a colour over the pixels; `alpha` is [H, W], 255 = opaque, blurred by `softness` pixels first."""
        if softness > 0.3:
            alpha = cast(Values, cv2.GaussianBlur(alpha, (0, 0), softness))
        share = alpha.astype(np.float32)[..., None] / 255
        self.pixels += share * (color - self.pixels)

    def shade(self, light: Values) -> None:
        """Add light, [H, W]."""
        self.pixels += light[..., None]


def _paper(rng: Rng) -> NDArray[np.float32]:
    """Choose the colour of bare paper: white to cream."""
    return np.float32(rng.uniform(205, 256)) * np.array([1, rng.uniform(0.96, 1), rng.uniform(0.86, 1)], np.float32)


def _mark_color(rng: Rng) -> NDArray[np.float32]:
    """Choose what a scratch or a speck shows: mostly bare paper, else black, else one of a colour film's layers."""
    choice = rng.random()
    if choice < 0.5:
        return _paper(rng)
    if choice < 0.9:
        return np.full(3, rng.uniform(0, 50), np.float32)
    return rng.uniform(0, 255, 3).astype(np.float32)


def _noise(shape: tuple[int, int], grain: float, rng: Rng) -> Values:
    """Draw smooth noise [H, W], about -2 to 2, whose bumps are `grain` pixels wide."""
    small = rng.standard_normal([max(2, math.ceil(side / max(1.0, grain)) + 1) for side in shape]).astype(np.float32)
    return cast(Values, cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))


def _wavering(num: int, period: float, rng: Rng) -> Profile:
    """Draw `num` values that wander about 0 with a spread of 1, a new direction every `period` values."""
    knots = rng.standard_normal(max(2, math.ceil(num / period) + 1))
    return np.interp(np.linspace(0, len(knots) - 1, num), np.arange(len(knots)), knots)


def _walk(sheet: _Sheet, start: Points, heading: float, length: float, *, bend: float, jag: float) -> Points:
    """Walk from a point: `bend` is how far the whole way turns, `jag` how much each step does, in radians."""
    step = max(1.5, 3 * sheet.unit)
    num = max(4, math.ceil(length / step))
    headings = heading + bend * np.cumsum(_wavering(num, num / 3, sheet.rng)) / num + jag * sheet.rng.standard_normal(num)
    steps = step * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    return start + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def _draw_line(layer: NDArray[np.uint8], points: Points, width: Profile | float, strength: Profile | float) -> None:
    """Draw a line of varying width (pixels) and strength (0 to 1) into a layer; thinner than a pixel is fainter."""
    num = len(points) - 1
    widths = np.broadcast_to(np.asarray(width, np.float64), num)
    strengths = np.broadcast_to(np.asarray(strength, np.float64), num) * np.minimum(1, widths)
    fixed = np.rint(np.clip(points, -1e5, 1e5) * 2**_SUBPIXEL).astype(int).tolist()
    for (p, q), thick, strong in zip(pairwise(fixed), widths, strengths, strict=True):
        if strong > 0.02:
            cv2.line(layer, p, q, min(255, round(255 * strong)), max(1, round(thick)), cv2.LINE_AA, _SUBPIXEL)


def _blob(center: Points, radius: float, roughness: float, rng: Rng) -> Points:
    """Outline a roundish shape [N, 2]."""
    angles = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    waves = sum(rng.normal(0, 1 / k) * np.cos(k * angles + rng.uniform(0, 7)) for k in range(1, 6))
    reach = radius * np.maximum(0.25, 1 + roughness * waves)
    turn, squeeze = rng.uniform(0, math.pi), rng.uniform(0.5, 1)
    x, y = reach * np.cos(angles), reach * np.sin(angles) * squeeze
    turned = np.stack([x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)], axis=1)
    return center + turned


def _fill(layer: NDArray[np.uint8], outline: Points, strength: float) -> None:
    fixed = np.rint(outline * 2**_SUBPIXEL).astype(np.int32)
    cv2.fillPoly(layer, [fixed], round(255 * strength), cv2.LINE_AA, _SUBPIXEL)


# --- the kinds --------------------------------------------------------------------------------------------------------------


def _scratches(sheet: _Sheet) -> None:
    for _ in range(sheet.count(1, 7)):
        if sheet.rng.random() < 0.4:
            _film_scratches(sheet)
        else:
            _print_scratch(sheet)


def _film_scratches(sheet: _Sheet) -> None:
    """Draw one to four parallel upright lines, as transport scratches a film; most run through."""
    rng, layer = sheet.rng, sheet.layer()
    x, heading = rng.uniform(0, sheet.width), math.pi / 2 + rng.normal(0, 0.02)
    through = rng.random() < 0.6
    for _ in range(rng.integers(1, 5) if rng.random() < 0.4 else 1):
        top = -5.0 if through else rng.uniform(-0.2, 0.8) * sheet.height
        length = 1.1 * sheet.height if through else rng.uniform(0.2, 0.8) * sheet.height
        points = _walk(sheet, np.array([x, top]), heading, length, bend=0.03, jag=0.01)
        num = len(points) - 1
        width = sheet.unit * rng.uniform(0.6, 3) * np.exp(0.2 * _wavering(num, 8, rng))
        faint = rng.uniform(0.45, 1) * np.clip(1 + rng.uniform(0, 0.6) * _wavering(num, 12, rng), 0, 1)
        _draw_line(layer, points, width, faint)
        x += rng.normal(0, 8) * sheet.unit
    sheet.cover(layer, _mark_color(rng), softness=sheet.unit * rng.uniform(0, 0.6))


def _print_scratch(sheet: _Sheet) -> None:
    """Draw one scratch of any direction that tapers at its ends; some are doubled, broken, or have a dark rim."""
    rng, layer = sheet.rng, sheet.layer()
    length = float(np.exp(rng.uniform(math.log(30), math.log(600)))) * sheet.unit
    start, heading = sheet.anywhere(), rng.uniform(0, 2 * math.pi)
    points = _walk(sheet, start, heading, length, bend=rng.choice([0.1, 0.6, 3]), jag=rng.choice([0.02, 0.1]))
    num = len(points) - 1
    taper = np.minimum(1, 4 * np.sin(np.linspace(0.05, math.pi - 0.05, num)))
    width = sheet.unit * float(np.exp(rng.uniform(math.log(0.7), math.log(6)))) * taper * np.exp(0.3 * _wavering(num, 5, rng))
    strength = rng.uniform(0.5, 1) * np.clip(1 + rng.uniform(0, 0.7) * _wavering(num, 6, rng), 0, 1)
    if rng.random() < 0.25:
        strength = strength * (_wavering(num, rng.uniform(3, 15), rng) > -0.3)
    color, softness = _mark_color(rng), sheet.unit * rng.uniform(0, 0.8)
    if rng.random() < 0.25:
        rim = sheet.layer()
        _draw_line(rim, points + rng.normal(0, 1, 2) * sheet.unit, width + 2 * sheet.unit, strength * rng.uniform(0.2, 0.6))
        sheet.cover(rim, 255 - color, softness=sheet.unit)
    _draw_line(layer, points, width, strength)
    sheet.cover(layer, color, softness=softness)


def _tears(sheet: _Sheet) -> None:
    for _ in range(sheet.count(0.6, 2.6)):
        if sheet.rng.random() < 0.1:
            _torn_corner(sheet)
        else:
            _tear(sheet)


def _tear(sheet: _Sheet) -> None:
    """Tear the paper from an edge inwards: a ragged white gap that narrows, with a shadow along one side."""
    rng, gap, shadow = sheet.rng, sheet.layer(), sheet.layer()
    side, along = rng.integers(4), rng.uniform(0.05, 0.95)
    start = np.array([(along, 0), (along, 1), (0, along), (1, along)][side]) * (sheet.width, sheet.height)
    heading = (math.pi / 2, -math.pi / 2, 0, math.pi)[side] + rng.normal(0, 0.4)
    points = _walk(sheet, start, heading, rng.uniform(60, 420) * sheet.unit, bend=1.5, jag=rng.uniform(0.15, 0.5))
    num = len(points) - 1
    width = sheet.unit * rng.uniform(2.5, 12) * np.linspace(1, 0.15, num) * np.exp(0.35 * _wavering(num, 2, rng))
    aside = rng.normal(0, 1.5, 2) * sheet.unit
    _draw_line(shadow, points + aside, width + 2.5 * sheet.unit, rng.uniform(0.2, 0.7))
    sheet.cover(shadow, np.full(3, 30, np.float32), softness=1.2 * sheet.unit)
    _draw_line(gap, points, width, rng.uniform(0.8, 1))
    sheet.cover(_fray(gap, sheet), _paper(rng), softness=0.3 * sheet.unit)


def _torn_corner(sheet: _Sheet) -> None:
    """Take a corner or a piece of the edge away: what lies behind shows, framed by white fibres."""
    rng, missing = sheet.rng, sheet.layer()
    corner = np.array([sheet.width, sheet.height]) * rng.integers(0, 2, 2).astype(np.float64)
    if rng.random() < 0.4:
        corner = np.where(rng.random(2) < 0.5, corner, sheet.anywhere())  # or a piece of the edge, or a hole
    radius = min(rng.uniform(20, 80) * sheet.unit, 0.25 * min(sheet.height, sheet.width))
    outline = _blob(corner, radius, 0.25, rng)
    _fill(missing, outline, 1)
    fibres = cast(NDArray[np.uint8], cv2.dilate(missing, _disc(rng.uniform(1, 5) * sheet.unit)))
    sheet.cover(_fray(fibres, sheet), _paper(rng), softness=0.3 * sheet.unit)
    behind = _paper(rng) if rng.random() < 0.6 else np.full(3, rng.uniform(0, 60), np.float32)
    sheet.cover(_fray(missing, sheet), behind, softness=0.3 * sheet.unit)


def _creases(sheet: _Sheet) -> None:
    for _ in range(sheet.count(0.6, 3)):
        rng = sheet.rng
        direction = rng.choice([0, math.pi / 2, rng.uniform(0, math.pi)], p=[0.35, 0.35, 0.3]) + rng.normal(0, 0.02)
        through = np.array([sheet.width, sheet.height]) * rng.normal(0.5, 0.18, 2)
        length = math.hypot(sheet.width, sheet.height)
        if rng.random() < 0.3:  # across a corner only
            corner = rng.integers(0, 2, 2)
            through = np.array([sheet.width, sheet.height]) * (corner + (1 - 2 * corner) * rng.uniform(0.05, 0.2, 2))
            direction = math.pi / 4 * (1 if corner[0] != corner[1] else 3) + rng.normal(0, 0.2)
            length *= 0.6
        start = through - length / 2 * np.array([math.cos(direction), math.sin(direction)])
        _crease(sheet, _walk(sheet, start, direction, length, bend=0.05, jag=0.04), direction)


def _crease(sheet: _Sheet, points: Points, direction: float) -> None:
    """Fold the paper along a line: light on one side, shadow on the other, and emulsion broken off along the ridge."""
    rng, num = sheet.rng, len(points) - 1
    across = np.array([-math.sin(direction), math.cos(direction)])
    reach = sheet.unit * rng.uniform(1.2, 5)
    relief = rng.uniform(0, 38) * rng.choice([-1, 1])
    if abs(relief) > 6:
        for side in (-1, 1):
            flank = sheet.layer()
            _draw_line(flank, points + side * 0.7 * reach * across, 1.2 * reach, 1.0)
            sheet.shade(side * relief * cast(Values, cv2.GaussianBlur(flank, (0, 0), 0.6 * reach)).astype(np.float32) / 255)
    cracks = sheet.layer()
    width = sheet.unit * rng.uniform(0.8, 4) * np.exp(0.45 * _wavering(num, 2, rng))
    strength = rng.uniform(0.55, 1) * np.clip(rng.uniform(0.3, 1.2) + 0.7 * _wavering(num, 1.5, rng), 0, 1)
    _draw_line(cracks, points, width, strength)
    sheet.cover(_fray(cracks, sheet), _paper(rng), softness=sheet.unit * rng.uniform(0.2, 0.5))


def _dust(sheet: _Sheet) -> None:
    num_colors = int(sheet.rng.integers(1, 4))
    for _ in range(num_colors):
        _specks(sheet, sheet.count(4, 60) // num_colors + 1)
    if sheet.rng.random() < 0.8:
        _hairs(sheet)


def _specks(sheet: _Sheet, count: int) -> None:
    """Strew specks of like colour and very unlike size, evenly or in a cloud."""
    rng, layer = sheet.rng, sheet.layer()
    middle, spread = sheet.anywhere(), rng.choice([0.08, 0.25, 3])
    for _ in range(count):
        center = sheet.anywhere() if spread == 3 else rng.normal(middle, spread * min(sheet.width, sheet.height))
        radius = sheet.unit * float(np.exp(rng.normal(math.log(1.3), 0.55)))
        strength = rng.uniform(0.5, 1) * min(1.0, (2 * radius) ** 2)
        _fill(layer, _blob(center, max(0.6, radius), 0.3, rng), strength)
    sheet.cover(layer, _mark_color(rng), softness=sheet.unit * rng.uniform(0, 0.5))


def _hairs(sheet: _Sheet) -> None:
    """Lay curled lint on the photo."""
    rng, layer = sheet.rng, sheet.layer()
    for _ in range(sheet.count(0.5, 4)):
        heading, length = rng.uniform(0, 7), rng.uniform(15, 120) * sheet.unit
        points = _walk(sheet, sheet.anywhere(), heading, length, bend=rng.uniform(2, 14), jag=0.1)
        _draw_line(layer, points, sheet.unit * rng.uniform(0.7, 1.8), rng.uniform(0.5, 1))
    sheet.cover(layer, _mark_color(rng), softness=sheet.unit * rng.uniform(0, 0.4))


def _spots(sheet: _Sheet) -> None:
    """Bleach or stain roundish areas: burnt out to white, foxed brown or dark, some with a tide line."""
    rng = sheet.rng
    for _ in range(sheet.count(0.8, 5)):
        layer = sheet.layer()
        center, radius = sheet.anywhere(), sheet.unit * float(np.exp(rng.uniform(math.log(4), math.log(45))))
        radius = min(radius, 0.2 * min(sheet.height, sheet.width))
        outline = _blob(center, radius, 0.35, rng)
        kind = rng.random()
        if kind < 0.6:
            color, strength = _paper(rng), rng.uniform(0.8, 1)
        elif kind < 0.75:
            color, strength = np.array([150, 105, 60], np.float32) * np.float32(rng.uniform(0.5, 1.3)), rng.uniform(0.5, 0.9)
        else:
            color, strength = np.full(3, rng.uniform(0, 40), np.float32), rng.uniform(0.8, 1)
        _fill(layer, outline, strength)
        if rng.random() < 0.2:
            rim = sheet.layer()
            _draw_line(rim, np.concatenate([outline, outline[:1]]), sheet.unit * rng.uniform(1, 3), rng.uniform(0.3, 0.8))
            sheet.cover(rim, 0.5 * color, softness=sheet.unit)
        sheet.cover(layer, color, softness=radius * rng.choice([0.02, 0.05, 0.1]))


def _fray(layer: NDArray[np.uint8], sheet: _Sheet) -> Values:
    """Gnaw at the edge of what is drawn, as paper fibres do."""
    shape = (sheet.height, sheet.width)
    soft = cast(Values, cv2.GaussianBlur(layer.astype(np.float32), (0, 0), max(0.5, 0.8 * sheet.unit)))
    return np.clip(2.2 * (soft - 80) + 45 * _noise(shape, 2.5 * sheet.unit, sheet.rng), 0, 255) * (soft > 20)


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(radius)) + 1
    return cast(NDArray[np.uint8], cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


_DRAW: dict[DamageKind, Callable[[_Sheet], None]] = {
    "scratches": _scratches,
    "tears": _tears,
    "creases": _creases,
    "dust": _dust,
    "spots": _spots,
}
