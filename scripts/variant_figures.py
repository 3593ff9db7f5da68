"""How much variants differ from each other, and what that costs: LPIPS (AlexNet), descriptors of dlib's face net, tint.

    python scripts/variant_figures.py --faces dev.zip --every 8 --model default --sheet sheet.png

Every n-th face at 256 pixels has, in turn, a box over the face or one half hidden. The first variant is the likeliest face, the
others are drawn. The best of them all is the nearest to the truth, as somebody who knows the person would choose. Two photos
count as one person's where their descriptors are nearer than 0.6; tint is the mean difference of blurred colours, in levels of
255, from the first variant.
"""

from itertools import combinations
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from facemend import Inpainter
from facemend.data.dataset import FaceDataset
from facemend.imaging import Hole, Pixels
from facemend.models.features import Lpips
from facemend.models.identity import IdentityNet

SIZE = 256
BLUR = 12  # pixels
COLUMNS = ("first", "drawn", "best of all", "apart")  # apart: of two variants, on average


def hide(i: int) -> Hole:
    """Make a box over the face and half of the picture by turns."""
    hole = np.zeros((SIZE, SIZE), np.bool_)
    hole[(slice(70, 230), slice(55, 200)) if i % 2 else (slice(None), slice(128, None))] = True
    return hole


def to_tensor(pictures: list[Pixels]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).copy()).float() / 127.5 - 1


class Judge:
    """The two nets."""

    def __init__(self) -> None:
        self.lpips, self.identity = Lpips(), IdentityNet.load()

    @torch.inference_mode()
    def measure(self, truth: Pixels, variants: list[Pixels]) -> NDArray[np.float64]:
        """Measure variants of one face; returns [2, 4]: LPIPS and descriptors, by `COLUMNS`."""
        pictures = to_tensor([truth, *variants])
        who = self.identity(pictures)

        def distances(i: int, j: int) -> tuple[float, float]:
            return self.lpips(pictures[i : i + 1], pictures[j : j + 1]).mean().item(), (who[i] - who[j]).norm().item()

        from_truth = np.array([distances(0, i) for i in range(1, len(pictures))])
        apart = np.array([distances(i, j) for i, j in combinations(range(1, len(pictures)), 2)])
        return np.stack([from_truth[0], from_truth[1:].mean(0), from_truth.min(0), apart.mean(0)], axis=1)


def measure_tint(variants: list[Pixels], hole: Hole) -> float:
    """Measure how far the drawn variants' tint is from the first one's, in levels of 255."""
    first, *drawn = (cv2.GaussianBlur(variant.astype(np.float32), (0, 0), BLUR)[hole] for variant in variants)
    return float(np.mean([np.abs(each - first).mean() for each in drawn]))


def main(
    *,
    faces: Annotated[Path, typer.Option(help="A set of faces.")],
    every: Annotated[int, typer.Option(help="Take every n-th.")] = 8,
    model: Annotated[str, typer.Option(help="As for `facemend inpaint`.")] = "default",
    num_variants: Annotated[int, typer.Option(help="With the likeliest.")] = 6,
    sheet: Annotated[Path | None, typer.Option(help="Draw truths and variants of the first twelve faces, .png.")] = None,
) -> None:
    """Print the means over the faces."""
    inpainter, judge, dataset = Inpainter.from_pretrained(model), Judge(), FaceDataset(faces)
    measured: list[NDArray[np.float64]] = []
    tints: list[float] = []
    rows: list[Pixels] = []
    for i, index in enumerate(track(range(0, len(dataset), every), "Faces")):
        truth = np.asarray(Image.fromarray(dataset[index].image).resize((SIZE, SIZE)))
        hole = hide(i)
        result = inpainter(Image.fromarray(truth), hole, num_variants=num_variants, boxes="portrait")
        variants = [np.asarray(image) for image in result.images]
        measured.append(judge.measure(truth, variants))
        tints.append(measure_tint(variants, hole))
        rows.append(np.hstack([truth, *variants]))
    for name, values in zip(("LPIPS", "descriptors"), np.mean(measured, axis=0), strict=True):
        print(name, *(f"{column} {value:.3f}" for column, value in zip(COLUMNS, values, strict=True)), sep=", ")
    print(f"tint {np.mean(tints):.1f} of 255; {len(rows)} faces")
    if sheet is not None:
        Image.fromarray(np.vstack(rows[:12])).save(sheet)


if __name__ == "__main__":
    typer.run(main)
