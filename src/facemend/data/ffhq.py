"""FFHQ as it is distributed: pictures without labels, which our own stage 1 draws."""

import re
from pathlib import Path

import torch
from torch.nn import functional

from facemend.data.preparation import Face, Job, Labels, Picture, check_size, prepare
from facemend.errors import DataError
from facemend.model_folders import WEIGHTS_FILE, resolve
from facemend.models.inpainter import InpaintNet, core_view
from facemend.weights import load_model
from facemend.whole_files import sha256_of

FFHQ_TRAIN_IDS = 60_000  # of 70,000; the rest is the test set
_LAYOUT = "the FFHQ download holds images1024x1024/00000/00000.png ... or thumbnails128x128/00000/00000.png ..."


def prepare_ffhq(
    source: Path, output: Path, *, size: int = 256, model: str | Path = "default", device: str = "cpu"
) -> dict[str, int]:
    """Prepare FFHQ: ids below 60,000 to train, the others to test. Our own stage 1, shown the whole face, draws the labels.

    Args:
        source: Folder with `images1024x1024/` or, where that is missing, `thumbnails128x128/`; the pictures may lie in its
            folders of thousands or directly in it.
        output: Folder to write; it is made if need be.
        size: Side of the pictures and label maps, 64 to 1024; pictures are never enlarged.
        model: Bundled name or weights folder of the network that draws the labels.
        device: Where it runs, as torch names it.

    Returns:
        The number of faces in each split.

    Raises:
        DataError: Something is missing or damaged in the source, or the output holds another preparation.
        OutputError: The output cannot be written.
        WeightsError: There is no such model.
    """
    check_size(size)
    faces = _list_faces(source)
    net = load_model(model, device)
    digest = sha256_of(resolve(model) / WEIGHTS_FILE)

    def parse(face: Face, picture: Picture) -> Labels:
        return _parse_face(net, picture, device)

    settings = {"dataset": "ffhq", "size": size, "label_source": "layoutnet", "model_sha256": digest}
    return prepare(Job(faces, parse, output, settings, {"pictures": len(faces)}))


def _list_faces(source: Path) -> list[Face]:
    folders = [folder for folder in (source / "images1024x1024", source / "thumbnails128x128") if folder.is_dir()]
    if not folders:
        raise DataError(f"{source}: has neither images1024x1024/ nor thumbnails128x128/; {_LAYOUT}")
    pictures = {path.stem: path for path in folders[0].rglob("*.png") if re.fullmatch("[0-9]{5}", path.stem)}
    if not pictures:
        raise DataError(f"{folders[0]}: holds no pictures named 00000.png to 69999.png; {_LAYOUT}")
    return [
        Face(f"ffhq-{stem}", "train" if int(stem) < FFHQ_TRAIN_IDS else "test", path) for stem, path in sorted(pictures.items())
    ]


@torch.inference_mode()
def _parse_face(net: InpaintNet, picture: Picture, device: str) -> Labels:
    """Let stage 1 name the parts of a face of which everything is known."""
    image = torch.as_tensor(picture.transpose(2, 0, 1).copy(), device=device)[None].float() / 127.5 - 1
    view, view_mask = core_view(image, torch.zeros_like(image[:, :1]), net.config.core_size)
    logits, _ = net.layout_net(view, view_mask, image.new_zeros(1, net.config.latent_size))
    probabilities = functional.interpolate(logits.softmax(1), size=picture.shape[:2], mode="bilinear")
    return probabilities.argmax(1)[0].byte().cpu().numpy()
