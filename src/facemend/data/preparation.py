"""A downloaded collection of faces, turned into face sets that `FaceDataset` reads.

    OUTPUT/train/, val/, test/     a face set each: images/NAME.png, labels/NAME.png, index.csv
    OUTPUT/manifest.json           what was prepared from what, and the sha256 of every file

The same call again goes on where it stopped: every file is written whole or not at all, and the index and the hashes only
when every face is there. A source that lacks something is refused before anything is written.
"""

import io
import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from rich.console import Console
from rich.progress import track

import facemend
from facemend.data.dataset import INDEX_NAME, IndexRow, write_index
from facemend.errors import DataError, OutputError
from facemend.whole_files import UNFINISHED, sha256_of, write_whole

Picture = NDArray[np.uint8]  # [H, W, 3] RGB
Labels = NDArray[np.uint8]  # [h, w] class ids
Split = Literal["train", "val", "test"]
_Result = TypeVar("_Result")

MANIFEST_NAME = "manifest.json"
MIN_SIZE, MAX_SIZE = 64, 1024


@dataclass(frozen=True)
class Face:
    """One face of the collection, and the set it goes to."""

    name: str
    split: Split
    source: Path


@dataclass(frozen=True)
class Job:
    """What is to be prepared, and from what."""

    faces: list[Face]
    parse: Callable[[Face, Picture], Labels]  # the label map of a face, given its picture
    output: Path
    settings: dict[str, Any]  # may not change between two calls that write the same output
    found: dict[str, int]  # what the source holds, for the manifest


def check_size(size: int) -> None:
    """Raise DataError for a side that pictures cannot have."""
    if not MIN_SIZE <= size <= MAX_SIZE or size % 16:
        raise DataError(f"size {size}: must be a multiple of 16 from {MIN_SIZE} to {MAX_SIZE}")


def prepare(job: Job) -> dict[str, int]:
    """Write every face that is not there yet, then the indexes and the manifest; returns the number of faces in each split.

    Raises:
        DataError: The output holds another preparation, or a picture of the source is damaged.
        OutputError: The output cannot be written.
    """
    counts = dict(Counter(face.split for face in job.faces))
    try:
        _begin(job.output, job.settings, counts)
        _for_each(job.faces, lambda face: _write_face(job, face), "Preparing")
        described = _for_each(job.faces, lambda face: _describe(job, face), "Hashing")
        for split in counts:
            rows = [row for face, (row, _) in zip(job.faces, described, strict=True) if face.split == split]
            write_index(job.output / split / INDEX_NAME, rows)
        files = {name: digest for _, digests in described for name, digest in digests.items()}
        tool = f"facemend {facemend.__version__}"
        _write_manifest(job.output, {**job.settings, "tool": tool, "found": job.found, "counts": counts, "files": files})
    except OSError as error:
        raise OutputError(f"{job.output}: cannot be written ({error})") from None
    return counts


def read_picture(path: Path, mode: str) -> Picture:
    """Read a square picture in a mode of PIL's. Raises DataError, naming it, when it is damaged or no such square."""
    with _opened(path) as picture:
        pixels = np.asarray(picture.convert(mode))
    if pixels.shape[0] != pixels.shape[1] or pixels.shape[0] < MIN_SIZE:
        raise DataError(f"{path}: is {pixels.shape[1]}x{pixels.shape[0]}, no square of {MIN_SIZE} or more; fetch it anew")
    return pixels


@contextmanager
def _opened(path: Path) -> Generator[Image.Image]:
    """Open a picture; what is wrong with it, now or while it is decoded, becomes a DataError that names it."""
    try:
        with Image.open(path) as picture:
            yield picture
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read ({error}); fetch it anew, then run the same command again") from None


def shrink_labels(labels: Labels, size: int) -> Labels:
    """Bring a square label map to a side of `size`, unless it is smaller."""
    if labels.shape[0] <= size:
        return labels
    return np.asarray(cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _write_face(job: Job, face: Face) -> None:
    """Write a face's picture and label map, the label map last; a face that has both is left alone."""
    image_path, labels_path = _paths(job, face)
    if image_path.exists() and labels_path.exists():
        return
    picture = _shrink_picture(read_picture(face.source, "RGB"), job.settings["size"])
    labels = job.parse(face, picture)
    write_whole(image_path, _encode(picture))
    write_whole(labels_path, _encode(labels))


def _paths(job: Job, face: Face) -> tuple[Path, Path]:
    folder = job.output / face.split
    return folder / "images" / f"{face.name}.png", folder / "labels" / f"{face.name}.png"


def _shrink_picture(picture: Picture, size: int) -> Picture:
    if picture.shape[0] <= size:
        return picture
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _begin(output: Path, settings: dict[str, Any], splits: Iterable[str]) -> None:
    """Make the folders and note what is being prepared, or check that it is what was begun there before."""
    manifest = output / MANIFEST_NAME
    if manifest.exists():
        begun = _read_manifest(manifest)
        for key, value in settings.items():
            if begun.get(key) != value:
                raise DataError(
                    f"{manifest}: was begun with {key} {begun.get(key)}, not {value}; give another folder or delete this one"
                )
    else:
        output.mkdir(parents=True, exist_ok=True)
        if any(path for path in output.iterdir() if not path.match(UNFINISHED)):
            raise DataError(f"{output}: holds other files; give a new folder")
        _write_manifest(output, settings)
    for split in splits:
        for kind in ("images", "labels"):
            (output / split / kind).mkdir(parents=True, exist_ok=True)
    for left in output.rglob(UNFINISHED):  # of a call that was killed
        left.unlink()


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: is no manifest of ours ({error}); give another folder or delete this one") from None


def _describe(job: Job, face: Face) -> tuple[IndexRow, dict[str, str]]:
    """Return a prepared face's index row, and the hashes of its files by name."""
    paths = _paths(job, face)
    digests = {path.relative_to(job.output).as_posix(): sha256_of(path) for path in paths}
    picture = read_picture(paths[0], "L")
    with _opened(face.source) as source:
        native_size = source.size[0]
    row = IndexRow(
        name=face.name,
        set=job.settings["dataset"],
        size=picture.shape[0],
        native_crop_px=float(native_size),
        yaw=None,
        sharpness=round(float(np.asarray(cv2.Laplacian(picture, cv2.CV_64F)).var()), 1),
        label_source=job.settings["label_source"],
    )
    return row, digests


def _for_each(faces: list[Face], work: Callable[[Face], _Result], description: str) -> list[_Result]:
    """Do the work for all faces on all processors, with a progress bar; the first error ends it."""
    pool = ThreadPoolExecutor()
    try:
        done = pool.map(work, faces)
        return list(track(done, description, total=len(faces), console=Console(stderr=True)))
    finally:
        pool.shutdown(cancel_futures=True)


def _write_manifest(output: Path, values: dict[str, Any]) -> None:
    write_whole(output / MANIFEST_NAME, (json.dumps(values, indent=1) + "\n").encode())
