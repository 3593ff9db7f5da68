"""Has the latent of trained weights move who it is rather than how light: variants then differ, and fit the photo.

    python scripts/widen_latent.py --weights runs/finish/weights --data FOLDER_OF_ZIPS --output widened

Training leaves the latent standard normal, and much of what it moves is tint and brightness, at which one sees a patch. So its
axes are turned by what they do to the fill of faces: with T the covariance of the latent's blurred changes, each axis of T is
shrunk by sqrt(1 + T / TINT), and all of it widened by GAIN. That is a matrix; it is multiplied into the layers that read the
latent, which are linear and have no bias, so a latent of zero, the likeliest completion, gives the very same picture. The
graph is to be written anew (`facemend export --format onnx-graph`).
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.progress import track

from facemend import load_model, save_model
from facemend.data.dataset import FaceDataset
from facemend.imaging import Hole, Pixels
from facemend.models.inpainter import InpaintNet

SETS = ("flickrport", "celebamask", "ffhq", "mebeauty")
SIZE = 256
BLUR = 16  # pixels: what is left after it is tint
TINT = 1.0  # squared levels of 255: an axis that moves tint by more is shrunk
GAIN = 1.9  # chosen by eye: from 2.2 on, patches of hair come onto foreheads

Changes = NDArray[np.float32]  # [Z, 3, H, W], in levels of 255


def holes() -> list[Hole]:
    """Make a hole over the face, one over half of the picture, and one over eyes and mouth."""
    face, half, parts = (np.zeros((SIZE, SIZE), np.bool_) for _ in range(3))
    face[70:230, 55:200] = True
    half[50:250, 128:] = True
    parts[90:140, 50:210] = parts[165:225, 80:180] = True
    return [face, half, parts]


@torch.inference_mode()
def measure_changes(net: InpaintNet, picture: Pixels, hole: Hole) -> Changes:
    """Measure by how much one standard deviation along each axis of the latent moves the fill, on average of both ways."""
    image = torch.from_numpy(picture.transpose(2, 0, 1).copy())[None].float() / 127.5 - 1
    mask = torch.from_numpy(hole)[None, None].float()
    axes = torch.eye(net.config.latent_size)[:, None]
    there, back = (torch.cat([net(image, mask, z=sign * axis).completed for axis in axes]) for sign in (1, -1))
    return ((there - back) / 2 * 127.5 * mask).numpy()


def measure_tint(changes: Changes, hole: Hole) -> NDArray[np.float64]:
    """Return the covariance [Z, Z] of the changes' tint, mean of colours and the hole's pixels."""
    share = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), BLUR) + 1e-3
    tint = np.stack([[cv2.GaussianBlur(channel, (0, 0), BLUR) / share * hole for channel in change] for change in changes])
    return np.einsum("iabc,jabc->ij", tint, tint, dtype=np.float64) / (3 * hole.sum())


def turn_axes(tint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix [Z, Z] by which a latent is multiplied."""
    values, vectors = np.linalg.eigh(tint)
    return GAIN * vectors @ np.diag((1 + values / TINT) ** -0.5) @ vectors.T


def main(
    *,
    weights: Annotated[Path, typer.Option(help="Folder of the weights, as training left them.")],
    data: Annotated[Path, typer.Option(help=f"Folder of sets of faces: {', '.join(SETS)}, as zips.")],
    output: Annotated[Path, typer.Option(help="Folder to write to.")],
    num_faces: Annotated[int, typer.Option(help="Faces to measure on.")] = 16,
) -> None:
    """Measure what the latent moves, and write weights whose latent moves little tint."""
    net, rng, kinds = load_model(weights), np.random.default_rng(0), holes()
    tint = np.zeros((net.config.latent_size,) * 2)
    for i in track(range(num_faces), "Faces"):
        faces = FaceDataset(data / f"{SETS[i % len(SETS)]}.zip")
        face = faces[int(rng.integers(len(faces)))].image
        hole = kinds[i // len(SETS) % len(kinds)]
        picture = np.asarray(cv2.resize(face, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)
        tint += measure_tint(measure_changes(net, picture, hole), hole) / num_faces
    matrix = torch.from_numpy(turn_axes(tint)).float()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith("by_latent.weight"):
                parameter.copy_(parameter @ matrix)
    save_model(net, output)


if __name__ == "__main__":
    typer.run(main)
