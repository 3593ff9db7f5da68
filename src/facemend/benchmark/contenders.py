"""Who is timed: each contender fills the hole of a square picture. Nothing is loaded before it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from PIL import Image

from facemend.backends import BackendName, MaskedView, open_backend
from facemend.benchmark import peers
from facemend.imaging import Hole, Pixels

Fill = Callable[[Pixels, Hole], Pixels]  # picture [S, S, 3], hole [S, S] -> picture, filled


@dataclass(frozen=True)
class Contender:
    """Something that fills holes, and how to get it ready."""

    name: str
    about: str
    packages: tuple[str, ...]  # distributions that must be installed to run it
    load: Callable[[int], Fill]  # number of threads -> ready to fill
    sizes: tuple[int, ...] | None = None  # the only sides it takes; None for any multiple of 16


def all_contenders(model: str, *, peers: bool) -> list[Contender]:
    """List who takes part."""
    return [*_own(model), *_classical(), *(_rivals() if peers else [])]


def draw_case(size: int, area: float) -> tuple[Pixels, Hole]:
    """Draw a smooth picture [S, S, 3] with a square hole [S, S] of that share in its middle."""
    ramp = np.linspace(0, 255, size)
    picture = np.stack([np.tile(ramp, (size, 1)), np.tile(ramp[:, None], (1, size)), np.full((size, size), 128)], axis=-1)
    hole = np.zeros((size, size), np.bool_)
    side = round(size * area**0.5)
    start = (size - side) // 2
    hole[start : start + side, start : start + side] = True
    return picture.astype(np.uint8), hole


def _own(model: str) -> list[Contender]:
    """List what this package runs."""
    onnx, torch = ("facemend",), ("facemend", "torch", "safetensors")
    whole = "all of `Inpainter` but the search for faces: the network at 256, detail carried, grain matched"
    return [
        Contender("facemend-onnx", f"{model}, ONNX Runtime", onnx, lambda threads: _network(model, "onnx", threads)),
        Contender("facemend-int8", f"{model}, ONNX Runtime, int8", onnx, lambda threads: _network(model, "onnx-int8", threads)),
        Contender("facemend-torch", f"{model}, PyTorch", torch, lambda threads: _network(model, "torch", threads)),
        Contender("facemend-photo", f"{model}, ONNX Runtime: {whole}", onnx, lambda threads: _photo(model, threads)),
    ]


def _classical() -> list[Contender]:
    """List OpenCV's own methods."""
    packages = ("opencv-python-headless",)
    return [
        Contender("telea", "OpenCV's INPAINT_TELEA, radius 3", packages, lambda threads: _opencv(cv2.INPAINT_TELEA, threads)),
        Contender("ns", "OpenCV's INPAINT_NS, radius 3", packages, lambda threads: _opencv(cv2.INPAINT_NS, threads)),
    ]


def _rivals() -> list[Contender]:
    """List the architectures that spandrel can build, with random weights: their cost is that of trained ones."""
    packages = ("spandrel", "spandrel_extra_arches")
    return [
        Contender("lama", "LaMa (Suvorov et al. 2022), PyTorch, random weights", packages, peers.lama),
        Contender("mat", "MAT (Li et al. 2022), PyTorch, random weights", packages, peers.mat, (512,)),
    ]


def _network(model: str, backend: BackendName, num_threads: int) -> Fill:
    run = open_backend(model, "cpu", backend, num_threads=num_threads)
    latent = np.zeros(run.latent_size, np.float32)

    def fill(picture: Pixels, hole: Hole) -> Pixels:
        image = picture.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
        (painted,) = run([MaskedView(image, hole[None].astype(np.float32), latent)])
        return np.rint((painted.completed.transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)

    return fill


def _photo(model: str, num_threads: int) -> Fill:
    from facemend.pipeline import Inpainter

    inpainter = Inpainter(open_backend(model, "cpu", "onnx", num_threads=num_threads))

    def fill(picture: Pixels, hole: Hole) -> Pixels:
        side = picture.shape[0]
        face = (0.25 * side, 0.3 * side, 0.75 * side, 0.85 * side)
        return np.asarray(inpainter(Image.fromarray(picture), hole, boxes=[face]).image)

    return fill


def _opencv(method: int, num_threads: int) -> Fill:
    cv2.setNumThreads(num_threads)
    return lambda picture, hole: cast(Pixels, cv2.inpaint(picture, hole.astype(np.uint8), 3, method))
