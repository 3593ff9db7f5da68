"""Draws random holes of a given area: the masks of training, of `facemend mask` and of the demo. Needs no torch.

Every family works the same way: it adds elements until the hole is as large as asked, and the last element is cut off where
the asked area is reached. So an area is met whatever the family, and drawing one mask at 256 takes about a millisecond.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.config import MaskFamily
from facemend.errors import MaskError
from facemend.face_classes import NUM_CLASSES

HOLE = 255  # repaint; 0 = keep
MIN_AREA, MAX_AREA = 0.01, 0.9
MIN_SIZE, MAX_SIZE = 16, 16384
MAX_ELEMENTS = 120  # a hole still too small after this many elements is grown at its edge
FAMILIES: tuple[MaskFamily, ...] = get_args(MaskFamily)

_PARTS = {  # CelebAMask-HQ class ids of what people want repainted
    "left eye": (4,),
    "right eye": (5,),
    "eyes and glasses": (3, 4, 5),
    "brows": (6, 7),
    "nose": (2,),
    "mouth": (10, 11, 12),
    "ears": (8, 9),
    "hair and hat": (13, 14),
    "face": (1, 2, 3, 4, 5, 6, 7, 10, 11, 12),
    "neck and cloth": (16, 17, 18),
}
_WORDS = ("SAMPLE", "proof", "1987", "Copyright", "FAMILY", "preview", "do not copy", "Anna", "archive 04", "summer", "photo")
_MIXABLE: tuple[MaskFamily, ...] = ("strokes", "box", "half", "parts", "scratches", "dust", "text", "border")

Mask = np.ndarray[tuple[int, int], np.dtype[np.uint8]]  # [H, W]
Rng = np.random.Generator
AddElement = Callable[[Mask], None]  # paints one more element of a family into the mask


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
        seed: The same number draws the same mask. A generator is drawn from and moves on; None draws anew each time.
        layout: [H, W] uint8 class ids (CelebAMask-HQ), the face whose parts are covered; read by `parts` and `mixed`. None
            takes the places where an aligned face (as in FFHQ) has its parts.

    Returns:
        [H, W] uint8, 255 = repaint, 0 = keep.

    Raises:
        MaskError: An unknown family, an area or a size out of range, or a layout that does not fit.
    """
    shape = _check_size(size)
    if family not in FAMILIES:
        raise MaskError(f"unknown mask family {family!r}: take one of {', '.join(FAMILIES)}")
    if not MIN_AREA <= area <= MAX_AREA:
        raise MaskError(f"mask area {area:g} is out of range: ask for {MIN_AREA:g} to {MAX_AREA:g} of the picture")
    if layout is None:
        layout = _aligned_face(shape)
    elif layout.shape != shape or layout.dtype != np.uint8 or layout.max() >= NUM_CLASSES:
        raise MaskError(
            f"layout is {layout.dtype} {list(layout.shape)} up to {layout.max()}: "
            f"give uint8 class ids below {NUM_CLASSES} of shape {list(shape)}"
        )
    return _draw(shape, family, area, np.random.default_rng(seed), layout)


def mask_area(mask: NDArray[np.generic]) -> float:
    """Return the share of the picture that a mask covers: pixels other than 0 over all pixels."""
    return float(np.count_nonzero(mask)) / mask.size


def _check_size(size: int | tuple[int, int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < MIN_SIZE or max(height, width) > MAX_SIZE:
        raise MaskError(f"a mask of {width}x{height} pixels is out of range: each side must have {MIN_SIZE} to {MAX_SIZE}")
    return height, width


def _draw(shape: tuple[int, int], family: MaskFamily, area: float, rng: Rng, layout: Mask) -> Mask:
    mask: Mask = np.zeros(shape, np.uint8)
    if family == "half":
        _half(mask, area, rng)
    elif family == "border":
        _border(mask, area, rng)
    elif family == "parts":
        _parts(mask, area, rng, layout)
    else:
        element: dict[str, AddElement] = {
            "strokes": lambda m: _stroke(m, area, rng),
            "box": _box_adder(area, rng),
            "scratches": lambda m: _scratch(m, area, rng),
            "dust": lambda m: _dust(m, area, rng),
            "text": lambda m: _text(m, area, rng),
            "mixed": _mixed_adder(area, rng, layout),
        }
        _fill(mask, area, rng, element[family], right_angles=family == "box")
    return mask


# --- meeting the area ---------------------------------------------------------------------------------------------------


def _fill(mask: Mask, area: float, rng: Rng, add_element: AddElement, *, right_angles: bool = False) -> None:
    """Add elements until the hole has the area asked for."""
    target = round(area * mask.size)
    for _ in range(MAX_ELEMENTS):
        before = mask.copy()
        add_element(mask)
        if cv2.countNonZero(mask) >= target:
            _trim(mask, before, target, rng, right_angles)
            return
    _grow(mask, area, rng)


def _grow(mask: Mask, area: float, rng: Rng) -> None:
    """Widen the hole at its edge until it has the area asked for."""
    target = round(area * mask.size)
    while cv2.countNonZero(mask) < target:
        before = mask.copy()
        cv2.dilate(before, _disc(max(1, min(mask.shape) // 100)), dst=mask)
        if cv2.countNonZero(mask) >= target:
            _trim(mask, before, target, rng)


def _shrink(mask: Mask, area: float, rng: Rng) -> None:
    """Narrow the hole at its edge until it has the area asked for."""
    target = round(area * mask.size)
    while cv2.countNonZero(mask) > target:
        inner = cv2.erode(mask, _disc(max(1, min(mask.shape) // 200)), borderType=cv2.BORDER_REPLICATE)
        if cv2.countNonZero(inner) <= target:
            _trim(mask, cast(Mask, inner), target, rng)
            return
        mask[:] = inner


def _trim(mask: Mask, before: Mask, target: int, rng: Rng, right_angles: bool = False) -> None:
    """Of what was added to `before`, keep the side of a straight cut that makes the hole `target` pixels large."""
    rows, columns = np.nonzero(mask != before)
    keep = target - cv2.countNonZero(before)
    if keep >= len(rows):
        return
    angle = rng.integers(4) * math.pi / 2 if right_angles else rng.uniform(0, 2 * math.pi)
    along = columns * round(math.cos(angle), 6) + rows * round(math.sin(angle), 6)
    dropped = along > np.partition(along, keep)[keep]
    mask[rows[dropped], columns[dropped]] = 0


@lru_cache(maxsize=32)
def _disc(radius: int) -> Mask:
    return cast(Mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))


def _shuffled(count: int, rng: Rng) -> list[int]:
    return cast(list[int], rng.permutation(np.arange(count)).tolist())


# --- families of one shape ----------------------------------------------------------------------------------------------


def _half(mask: Mask, area: float, rng: Rng) -> None:
    """Cover one side of a straight line: left, right, top, bottom, or aslant."""
    height, width = mask.shape
    angle = rng.integers(4) * math.pi / 2 if rng.random() < 0.6 else rng.uniform(0, 2 * math.pi)
    x = np.arange(width, dtype=np.float32) * round(math.cos(angle), 6)
    y = np.arange(height, dtype=np.float32) * round(math.sin(angle), 6)
    along = y[:, None] + x
    mask[along <= np.partition(along, round(area * mask.size) - 1, axis=None)[round(area * mask.size) - 1]] = HOLE


def _border(mask: Mask, area: float, rng: Rng) -> None:
    """Cover everything but an inner rectangle."""
    height, width = mask.shape
    kept = 1 - area
    share = float(kept ** rng.uniform(0.3, 0.7))  # of the height; the width takes the rest
    kept_height = min(height, max(1, round(share * height)))
    kept_width = min(width, max(1, round(kept * mask.size / kept_height)))
    top = rng.integers(height - kept_height + 1)
    left = rng.integers(width - kept_width + 1)
    mask[:] = HOLE
    mask[top : top + kept_height, left : left + kept_width] = 0


def _parts(mask: Mask, area: float, rng: Rng, layout: Mask) -> None:
    """Cover parts of the face that together come near the area, then widen or narrow their outline to meet it."""
    sizes = np.bincount(layout.ravel(), minlength=NUM_CLASSES) / layout.size
    parts = [ids for ids in _PARTS.values() if sizes[list(ids)].sum() > 0.0005]
    if not parts:
        return _parts(mask, area, rng, _aligned_face(mask.shape))
    chosen: set[int] = set()
    for i in _shuffled(len(parts), rng):
        union = chosen | set(parts[i])
        if sizes[list(union)].sum() <= 1.2 * area:
            chosen = union
    if not chosen:
        chosen = set(min(parts, key=lambda ids: sizes[list(ids)].sum()))
    covered = np.zeros(256, np.uint8)
    covered[list(chosen)] = HOLE
    cv2.LUT(layout, covered, dst=mask)
    _grow(mask, area, rng)
    _shrink(mask, area, rng)


@lru_cache(maxsize=8)
def _aligned_face(shape: tuple[int, int]) -> Mask:
    """Draw the layout of an average face as FFHQ frames it: eyes at (.38, .47) and (.62, .47), mouth at height .725."""
    height, width = shape
    layout: Mask = np.zeros(shape, np.uint8)

    def ellipse(class_id: int, x: float, y: float, half_width: float, half_height: float) -> None:
        center, axes = (round(x * width), round(y * height)), (round(half_width * width), round(half_height * height))
        cv2.ellipse(layout, center, axes, 0, 0, 360, class_id, cv2.FILLED)

    ellipse(18, 0.5, 1.06, 0.45, 0.14)  # cloth
    ellipse(13, 0.5, 0.42, 0.36, 0.42)  # hair
    ellipse(17, 0.5, 0.92, 0.16, 0.12)  # neck
    ellipse(8, 0.235, 0.55, 0.03, 0.07)  # ears
    ellipse(9, 0.765, 0.55, 0.03, 0.07)
    ellipse(1, 0.5, 0.55, 0.26, 0.37)  # skin
    ellipse(6, 0.375, 0.4, 0.075, 0.018)  # brows
    ellipse(7, 0.625, 0.4, 0.075, 0.018)
    ellipse(4, 0.38, 0.47, 0.048, 0.022)  # eyes
    ellipse(5, 0.62, 0.47, 0.048, 0.022)
    ellipse(2, 0.5, 0.575, 0.06, 0.075)  # nose
    ellipse(11, 0.5, 0.712, 0.1, 0.02)  # lips
    ellipse(12, 0.5, 0.745, 0.085, 0.022)
    ellipse(10, 0.5, 0.728, 0.075, 0.01)  # mouth
    return layout


# --- families of many elements ------------------------------------------------------------------------------------------


def _stroke(mask: Mask, area: float, rng: Rng) -> None:
    """Add one free-form stroke of a brush: a random walk that turns, after DeepFill v2 (Yu et al. 2019), narrow or wide."""
    height, width = mask.shape
    side = min(height, width)
    num_points = int(rng.integers(3, 9))
    turns = rng.normal(0, 1.0, num_points)
    turns[::2] *= rng.random() * 1.5  # between a wide arc and a scribble
    heading = rng.uniform(0, 2 * math.pi) + np.cumsum(turns)
    steps = side * rng.uniform(0.06, 0.14 + 0.12 * area, num_points)
    start = rng.random(2) * (width, height)
    points = start + np.stack([np.cumsum(steps * np.cos(heading)), np.cumsum(steps * np.sin(heading))], axis=1)
    brush = side * rng.uniform(0.015, 0.05 + 0.2 * area)
    cv2.polylines(mask, [points.astype(np.int32)], False, HOLE, max(1, round(brush)))


def _box_adder(area: float, rng: Rng) -> AddElement:
    """Prepare to add rectangles: a few that share the area, or one that takes it all."""
    count = int(rng.integers(1, 5 if area < 0.4 else 2))

    def add(mask: Mask) -> None:
        height, width = mask.shape
        share = area if count == 1 else area / count * rng.uniform(0.4, 1.6)
        tallness = min(1.0, max(share, float(share ** rng.uniform(0.3, 0.7))))  # of the picture's height
        box_height = math.ceil(tallness * height)
        box_width = min(width, math.ceil(share * mask.size / box_height))
        top = rng.integers(height - box_height + 1)
        left = rng.integers(width - box_width + 1)
        mask[top : top + box_height, left : left + box_width] = HOLE

    return add


def _scratch(mask: Mask, area: float, rng: Rng) -> None:
    """Add one long thin line, straight or bent; 1 to 6 pixels wide at 256, wider where a large area is asked for."""
    height, width = mask.shape
    start, bend, end = rng.uniform(-0.1, 1.1, (3, 2)) * (width, height)
    bend = (start + end) / 2 + (bend - (start + end) / 2) * rng.choice([0.0, 0.2, 0.8])
    t = np.linspace(0, 1, 14)[:, None]
    points = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end  # a quadratic Bezier curve
    widest = 6 + 40 * max(0.0, area - 0.1)
    thickness = rng.uniform(1, widest) * min(height, width) / 256
    cv2.polylines(mask, [points.astype(np.int32)], False, HOLE, max(1, round(thickness)))


def _dust(mask: Mask, area: float, rng: Rng) -> None:
    """Add a handful of specks of one size; larger ones where a large area is asked for."""
    height, width = mask.shape
    radius = max(0, round(rng.uniform(0, 2.5 + 8 * area) * min(height, width) / 256))
    speck_area = math.pi * (radius + 0.5) ** 2 / mask.size
    count = max(1, round(rng.uniform(0.1, 0.3) * area / speck_area))
    specks: Mask = np.zeros_like(mask)
    specks[rng.integers(height, size=count), rng.integers(width, size=count)] = HOLE
    if radius:
        cv2.dilate(specks, _disc(radius), dst=specks)
    cv2.bitwise_or(mask, specks, dst=mask)


def _text(mask: Mask, area: float, rng: Rng) -> None:
    """Add one line of writing; larger and bolder where a large area is asked for."""
    height, width = mask.shape
    scale = rng.uniform(0.5, 0.8 + 3 * area) * min(height, width) / 256
    origin = (int(rng.uniform(-0.2, 0.8) * width), int(rng.uniform(0.05, 1.05) * height))
    thickness = max(1, round(scale * rng.uniform(1.5, 3 + 6 * area)))
    cv2.putText(mask, _WORDS[rng.integers(len(_WORDS))], origin, cv2.FONT_HERSHEY_DUPLEX, scale, HOLE, thickness)
    cv2.threshold(mask, HOLE // 2, HOLE, cv2.THRESH_BINARY, dst=mask)  # OpenCV 5 draws letters with soft edges


def _mixed_adder(area: float, rng: Rng, layout: Mask) -> AddElement:
    """Prepare to add whole masks of two to four families, then strokes for what the area still lacks."""
    families: list[MaskFamily] = [_MIXABLE[i] for i in _shuffled(len(_MIXABLE), rng)[: rng.integers(2, 5)]]
    share = max(MIN_AREA, 1 - (1 - area) ** (1 / len(families)))  # independent holes of this area overlap to `area`

    def add(mask: Mask) -> None:
        if families:
            cv2.bitwise_or(mask, _draw(mask.shape, families.pop(), share, rng, layout), dst=mask)
        else:
            _stroke(mask, area, rng)

    return add
