"""Draw the README's picture of a whole photo restored: a damaged print, lying askew on a table, before and after.

    python scripts/draw_whole_photo.py FOLDER
    facemend inpaint FOLDER/photo.png --mask FOLDER/mask.png --output FOLDER/again.png  # what it does in between

Print and table are pictures that scikit-image ships: the astronaut Eileen Collins (NASA, public domain) and a cup of coffee
(Rachel Michetti, CC0). The damage is drawn by `facemend.damage.aging`; the mask is what it changed, a little wider.
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from PIL import Image
from skimage import data

from facemend.damage.aging import age_photo
from facemend.imaging import Hole, Pixels, mask_picture, save_image
from facemend.photo.framing import Window
from facemend.pipeline import Inpainter

SIZE = 1080, 720
TABLE_SCALE, TABLE_CORNER = 2.2, (0, 60)
BORDER, PAPER = 18, (244, 240, 230)
PRINT = Window((742, 356), 600, 512 + 2 * BORDER, 16)
SEED = 5  # of damage that crosses the face
FACE = (640, 60, 1000, 300)  # left, top, right, bottom of the close-up
CELL = 600, 400  # pixels of each of the four pictures


def draw_scene() -> tuple[Pixels, Hole]:
    """Lay the damaged print on the table; returns the photo and its damage."""
    table = cv2.resize(data.coffee(), None, fx=TABLE_SCALE, fy=TABLE_SCALE, interpolation=cv2.INTER_CUBIC)
    (x, y), (width, height) = TABLE_CORNER, SIZE
    table = table[y : y + height, x : x + width].astype(np.float32)

    aged = age_photo(data.astronaut(), kinds=["scratches", "creases", "spots", "tears"], amount=0.5, seed=SEED)
    sides = (BORDER,) * 4
    sheet = cv2.copyMakeBorder(aged.image, *sides, cv2.BORDER_CONSTANT, value=PAPER)
    damage = cv2.copyMakeBorder((aged.change > 3).astype(np.uint8) * 255, *sides, cv2.BORDER_CONSTANT, value=0)
    damage = cv2.dilate(damage, np.ones((3, 3), np.uint8))

    share = lay(np.full(damage.shape, 255, np.uint8))[..., None] / 255
    shadow = cv2.GaussianBlur(np.roll(share, (10, 6), axis=(0, 1)), (0, 0), 9)[..., None]
    photo = table * (1 - 0.55 * shadow) * (1 - share) + lay(sheet) * share
    return np.round(photo).astype(np.uint8), lay(damage) > 64


def lay(sheet: Pixels) -> Pixels:
    """Bring what is on the print to where it lies in the photo."""
    matrix = PRINT.to_photo
    matrix[:, 2] = matrix @ (0.5, 0.5, 1.0) - 0.5  # OpenCV counts from the middle of the first pixel
    return np.asarray(cv2.warpAffine(sheet, matrix, SIZE, flags=cv2.INTER_CUBIC))


def side_by_side(before: Pixels, after: Pixels) -> Image.Image:
    """Show both photos, and the face of both from near by."""
    left, top, right, bottom = FACE
    rows = (before, after), [picture[top:bottom, left:right] for picture in (before, after)]
    cells = [[Image.fromarray(picture).resize(CELL, Image.Resampling.LANCZOS) for picture in row] for row in rows]
    return Image.fromarray(np.vstack([np.hstack(row) for row in cells]))


def main(
    folder: Annotated[Path, typer.Argument(help="Existing folder for photo.png, mask.png, restored.png and whole-photo.jpg.")],
) -> None:
    """Draw, restore, and write all four."""
    photo, hole = draw_scene()
    restored = Inpainter.from_pretrained()(Image.fromarray(photo), hole).image
    picture = side_by_side(photo, np.asarray(restored))
    for name, image in (
        ("photo.png", Image.fromarray(photo)),
        ("mask.png", mask_picture(hole)),
        ("restored.png", restored),
        ("whole-photo.jpg", picture),
    ):
        save_image(image, folder / name, overwrite=True, quality=85 if name.endswith(".jpg") else None)


if __name__ == "__main__":
    typer.run(main)
