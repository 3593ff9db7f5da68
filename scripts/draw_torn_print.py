"""Draw the picture of a torn print restored: a faded print on a scanner's lid, a corner torn off, before and after.

    python scripts/draw_torn_print.py FOLDER

Nobody brushes: the damage is what `facemend inpaint --mask auto` finds. The print is a picture that scikit-image ships: the
astronaut Eileen Collins (NASA, public domain).
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from PIL import Image
from skimage import data

from facemend.damage import find_damage
from facemend.imaging import Pixels, save_image
from facemend.pipeline import Inpainter

BORDER, PAPER = 28, (240, 231, 212)
MARGIN, LID = 24, (34, 34, 38)
BROWN = (1.0, 0.93, 0.8)  # of each colour, at every brightness
TURNED = 0.8  # degrees
GRAIN = 4.0  # levels
CORNER = ((410, -9), (430, 60), (470, 90), (480, 150), (540, 175), (580, 240), (580, -9))
TORN_EDGE = 5  # pixels, white with fibres
CREASE = ((0, 330), (150, 270), (260, 175), (390, 60))  # across the face


def draw_scan() -> Pixels:
    """Scan the torn print."""
    grey = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    sheet = cv2.copyMakeBorder((40 + 0.75 * grey) * BROWN, *(BORDER,) * 4, cv2.BORDER_CONSTANT, value=PAPER)
    cv2.polylines(sheet, [np.array(CREASE)], False, (250, 246, 236), 6, cv2.LINE_AA)
    cv2.polylines(sheet, [np.array(CORNER)], True, (250, 246, 236), 2 * TORN_EDGE)
    cv2.fillPoly(sheet, [np.array(CORNER)], LID)
    scan = cv2.copyMakeBorder(sheet, *(MARGIN,) * 4, cv2.BORDER_CONSTANT, value=LID)
    height, width = scan.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), TURNED, 1)
    scan = cv2.warpAffine(scan, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=LID)
    scan += np.random.default_rng(0).normal(0, GRAIN, (height, width, 1))
    return scan.clip(0, 255).astype(np.uint8)


def main(folder: Annotated[Path, typer.Argument(help="Existing folder for torn-print.jpg.")]) -> None:
    """Draw, find the damage, restore, and write both side by side."""
    scan = draw_scan()
    restored = Inpainter.from_pretrained()(Image.fromarray(scan), find_damage(scan)).image
    both = Image.fromarray(np.hstack([scan, np.asarray(restored)]))
    save_image(both, folder / "torn-print.jpg", overwrite=True, quality=85)


if __name__ == "__main__":
    typer.run(main)
