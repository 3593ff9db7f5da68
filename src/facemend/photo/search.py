"""The search for faces in a photo, however it lies and whatever of them is missing. Needs no torch."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import cast

import cv2
import numpy as np

from facemend.imaging import Floats, Hole, Pixels
from facemend.photo import framing
from facemend.photo.detectors import Face, FaceDetector, MtcnnDetector
from facemend.photo.faces import SURE, distinct, face_window, is_same, meets, moved, stances
from facemend.photo.framing import Window
from facemend.photo.guessing import FacePainter, guess_faces, unexplained

SEARCH_SIDE = 1024  # pixels of the copy in which faces are searched
TURNED_SEARCH_SIDE = 512
TURNS = (-90, 90, 180, -45, 45, -135, 135)  # degrees; the detector bears 30 either way
LEANING = 45  # degrees by which one face may be turned against another
TURNED_SURE = 0.9  # what a turned face must reach: many angles see many things
CLOSE_UP = 1.25  # times the face's square
CLOSE_UP_SIZE = 256
CROOKED = 10  # degrees by which a close-up must have been off to be taken again
OVERTURNED = 0.4  # of the side of a face's square: the middles of one face, seen upright and upside down, are nearer
PART_FACTORS = (2.0, 3.5)  # times the part's extent that such a look takes in
FILL_RADIUS = 3
FILL_SIDE = 512  # pixels of the copy in which holes are filled


def find_faces(
    rgb: Pixels, hole: Hole | None = None, detector: FaceDetector | None = None, *, paint: FacePainter | None = None
) -> list[Face]:
    """Find faces in a photo, though it lies on its side, they are tilted, or part of them is missing.

    Holes are filled from their edges before the detector sees them. What it finds on a reduced copy is looked at
    again from near by and turned upright, because landmarks are only as good as the picture they are read off.

    Args:
        rgb: uint8 [H, W, 3].
        hole: bool [H, W], True = damaged. Where it meets no upright face, turned ones are looked for.
        detector: by default `MtcnnDetector`.
        paint: where a hole may hide most of a face, faces are painted into it for a trial: as a likely one was found there, as in
            a portrait, or of several sizes and turns; one that fits what is known there counts as found.

    Returns:
        The faces, surest first.
    """
    detector = detector or _default_detector()
    hole = np.zeros(rgb.shape[:2], np.bool_) if hole is None else hole
    found = _look_closely(_search(rgb, hole, detector, SEARCH_SIDE, (0,)), rgb, hole, detector)
    if found and _is_upside_down(found[0], rgb, hole, detector):  # and so the photo is, no doubt
        found = _look_closely(_search(rgb, hole, detector, SEARCH_SIDE, (180,)), rgb, hole, detector)
    closer = (Window(part.middle, x * part.extent, CLOSE_UP_SIZE) for part in unexplained(hole, found) for x in PART_FACTORS)
    hidden = [face for window in closer for face in _detect_in(window, rgb, hole, detector)]
    found = distinct(found + _look_closely(hidden, rgb, hole, detector))
    if paint is not None:  # most photos are upright, and this takes a fraction of the time of what follows
        paint = cache(paint)  # some windows are tried again below
        found = distinct(found + guess_faces(hole, found, paint, detector, turned=False))
    sought = [face for face in found if not hole.any() or meets(face_window(face), hole)]
    if max((face.score for face in sought), default=0) < SURE:
        turned = _search(rgb, hole, detector, TURNED_SEARCH_SIDE, _turns_near(stances(found, hole.shape)))
        turned = [face for face in _look_closely(turned, rgb, hole, detector) if face.score >= TURNED_SURE]
        found = distinct(found + turned)
    if paint is not None:
        found = distinct(found + guess_faces(hole, found, paint, detector))
    return found


def measure_again(face: Face, restored: Floats, window: Window, detector: FaceDetector | None = None) -> Face:
    """Detect a face once more in a restored view of it, [3, S, S] in [-1, 1]; the old one if it is not found there."""
    found = [moved(candidate, window.to_photo) for candidate in (detector or _default_detector())(framing.to_pixels(restored))]
    return max((candidate for candidate in found if is_same(candidate, face)), key=lambda same: same.score, default=face)


@cache
def _default_detector() -> FaceDetector:
    return MtcnnDetector()


def _turns_near(standing: Sequence[int]) -> list[int]:
    """Turns that others may have who are in a photo with people who stand so: a head leans, but no one is upside down."""
    return [turn for turn in TURNS if not standing or any(abs((turn - angle + 180) % 360 - 180) <= LEANING for angle in standing)]


def _search(rgb: Pixels, hole: Hole, detector: FaceDetector, side: int, turns: Sequence[int]) -> list[Face]:
    """Detect on a copy of at most `side` pixels, with its hole filled, turned by several angles in degrees."""
    touched, _ = framing.shrink_hole(hole, side)
    (height, width), size = hole.shape, touched.shape[::-1]
    copy = _filled(cast(Pixels, cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)), touched)
    to_photo = np.array([[width / size[0], 0, 0], [0, height / size[1], 0]])
    found: list[Face] = []
    for turn in turns:
        faces = _detect_turned(copy, turn, detector) if turn else detector(copy)
        found += [moved(face, to_photo) for face in faces]
    return found


def _filled(rgb: Pixels, hole: Hole) -> Pixels:
    """Fill a hole from its edge (Telea 2004), in a large picture no finer than it takes to find a face."""
    if not hole.any():
        return rgb
    coarse, _ = framing.shrink_hole(hole, FILL_SIDE)
    smaller = cv2.resize(rgb, coarse.shape[::-1], interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(smaller, coarse.astype(np.uint8), FILL_RADIUS, cv2.INPAINT_TELEA)
    return np.where(hole[..., None], cv2.resize(filled, hole.shape[::-1], interpolation=cv2.INTER_LINEAR), rgb)


def _detect_turned(copy: Pixels, turn: int, detector: FaceDetector) -> list[Face]:
    height, width = copy.shape[:2]
    cosine, sine = abs(math.cos(math.radians(turn))), abs(math.sin(math.radians(turn)))
    size = math.ceil(max(width * cosine + height * sine, width * sine + height * cosine) / 16 - 1e-6) * 16
    window = Window((width / 2, height / 2), size, size, turn)
    seen, _ = framing.view_photo(copy, np.zeros((height, width), np.bool_), window)
    return [moved(face, window.to_photo) for face in detector(framing.to_pixels(seen))]


def _look_closely(faces: list[Face], rgb: Pixels, hole: Hole, detector: FaceDetector) -> list[Face]:
    """Detect each face again in a view of its own, upright and of a size that suits the detector; drop what is none there."""
    seen_again: list[Face] = []
    for face in distinct(faces):
        closer = _close_up(face, rgb, hole, detector)
        if closer and abs(face_window(closer).angle - face_window(face).angle) > CROOKED:
            closer = _close_up(closer, rgb, hole, detector) or closer
        if closer:
            seen_again.append(closer)
    return distinct(seen_again)


def _close_up(face: Face, rgb: Pixels, hole: Hole, detector: FaceDetector) -> Face | None:
    window = replace(face_window(face).scaled(CLOSE_UP), size=CLOSE_UP_SIZE)
    same = [candidate for candidate in _detect_in(window, rgb, hole, detector) if is_same(candidate, face)]
    return max(same, key=lambda candidate: candidate.score, default=None)


def _is_upside_down(face: Face, rgb: Pixels, hole: Hole, detector: FaceDetector) -> bool:
    """Whether a face is by far surer turned over: the detector takes many that are upside down for upright ones."""
    window = face_window(face)
    turned = replace(window.scaled(CLOSE_UP), size=CLOSE_UP_SIZE, angle=window.angle + 180)
    near = OVERTURNED * window.side
    scores = [
        other.score
        for other in _detect_in(turned, rgb, hole, detector)
        if math.dist(face_window(other).center, window.center) < near
    ]
    return 1 - max(scores, default=0) < (1 - face.score) / 2


def _detect_in(window: Window, rgb: Pixels, hole: Hole, detector: FaceDetector) -> list[Face]:
    """Detect in a window of the photo, its hole filled as finely as the window sees it."""
    seen, unknown = framing.view_photo(rgb, hole, window)
    picture = _filled(framing.to_pixels(seen), unknown[0] > 0)
    return [moved(candidate, window.to_photo) for candidate in detector(picture)]
