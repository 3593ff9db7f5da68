"""Draw the picture of a torn print restored: a faded scan with paper round it, a corner torn off, before and after.

    python scripts/draw_torn_print.py FOLDER

The print is a picture that scikit-image ships: the astronaut Eileen Collins (NASA, public domain).
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from PIL import Image
from skimage import data

from facemend.imaging import Hole, Pixels, save_image
from facemend.pipeline import Inpainter

BORDER, PAPER = 28, (240, 231, 212)
BROWN = (1.0, 0.93, 0.8)  # of each colour, at every brightness
TURNED = 0.8  # degrees
GRAIN = 4.0  # levels
CORNER = ((410, 0), (430, 60), (470, 90), (480, 150), (540, 175), (568, 240), (568, 0))
CREASE = ((0, 330), (150, 270), (260, 175), (390, 60))  # across the face


def draw_print() -> tuple[Pixels, Hole]:
    """Scan the torn print; returns it and its damage."""
    grey = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    sheet = cv2.copyMakeBorder((40 + 0.75 * grey) * BROWN, *(BORDER,) * 4, cv2.BORDER_CONSTANT, value=PAPER)
    height, width = sheet.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), TURNED, 1)
    sheet = cv2.warpAffine(sheet, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=PAPER)
    sheet += np.random.default_rng(0).normal(0, GRAIN, (height, width, 1))
    damage = np.zeros((height, width), np.uint8)
    cv2.fillPoly(damage, [np.array(CORNER)], 255)
    cv2.polylines(damage, [np.array(CREASE)], False, 255, 6)
    hole = damage > 0
    return np.where(hole[..., None], 250, sheet.clip(0, 255)).astype(np.uint8), hole


def main(folder: Annotated[Path, typer.Argument(help="Existing folder for torn-print.jpg.")]) -> None:
    """Draw, restore, and write both side by side."""
    scan, hole = draw_print()
    restored = Inpainter.from_pretrained()(Image.fromarray(scan), hole).image
    both = Image.fromarray(np.hstack([scan, np.asarray(restored)]))
    save_image(both, folder / "torn-print.jpg", overwrite=True, quality=85)


if __name__ == "__main__":
    typer.run(main)
