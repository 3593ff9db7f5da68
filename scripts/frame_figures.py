"""Measure how well a damaged face is framed: by what the detector guesses, and by what the network made of it.

python scripts/frame_figures.py --faces dev.zip --every 26

Faces are pasted as in `face_figures.py`, turned by up to 20 degrees, with the eyes or one half masked. The true frame is that
of the undamaged face. Printed are means: degrees, and shares of the side.
"""

import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from face_figures import FOUND, error, place
from numpy.typing import NDArray

from facemend import Inpainter
from facemend.data.dataset import FaceDataset
from facemend.photo.detectors import Face, MtcnnDetector
from facemend.photo.faces import face_window
from facemend.photo.framing import Window
from facemend.photo.search import find_faces

PARTS = {"eyes": (0.23, 0.39, 0.78, 0.55), "half": (0.5, 0.16, 0.86, 0.9)}  # left, top, right, bottom, in the side


def differences(window: Window, true: Window) -> tuple[float, float, float]:
    """Angle in degrees, size and place in the true side."""
    angle = abs((window.angle - true.angle + 180) % 360 - 180)
    return angle, abs(math.log(window.side / true.side)), math.dist(window.center, true.center) / true.side


def main(
    faces: Annotated[Path, typer.Option(help="Aligned faces: a folder or zip as `facemend prepare` makes them.")],
    every: Annotated[int, typer.Option(min=1, help="Take each n-th face.")] = 26,
) -> None:
    """Print a table: errors of angle, size and place, before and after."""
    detector = MtcnnDetector()
    inpainter = Inpainter.from_pretrained(device="cpu", detector=detector)
    data = FaceDataset(faces)
    results: dict[str, list[NDArray[np.float64]]] = {"guessed": [], "fitted": []}
    for i in range(0, len(data), every):
        face = data[i].image
        whole = max(find_faces(face, detector=detector), key=lambda face: face.score, default=None)
        for left, top, right, bottom in PARTS.values() if whole else ():
            size = face.shape[0]
            mask = np.zeros((size, size), bool)
            mask[round(top * size) : round(bottom * size), round(left * size) : round(right * size)] = True
            rng = np.random.default_rng(i)
            picture, hole, window = place(face, mask, rng.uniform(-20, 20), rng)
            truth = whole.landmarks @ window.to_photo[:, :2].T + window.to_photo[:, 2]
            true = face_window(Face((0, 0, 1, 1), truth.astype(np.float32), 1))
            picture[hole] = 255
            found = [face for face in find_faces(picture, hole, detector) if error([face], truth) < FOUND]
            if found:
                fitted = inpainter._frame(found[0], picture, hole, lambda variant: None)
                results["guessed"].append(np.array(differences(face_window(found[0]), true)))
                results["fitted"].append(np.array(differences(fitted, true)))
    print(f"{len(results['fitted'])} cases\n| frame | angle | size | place |\n| --- | --- | --- | --- |")
    for name, rows in results.items():
        angle, scale, shift = np.mean(rows, axis=0)
        print(f"| {name} | {angle:.1f} | {scale:.1%} | {shift:.1%} |")


if __name__ == "__main__":
    typer.run(main)
