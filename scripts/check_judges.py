"""Check the nets that judge faces on a face set: that dlib's tells people apart, and that BiSeNet's parts are the labels'.

python scripts/check_judges.py dev.zip --first 100

A mirrored copy stands for another photo of the same person. Two faces of a set may be one person's: a few near pairs are.
"""

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from torch.nn import functional

from facemend import metrics
from facemend.data.dataset import FaceDataset
from facemend.evaluation.faces import spread
from facemend.face_classes import CLASS_NAMES, NUM_CLASSES
from facemend.models.identity import SAME_PERSON, IdentityNet
from facemend.models.parser import ParserNet


@torch.inference_mode()
def check(
    faces: Annotated[Path, typer.Argument(help="Folder or zip of faces.")],
    first: Annotated[int, typer.Option(help="Only N of the faces, spread evenly over them.")] = 100,
) -> None:
    """Print how far faces are from their mirrored copies and from each other, and how well the parts agree with the labels."""
    dataset = FaceDataset(faces)
    identity, parser = IdentityNet.load(), ParserNet.load()
    confusion = defaultdict(lambda: np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64))
    own, mirrored = [], []
    for i in track(spread(range(len(dataset)), first), console=Console(stderr=True)):
        sample = dataset[i]
        image = torch.from_numpy(sample.image.transpose(2, 0, 1).copy())[None].float() / 127.5 - 1
        descriptors = identity(torch.cat([image, image.flip(-1)]))
        own.append(descriptors[0])
        mirrored.append(descriptors[1])
        at_labels = functional.interpolate(image, sample.labels.shape, mode="bilinear", antialias=True)
        everywhere = np.ones(sample.labels.shape, bool)
        confusion[dataset.rows[i].label_source] += metrics.confusion_matrix(
            parser(at_labels)[0].numpy(), sample.labels, everywhere, NUM_CLASSES
        )
    same = (torch.stack(own) - torch.stack(mirrored)).norm(dim=1)
    others = torch.pdist(torch.stack(own))
    for name, distances in (("the same face, mirrored", same), ("two faces of the set", others)):
        middle, low, high = (torch.quantile(distances, q).item() for q in (0.5, 0.05, 0.95))
        near = (distances < SAME_PERSON).float().mean().item()
        print(f"{name}: distance {middle:.2f} ({low:.2f} to {high:.2f}), {near:.1%} of {len(distances)} below {SAME_PERSON}")
    for source, counts in confusion.items():
        right = np.diag(counts)
        iou = right / np.maximum(1, counts.sum(0) + counts.sum(1) - right)
        parts = ", ".join(f"{name} {value:.2f}" for name, value in zip(CLASS_NAMES, iou, strict=True))
        print(f"{source} labels: {right.sum() / counts.sum():.1%} of pixels, mean IoU {metrics.mean_iou(counts):.2f}: {parts}")


if __name__ == "__main__":
    typer.run(check)
