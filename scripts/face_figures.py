"""Measure how well damaged faces are found: plainly, as `find_faces` does it, and as `Inpainter` does.

`Inpainter` also paints faces where a hole may hide one, for a trial.

    python scripts/face_figures.py --faces dev.zip --masks nvidia_masks_dev.zip --every 12

Every n-th face is pasted, 160 pixels wide, into a plain picture of 640 x 480, upright, tilted by 40 degrees or lying on its
side, and damaged: the mask's pixels become white. Found means that the landmarks are off by less than half the distance between
the eyes, on average; the error of those that were found is given in that distance. The truth is what the detector reads off the
undamaged, upright face at its full size, which has errors of its own.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from facemend.data.dataset import FaceDataset
from facemend.evaluation.holes import open_holes
from facemend.evaluation.protocols import Protocol
from facemend.photo.detectors import Face, MtcnnDetector
from facemend.photo.framing import Window
from facemend.photo.search import find_faces
from facemend.pipeline import Inpainter

Picture = NDArray[np.uint8]
Hole = NDArray[np.bool_]

WIDTH, HEIGHT = 640, 480
FACE_SIZE = 160
ANGLES = {"upright": 0, "tilted": 40, "on its side": 90}
FOUND = 0.5  # of the distance between the eyes


def place(face: Picture, mask: Hole, angle: float, rng: np.random.Generator) -> tuple[Picture, Hole, Window]:
    """Paste a face and its mask somewhere into a picture, turned by an angle; returns where it came to lie, too."""
    edge = math.ceil(FACE_SIZE * 0.75)
    center = (rng.uniform(edge, WIDTH - edge), rng.uniform(edge, HEIGHT - edge))
    window = Window(center, FACE_SIZE, face.shape[0], angle)
    blurred = cv2.GaussianBlur(face, (0, 0), 8)
    picture = cv2.warpAffine(blurred, window.to_photo, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(face, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_AREA)
    pasted = Window(center, FACE_SIZE, FACE_SIZE, angle)
    cv2.warpAffine(small, pasted.to_photo, (WIDTH, HEIGHT), picture, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    hole = cv2.warpAffine(mask.astype(np.uint8), window.to_photo, (WIDTH, HEIGHT), flags=cv2.INTER_NEAREST) > 0
    return picture, hole, window


def error(found: list[Face], truth: NDArray[np.float64]) -> float:
    """Mean distance of the best face's landmarks from the true ones, in the distance between the eyes."""
    errors = [np.linalg.norm(face.landmarks - truth, axis=1).mean() for face in found]
    return float(min(errors, default=math.inf) / np.linalg.norm(truth[1] - truth[0]))


def main(
    faces: Annotated[Path, typer.Option(help="Aligned faces: a folder or zip as `facemend prepare` makes them.")],
    masks: Annotated[Path, typer.Option(help="Zip of NVIDIA's irregular masks, bin0 to bin5.")],
    every: Annotated[int, typer.Option(min=1, help="Take each n-th face.")] = 12,
) -> None:
    """Print a table: share found and mean error, for each way and each bin of damage."""
    detector = MtcnnDetector()
    inpainter = Inpainter.from_pretrained(detector=detector)
    data = FaceDataset(faces)
    protocol = Protocol.parse({"masks": {"kind": "files", "path": str(masks)}, "size": data[0].image.shape[0]}, str(masks))
    find_cases, _ = open_holes(protocol, [])
    spans = [case.name for case in find_cases(0, "")]
    ways: dict[str, Callable[[Picture, Hole], list[Face]]] = {
        "plain MTCNN": lambda picture, hole: detector(picture),
        "find_faces": lambda picture, hole: find_faces(picture, hole, detector),
        "Inpainter": inpainter.find_faces,
    }
    print("| face | way | " + " | ".join(f"{span} %" for span in spans) + " |")
    print("| --- " * (2 + len(spans)) + "|")
    for name, angle in ANGLES.items():
        errors: dict[str, list[list[float]]] = {way: [[] for _ in spans] for way in ways}
        for i in range(0, len(data), every):
            face = data[i].image
            whole = max(detector(face), key=lambda face: face.score, default=None)
            if whole is None:
                continue
            for b, case in enumerate(find_cases(i, "")):
                rng = np.random.default_rng([i, b])
                picture, hole, window = place(face, case.hole, angle, rng)
                truth = whole.landmarks @ window.to_photo[:, :2].T + window.to_photo[:, 2]
                picture[hole] = 255
                for way, find in ways.items():
                    errors[way][b].append(error(find(picture, hole), truth))
        for way, of_bins in errors.items():
            cells: list[str] = []
            for values in of_bins:
                found = [value for value in values if value < FOUND]
                cells.append(f"{len(found) / len(values):.0%}" + (f", {np.mean(found):.3f}" if found else ""))
            print(f"| {name} | {way} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
