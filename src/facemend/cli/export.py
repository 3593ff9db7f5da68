"""`facemend export`: a network as a file for other programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from facemend.cli.options import AsJson, Model, Overwrite, note, print_json
from facemend.errors import ConfigError


class Format(StrEnum):
    """What can be written."""

    ONNX = "onnx"
    ONNX_FLOAT16 = "onnx-float16"
    ONNX_GRAPH = "onnx-graph"
    TORCH_EXPORT = "torch-export"


def export(
    *,
    model: Model = "default",
    output: Annotated[Path | None, typer.Option(help="The file to write; not for onnx-graph, which has its place.")] = None,
    file_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="onnx; onnx-float16: half the size, computed as before; onnx-graph: graph.onnx in the model's own folder, "
            "pointing to the weights there; torch-export: a .pt2 file, for C++ programs.",
        ),
    ] = Format.ONNX,
    calibrate: Annotated[
        Path | None,
        typer.Option(help="A face set, to learn the ranges of values from: convolutions are then computed in int8. ONNX only."),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a network for ONNX Runtime or C++; an ONNX file is compared with the original.

    \b
    facemend export --output facemend.onnx
    facemend export --model runs/mine/weights --format onnx-graph
    facemend export --output small.onnx --format onnx-float16 --calibrate faces.zip
    facemend export --format torch-export --output facemend.pt2
    """
    if file_format is Format.ONNX_GRAPH and output is not None:
        raise ConfigError(f"--format {file_format} takes no --output: it goes into the model's folder")
    if file_format is not Format.ONNX_GRAPH and output is None:
        raise ConfigError(f"--format {file_format} needs --output: the file to write")
    suffix = ".pt2" if file_format is Format.TORCH_EXPORT else ".onnx"
    if output is not None and output.suffix.lower() != suffix:
        raise ConfigError(f"{output}: --format {file_format} writes {suffix} files: give it that suffix, or another --format")
    if file_format is Format.TORCH_EXPORT and calibrate is not None:
        raise ConfigError("--calibrate is for ONNX files: leave it out, or take another --format")

    from facemend.export import export_graph, export_net, measure_parity
    from facemend.onnx_runtime import OnnxNet
    from facemend.weights import load_model

    net = load_model(model)
    if output is None:
        output = export_graph(model, calibrate=calibrate)
    else:
        export_net(net, output, cast(Any, file_format.value), calibrate=calibrate, overwrite=overwrite)
    parity = {} if file_format is Format.TORCH_EXPORT else measure_parity(net, OnnxNet(output))
    if as_json:
        print_json(output=str(output), format=file_format.value, bytes=output.stat().st_size, largest_difference=parity)
        return
    for size, difference in parity.items():
        note(f"at {size}x{size} no value is more than {difference:.1e} from the original (of 2)")
    print(output)
