"""CelebAMask-HQ as it is distributed: pictures, hand-made part masks, and the official split of CelebA."""

from pathlib import Path

import numpy as np

from facemend.data.preparation import Face, Job, Labels, Picture, Split, check_size, prepare, read_picture, shrink_labels
from facemend.errors import DataError

_LAYOUT = (
    "the CelebAMask-HQ archive unpacks to CelebA-HQ-img/0.jpg ..., CelebAMask-HQ-mask-anno/0/00000_skin.png ... and "
    "CelebA-HQ-to-CelebA-mapping.txt"
)
_SPLITS: dict[str, Split] = {"0": "train", "1": "val", "2": "test"}  # as list_eval_partition.txt counts them
# The files' names of the classes 1 to 18, in the order in which the official g_mask.py paints them: later ones cover earlier.
_PART_NAMES = (
    "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip", "l_lip", "hair", "hat",
    "ear_r", "neck_l", "neck", "cloth",
)  # fmt: skip


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
    check_size(size)
    faces = _list_faces(source)
    parts = _find_parts(source, faces)

    def paint(face: Face, picture: Picture) -> Labels:
        return shrink_labels(_paint_parts(parts[face.name]), picture.shape[0])

    settings = {"dataset": "celebahq", "size": size, "label_source": "hand"}
    found = {"pictures": len(faces), "part_masks": sum(map(len, parts.values()))}
    return prepare(Job(faces, paint, output, settings, found))


def _list_faces(source: Path) -> list[Face]:
    """List the faces of the mapping, each with its split and a picture that is there."""
    images = source / "CelebA-HQ-img"
    for path in (images, source / "CelebAMask-HQ-mask-anno"):
        if not path.is_dir():
            raise DataError(f"{path}: no such folder; {_LAYOUT}")
    partition = source / "list_eval_partition.txt"
    if not partition.is_file():
        raise DataError(
            f"{partition}: no such file; it holds the official split and comes with CelebA, not with CelebAMask-HQ: "
            "put Eval/list_eval_partition.txt of the CelebA download there"
        )
    splits = {row[0]: row[1] for row in _read_columns(partition, 2)}
    faces: list[Face] = []
    _heading, *rows = _read_columns(source / "CelebA-HQ-to-CelebA-mapping.txt", 3)
    for index, _, file in rows:
        if not index.isdecimal() or splits.get(file) not in _SPLITS:
            raise DataError(f"{partition}: gives {file}, which is CelebA-HQ's picture {index}, no split of 0, 1 or 2")
        faces.append(Face(f"celebahq-{int(index):05d}", _SPLITS[splits[file]], images / f"{index}.jpg"))
    there = {path.name for path in images.iterdir()}
    missing = [face.source.name for face in faces if face.source.name not in there]
    if missing:
        raise DataError(f"{images}: {len(missing)} of {len(faces)} pictures are missing, {missing[0]} first; {_LAYOUT}")
    return faces


def _read_columns(path: Path, count: int) -> list[list[str]]:
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_LAYOUT}") from None
    if not rows:
        raise DataError(f"{path}: is empty; copy the file anew")
    for number, row in enumerate(rows, 1):
        if len(row) != count:
            raise DataError(f"{path}: line {number} has {len(row)} columns instead of {count}; copy the file anew")
    return rows


def _find_parts(source: Path, faces: list[Face]) -> dict[str, list[tuple[int, Path]]]:
    """Find each face's part masks, with their class ids, in painting order."""
    folder = source / "CelebAMask-HQ-mask-anno"
    there = {path.name: path for path in folder.glob("*/*.png")}
    parts: dict[str, list[tuple[int, Path]]] = {}
    for face in faces:
        names = [f"{int(face.source.stem):05d}_{part}.png" for part in _PART_NAMES]
        parts[face.name] = [(i, there[name]) for i, name in enumerate(names, 1) if name in there]
    bare = [face.source.name for face in faces if not parts[face.name]]
    if bare:
        raise DataError(f"{folder}: {len(bare)} of {len(faces)} faces have no part mask, {bare[0]} first; {_LAYOUT}")
    return parts


def _paint_parts(parts: list[tuple[int, Path]]) -> Labels:
    """Paint the parts over each other into one map of class ids."""
    masks = [(class_id, read_picture(path, "L"), path) for class_id, path in parts]
    labels = np.zeros_like(masks[0][1])
    for class_id, mask, path in masks:
        if mask.shape != labels.shape:
            raise DataError(f"{path}: is {mask.shape[1]} wide, the face's other masks {labels.shape[1]}; fetch it anew")
        labels[mask > 0] = class_id
    return labels
