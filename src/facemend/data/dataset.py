"""Faces on disk: a folder or a zip of pictures, their 19-class label maps, and an index.

images/NAME.webp|.jpg|.png    RGB, the face in a fixed frame
labels/NAME.png               one class id per pixel (`face_classes.CLASS_NAMES`); may be of another size than the picture
index.csv                     one row per face: the fields of `IndexRow`
"""

import csv
import io
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple, Protocol, overload
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from facemend.errors import DataError
from facemend.face_classes import NUM_CLASSES
from facemend.whole_files import write_whole

INDEX_NAME = "index.csv"
IMAGE_SUFFIXES = (".webp", ".jpg", ".png")
LABEL_SUFFIX = ".png"


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What the index says of one face."""

    name: str  # stem of its files
    set: str  # the collection it comes from
    size: int  # side of the stored picture in pixels
    native_crop_px: float  # side of the face crop in the source photo: below `size`, the picture was enlarged
    yaw: float | None  # how far the head is turned, 0 = frontal; None = not measured
    sharpness: float  # variance of the Laplacian of the grey picture
    label_source: str  # who drew the label map: "hand" or the name of a parser


class FaceSample(NamedTuple):
    """One face: `image` is uint8 RGB [S, S, 3], `labels` uint8 class ids [h, w]."""

    name: str
    set: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]


class _Files(Protocol):
    """Named files, in a folder or in a zip."""

    def list(self, folder: str) -> Iterable[str]:
        """Name the files directly in `folder`."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file's bytes. Raises KeyError or OSError when it cannot."""
        ...


class _FolderFiles:
    def __init__(self, path: Path) -> None:
        self._path = path

    def list(self, folder: str) -> Iterable[str]:
        return (entry.name for entry in (self._path / folder).glob("*"))

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()


class _ZipFiles:
    """Each thread of each process opens the zip for itself: threads need no lock, and forks share no file offset."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def __reduce__(self) -> tuple[type["_ZipFiles"], tuple[Path]]:
        return _ZipFiles, (self._path,)

    def list(self, folder: str) -> Iterable[str]:
        prefix = f"{folder}/"
        names = (name.removeprefix(prefix) for name in self._open().namelist() if name.startswith(prefix))
        return (name for name in names if "/" not in name)

    def read(self, name: str) -> bytes:
        return self._open().read(name)

    def _open(self) -> ZipFile:
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.zip = ZipFile(self._path)
            self._local.pid = os.getpid()
        zip_file: ZipFile = self._local.zip
        return zip_file


class FaceDataset(Sequence[FaceSample]):
    """The faces of a folder or zip, in the order of its index; threads may read it at once, and it pickles.

    Args:
        path: Folder or zip in the format this module describes.
        select: Part of the index to take, as `slice(-50, None)` for the last 50 faces.
        complete: Refuse an index that names a face whose picture or label map is not there; else reading that face does.

    Raises:
        DataError: The index is missing or wrong, or names a face whose picture or label map is not there; or there are two
            pictures of one name.
            Reading a face raises it for a picture that is damaged or not square, and for label maps of anything but class ids.
    """

    def __init__(self, path: Path, *, select: slice = slice(None), complete: bool = True) -> None:
        self.path = path
        self._files = _open_files(path)
        self.rows = _read_index(self._files, path)[select]
        self._images = _find(self._files, path, "images", IMAGE_SUFFIXES)
        self._labels = _find(self._files, path, "labels", (LABEL_SUFFIX,))
        for kind, found in (("picture", self._images), ("label map", self._labels)):
            missing = [row.name for row in self.rows if row.name not in found]
            if missing and complete:
                raise DataError(
                    f"{path}: {INDEX_NAME} names faces without a {kind}: {missing[0]} and {len(missing) - 1} more; "
                    "put the files back or take their rows out of the index"
                )

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> FaceSample: ...
    @overload
    def __getitem__(self, index: slice) -> "FaceDataset": ...
    def __getitem__(self, index: int | slice) -> "FaceSample | FaceDataset":
        if isinstance(index, slice):
            part = object.__new__(FaceDataset)
            part.__dict__.update(self.__dict__, rows=self.rows[index])
            return part
        row = self.rows[index]
        for kind, found in (("picture", self._images), ("label map", self._labels)):
            if row.name not in found:
                raise DataError(f"{self.path}: {INDEX_NAME} names {row.name}, which has no {kind}; put the file back")
        with self._decode(self._images[row.name]) as picture:
            if picture.width != picture.height:
                size = f"{picture.width}x{picture.height}"
                raise DataError(f"{self.path}: {self._images[row.name]}: is {size}, not square; crop it to the face")
            image = np.asarray(picture.convert("RGB"))
        with self._decode(self._labels[row.name]) as picture:
            labels = np.asarray(picture)
        if labels.dtype != np.uint8 or labels.ndim != 2 or labels.max() >= NUM_CLASSES:
            raise DataError(
                f"{self.path}: {self._labels[row.name]}: must hold one class id from 0 to {NUM_CLASSES - 1} per pixel "
                f"(8-bit grey or palette), but is {labels.dtype} {list(labels.shape)} up to {labels.max()}"
            )
        return FaceSample(row.name, row.set, image, labels)

    def _decode(self, name: str) -> Image.Image:
        try:
            picture = Image.open(io.BytesIO(self._files.read(name)))
            picture.load()
        except (KeyError, OSError, BadZipFile, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"{self.path}: {name}: cannot be read ({error}); copy the data set anew") from None
        return picture


def write_index(path: Path, rows: Iterable[IndexRow]) -> None:
    """Write an index file that `FaceDataset` reads, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in fields(IndexRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_whole(path, text.getvalue().encode())


def _open_files(path: Path) -> _Files:
    if path.is_dir():
        return _FolderFiles(path)
    try:
        ZipFile(path).close()
    except FileNotFoundError:
        raise DataError(f"{path}: no such data set; give a folder or a zip") from None
    except (OSError, BadZipFile) as error:
        raise DataError(f"{path}: is neither a folder nor a readable zip ({error})") from None
    return _ZipFiles(path)


def _read_index(files: _Files, path: Path) -> list[IndexRow]:
    columns = [field.name for field in fields(IndexRow)]
    try:
        reader = csv.DictReader(io.StringIO(files.read(INDEX_NAME).decode("utf-8-sig")))
        numbered = [(reader.line_num, values) for values in reader]
    except (KeyError, OSError, BadZipFile, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: {INDEX_NAME} is missing or unreadable ({error}); its columns are {','.join(columns)}") from None
    missing = set(columns) - set(reader.fieldnames or ())
    if missing:
        raise DataError(f"{path}: {INDEX_NAME} lacks the columns {', '.join(sorted(missing))}")
    rows: dict[str, IndexRow] = {}
    for line, values in numbered:
        try:
            row = _parse_row(values)
        except (TypeError, ValueError) as error:
            raise DataError(f"{path}: {INDEX_NAME} line {line}: {error}") from None
        if row.name in rows:
            raise DataError(f"{path}: {INDEX_NAME} line {line}: {row.name} is there twice")
        rows[row.name] = row
    return list(rows.values())


def _parse_row(values: dict[str, str]) -> IndexRow:
    return IndexRow(
        name=values["name"],
        set=values["set"],
        size=int(values["size"]),
        native_crop_px=float(values["native_crop_px"]),
        yaw=float(values["yaw"]) if values["yaw"] else None,
        sharpness=float(values["sharpness"]),
        label_source=values["label_source"],
    )


def _find(files: _Files, path: Path, folder: str, suffixes: Sequence[str]) -> dict[str, str]:
    """Map each stem in `folder` to the file's name within the data set. Raises DataError where two files have one stem."""
    found: dict[str, str] = {}
    for name in sorted(files.list(folder)):
        file = Path(folder, name)
        if file.suffix not in suffixes:
            continue
        if file.stem in found:
            raise DataError(f"{path}: holds both {found[file.stem]} and {file.as_posix()}: take one of them out")
        found[file.stem] = file.as_posix()
    return found
