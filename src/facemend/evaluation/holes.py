"""The holes that each face is measured under."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from rich.console import Console
from rich.progress import track

from facemend.errors import DataError, MaskError
from facemend.evaluation.protocols import (
    BoxesAndStrokes,
    CentreBox,
    FamilyMasks,
    FileMasks,
    Protocol,
    span_name,
)
from facemend.imaging import Hole
from facemend.imaging.masks import THRESHOLD
from facemend.masks import MAX_AREA, MIN_AREA, mask_area, random_mask

_MAX_DRAWS = 1000


@dataclass(frozen=True)
class Case:
    """One hole for one face."""

    name: str  # what tells a face's cases apart, and names their folders: "10-20"
    mask: str  # which mask it is
    hole: Hole  # [S, S]
    is_only: bool = False  # the face has no other

    @property
    def area(self) -> float:
        """Share of the picture."""
        return mask_area(self.hole)


FindCases = Callable[[int, str], list[Case]]  # of the face with this index and name; raises MaskError where its mask is bad


def open_holes(protocol: Protocol, face_names: list[str]) -> tuple[FindCases, list[str]]:
    """Prepare the holes of a protocol.

    Returns:
        What finds a face's cases, always the same ones, and what is wrong with single mask files.

    Raises:
        DataError: There are no masks at all, or none for one of the bins.
    """
    if isinstance(protocol.masks, FileMasks):
        find, problems = _open_files(Path(protocol.masks.path), protocol, face_names)
    else:
        find, problems = _drawer(protocol), []

    def find_cases(index: int, face: str) -> list[Case]:
        cases = find(index, face)
        return [replace(case, is_only=len(cases) == 1) for case in cases]

    return find_cases, problems


# --- masks from files ---------------------------------------------------------------------------------------------------


class _MaskFiles:
    """The pictures of a folder or zip, however deep they lie, by their path in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip: ZipFile | None = None
        try:
            if path.is_dir():
                names = [file.relative_to(path).as_posix() for file in path.rglob("*")]
            else:
                self._zip = ZipFile(path)
                names = self._zip.namelist()
        except FileNotFoundError:
            raise DataError(f"{path}: no such masks; give a mask family, a folder or a zip") from None
        except (OSError, BadZipFile) as error:
            raise DataError(f"{path}: is neither a folder nor a readable zip of masks ({error})") from None
        self.names = sorted(name for name in names if Path(name).suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".bmp"))
        if not self.names:
            raise DataError(f"{path}: holds no mask pictures")

    def read(self, name: str) -> Image.Image:
        """Read one as grey. Raises MaskError."""
        try:
            content = (self._path / name).read_bytes() if self._zip is None else self._zip.read(name)
            return Image.open(io.BytesIO(content)).convert("L")
        except (OSError, BadZipFile, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
            raise MaskError(f"{self._path}: {name}: cannot be read ({error})") from None

    def hole(self, name: str, size: int | None = None) -> Hole:
        """Read one as a hole [size, size], pixels taken from the nearest of the file's; as large as stored without a size.

        Raises:
            MaskError: It cannot be read, is not square, or covers nothing or everything.
        """
        mask = self.read(name)
        if mask.width != mask.height:
            raise MaskError(f"{self._path}: {name}: is {mask.width}x{mask.height}, not square as the faces are")
        if size is not None:
            mask = mask.resize((size, size), Image.Resampling.NEAREST)
        hole = np.asarray(mask) >= THRESHOLD
        if not hole.any() or hole.all():
            raise MaskError(f"{self._path}: {name}: covers {'everything' if hole.any() else 'nothing'}; white is hole")
        return hole


def _open_files(path: Path, protocol: Protocol, face_names: list[str]) -> tuple[FindCases, list[str]]:
    files = _MaskFiles(path)
    own = {Path(name).stem: name for name in files.names}
    if not own.keys().isdisjoint(face_names):
        problems = [f"{path}: {name}: belongs to no face" for stem, name in own.items() if stem not in set(face_names)]
        return _own_masks(files, own, protocol.size), problems
    return _shared_masks(files, path, protocol)


def _own_masks(files: _MaskFiles, own: dict[str, str], size: int) -> FindCases:
    """Give each face the mask of its own name."""

    def find(_index: int, face: str) -> list[Case]:
        if face not in own:
            raise MaskError(f"{face}: has no mask of its name")
        return [Case("own", own[face], files.hole(own[face], size))]

    return find


def _shared_masks(files: _MaskFiles, path: Path, protocol: Protocol) -> tuple[FindCases, list[str]]:
    """Give face i mask i of each bin of hole area, counted round and round."""
    bins: list[list[str]] = [[] for _ in protocol.bins[1:]]
    problems: list[str] = []
    for name in track(files.names, "Reading masks", console=Console(stderr=True), transient=True):
        try:
            area = mask_area(files.hole(name))  # as stored, so that a face has the same mask at every size
        except MaskError as error:
            problems.append(str(error))
            continue
        for b, (low, high) in enumerate(zip(protocol.bins, protocol.bins[1:], strict=False)):
            if low < area <= high:
                bins[b].append(name)
    spans = [span_name(*edges) for edges in zip(protocol.bins, protocol.bins[1:], strict=False)]
    empty = [span for span, names in zip(spans, bins, strict=True) if not names]
    if empty:
        raise DataError(f"{path}: has no mask with a hole of {', '.join(empty)} %; each bin of the protocol needs one or more")

    def find(index: int, _face: str) -> list[Case]:
        chosen = [names[index % len(names)] for names in bins]
        return [Case(span, name, files.hole(name, protocol.size)) for span, name in zip(spans, chosen, strict=True)]

    return find, problems


# --- drawn masks --------------------------------------------------------------------------------------------------------


def _drawer(protocol: Protocol) -> FindCases:
    """Draw each face's holes from the protocol's seed and the face's index."""
    masks, size = protocol.masks, protocol.size

    def find(index: int, _face: str) -> list[Case]:
        if isinstance(masks, CentreBox):
            return [Case("centre", "centre", _centre_box(size, masks.side))]
        cases: list[Case] = []
        for b, (low, high) in enumerate(zip(protocol.bins, protocol.bins[1:], strict=False)):
            rng = np.random.default_rng([protocol.seed, index, b])
            if isinstance(masks, FamilyMasks):
                family = masks.families[index % len(masks.families)]
                area = rng.uniform(max(low, MIN_AREA), min(high, MAX_AREA))
                cases.append(Case(span_name(low, high), family, random_mask(size, family=family, area=area, seed=rng) > 0))
            elif isinstance(masks, BoxesAndStrokes):
                hole = _boxes_and_strokes(size, masks, (low, high), rng)
                cases.append(Case(span_name(low, high), "boxes and strokes", hole))
        return cases

    return find


def _centre_box(size: int, side: float) -> Hole:
    hole = np.zeros((size, size), bool)
    first = round(size * (1 - side) / 2)
    hole[first : first + round(size * side), first : first + round(size * side)] = True
    return hole


def _boxes_and_strokes(size: int, masks: BoxesAndStrokes, span: tuple[float, float], rng: np.random.Generator) -> Hole:
    """Draw boxes and thick polylines until the hole's area lies within the span: the recipe of Zhao et al. 2021, section 4."""
    for _ in range(_MAX_DRAWS):
        mask = np.zeros((size, size), np.uint8)
        for count, longest in ((masks.max_small_boxes, size // 2), (masks.max_large_boxes, size)):
            for _box in range(rng.integers(count + 1)):
                width, height = int(rng.integers(longest)), int(rng.integers(longest))
                left, top = int(rng.integers(size)) - width // 2, int(rng.integers(size)) - height // 2
                mask[max(top, 0) : top + height, max(left, 0) : left + width] = 1
        for _stroke in range(rng.integers(masks.max_strokes + 1)):
            _brush(mask, rng)
        if span[0] < mask_area(mask) < span[1]:
            return mask > 0
    raise MaskError(f"{_MAX_DRAWS} draws of boxes and strokes gave no hole of {span_name(*span)} %; give it wider bins")


def _brush(mask: np.ndarray[tuple[int, int], np.dtype[np.uint8]], rng: np.random.Generator) -> None:
    """Add one zigzag of 4 to 17 strokes, a fortieth to a tenth of the picture wide."""
    size = mask.shape[0]
    turn = rng.uniform(0.27, 0.53, 18) * np.pi  # 72 degrees, give or take 24
    turn[::2] *= -1
    length = np.clip(rng.normal(size * 0.177, size * 0.088, 18), 0, size * 0.354)
    points = [rng.integers(size, size=2).astype(float)]
    for angle, step in list(zip(turn, length, strict=True))[: rng.integers(4, 18)]:
        points.append(np.clip(points[-1] + step * np.array([np.cos(angle), np.sin(angle)]), 0, size))
    corners = np.round(points).astype(np.int32)
    if rng.random() < 0.5:
        corners[:, 0] = size - corners[:, 0]
    cv2.polylines(mask, [corners], False, 1, int(rng.uniform(0.0235, 0.094) * size))
