"""Writes a network as ONNX or in PyTorch's own format, and measures how near the file comes to the network."""

import hashlib
import json
import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from facemend.config import ModelConfig
from facemend.data.dataset import FaceDataset
from facemend.errors import ConfigError, OutputError, WeightsError
from facemend.export.onnx_graph import fuse, store_as_float16, tidy
from facemend.export.quantize import Feed, quantize
from facemend.export.translations import translations
from facemend.face_classes import CLASS_NAMES
from facemend.imaging import check_folder
from facemend.masks import random_mask
from facemend.model_folders import GRAPH_FILE, GRAPH_INT8_FILE, WEIGHTS_FILE, read_tensor_table, resolve
from facemend.models.inpainter import InpaintNet
from facemend.onnx_runtime import FORMAT, METADATA_KEY, NAMES_IN, NAMES_OUT, OnnxNet
from facemend.weights import load_model
from facemend.whole_files import sha256_of, write_whole, written_whole

OPSET = 20
MAX_BATCH = 64
MAX_SIDE = 4096
TRACED_MIN_SIDE = 144  # below, a map is one pixel wide, which tracing takes for a case of its own; ONNX minds not
PARITY_SIZES = (64, 256, 512)
NUM_CALIBRATED = 48  # faces that tell the ranges of values
_WEIGHTS = "net."  # how their names begin

ExportFormat = Literal["onnx", "onnx-float16", "torch-export"]


class PortableNet(nn.Module):
    """`InpaintNet` with every input given and nothing optional, which is what exporters want."""

    def __init__(self, net: InpaintNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor, mask: Tensor, latent: Tensor, layout: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Repaint square photos; inputs and outputs are those of `OnnxNet`, as tensors."""
        core = self.net.core(image, mask, latent, layout)
        return self.net.detailed(core, image, mask)[0], core.layout, core.scores


def export_net(
    net: InpaintNet, path: Path, file_format: ExportFormat = "onnx", *, calibrate: Path | None = None, overwrite: bool = False
) -> None:
    """Write a whole network into one file that takes any batch and any square size.

    Args:
        net: The network.
        path: Where to write.
        file_format: `onnx` (opset 20, float32 weights), `onnx-float16` (weights stored as float16, computed in float32) or
            `torch-export` (a .pt2 file, for `torch.export.load` and C++; sides from 144).
        calibrate: A face set or None; with it, convolutions are computed in int8 by the ranges that values take on its faces.
        overwrite: Replace a file that exists.

    Raises:
        ConfigError: The packages that exporting needs are not installed.
        OutputError: The file exists, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists; pass --overwrite to replace it")
    check_folder(path.parent)
    if file_format == "torch-export":
        program = torch.export.export(PortableNet(net).eval(), _example(net), dynamic_shapes=_dynamic_shapes(), strict=False)
        with _telling(path), written_whole(path) as file:
            torch.export.save(program, file)
        return
    model = _to_onnx(net, calibrate)
    if file_format == "onnx-float16":
        store_as_float16(model, _weights(model, net))
    digest = hashlib.sha256()
    for tensor in model.graph.initializer:
        digest.update(tensor.raw_data)
    _describe(model, net, digest.hexdigest())
    _write_graph(model, path)


def export_graph(name_or_dir: str | Path, calibrate: Path | None = None) -> Path:
    """Write `graph.onnx` beside a model's `model.safetensors`, whose float16 tensors it points into: nothing is stored twice.

    Args:
        name_or_dir: see `load_model`.
        calibrate: as for `export_net`; the graph is then `graph-int8.onnx`.

    Returns:
        The graph's path.

    Raises:
        ConfigError: The packages that exporting needs are not installed.
        OutputError: The folder cannot be written.
        WeightsError: The model is missing or damaged, or ONNX Runtime does not load the graph, which is then not left there.
    """
    folder = resolve(name_or_dir)
    path = folder / (GRAPH_FILE if calibrate is None else GRAPH_INT8_FILE)
    net = load_model(folder)
    model = _to_onnx(net, calibrate)
    store_as_float16(model, _weights(model, net))
    places = read_tensor_table(folder / WEIGHTS_FILE)
    for tensor in _weights(model, net):
        place = places[tensor.name.removeprefix(_WEIGHTS)]
        tensor.ClearField("raw_data")
        tensor.data_location = tensor.EXTERNAL
        for key, value in (("location", WEIGHTS_FILE), ("offset", str(place.offset)), ("length", str(place.length))):
            tensor.external_data.add(key=key, value=value)
    model = fuse(model)
    _describe(model, net, sha256_of(folder / WEIGHTS_FILE))
    _replace_link(folder / WEIGHTS_FILE)
    _write_graph(model, path)
    try:
        OnnxNet(path)
    except WeightsError:
        path.unlink()  # or it would be taken from now on wherever the model is used
        raise
    return path


def measure_parity(net: InpaintNet, onnx_net: OnnxNet, sizes: tuple[int, ...] = PARITY_SIZES) -> dict[int, float]:
    """Run both on the same random photos; returns the largest difference of any completed value, by size."""
    random = np.random.default_rng(0)
    largest: dict[int, float] = {}
    for size in sizes:
        image = random.uniform(-1, 1, (2, 3, size, size)).astype(np.float32)
        mask = np.zeros((2, 1, size, size), np.float32)
        mask[:, :, size // 4 : -size // 4, size // 4 : -size // 4] = 1
        latent = random.standard_normal((2, net.config.latent_size)).astype(np.float32)
        with torch.inference_mode():
            expected = net(*(torch.from_numpy(array) for array in (image, mask, latent))).completed.numpy()
        largest[size] = float(np.abs(onnx_net(image, mask, latent)[0] - expected).max())
    return largest


def _example(net: InpaintNet) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    config = net.config
    layout = torch.zeros(2, config.num_classes, config.core_size, config.core_size)
    return torch.zeros(2, 3, 256, 256), torch.zeros(2, 1, 256, 256), torch.zeros(2, config.latent_size), layout


def _dynamic_shapes() -> dict[str, Any]:
    batch, side = Dim("batch", min=1, max=MAX_BATCH), 16 * Dim("sixteenths", min=TRACED_MIN_SIDE // 16, max=MAX_SIDE // 16)
    picture = {0: batch, 2: side, 3: side}
    return {"image": picture, "mask": picture, "latent": {0: batch}, "layout": {0: batch}}


def _to_onnx(net: InpaintNet, calibrate: Path | None) -> Any:
    """Translate a network, its weights under the names they have in `state_dict`."""
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise ConfigError("exporting to ONNX needs more packages: pip install 'facemend[export]'")
    feeds = None if calibrate is None else list(_damaged_faces(net.config, calibrate))
    with warnings.catch_warnings(action="ignore"), _quiet():
        program = torch.onnx.export(
            PortableNet(net).eval(),
            _example(net),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(NAMES_IN),
            output_names=list(NAMES_OUT),
            dynamic_shapes=_dynamic_shapes(),
            custom_translation_table=translations(),
            optimize=False,  # it would fold weights into others: see `tidy`
            verbose=False,
        )
    assert program is not None
    model = tidy(program.model)
    return model if feeds is None else quantize(model, feeds)


def _damaged_faces(config: ModelConfig, path: Path) -> Generator[Feed]:
    """Hide parts of faces that are spread over a set, as training does."""
    faces = FaceDataset(path)
    layout = np.zeros((1, config.num_classes, config.core_size, config.core_size), np.float32)
    for number, index in enumerate(np.linspace(0, len(faces) - 1, min(NUM_CALIBRATED, len(faces))).round().astype(int)):
        face = cv2.resize(faces[int(index)].image, (256, 256), interpolation=cv2.INTER_AREA)
        hole = random_mask((256, 256), family="mixed", area=0.05 + 0.8 * (number % 8) / 8, seed=number) > 0
        image = face.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
        values = image, hole[None, None].astype(np.float32), np.zeros((1, config.latent_size), np.float32), layout
        yield dict(zip(NAMES_IN, values, strict=True))


def _weights(model: Any, net: InpaintNet) -> list[Any]:
    """The network's own tensors among a graph's; the others are constants."""
    names = {f"{_WEIGHTS}{name}" for name in net.state_dict()}
    return [tensor for tensor in model.graph.initializer if tensor.name in names]


def _describe(model: Any, net: InpaintNet, sha256: str) -> None:
    """Write into the file all that somebody needs to use it without this package."""
    description = {
        "format": FORMAT,
        "weights_sha256": sha256,
        "core_size": net.config.core_size,
        "num_classes": net.config.num_classes,
        "latent_size": net.config.latent_size,
        "image": "[N, 3, S, S] RGB in [-1, 1]; S a multiple of 16 from 64 on",
        "mask": "[N, 1, S, S] in {0, 1}; 1 = repaint",
        "latent": "[N, Z]; zeros for the single most likely completion, else standard normal",
        "layout": "[N, K, core_size, core_size] probabilities; all 0 where the network is to decide",
        "completed": "[N, 3, S, S] RGB in [-1, 1]; the image itself where the mask is 0",
        "probabilities": "[N, K, core_size, core_size], of the layout",
        "scores": "[N, heads, T, T], stage 2's attention over a grid of 8 core pixels a cell",
        "classes": list(CLASS_NAMES),
    }
    del model.metadata_props[:]
    model.metadata_props.add(key=METADATA_KEY, value=json.dumps(description))
    model.producer_name = "facemend"


@contextmanager
def _quiet() -> Generator[None]:
    """Keep the exporter from saying that torchvision is not there."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _replace_link(path: Path) -> None:
    """Put a copy in a link's place: in the hub's cache weights are one, and ONNX Runtime follows none out of a graph's folder."""
    if path.is_symlink():
        with _telling(path):
            write_whole(path, path.read_bytes())


def _write_graph(model: Any, path: Path) -> None:
    with _telling(path):
        write_whole(path, model.SerializeToString())


@contextmanager
def _telling(path: Path) -> Generator[None]:
    """Say which file the disk refuses."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error}") from None
