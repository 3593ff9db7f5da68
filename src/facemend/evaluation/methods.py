"""What is measured side by side: our networks, classical methods, and folders of anybody's results."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import facemend
from facemend.backends.on_torch import TorchBackend
from facemend.errors import ConfigError, DataError, FacemendError, how_to_install
from facemend.evaluation.holes import Case
from facemend.imaging import Hole, Layout, Pixels
from facemend.model_folders import CONFIG_FILE, WEIGHTS_FILE, resolve
from facemend.models.inpainter import InpaintNet
from facemend.pipeline import Inpainter
from facemend.whole_files import sha256_of

BASELINES = ("telea", "ns", "biharmonic")

_RADIUS = 3  # pixels around a hole's edge that OpenCV's methods look at
_MAX_BIHARMONIC_AREA = 0.2  # its time grows faster than the hole: beyond this a picture takes most of a minute
_SUFFIXES = (".png", ".webp", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Restored:
    """What a method made of one case; pixels outside the hole are never looked at."""

    picture: Pixels  # [S, S, 3]
    layout: Layout | None = None  # [S, S], of a method that draws one


class Method(Protocol):
    """Something that fills holes."""

    @property
    def name(self) -> str:
        """How the report calls it."""
        ...

    @property
    def about(self) -> str:
        """One line for the report."""
        ...

    @property
    def key(self) -> str:
        """Changes whenever its results would; measured results are kept under it."""
        ...

    @property
    def max_area(self) -> float:
        """Cases with larger holes are left out."""
        ...

    def restore(self, masked: Pixels, case: Case, face: str) -> Restored:
        """Fill the hole of `masked` [S, S, 3], which is black there. Raises FacemendError when this one case cannot be done."""
        ...


def check_names(methods: Iterable[Method]) -> None:
    """Refuse two methods of one name, or one that is named as the truth is. Raises ConfigError."""
    seen = {"truth"}
    for method in methods:
        if method.name in seen:
            raise ConfigError(f"two methods are called {method.name!r}: give each its own name, as NAME=PATH")
        seen.add(method.name)


# --- our own ------------------------------------------------------------------------------------------------------------


class OurMethod:
    """A network of ours, as `Inpainter` runs it on a photo that is a face and no more."""

    max_area = 1.0

    def __init__(self, name: str, model: str | Path, device: str) -> None:
        folder = resolve(model)
        self.name = name
        backend = TorchBackend.open(folder, device)
        self.key = f"{sha256_of(folder / WEIGHTS_FILE)} {sha256_of(folder / CONFIG_FILE)} {_digest_code()}"
        self._inpainter = Inpainter(backend)
        num_parameters = sum(parameter.numel() for parameter in backend.net.parameters())
        gflop = count_gflop(backend.net)
        self.about = f"weights {self.key[:12]}: {num_parameters / 1e6:.2f} M parameters, {gflop:.1f} GFLOP for a 256x256 picture"

    def restore(self, masked: Pixels, case: Case, face: str) -> Restored:
        """Paint the single most likely completion."""
        # No search: the faces are framed already, and what it gets wrong is not the network's doing.
        result = self._inpainter(Image.fromarray(masked), case.hole, boxes="portrait")
        return Restored(np.asarray(result.image), result.layout)


def _digest_code() -> str:
    """Digest the code that restores photos: when it changes, what was measured is not what is now."""
    digest = hashlib.sha256()
    package = Path(facemend.__file__).parent
    for folder in (package, *(package / name for name in ("backends", "models", "imaging", "photo"))):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@torch.inference_mode()
def count_gflop(net: InpaintNet, size: int = 256) -> float:
    """Count the GFLOP of one picture that is all hole, two for each multiply-add; a smaller hole costs less."""
    device = next(net.parameters()).device
    image, mask = torch.zeros(1, 3, size, size, device=device), torch.ones(1, 1, size, size, device=device)
    # The plain attention kernel, because the counter does not know the fused one for CPUs.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        net(image, mask)
    return counter.get_total_flops() / 1e9


# --- classical ----------------------------------------------------------------------------------------------------------


class OpenCvMethod:
    """Telea 2004 or Navier-Stokes (Bertalmio et al. 2001), as OpenCV has them."""

    max_area = 1.0

    def __init__(self, name: str) -> None:
        self.name = name
        self._flag, title = {"telea": (cv2.INPAINT_TELEA, "INPAINT_TELEA"), "ns": (cv2.INPAINT_NS, "INPAINT_NS")}[name]
        self.about = f"OpenCV {cv2.__version__}, {title}, radius {_RADIUS}"
        self.key = self.about

    def restore(self, masked: Pixels, case: Case, face: str) -> Restored:
        """Carry the colours of the edge inwards."""
        return Restored(np.asarray(cv2.inpaint(masked, case.hole.astype(np.uint8), _RADIUS, self._flag), np.uint8))


class BiharmonicMethod:
    """Biharmonic inpainting (Damelin & Hoang 2018), as scikit-image has it."""

    name = "biharmonic"
    max_area = _MAX_BIHARMONIC_AREA

    def __init__(self) -> None:
        try:
            self._restoration = cast(Any, import_module("skimage.restoration"))
            version: str = cast(Any, import_module("skimage")).__version__
        except ImportError:
            raise ConfigError(f"--baseline biharmonic needs scikit-image: {how_to_install('evaluate')}") from None
        self.about = f"scikit-image {version}, holes up to {_MAX_BIHARMONIC_AREA:.0%} only: it is slow"
        self.key = self.about

    def restore(self, masked: Pixels, case: Case, face: str) -> Restored:
        """Fill with the smoothest surface that joins the edge."""
        filled: NDArray[np.float64] = self._restoration.inpaint_biharmonic(
            masked, case.hole, split_into_regions=True, channel_axis=-1
        )
        return Restored(np.round(np.clip(filled, 0, 1) * 255).astype(np.uint8))


def open_baseline(name: str) -> Method:
    """Find a classical method by name. Raises ConfigError."""
    if name == "biharmonic":
        return BiharmonicMethod()
    if name in BASELINES:
        return OpenCvMethod(name)
    raise ConfigError(f"--baseline {name}: is not known; take {', '.join(BASELINES)}")


# --- anybody's ----------------------------------------------------------------------------------------------------------


class ResultsMethod:
    """A folder of pictures that another system made: CASE/FACE.png, or FACE.png where each face has one case."""

    max_area = 1.0

    def __init__(self, name: str, folder: Path) -> None:
        if not folder.is_dir():
            raise DataError(f"--results {name}={folder}: there is no such folder")
        self.name = name
        self._folder = folder
        self._paths = {
            path.relative_to(folder).with_suffix("").as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in _SUFFIXES
        }
        digest = hashlib.sha256()
        for place, path in self._paths.items():
            stat = path.stat()
            digest.update(f"{place} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        self.key = digest.hexdigest()
        self.about = f"{len(self._paths)} pictures of {folder}"

    def extra_files(self, faces: set[str]) -> list[str]:
        """Name the pictures that belong to no face."""
        return [f"{path}: belongs to no face" for path in self._paths.values() if path.stem not in faces]

    def restore(self, masked: Pixels, case: Case, face: str) -> Restored:
        """Read the picture. Raises DataError when it is missing, damaged, or of another size."""
        path = self._paths.get(f"{case.name}/{face}") or (self._paths.get(face) if case.is_only else None)
        if path is None:
            raise DataError(f"{self._folder}: lacks {case.name}/{face}.png")
        try:
            with Image.open(path) as file:
                picture = np.asarray(file.convert("RGB"))
        except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"{path}: cannot be read ({error})") from None
        if picture.shape != masked.shape:
            raise DataError(
                f"{path}: is {picture.shape[1]}x{picture.shape[0]}, but the face is {masked.shape[1]}x{masked.shape[0]}"
            )
        return Restored(picture)


def split_named(text: str, option: str) -> tuple[str, str]:
    """Read "NAME=PATH". Raises ConfigError."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise ConfigError(f"{option} {text}: give NAME=PATH")
    return name, path


def open_model(text: str, device: str) -> Method:
    """Open a model given as a bundled name, a folder, a hub id, or NAME=any of them. Raises FacemendError."""
    name, _, model = text.rpartition("=")
    return OurMethod(name or Path(model).name, model, device)


def mask_out(picture: Pixels, hole: Hole) -> Pixels:
    """Make the hole of a picture black."""
    return np.where(hole[..., None], np.uint8(0), picture)


def restore(method: Method, truth: Pixels, case: Case, face: str) -> Restored:
    """Let a method fill a case without seeing what is under the hole, and put the known pixels back. Raises FacemendError."""
    restored = method.restore(mask_out(truth, case.hole), case, face)
    if restored.picture.shape != truth.shape:
        raise FacemendError(f"{method.name}: gave {list(restored.picture.shape)} for {face}, not {list(truth.shape)}")
    return Restored(np.where(case.hole[..., None], restored.picture, truth), restored.layout)
