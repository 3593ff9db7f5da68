"""The squares of a photo in which its faces are restored: given, or laid round the faces that are found. Needs no torch.

A face that the network is to know lies in its square as faces lay in those that it learnt. One that lacks eyes or mouth cannot be
measured: it is restored first, and measured by that.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import cv2
import numpy as np

from facemend.errors import ConfigError
from facemend.imaging import Hole, Pixels
from facemend.photo import framing, search
from facemend.photo.detectors import Face, FaceDetector
from facemend.photo.faces import SURE, box_window, face_window, hides_landmarks
from facemend.photo.framing import Window
from facemend.photo.guessing import Trial
from facemend.photo.network_view import NetworkView

NUM_FITS = 2  # runs of the network that may be spent on finding out how a damaged face lies
# By how much of the side, what factor and angle a face's square may miss a portrait's frame:
ALIGNED = (0.05, 1.1, 5.0)
LOOSELY_ALIGNED = (0.1, 1.25, 10.0)  # where eyes or mouth are hidden, and so only guessed by the detector
HARDLY_ALIGNED = (0.2, 1.35, 180.0)  # of a square photo, where the face is hardly seen

Box = Sequence[float]  # left, top, right, bottom of a face in the photo's pixels, forehead to chin
Look = Callable[[Window], NetworkView]  # runs the network on a window of the photo


def given_windows(boxes: Sequence[Box | Face] | Literal["portrait"], hole: Hole) -> list[Window]:
    """Lay squares round faces that are given, in a photo with a hole, bool [H, W]; `portrait`: it is one face.

    Raises:
        ConfigError: A box that is none in such a photo, or another word.
    """
    if isinstance(boxes, str):  # an array of boxes would be compared number by number
        if boxes != "portrait":  # pyright: ignore[reportUnnecessaryComparison] - words are mistyped
            raise ConfigError(f"boxes is {boxes!r}: give boxes, or 'portrait'")
        return [framing.choose_window(hole)] if hole.any() else []
    return [_given_window(box, (hole.shape[1], hole.shape[0])) for box in boxes]


def find_windows(rgb: Pixels, hole: Hole, detector: FaceDetector | None, look: Look) -> list[Window]:
    """Lay squares round the faces of a photo, surest first. The arguments are `find_faces`'s."""
    return [_align(face, hole, detector, look) for face in find_faces(rgb, hole, detector, look)]


def find_faces(rgb: Pixels, hole: Hole, detector: FaceDetector | None, look: Look) -> list[Face]:
    """Find faces in a photo, those too that the network alone makes of what the hole leaves: `search.find_faces`.

    Args:
        rgb: uint8 [H, W, 3].
        hole: bool [H, W], True = damaged.
        detector: by default MTCNN.
        look: runs the network on a window of this photo, for a trial.
    """
    return search.find_faces(rgb, hole, detector, paint=lambda window: _trial(look(window)))


def portrait_window(face: Window, hole: Hole, tolerance: tuple[float, float, float] = ALIGNED) -> Window | None:
    """Take a portrait that is framed as the network knows faces as it is: a face is never measured without an error.

    Args:
        face: the square of a face.
        hole: bool [H, W]; perhaps empty.
        tolerance: by how much of the side, what factor and how many degrees it may be framed otherwise.

    Returns:
        The square of the photo; None if it is framed otherwise.
    """
    whole = framing.choose_window(hole if hole.any() else ~hole)
    shift, scale, angle = tolerance
    is_framed = (
        max(np.abs(np.subtract(face.center, whole.center))) <= shift * whole.side
        and max(face.side / whole.side, whole.side / face.side) <= scale
        and abs(face.angle) <= angle
    )
    return whole if is_framed else None


def _given_window(box: Box | Face, size: tuple[int, int]) -> Window:
    if isinstance(box, Face):
        return face_window(box)
    try:
        left, top, right, bottom = map(float, box)
    except (TypeError, ValueError):  # no four numbers
        left = top = right = bottom = 0.0
    width, height = size
    is_box = -width <= left <= right - 1 < 2 * width and -height <= top <= bottom - 1 < 2 * height
    meets_photo = left < width and right > 0 and top < height and bottom > 0  # which may cut the face off
    if not (is_box and meets_photo):
        raise ConfigError(f"box {box!r} is no box in a photo of {size[0]}x{size[1]}: give left, top, right, bottom in pixels")
    return box_window((left, top, right, bottom))


def _align(face: Face, hole: Hole, detector: FaceDetector | None, look: Look) -> Window:
    """Lay the square round a face; one that lacks eyes or mouth is restored first, to be measured by that."""
    window = face_window(face)
    if not hides_landmarks(hole, face):
        return portrait_window(window, hole) or window
    is_seen = face.score >= SURE or hole.shape[0] != hole.shape[1]
    window = portrait_window(window, hole, LOOSELY_ALIGNED if is_seen else HARDLY_ALIGNED) or window
    for _ in range(NUM_FITS):
        restored = look(window)
        again = search.measure_again(face, restored.completed, restored.window, detector)
        if again is face:
            break
        face, window = again, face_window(again)
        if (portrait := portrait_window(window, hole)) is not None:
            return portrait
    return window


def _trial(seen: NetworkView) -> Trial:
    """Say of a face that was painted how sure the network is of its parts in the hole, and how much of the person is no paint."""
    person, sure = 1 - seen.layout[0], seen.layout.max(axis=0)  # [h, w]: all but the background; of the likeliest part
    unknown = np.asarray(cv2.resize(seen.unknown[0], person.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
    certainty = float((sure * unknown).sum() / max(1.0, unknown.sum()))
    return Trial(seen.completed, certainty, float((person * (1 - unknown)).sum() / person.sum()))
