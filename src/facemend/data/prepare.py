"""The official CelebAMask-HQ and FFHQ folders, turned into face sets that `FaceDataset` reads.

    OUTPUT/train/, val/, test/     a face set each: images/NAME.png, labels/NAME.png, index.csv
    OUTPUT/manifest.json           what was prepared from what, and the sha256 of every file

The same call again goes on where it stopped: every file is written whole or not at all, and the index and the hashes only
when every face is there. A source that lacks something is refused before anything is written.
"""

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from rich.console import Console
from rich.progress import track
from torch.nn import functional

import facemend
from facemend.data.dataset import INDEX_NAME, IndexRow, write_index
from facemend.errors import DataError, OutputError
from facemend.model_folders import WEIGHTS_FILE, resolve
from facemend.models.inpainter import InpaintNet, core_view
from facemend.weights import load_model

Picture = NDArray[np.uint8]  # [H, W, 3] RGB
Labels = NDArray[np.uint8]  # [h, w] class ids
Split = Literal["train", "val", "test"]
_Result = TypeVar("_Result")

MANIFEST_NAME = "manifest.json"
MIN_SIZE, MAX_SIZE = 64, 1024
FFHQ_TRAIN_IDS = 60_000  # of 70,000; the rest is the test set

_CELEBAHQ_LAYOUT = (
    "the CelebAMask-HQ archive unpacks to CelebA-HQ-img/0.jpg ..., CelebAMask-HQ-mask-anno/0/00000_skin.png ... and "
    "CelebA-HQ-to-CelebA-mapping.txt"
)
_FFHQ_LAYOUT = "the FFHQ download holds images1024x1024/00000/00000.png ... or thumbnails128x128/00000/00000.png ..."
_SPLITS: dict[str, Split] = {"0": "train", "1": "val", "2": "test"}  # as list_eval_partition.txt counts them
# The files' names of the classes 1 to 18, in the order in which the official g_mask.py paints them: later ones cover earlier.
_PART_NAMES = (
    "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip", "l_lip", "hair", "hat",
    "ear_r", "neck_l", "neck", "cloth",
)  # fmt: skip


@dataclass(frozen=True)
class _Face:
    name: str
    split: Split
    source: Path


@dataclass(frozen=True)
class _Job:
    faces: list[_Face]
    parse: Callable[[_Face, Picture], Labels]
    output: Path
    settings: dict[str, Any]  # may not change between two calls that write the same output
    found: dict[str, int]  # what the source holds, for the manifest


def prepare_celebahq(source: Path, output: Path, *, size: int = 256) -> dict[str, int]:
    """Prepare CelebAMask-HQ, with its hand-made labels and the official split of CelebA.

    Pictures keep CelebA-HQ's own framing, which comes from CelebA's five landmarks: faces sit a little differently in it than
    in FFHQ, whose landmarks are others.

    Args:
        source: Folder with `CelebA-HQ-img/`, `CelebAMask-HQ-mask-anno/` and `CelebA-HQ-to-CelebA-mapping.txt` as
            CelebAMask-HQ is distributed, and CelebA's `list_eval_partition.txt` beside them.
        output: Folder to write; it is made if need be.
        size: Side of the pictures and label maps, 64 to 1024; neither is ever enlarged.

    Returns:
        The number of faces in each split: 24,183 train, 2,993 val and 2,824 test when the source is complete.

    Raises:
        DataError: Something is missing or damaged in the source, or the output holds another preparation.
        OutputError: The output cannot be written.
    """
    _check_size(size)
    faces = _celebahq_faces(source)
    parts = _celebahq_parts(source, faces)

    def paint(face: _Face, picture: Picture) -> Labels:
        return _shrink_labels(_paint_parts(parts[face.name]), picture.shape[0])

    settings = {"dataset": "celebahq", "size": size, "label_source": "hand"}
    found = {"pictures": len(faces), "part_masks": sum(map(len, parts.values()))}
    return _prepare(_Job(faces, paint, output, settings, found))


def prepare_ffhq(
    source: Path, output: Path, *, size: int = 256, model: str | Path = "default", device: str = "cpu"
) -> dict[str, int]:
    """Prepare FFHQ: ids below 60,000 to train, the others to test. Our own stage 1, shown the whole face, draws the labels.

    Args:
        source: Folder with `images1024x1024/` or, where that is missing, `thumbnails128x128/`; the pictures may lie in its
            folders of thousands or directly in it.
        output: Folder to write; it is made if need be.
        size: Side of the pictures and label maps, 64 to 1024; pictures are never enlarged.
        model: Bundled name or weights folder of the network that draws the labels.
        device: Where it runs, as torch names it.

    Returns:
        The number of faces in each split.

    Raises:
        DataError: Something is missing or damaged in the source, or the output holds another preparation.
        OutputError: The output cannot be written.
        WeightsError: There is no such model.
    """
    _check_size(size)
    faces = _ffhq_faces(source)
    net = load_model(model, device)
    digest = hashlib.sha256((resolve(model) / WEIGHTS_FILE).read_bytes()).hexdigest()

    def parse(face: _Face, picture: Picture) -> Labels:
        return _parse_face(net, picture, device)

    settings = {"dataset": "ffhq", "size": size, "label_source": "layoutnet", "model_sha256": digest}
    return _prepare(_Job(faces, parse, output, settings, {"pictures": len(faces)}))


# --- sources ------------------------------------------------------------------------------------------------------------


def _check_size(size: int) -> None:
    if not MIN_SIZE <= size <= MAX_SIZE or size % 16:
        raise DataError(f"size {size}: must be a multiple of 16 from {MIN_SIZE} to {MAX_SIZE}")


def _celebahq_faces(source: Path) -> list[_Face]:
    """List the faces of the mapping, each with its split and a picture that is there."""
    images = source / "CelebA-HQ-img"
    for path in (images, source / "CelebAMask-HQ-mask-anno"):
        if not path.is_dir():
            raise DataError(f"{path}: no such folder; {_CELEBAHQ_LAYOUT}")
    partition = source / "list_eval_partition.txt"
    if not partition.is_file():
        raise DataError(
            f"{partition}: no such file; it holds the official split and comes with CelebA, not with CelebAMask-HQ: "
            "put Eval/list_eval_partition.txt of the CelebA download there"
        )
    splits = {row[0]: row[1] for row in _read_columns(partition, 2)}
    faces: list[_Face] = []
    _heading, *rows = _read_columns(source / "CelebA-HQ-to-CelebA-mapping.txt", 3)
    for index, _, file in rows:
        if not index.isdecimal() or splits.get(file) not in _SPLITS:
            raise DataError(f"{partition}: gives {file}, which is CelebA-HQ's picture {index}, no split of 0, 1 or 2")
        faces.append(_Face(f"celebahq-{int(index):05d}", _SPLITS[splits[file]], images / f"{index}.jpg"))
    there = {path.name for path in images.iterdir()}
    missing = [face.source.name for face in faces if face.source.name not in there]
    if missing:
        raise DataError(f"{images}: {len(missing)} of {len(faces)} pictures are missing, {missing[0]} first; {_CELEBAHQ_LAYOUT}")
    return faces


def _read_columns(path: Path, count: int) -> list[list[str]]:
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_CELEBAHQ_LAYOUT}") from None
    if not rows:
        raise DataError(f"{path}: is empty; copy the file anew")
    for number, row in enumerate(rows, 1):
        if len(row) != count:
            raise DataError(f"{path}: line {number} has {len(row)} columns instead of {count}; copy the file anew")
    return rows


def _celebahq_parts(source: Path, faces: list[_Face]) -> dict[str, list[tuple[int, Path]]]:
    """Find each face's part masks, with their class ids, in painting order."""
    folder = source / "CelebAMask-HQ-mask-anno"
    there = {path.name: path for path in folder.glob("*/*.png")}
    parts: dict[str, list[tuple[int, Path]]] = {}
    for face in faces:
        names = [f"{int(face.source.stem):05d}_{part}.png" for part in _PART_NAMES]
        parts[face.name] = [(i, there[name]) for i, name in enumerate(names, 1) if name in there]
    bare = [face.source.name for face in faces if not parts[face.name]]
    if bare:
        raise DataError(f"{folder}: {len(bare)} of {len(faces)} faces have no part mask, {bare[0]} first; {_CELEBAHQ_LAYOUT}")
    return parts


def _ffhq_faces(source: Path) -> list[_Face]:
    folders = [folder for folder in (source / "images1024x1024", source / "thumbnails128x128") if folder.is_dir()]
    if not folders:
        raise DataError(f"{source}: has neither images1024x1024/ nor thumbnails128x128/; {_FFHQ_LAYOUT}")
    pictures = {path.stem: path for path in folders[0].rglob("*.png") if re.fullmatch("[0-9]{5}", path.stem)}
    if not pictures:
        raise DataError(f"{folders[0]}: holds no pictures named 00000.png to 69999.png; {_FFHQ_LAYOUT}")
    return [
        _Face(f"ffhq-{stem}", "train" if int(stem) < FFHQ_TRAIN_IDS else "test", path) for stem, path in sorted(pictures.items())
    ]


# --- one face -----------------------------------------------------------------------------------------------------------


def _read_picture(path: Path, mode: str) -> Picture:
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert(mode))
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read ({error}); fetch it anew, then run the same command again") from None
    if pixels.shape[0] != pixels.shape[1] or pixels.shape[0] < MIN_SIZE:
        raise DataError(f"{path}: is {pixels.shape[1]}x{pixels.shape[0]}, no square of {MIN_SIZE} or more; fetch it anew")
    return pixels


def _shrink_picture(picture: Picture, size: int) -> Picture:
    if picture.shape[0] <= size:
        return picture
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _shrink_labels(labels: Labels, size: int) -> Labels:
    if labels.shape[0] <= size:
        return labels
    return np.asarray(cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _paint_parts(parts: list[tuple[int, Path]]) -> Labels:
    """Paint the parts over each other into one map of class ids."""
    masks = [(class_id, _read_picture(path, "L"), path) for class_id, path in parts]
    labels = np.zeros_like(masks[0][1])
    for class_id, mask, path in masks:
        if mask.shape != labels.shape:
            raise DataError(f"{path}: is {mask.shape[1]} wide, the face's other masks {labels.shape[1]}; fetch it anew")
        labels[mask > 0] = class_id
    return labels


@torch.inference_mode()
def _parse_face(net: InpaintNet, picture: Picture, device: str) -> Labels:
    """Let stage 1 name the parts of a face of which everything is known."""
    image = torch.as_tensor(picture.transpose(2, 0, 1).copy(), device=device)[None].float() / 127.5 - 1
    view, view_mask = core_view(image, torch.zeros_like(image[:, :1]), net.config.core_size)
    logits, _ = net.layout_net(view, view_mask, image.new_zeros(1, net.config.latent_size))
    probabilities = functional.interpolate(logits.softmax(1), size=picture.shape[:2], mode="bilinear")
    return probabilities.argmax(1)[0].byte().cpu().numpy()


def _write_face(job: _Job, face: _Face) -> None:
    """Write a face's picture and label map, the label map last; a face that has both is left alone."""
    image_path, labels_path = _paths(job, face)
    if image_path.exists() and labels_path.exists():
        return
    picture = _shrink_picture(_read_picture(face.source, "RGB"), job.settings["size"])
    labels = job.parse(face, picture)
    _write_whole(image_path, _encode(picture))
    _write_whole(labels_path, _encode(labels))


def _paths(job: _Job, face: _Face) -> tuple[Path, Path]:
    folder = job.output / face.split
    return folder / "images" / f"{face.name}.png", folder / "labels" / f"{face.name}.png"


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


# --- the whole set ------------------------------------------------------------------------------------------------------


def _prepare(job: _Job) -> dict[str, int]:
    """Write every face that is not there yet, then the indexes and the manifest."""
    counts = dict(Counter(face.split for face in job.faces))
    try:
        _begin(job.output, job.settings, counts)
        _for_each(job.faces, lambda face: _write_face(job, face), "Preparing")
        described = _for_each(job.faces, lambda face: _describe(job, face), "Hashing")
        for split in counts:
            rows = [row for face, (row, _) in zip(job.faces, described, strict=True) if face.split == split]
            _write_rows(job.output / split / INDEX_NAME, rows)
        files = {name: digest for _, digests in described for name, digest in digests.items()}
        tool = f"facemend {facemend.__version__}"
        _write_manifest(job.output, {**job.settings, "tool": tool, "found": job.found, "counts": counts, "files": files})
    except OSError as error:
        raise OutputError(f"{job.output}: cannot be written ({error})") from None
    return counts


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
    elif output.exists() and any(output.iterdir()):
        raise DataError(f"{output}: holds other files; give a new folder")
    for split in splits:
        for kind in ("images", "labels"):
            (output / split / kind).mkdir(parents=True, exist_ok=True)
    if not manifest.exists():
        _write_manifest(output, settings)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: is no manifest of ours ({error}); give another folder or delete this one") from None


def _describe(job: _Job, face: _Face) -> tuple[IndexRow, dict[str, str]]:
    """Return a prepared face's index row, and the hashes of its files by name."""
    paths = _paths(job, face)
    digests = {path.relative_to(job.output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    picture = _read_picture(paths[0], "L")
    with Image.open(face.source) as source:
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


def _for_each(faces: list[_Face], work: Callable[[_Face], _Result], description: str) -> list[_Result]:
    """Do the work for all faces on all processors, with a progress bar; the first error ends it."""
    pool = ThreadPoolExecutor()
    try:
        done = pool.map(work, faces)
        return list(track(done, description, total=len(faces), console=Console(stderr=True)))
    finally:
        pool.shutdown(cancel_futures=True)


def _write_rows(path: Path, rows: list[IndexRow]) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    write_index(unfinished, rows)
    unfinished.replace(path)


def _write_manifest(output: Path, values: dict[str, Any]) -> None:
    _write_whole(output / MANIFEST_NAME, (json.dumps(values, indent=1) + "\n").encode())


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
