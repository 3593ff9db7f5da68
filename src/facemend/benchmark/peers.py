"""Other people's architectures, built by spandrel (MIT) with random weights."""

import importlib
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from facemend.errors import ConfigError, how_to_install
from facemend.imaging import Hole, Pixels


def lama(num_threads: int) -> Callable[[Pixels, Hole], Pixels]:
    """LaMa's large generator: 51 M parameters, Fourier convolutions."""
    return _run(build_lama(), num_threads)


def build_lama() -> Any:
    """LaMa as a PyTorch module: image [N, 3, H, W] in [0, 1] and mask [N, 1, H, W] in, image out."""
    return _build("spandrel.architectures.LaMa", "LaMa", in_nc=4, out_nc=3)


def mat(num_threads: int) -> Callable[[Pixels, Hole], Pixels]:
    """MAT: 62 M parameters, a transformer; 512 x 512 alone."""
    return _run(_build("spandrel_extra_arches.architectures.MAT", "MAT"), num_threads)


def _build(module: str, name: str, **arguments: int) -> Any:
    try:
        torch: Any = importlib.import_module("torch")
        _do_without_torchvision()
        architecture = getattr(importlib.import_module(module), name)
    except ImportError as error:
        needed = f"{how_to_install('torch')} spandrel spandrel_extra_arches"
        raise ConfigError(f"{name} needs {error.name}: {needed}") from None
    torch.manual_seed(0)
    return architecture(**arguments).eval()


def _run(net: Any, num_threads: int) -> Callable[[Pixels, Hole], Pixels]:
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(num_threads)

    def fill(picture: Pixels, hole: Hole) -> Pixels:
        with torch.inference_mode():
            image = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
            mask = torch.from_numpy(hole)[None, None].float()
            painted = net(image, mask)[0].permute(1, 2, 0).clamp(0, 1).mul(255).round().byte().numpy()
        return np.where(hole[..., None], painted, picture)

    return fill


def _do_without_torchvision() -> None:
    """Let spandrel's modules load where torchvision is not installed: they import functions of it that no net here calls."""
    name = "torchvision.transforms.functional"
    if name in sys.modules or find_spec("torchvision") is not None:
        return
    for part in ("torchvision", "torchvision.transforms", name):
        sys.modules[part] = ModuleType(part)
        sys.modules[part].__spec__ = ModuleSpec(part, None)
    for missing in ("InterpolationMode", "rotate", "normalize"):
        setattr(sys.modules[name], missing, None)
