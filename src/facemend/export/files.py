"""Writes a network as ONNX or in PyTorch's own format."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch

from facemend.errors import OutputError, WeightsError
from facemend.export.calibration import damaged_faces
from facemend.export.description import describe
from facemend.export.onnx_graph import fuse, store_as_float16
from facemend.export.quantize import quantize
from facemend.export.tracing import check_onnx, choose_weights, trace, trace_onnx
from facemend.imaging import check_folder
from facemend.model_folders import GRAPH_FILE, GRAPH_INT8_FILE, WEIGHTS_FILE, read_tensor_table, resolve
from facemend.models.inpainter import InpaintNet
from facemend.onnx_runtime import OnnxNet
from facemend.weights import load_model
from facemend.whole_files import sha256_of, write_whole, written_whole

ExportFormat = Literal["onnx", "onnx-float16", "torch-export"]


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
        program = trace(net)
        with _telling(path), written_whole(path) as file:
            torch.export.save(program, file)
        return
    model = _to_onnx(net, calibrate)
    if file_format == "onnx-float16":
        store_as_float16(model, choose_weights(model, net).values())
    digest = hashlib.sha256()
    for tensor in model.graph.initializer:
        digest.update(tensor.raw_data)
    describe(model, net.config, digest.hexdigest())
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
    weights = choose_weights(model, net)
    store_as_float16(model, weights.values())
    _point_into(folder / WEIGHTS_FILE, weights)
    model = fuse(model)
    describe(model, net.config, sha256_of(folder / WEIGHTS_FILE))
    _replace_link(folder / WEIGHTS_FILE)
    _write_graph(model, path)
    try:
        OnnxNet(path)
    except WeightsError:
        path.unlink()  # or it would be taken from now on wherever the model is used
        raise
    return path


def _to_onnx(net: InpaintNet, calibrate: Path | None) -> Any:
    check_onnx()
    feeds = None if calibrate is None else list(damaged_faces(net.config, calibrate))  # first: tracing takes a minute
    model = trace_onnx(net)
    return model if feeds is None else quantize(model, feeds)


def _point_into(path: Path, weights: dict[str, Any]) -> None:
    """Let a graph's weights, by name, be those of a safetensors file that lies beside it."""
    places = read_tensor_table(path)
    for name, tensor in weights.items():
        place = places[name]
        tensor.ClearField("raw_data")
        tensor.data_location = tensor.EXTERNAL
        for key, value in (("location", path.name), ("offset", str(place.offset)), ("length", str(place.length))):
            tensor.external_data.add(key=key, value=value)


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
