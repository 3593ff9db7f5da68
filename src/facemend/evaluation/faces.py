"""The faces an evaluation measures on, read one at a time: a bad file costs one face, not the run."""

import csv
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend import imaging
from facemend.data.dataset import IMAGE_SUFFIXES, INDEX_NAME, FaceDataset
from facemend.errors import DataError, ImageError
from facemend.imaging import Layout, Pixels

Groups = dict[str, str]  # what a face counts as, by kind of group: {"set": "ffhq", "skin tone": "light"}

_SKIN = 1  # class id
_TONES = ((41.0, "light"), (10.0, "medium"), (-math.inf, "dark"))  # lowest ITA of each; Chardon et al. 1991, two classes in one
_LEAST_YELLOW = 1.0  # of CIE b*: below it the photo is grey, or its light is blue
_TURNED = 0.15  # yaw from which a head counts as turned


@dataclass(frozen=True)
class Face:
    """One face to restore: the truth [S, S, 3], its label map where there is one, and the groups it counts to."""

    index: int  # in the whole set, whichever part of it is measured
    name: str
    truth: Pixels
    labels: Layout | None
    groups: Groups


class Faces(Protocol):
    """A set of faces, by index."""

    @property
    def names(self) -> list[str]:
        """Their names, all different."""
        ...

    def read(self, index: int, size: int) -> Face:
        """Read a face at `size` x `size`. Raises DataError or ImageError when it cannot be measured."""
        ...


def open_faces(path: Path) -> Faces:
    """Open a face set (folder or zip with an index), or a plain folder of square pictures. Raises DataError."""
    if path.is_dir() and not (path / INDEX_NAME).exists():
        return _PictureFolder(path)
    return _FaceSet(path)


def read_people(path: Path) -> dict[str, Groups]:
    """Read who the people are: a CSV with the column `name` and one column for each kind of group, such as age and sex.

    Raises:
        DataError: It cannot be read, or a row has no name or more values than there are columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from None
    if not rows or "name" not in rows[0] or len(rows[0]) < 2:
        raise DataError(f"{path}: needs rows with the column name and one column for each kind of group, such as age")
    for number, row in enumerate(rows, 1):
        if not row["name"]:
            raise DataError(f"{path}: row {number} has no name: give the face's, or take the row out")
        if None in row:
            raise DataError(f"{path}: row {number}, of {row['name']}, has more values than there are columns")
    return {row["name"]: {kind: value for kind, value in row.items() if kind != "name" and value} for row in rows}


def spread(indices: Sequence[int], number: int) -> list[int]:
    """Choose so many of some indices, or all, spread evenly from the first to the end: a set may be sorted by its sources."""
    number = min(number, len(indices))
    return [indices[i * len(indices) // number] for i in range(number)]


class _FaceSet:
    def __init__(self, path: Path) -> None:
        self._faces = FaceDataset(path, complete=False)
        self.names = [row.name for row in self._faces.rows]

    def read(self, index: int, size: int) -> Face:
        row, sample = self._faces.rows[index], self._faces[index]
        groups = {"set": row.set}
        if row.yaw is not None:
            groups["head"] = "turned" if abs(row.yaw) >= _TURNED else "frontal"
        tone = skin_tone(sample.image, sample.labels)
        if tone is not None:
            groups["skin tone"] = tone
        return Face(index, row.name, fit_square(sample.image, size, row.name), sample.labels, groups)


class _PictureFolder:
    def __init__(self, path: Path) -> None:
        self._paths = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in (*IMAGE_SUFFIXES, ".jpeg"))
        self.names = [entry.stem for entry in self._paths]
        if not self.names:
            raise DataError(f"{path}: holds neither {INDEX_NAME} nor pictures ({', '.join(IMAGE_SUFFIXES)})")
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise DataError(f"{path}: holds two pictures called {min(twice)}; give each a name of its own")

    def read(self, index: int, size: int) -> Face:
        picture = imaging.to_rgb(imaging.load_photo(self._paths[index]))
        return Face(index, self.names[index], fit_square(picture, size, self.names[index]), None, {})


def fit_square(picture: Pixels, size: int, name: str) -> Pixels:
    """Bring a square picture down to `size`. Raises ImageError for another shape, and rather than enlarge one."""
    height, width = picture.shape[:2]
    if height != width:
        raise ImageError(f"{name}: is {width}x{height}, not square; crop it to the face first")
    if height < size:
        raise ImageError(f"{name}: is {width}x{height}, too small to be measured at {size}; take another --size")
    return picture if height == size else np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def skin_tone(picture: Pixels, labels: NDArray[Any]) -> str | None:
    """Name the tone of the skin as the picture shows it, light and camera included; None for grey photos or no skin.

    It is the individual typology angle of the median skin colour (Chardon et al. 1991), in three classes.
    """
    size = (labels.shape[1], labels.shape[0])
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32) / 255
    skin = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float64)[labels == _SKIN]
    if not len(skin):
        return None
    lightness, _, yellowness = np.median(skin, axis=0)
    if yellowness < _LEAST_YELLOW:
        return None
    angle = math.degrees(math.atan((lightness - 50) / yellowness))
    return next(name for lowest, name in _TONES if angle >= lowest)
