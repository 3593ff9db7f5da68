"""A clean photo with the damage of old prints and films drawn onto it, and its truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.damage.aging.marks import draw_creases, draw_dust, draw_scratches, draw_spots, draw_tears
from facemend.damage.aging.sheet import Rng, Sheet
from facemend.damage.aging.writing import draw_writing
from facemend.errors import ConfigError
from facemend.imaging import Hole, Pixels

DamageKind = Literal["scratches", "tears", "creases", "dust", "spots", "writing"]
KINDS: tuple[DamageKind, ...] = get_args(DamageKind)
_DRAW: dict[DamageKind, Callable[[Sheet], None]] = {
    "scratches": draw_scratches,
    "tears": draw_tears,
    "creases": draw_creases,
    "dust": draw_dust,
    "spots": draw_spots,
    "writing": draw_writing,
}
VISIBLE = 16  # of 255: a pixel whose colour changed by less counts as whole


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
            bleached or stained), `writing` (notes and lines of a pen, stamps, a camera's date).
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
    sheet = Sheet(rgb.astype(np.float32), scale * min(rgb.shape[:2]) / 512, amount, rng)
    for kind in kinds:
        _DRAW[kind](sheet)
    image = np.clip(np.rint(sheet.pixels), 0, 255).astype(np.uint8)
    return AgedPhoto(image, cast(NDArray[np.uint8], cv2.absdiff(image, rgb).max(axis=2)))
