"""Faces as a detector found them, and the squares of the photo in which the network knows them. Needs no torch."""

import math
from collections.abc import Sequence

import numpy as np

from facemend.imaging import Hole
from facemend.photo.detectors import Face
from facemend.photo.framing import Matrix, Window

SURE = 0.99  # of a face's score, above which little but faces is found
LIKELY = 0.9  # of a face's score, above which it is one if more than that speaks for it
PORTRAIT_SHIFT, PORTRAIT_SCALE = 0.2, 1.35  # by how much of its side, and what factor, a portrait's face may miss its frame
STANCE = 45  # degrees, the steps in which it is told how people stand
SAME_FACE = 0.25  # of the side of a face's square: two findings whose middles are nearer are one
BOX_WIDTH, BOX_HEIGHT, BOX_DROP = 0.54, 0.72, 0.05  # of a detector's box, in the side of the face's square


def face_window(face: Face) -> Window:
    """Lay the square round a face in which the network knows faces: FFHQ's, by the recipe of Karras et al. 2018, appendix C.

    It is upright on the line between the eyes and across that to the mouth, and as wide as four times the one or 3.6 times the
    other, whichever is more.
    """
    left_eye, right_eye, _, left_mouth, right_mouth = face.landmarks.astype(np.float64)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    eye_to_eye, eye_to_mouth = right_eye - left_eye, mouth - eyes
    across = eye_to_eye + np.array([eye_to_mouth[1], -eye_to_mouth[0]])
    side = float(max(4 * np.hypot(*eye_to_eye), 3.6 * np.hypot(*eye_to_mouth), 1))
    x, y = eyes + 0.1 * eye_to_mouth
    return Window((float(x), float(y)), side, angle=math.degrees(math.atan2(across[1], across[0])))


def box_window(box: Sequence[float]) -> Window:
    """Lay the same square round an upright face of which only the box is known: left, top, right, bottom."""
    left, top, right, bottom = box
    side = math.sqrt((right - left) * (bottom - top) / (BOX_WIDTH * BOX_HEIGHT))
    return Window(((left + right) / 2, (top + bottom) / 2 - BOX_DROP * side), side)


def meets(window: Window, hole: Hole) -> bool:
    """Whether a window holds some of a hole."""
    region = window.region(hole.shape)
    return bool((hole[region] & window.inside(region)).any())


def hides_landmarks(hole: Hole, face: Face) -> bool:
    """Whether some of a face's landmarks lie under a hole, where a detector can only guess them."""
    columns, rows = np.clip(face.landmarks.T.astype(int), 0, [[hole.shape[1] - 1], [hole.shape[0] - 1]])
    return bool(hole[rows, columns].any())


def is_sure(face: Face, shape: tuple[int, ...]) -> bool:
    """Whether a face is there beyond doubt: by its score, or because it fills a square photo as a portrait does."""
    window, (height, width) = face_window(face), shape
    off, ratio = math.dist(window.center, (width / 2, height / 2)) / width, window.side / width
    is_portrait = height == width and off <= PORTRAIT_SHIFT and 1 / PORTRAIT_SCALE <= ratio <= PORTRAIT_SCALE
    return face.score >= (LIKELY if is_portrait else SURE)


def stances(faces: Sequence[Face], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Angles, to 45 degrees, at which the sure faces of a photo of this shape stand; none if there is no sure one."""
    return tuple(sorted({STANCE * round(face_window(face).angle / STANCE) for face in faces if is_sure(face, shape)}))


def moved(face: Face, matrix: Matrix) -> Face:
    """Take a face to where an affine map puts it, box and all."""
    left, top, right, bottom = face.box
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ matrix[:, :2].T + matrix[:, 2]
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    landmarks = (face.landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return Face((float(left), float(top), float(right), float(bottom)), landmarks, face.score)


def distinct(faces: list[Face]) -> list[Face]:
    """Keep the surest of those that are the same face."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(is_same(face, other) for other in kept):
            kept.append(face)
    return kept


def is_same(face: Face, other: Face) -> bool:
    """Whether two findings are one face."""
    first, second = face_window(face), face_window(other)
    return math.dist(first.center, second.center) < SAME_FACE * max(first.side, second.side)
