"""Measures `facemend.find_damage`: on damage drawn onto held-out faces and whole photos, and on the same photos undamaged.

    python scripts/damage_figures.py --faces dev.zip --photos FOLDER --overlays LOOK_AT_THIS

A found pixel is right when damage lies within 2 pixels of it, a damaged pixel is found when a found one does; pixels are
pooled over all pictures of a row. Prints the tables of docs/damage.md.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from facemend.damage import choose_damage, judge_damage, mark_damage
from facemend.damage.aging import KINDS, AgedPhoto, DamageKind, age_photo
from facemend.data.dataset import FaceDataset
from facemend.imaging import Hole, Pixels, load_photo, to_rgb

STRICTNESS = (0.2, 0.5, 0.8)
TOLERANCE = 2  # pixels
FACE_SCALES = (2.0, 3.0, 4.0)  # of a 256-pixel face: one to two pixels for a unit of damage, as in a scan of 512 to 1024


def near(hole: Hole) -> Hole:
    """Widen a hole by the tolerance."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * TOLERANCE + 1, 2 * TOLERANCE + 1))
    return cv2.dilate(hole.astype(np.uint8), disc) > 0


def count(found: Hole, damage: Hole) -> NDArray[np.int64]:
    """Return pixels found, of them right, damaged, of them found."""
    return np.array([found.sum(), (found & near(damage)).sum(), damage.sum(), (damage & near(found)).sum()])


def find_at_each(rgb: Pixels) -> list[Hole]:
    """Find damage at each strictness; the net, which takes the time, runs once."""
    chances = judge_damage(rgb)
    return [choose_damage(chances, (rgb.shape[1], rgb.shape[0]), strictness) for strictness in STRICTNESS]


def age_faces(faces: list[Pixels], kinds: Sequence[DamageKind]) -> list[AgedPhoto]:
    return [
        age_photo(face, kinds=kinds, amount=0.5, scale=FACE_SCALES[seed % len(FACE_SCALES)], seed=seed)
        for seed, face in enumerate(faces)
    ]


def scanned_grey(photo: AgedPhoto, clean: Pixels) -> AgedPhoto:
    """The same as a scanner without colours sees it: cream paper and blue ink are no colour any more."""
    image, before = (np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2) for rgb in (photo.image, clean))
    return AgedPhoto(image, cv2.absdiff(image, before).max(axis=2))


def damage_row(name: str, photos: list[AgedPhoto], found: list[list[Hole]]) -> str:
    """Write precision, recall and F1 at each strictness."""
    cells = []
    for holes in zip(*found, strict=True):
        totals = sum(count(hole, photo.damage) for hole, photo in zip(holes, photos, strict=True))
        precision, recall = totals[1] / max(1, totals[0]), totals[3] / max(1, totals[2])
        cells.append(f"{precision:.2f} | {recall:.2f} | {2 * precision * recall / max(1e-9, precision + recall):.2f}")
    return f"| {name} | {' | '.join(cells)} |"


def clean_row(name: str, found: list[list[Hole]]) -> str:
    """Write the share of pixels that were found though none is damaged: mean and worst picture, at each strictness."""
    shares = np.array([[hole.mean() for hole in holes] for holes in found])  # [N, S]
    cells = (f"{mean:.2%} | {worst:.1%}" for mean, worst in zip(shares.mean(axis=0), shares.max(axis=0), strict=True))
    return f"| {len(shares)} {name} | {' | '.join(cells)} |"


def run(
    *,
    faces: Annotated[Path, typer.Option(help="Zip of faces that the net was not trained on.")],
    photos: Annotated[Path, typer.Option(help="Folder of whole undamaged photos, .jpg.")],
    num_faces: Annotated[int, typer.Option(help="How many faces, spread over the zip.")] = 40,
    overlays: Annotated[Path | None, typer.Option(help="Existing folder for pictures to look at.")] = None,
) -> None:
    """Print two tables: what is found of drawn damage, and what is found where there is none."""
    cv2.setNumThreads(1)
    dataset = FaceDataset(faces)
    chosen = [dataset[i * len(dataset) // num_faces].image for i in range(num_faces)]
    names = sorted(photos.glob("*.jpg"))
    whole = [to_rgb(load_photo(path)) for path in names]

    print("| damage | " + " | ".join(f"precision at {x} | recall | F1" for x in STRICTNESS) + " |")
    print("| --- |" + " --- | --- | --- |" * len(STRICTNESS))
    for row, kinds in (*((kind, (kind,)) for kind in KINDS), ("all", KINDS)):
        aged_faces = age_faces(chosen, kinds)
        print(damage_row(f"{row}, on faces", aged_faces, [find_at_each(aged.image) for aged in aged_faces]), flush=True)
    aged_photos = [age_photo(photo, amount=0.5, seed=seed) for seed, photo in enumerate(whole)]
    found = [find_at_each(aged.image) for aged in aged_photos]
    print(damage_row("all, on whole photos", aged_photos, found), flush=True)
    # `aged_faces` has all kinds of damage now.
    for row, aged_ones, clean in (("grey faces", aged_faces, chosen), ("grey photos", aged_photos, whole)):
        grey = [scanned_grey(aged, before) for aged, before in zip(aged_ones, clean, strict=True)]
        print(damage_row(f"all, on {row}", grey, [find_at_each(aged.image) for aged in grey]), flush=True)

    print("\n| undamaged | " + " | ".join(f"found at {x}: mean | worst" for x in STRICTNESS) + " |")
    print("| --- |" + " --- | --- |" * len(STRICTNESS))
    print(clean_row("faces", [find_at_each(face) for face in chosen]), flush=True)
    false = [find_at_each(photo) for photo in whole]
    print(clean_row("whole photos", false))

    if overlays is not None:
        middle = len(STRICTNESS) // 2
        for path, photo, wrong, aged, holes in zip(names, whole, false, aged_photos, found, strict=True):
            views = (mark_damage(photo, wrong[middle]), aged.image, mark_damage(aged.image, holes[middle]))
            Image.fromarray(np.hstack([photo, *views])).save(overlays / f"{path.stem}.png")


if __name__ == "__main__":
    typer.run(run)
