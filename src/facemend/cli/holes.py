"""What a user may call the hole: a mask file, a word, a rectangle, parts of faces, a colour."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facemend.cli.options import note
from facemend.errors import MaskError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from facemend.imaging import Hole, Layout
    from facemend.photo.detectors import Face

STRICTNESS = 0.5
_KINDS = "an image file, alpha, auto, a rectangle left,top,right,bottom, or parts of faces such as eyes,mouth"


def find_hole(
    image: "Image",
    masks: list[str],
    *,
    color: str | None,
    strictness: float | None,
    invert: bool,
    parse: Callable[["Hole | None"], "Layout"],
) -> "Hole":
    """Find what a user asked to repaint: all that the masks and the colour cover, or with `invert` all that they do not.

    Args:
        image: the photo.
        masks: as `--mask` takes them.
        color: of painted strokes, as CSS writes it; in the mask files, or where there is none in the photo itself.
        strictness: of the search for damage, 0 to 1; for the mask `auto` only.
        invert: repaint the rest instead.
        parse: tells the layout of the photo, given what is known to be damaged; called only for parts of faces.

    Returns:
        Bool [H, W], True = repaint.

    Raises:
        MaskError: Something that was asked for is not there, or the hole is empty or covers everything.
    """
    import numpy as np

    from facemend import imaging

    if not masks and color is None:
        raise MaskError(f"what is to be repainted? Give --mask ({_KINDS}), or --mask-color")
    if strictness is not None and "auto" not in masks:
        raise MaskError("--strictness is for damage that is found by itself: give --mask auto with it")
    holes: list[Hole] = []
    parts: list[str] = []
    painted: list[Image] = []
    for mask in masks:
        box = read_box(mask)
        if mask == "alpha":
            holes.append(imaging.alpha_hole(image))
        elif mask == "auto":
            holes.append(_damage(image, STRICTNESS if strictness is None else strictness))
        elif box is not None:
            holes.append(imaging.box_hole(box, image.size))
        elif names_parts([mask]):
            parts += mask.split(",")
        elif Path(mask).exists():
            picture = imaging.load_mask(Path(mask))
            if color is None:
                holes.append(imaging.read_hole(picture, image.size))
                if imaging.looks_like_photo(picture):
                    note(
                        f"note: {mask} looks like a photo, not like a mask: all that is bright in it is repainted. "
                        "If what is transparent in it is the hole, give it as the photo, with --mask alpha"
                    )
            else:
                painted.append(imaging.check_photo(picture, mask))
        else:
            raise MaskError(f"{mask}: no such file; --mask takes {_KINDS}")
    if color is not None:
        holes += [imaging.read_hole(imaging.color_hole(picture, color), image.size) for picture in painted or [image]]
    if parts:  # last, since it takes the model
        holes.append(imaging.part_hole(parse(np.logical_or.reduce(holes) if holes else None), parts))
    hole = np.logical_or.reduce(holes)
    return imaging.read_hole(~hole if invert else hole, image.size)


def names_parts(masks: list[str]) -> bool:
    """Tell whether parts of faces are among what `--mask` was given."""
    from facemend.imaging import is_face_part

    return any(is_face_part(name) for mask in masks for name in mask.split(","))


def count_parts(masks: list[str], faces: "Sequence[NDArray[np.uint8]]") -> list[str]:
    """Say of parts asked for that some faces lack in how many they were found; `faces` are the class ids of each one's pixels."""
    from facemend.imaging import find_part, is_face_part

    names = [name for mask in masks for name in mask.split(",") if is_face_part(name)]
    counts = {name: sum(bool(find_part(ids, name).any()) for ids in faces) for name in names}
    return [
        f"{name}: found in {count} of {len(faces)} faces; a painted mask covers what was missed"
        for name, count in counts.items()
        if count < len(faces)
    ]


def find_covered_faces(image: "Image", masks: list[str], hole: "Hole") -> "list[Face] | None":
    """Find the faces of which parts are to be repainted, which the hole may hide.

    Returns:
        The faces in the photo without the hole, where that is parts of faces and so undamaged, or where no face that it touches
        would be found again; else None.
    """
    from facemend import imaging
    from facemend.photo.faces import face_window, meets
    from facemend.photo.search import find_faces

    rgb = imaging.to_rgb(image)
    is_damaged = not all(names_parts([mask]) for mask in masks)
    if is_damaged and any(meets(face_window(face), hole) for face in find_faces(rgb, hole)):
        return None
    return find_faces(rgb) or None


def read_box(text: str) -> tuple[int, int, int, int] | None:
    """Read 'left,top,right,bottom'; None of anything else."""
    numbers = re.fullmatch(r" *(-?\d{1,6}) *, *(-?\d{1,6}) *, *(-?\d{1,6}) *, *(-?\d{1,6}) *", text)
    return None if numbers is None else (int(numbers[1]), int(numbers[2]), int(numbers[3]), int(numbers[4]))


def _damage(image: "Image", strictness: float) -> "Hole":
    from facemend import imaging
    from facemend.damage import find_damage

    hole = find_damage(imaging.to_rgb(image), strictness=strictness)
    if not hole.any():
        raise MaskError(f"no damage was found: lower --strictness (it was {strictness:g}), or paint a mask")
    return hole
