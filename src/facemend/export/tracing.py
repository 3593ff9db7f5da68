"""A network seen by PyTorch's exporters: what it computes for any batch and any square size."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from facemend.errors import ConfigError, how_to_install
from facemend.export.onnx_graph import tidy
from facemend.export.translations import translations
from facemend.models.inpainter import InpaintNet
from facemend.onnx_runtime import NAMES_IN, NAMES_OUT

OPSET = 20
MAX_BATCH = 64
MAX_SIDE = 4096
TRACED_MIN_SIDE = 144  # below, a map is one pixel wide, which tracing takes for a case of its own; ONNX minds not
_PREFIX = "net."  # of the weights' names, by `PortableNet`


class PortableNet(nn.Module):
    """`InpaintNet` with every input given and nothing optional, which is what exporters want."""

    def __init__(self, net: InpaintNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor, mask: Tensor, latent: Tensor, layout: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Repaint square photos; inputs and outputs are those of `OnnxNet`, as tensors."""
        core = self.net.core(image, mask, latent, layout)
        return self.net.detailed(core, image, mask)[0], core.layout, core.scores


def trace(net: InpaintNet) -> ExportedProgram:
    """Follow a network through PyTorch's own exporter."""
    return torch.export.export(PortableNet(net).eval(), _example(net), dynamic_shapes=_dynamic_shapes(), strict=False)


def check_onnx() -> None:
    """Refuse to go on without what `trace_onnx` needs. Raises ConfigError."""
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise ConfigError(f"exporting to ONNX needs more packages: {how_to_install('export')}")


def trace_onnx(net: InpaintNet) -> Any:
    """Translate a network into an `onnx.ModelProto`; which of its tensors are weights `choose_weights` says."""
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
    return tidy(program.model)


def choose_weights(model: Any, net: InpaintNet) -> dict[str, Any]:
    """Find the network's own tensors among a graph's, by their names in `state_dict`; the others are constants."""
    names = {f"{_PREFIX}{name}" for name in net.state_dict()}
    return {tensor.name.removeprefix(_PREFIX): tensor for tensor in model.graph.initializer if tensor.name in names}


def _example(net: InpaintNet) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    config = net.config
    layout = torch.zeros(2, config.num_classes, config.core_size, config.core_size)
    return torch.zeros(2, 3, 256, 256), torch.zeros(2, 1, 256, 256), torch.zeros(2, config.latent_size), layout


def _dynamic_shapes() -> dict[str, Any]:
    batch, side = Dim("batch", min=1, max=MAX_BATCH), 16 * Dim("sixteenths", min=TRACED_MIN_SIDE // 16, max=MAX_SIDE // 16)
    picture = {0: batch, 2: side, 3: side}
    return {"image": picture, "mask": picture, "latent": {0: batch}, "layout": {0: batch}}


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
