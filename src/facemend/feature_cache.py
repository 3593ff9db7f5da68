"""Weights of the frozen feature nets: found by name in a cache folder, fetched once from their official address.

The folder is `FACEMEND_CACHE`, or the platform's cache folder. Each set of weights is one file, NAME.safetensors. Where
there is no network, either that file or the official one (`FeatureWeights.address`) may be put into the folder by hand.
"""

import contextlib
import http.client
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch
from rich.console import Console
from rich.progress import wrap_file
from safetensors import SafetensorError
from safetensors.torch import load_file, save  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from facemend.cache_folder import cache_dir
from facemend.dlib_file import read_dlib_net
from facemend.errors import WeightsError
from facemend.whole_files import sha256_of, write_whole

State = dict[str, Tensor]

_CHUNK_SIZE = 1 << 20
_TIMEOUT = 30  # seconds without an answer
_PYTORCH = "https://download.pytorch.org/models"
_LPIPS = "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1"
_TIMM = "https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-weights"


def _read_pytorch(path: Path) -> State:
    return torch.load(path, map_location="cpu", weights_only=True)


@dataclass(frozen=True)
class FeatureWeights:
    """Where a set of weights comes from, and how it is turned into ours."""

    name: str
    address: str
    sha256: str  # the digest of the official file, or the beginning of it where no more is published
    convert: Callable[[State], State]
    read: Callable[[Path], State] = _read_pytorch

    @property
    def official_name(self) -> str:
        """Name of the official file."""
        return self.address.rsplit("/", 1)[-1]


def load_feature_weights(name: str) -> State:
    """Load the tensors of `WEIGHTS[name]` from the cache, filling the cache first where needed.

    Raises:
        WeightsError: The file is damaged or may not be read, or is neither there nor to be had.
    """
    weights, path = WEIGHTS[name], cache_dir() / f"{name}.safetensors"
    official = path.with_name(weights.official_name)
    try:
        if path.is_file():
            with path.open("rb"):  # safetensors says of a file that may not be read that there is none
                return load_file(path)
        if official.is_file():
            state = _convert(weights, official)
            with contextlib.suppress(OSError):  # a folder that may only be read
                write_whole(path, save(state))
            return state
    except SafetensorError as error:
        raise WeightsError(f"{path}: damaged ({error}); delete it and it will be fetched anew") from None
    except OSError as error:
        where, why = error.filename or official, error.strerror or error
        raise WeightsError(f"{where}: cannot be read ({why}); mend that, or set FACEMEND_CACHE to another folder") from None
    return _fetch(weights, path)


def _fetch(weights: FeatureWeights, path: Path) -> State:
    """Fetch the official file, and keep at `path` what is made of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetching-") as folder:
            fetched = Path(folder, weights.official_name)
            _download(weights, fetched)
            state = _convert(weights, fetched)
        write_whole(path, save(state))
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(
            f"{path.name} is not in {path.parent} and cannot be fetched from {weights.address} ({error}); "
            f"put {path.name} or {weights.official_name} into that folder, or set FACEMEND_CACHE to one that has it"
        ) from None
    return state


def _download(weights: FeatureWeights, path: Path) -> None:
    console = Console(file=sys.stderr)
    with contextlib.ExitStack() as stack:
        response = stack.enter_context(urllib.request.urlopen(weights.address, timeout=_TIMEOUT))
        size = int(response.headers.get("Content-Length") or 0)
        file = stack.enter_context(path.open("wb"))
        bar: IO[bytes] = stack.enter_context(
            wrap_file(response, size, description=f"Fetching {weights.official_name}", console=console, transient=True)
        )
        while chunk := bar.read(_CHUNK_SIZE):
            file.write(chunk)
    if size and path.stat().st_size != size:
        raise OSError(f"the connection was cut at {path.stat().st_size} of {size} bytes")


def _convert(weights: FeatureWeights, path: Path) -> State:
    """Read an official file, once it is known to be the one that is meant, as our tensors."""
    digest = sha256_of(path)
    if not digest.startswith(weights.sha256):
        raise WeightsError(
            f"{weights.official_name}: not the expected file: its sha256 begins with {digest[:16]}, not with "
            f"{weights.sha256[:16]}; fetch it from {weights.address} and put it into {cache_dir()}"
        )
    return {name: tensor.contiguous() for name, tensor in weights.convert(weights.read(path)).items()}


def _convolutions(state: State) -> State:
    """Drop torchvision's classifier, which is most of the file."""
    return {name: tensor for name, tensor in state.items() if name.startswith("features.")}


def _lpips_heads(state: State) -> State:
    return {f"lin{i}.weight": state[f"lin{i}.model.1.weight"] for i in range(5)}


def _efficientnet_from_timm(state: State) -> State:
    """Rename timm's tensors: its blocks are counted per stage, and each names its layers by their role in it."""
    renamed: State = {}
    stages = sorted({tuple(map(int, name.split(".")[1:3])) for name in state if name.startswith("blocks.")})
    for index, (stage, block) in enumerate(stages):
        # The first stage has no expansion, so that its layers have other names.
        layers = (
            {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
            if stage == 0
            else {
                "conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv",
                "bn2": "_bn1", "conv_pwl": "_project_conv", "bn3": "_bn2",
            }
        )  # fmt: skip
        for theirs, ours in layers.items():
            renamed |= _rename(state, f"blocks.{stage}.{block}.{theirs}", f"_blocks.{index}.{ours}")
    for theirs, ours in {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}.items():
        renamed |= _rename(state, theirs, ours)
    return renamed


def _rename(state: State, old: str, new: str) -> State:
    return {new + name.removeprefix(old): tensor for name, tensor in state.items() if name.startswith(f"{old}.")}


WEIGHTS = {
    weights.name: weights
    for weights in (
        FeatureWeights(
            "alexnet_features",
            f"{_PYTORCH}/alexnet-owt-7be5be79.pth",
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            _convolutions,
        ),
        FeatureWeights(
            "vgg16_features",
            f"{_PYTORCH}/vgg16-397923af.pth",
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            _convolutions,
        ),
        FeatureWeights(
            "lpips_alex",
            f"{_LPIPS}/alex.pth",
            "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
            _lpips_heads,
        ),
        FeatureWeights(
            "lpips_vgg",
            f"{_LPIPS}/vgg.pth",
            "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
            _lpips_heads,
        ),
        FeatureWeights("efficientnet_lite0", f"{_TIMM}/tf_efficientnet_lite0-0aa007d2.pth", "0aa007d2", _efficientnet_from_timm),
        FeatureWeights(
            "bisenet_celebamaskhq",
            "https://github.com/xinntao/facexlib/releases/download/v0.2.0/parsing_bisenet.pth",
            "468e13ca13a9b43cc0881a9f99083a430e9c0a38abd935431d1c28ee94b26567",
            dict,
        ),
        FeatureWeights(
            "dlib_face_resnet",
            "https://github.com/davisking/dlib-models/raw/master/dlib_face_recognition_resnet_model_v1.dat.bz2",
            "abb1f61041e434465855ce81c2bd546e830d28bcbed8d27ffbe5bb408b11553a",
            dict,
            read_dlib_net,
        ),
    )
}
