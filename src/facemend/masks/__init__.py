"""Draws random holes of a given area: the masks of training, of `facemend mask` and of the demo. Needs no torch.

Every family works the same way: it adds elements until the hole is as large as asked, and the last element is cut off where
the asked area is reached. So an area is met whatever the family, and drawing one mask at 256 takes about a millisecond.
"""

from numbers import Integral, Real
from typing import cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.config import MaskFamily
from facemend.errors import MaskError
from facemend.face_classes import NUM_CLASSES
from facemend.masks import elements, shapes
from facemend.masks.areas import AddElement, Mask, Rng, fill

MIN_AREA, MAX_AREA = 0.01, 0.9
MIN_SIZE, MAX_SIZE = 16, 16384
FAMILIES: tuple[MaskFamily, ...] = get_args(MaskFamily)
_MIXABLE: tuple[MaskFamily, ...] = ("strokes", "box", "half", "parts", "scratches", "dust", "text", "border")


def random_mask(
    size: int | tuple[int, int],
    *,
    family: MaskFamily = "mixed",
    area: float = 0.3,
    seed: int | Rng | None = None,
    layout: Mask | None = None,
) -> Mask:
    """Draw a random mask whose hole covers a given share of the picture.

    Args:
        size: Side of a square mask, or (height, width), in pixels; 16 to 16384 each.
        family: Kind of hole: `strokes` (a brush), `box`, `half` (one side of the picture), `parts` (of a face), `scratches`,
            `dust`, `text`, `border` (all but an inner rectangle) or `mixed` (several of them).
        area: Share of the picture to cover, 0.01 to 0.9. At 64 pixels and more the mask is off by at most 0.02 or 15 % of
            the share asked for, whichever is larger.
        seed: The same number, from 0, draws the same mask. A generator is drawn from and moves on; None draws anew each time.
        layout: [H, W] uint8 class ids (CelebAMask-HQ), the face whose parts are covered; read by `parts` and `mixed`. None
            takes the places where an aligned face (as in FFHQ) has its parts.

    Returns:
        [H, W] uint8, 255 = repaint, 0 = keep.

    Raises:
        MaskError: An unknown family, an area, a size or a seed out of range or of another kind, or a layout that does not fit.
    """
    shape = _check_size(size)
    if family not in FAMILIES:
        raise MaskError(f"unknown mask family {family!r}: take one of {', '.join(FAMILIES)}")
    if not isinstance(area, Real):  # pyright: ignore[reportUnnecessaryIsInstance] - words and lists are tried
        raise MaskError(f"mask area is {area!r}: give a number from {MIN_AREA:g} to {MAX_AREA:g}, a share of the picture")
    if not MIN_AREA <= area <= MAX_AREA:
        raise MaskError(f"mask area {area:g} is out of range: ask for {MIN_AREA:g} to {MAX_AREA:g} of the picture")
    if layout is None:
        layout = shapes.aligned_face(shape)
    else:
        _check_layout(layout, shape)
    try:
        rng = np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise MaskError(f"mask seed is {seed!r}: give a whole number from 0, a generator, or None") from None
    return _draw(shape, family, area, rng, layout)


def mask_area(mask: NDArray[np.generic]) -> float:
    """Return the share of the picture that a mask covers: pixels other than 0 over all pixels."""
    return float(np.count_nonzero(mask)) / mask.size


def _check_size(size: int | tuple[int, int]) -> tuple[int, int]:
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, Integral) for side in sides):
        raise MaskError(f"mask size is {size!r}: give a whole number of pixels, or (height, width)")
    height, width = sides
    if min(height, width) < MIN_SIZE or max(height, width) > MAX_SIZE:
        raise MaskError(f"a mask of {width}x{height} pixels is out of range: each side must have {MIN_SIZE} to {MAX_SIZE}")
    return height, width


def _check_layout(layout: Mask, shape: tuple[int, int]) -> None:
    is_array = isinstance(layout, np.ndarray)  # pyright: ignore[reportUnnecessaryIsInstance] - pictures and lists are tried
    if not is_array or layout.shape != shape or layout.dtype != np.uint8:
        found = f"{layout.dtype} {list(layout.shape)}" if is_array else f"of type {type(layout).__name__}"
        raise MaskError(f"layout is {found}: give uint8 class ids below {NUM_CLASSES} of shape {list(shape)}")
    if layout.max() >= NUM_CLASSES:
        raise MaskError(f"layout holds {layout.max()}: give class ids below {NUM_CLASSES}")


def _draw(shape: tuple[int, int], family: MaskFamily, area: float, rng: Rng, layout: Mask) -> Mask:
    mask: Mask = np.zeros(shape, np.uint8)
    if family == "half":
        shapes.cover_side(mask, area, rng)
    elif family == "border":
        shapes.cover_border(mask, area, rng)
    elif family == "parts":
        shapes.cover_parts(mask, area, rng, layout)
    else:
        element: dict[str, AddElement] = {
            "strokes": lambda m: elements.add_stroke(m, area, rng),
            "box": elements.box_adder(area, rng),
            "scratches": lambda m: elements.add_scratch(m, area, rng),
            "dust": lambda m: elements.add_dust(m, area, rng),
            "text": lambda m: elements.add_text(m, area, rng),
            "mixed": _mixed_adder(area, rng, layout),
        }
        fill(mask, area, rng, element[family], right_angles=family == "box")
    return mask


def _mixed_adder(area: float, rng: Rng, layout: Mask) -> AddElement:
    """Prepare to add whole masks of two to four families, then strokes for what the area still lacks."""
    order = cast(list[int], rng.permutation(len(_MIXABLE)).tolist())
    families: list[MaskFamily] = [_MIXABLE[i] for i in order[: rng.integers(2, 5)]]
    share = max(MIN_AREA, 1 - (1 - area) ** (1 / len(families)))  # independent holes of this area overlap to `area`

    def add(mask: Mask) -> None:
        if families:
            cv2.bitwise_or(mask, _draw(mask.shape, families.pop(), share, rng, layout), dst=mask)
        else:
            elements.add_stroke(mask, area, rng)

    return add
