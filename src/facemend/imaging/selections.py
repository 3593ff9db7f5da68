"""Holes that need no mask file: what is transparent, painted in a colour, inside a rectangle, or a part of a face."""

from contextlib import suppress
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from facemend.errors import MaskError
from facemend.face_classes import CLASS_NAMES
from facemend.imaging.deep import DeepPhoto
from facemend.imaging.modes import Hole, Layout, to_rgb
from facemend.morphology import disk

FACE_PARTS = {name: (name,) for name in CLASS_NAMES if name != "background"} | {
    "eyes": ("left eye", "right eye"),
    "brows": ("left brow", "right brow"),
    "ears": ("left ear", "right ear"),
    "lips": ("upper lip", "lower lip"),
    "mouth": ("mouth", "upper lip", "lower lip"),
    "face": (
        "skin", "nose", "glasses", "left eye", "right eye", "left brow", "right brow", "mouth", "upper lip", "lower lip",
    ),
}  # fmt: skip
"""What a user may call a part of a face, and the classes of a layout that it is made of."""

_HEAD = [CLASS_NAMES.index(name) for name in (*FACE_PARTS["face"], *FACE_PARTS["ears"], "hair", "hat")]
_EDGE = 0.02  # of the head's size: how far a part's own edge may lie beyond where the layout draws it

_NEAR_PAINT, _NEAR_GREY = 48, 16  # per channel: what JPEG does to a flat stroke; greys are too common to be so lenient
_MIXED = 0.6  # of the distance from the paint to what surrounds the stroke: a mixture of both with 40 % paint


def alpha_hole(image: Image.Image) -> Hole:
    """Take the transparent part of a photo for the hole: whatever is not wholly opaque.

    Returns:
        Bool [H, W], True = repaint.

    Raises:
        MaskError: The photo has no transparency, or is opaque everywhere.
    """
    if image.mode not in ("LA", "RGBA"):
        raise MaskError("the photo has no transparency: erase a part of it in an editor and save it as PNG, TIFF or WebP")
    hole = image.samples[..., 3] < 65535 if isinstance(image, DeepPhoto) else np.asarray(image)[..., -1] < 255
    if not hole.any():
        raise MaskError("the photo is opaque everywhere: erase the part that is to be repainted")
    return hole


def box_hole(box: tuple[int, int, int, int], size: tuple[int, int]) -> Hole:
    """Take a rectangle for the hole, or what of it lies in the photo.

    Args:
        box: left, top, right, bottom in pixels; the right column and the bottom row are the first ones outside.
        size: the photo's (width, height).

    Returns:
        Bool [H, W], True = repaint.

    Raises:
        MaskError: A rectangle that is empty or lies beside the photo.
    """
    left, top, right, bottom = box
    width, height = size
    hole = np.zeros((height, width), bool)
    hole[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    if not hole.any():
        raise MaskError(
            f"the rectangle {left},{top},{right},{bottom} holds nothing of the photo of {width}x{height} pixels: "
            "give left,top,right,bottom with left < right and top < bottom"
        )
    return hole


def color_hole(image: Image.Image, color: str) -> Hole:
    """Take what is painted over in a colour for the hole, the soft edge of the strokes and what JPEG made of them included.

    Pixels as good as of that colour are paint. Near them a pixel belongs to the stroke that is 40 % paint, and so does a
    seam of two pixels more: wider round a soft brush, and in a large photo.

    Args:
        image: The photo, of one of `PHOTO_MODES`.
        color: as CSS writes it: `red`, `#ff0000`, `rgb(255, 0, 0)`.

    Returns:
        Bool [H, W], True = repaint.

    Raises:
        MaskError: No such colour, or no pixel painted in it.
    """
    paint = _parse_color(color)
    rgb = to_rgb(image)
    distance = cv2.absdiff(rgb, np.broadcast_to(np.array(paint, np.uint8), rgb.shape)).max(axis=2)
    near = _NEAR_PAINT if max(paint) - min(paint) > 64 else _NEAR_GREY
    stroke = (distance <= near).astype(np.uint8)
    if not stroke.any():
        nearest = rgb.reshape(-1, 3)[distance.argmin()]
        raise MaskError(
            f"nothing in the photo is painted {color}; its nearest colour is #{bytes(nearest).hex()}: "
            "give the colour of the strokes, painted with a hard brush"
        )
    seam = max(2, round(max(image.size) / 1000))
    around = cv2.dilate(stroke, disk(5 * seam))
    mixed = around & (1 - stroke) & (distance < _MIXED * _blur_known(distance, around, 12 * seam))
    outline = cv2.dilate(stroke, disk(1)) - stroke
    # A brush as soft as the mixed seam is wide has tinted about as much again, too weakly to be told from skin.
    softness = round(1.5 * int(mixed.sum()) / max(1, int(outline.sum())))
    return cv2.dilate(stroke | mixed, disk(seam + min(softness, 5 * seam))) > 0


def is_face_part(name: str) -> bool:
    """Tell whether a user's word is a key of `FACE_PARTS`; case, spaces, hyphens and underscores do not matter."""
    return _plain(name) in FACE_PARTS


def find_part(ids: NDArray[np.uint8], name: str) -> NDArray[np.bool_]:
    """Find the pixels of a part of a face, one that `is_face_part` knows, among class ids of any shape."""
    return np.isin(ids, [CLASS_NAMES.index(each) for each in FACE_PARTS[_plain(name)]])


def part_hole(layout: Layout, names: list[str]) -> Hole:
    """Take parts of the faces for the hole, each a little wider than the layout draws it, so that its edge is covered too.

    Args:
        layout: class ids of the whole photo, uint8 [H, W].
        names: as `is_face_part` knows them.

    Returns:
        Bool [H, W], True = repaint.

    Raises:
        MaskError: No such part, or none of it in the photo.
    """
    hole = np.zeros(layout.shape, np.uint8)
    for name in names:
        if not is_face_part(name):
            raise MaskError(f"{name!r} is no part of a face: take some of {', '.join(FACE_PARTS)}")
        part = find_part(layout, name)
        if not part.any():
            there = [other for other, classes in FACE_PARTS.items() if classes == (other,) and CLASS_NAMES.index(other) in layout]
            found = f"only: {', '.join(there)}" if there else "since no face was found in it"
            raise MaskError(f"{name}: nothing of the kind is in the photo, {found}; paint a mask instead")
        hole = cv2.bitwise_or(hole, part.astype(np.uint8))
    # Every head by itself: a child's eyes need a narrower edge than those of the grown-up beside it.
    _, heads, stats, _ = cv2.connectedComponentsWithStats(np.isin(layout, _HEAD).astype(np.uint8), connectivity=8)
    grown, reaches = hole.copy(), [1]
    for number, (left, top, width, height, area) in enumerate(stats):
        reach = max(1, round(_EDGE * float(area) ** 0.5))
        around = (slice(max(0, top - reach), top + height + reach), slice(max(0, left - reach), left + width + reach))
        own = hole[around] & (heads[around] == number)
        if number > 0:
            reaches.append(reach)
            grown[around] = cv2.bitwise_or(grown[around], cv2.dilate(own, disk(reach)))
    worn = hole & (heads == 0)  # earrings, necklace, neck and cloth are no part of a head
    return cv2.bitwise_or(grown, cv2.dilate(worn, disk(round(float(np.median(reaches)))))) > 0


def _blur_known(values: NDArray[Any], unknown: NDArray[Any], reach: int) -> NDArray[np.float32]:
    """Average the known values [H, W] within `reach` of each pixel."""
    known = 1 - unknown.astype(np.float32)
    total, weight = (cv2.blur(each, (2 * reach + 1, 2 * reach + 1)) for each in (values * known, known))
    return np.asarray(total / np.maximum(weight, 1e-6), np.float32)


def _parse_color(color: str) -> tuple[int, int, int]:
    with suppress(ValueError):
        red, green, blue, *_ = ImageColor.getrgb(color)
        if min(red, green, blue) >= 0 and max(red, green, blue) <= 255:
            return red, green, blue
    raise MaskError(f"{color!r} is no colour: name one, such as red, or write it as #ff0000")


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("-", " ").replace("_", " ").split())
