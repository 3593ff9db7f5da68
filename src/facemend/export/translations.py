"""How some of PyTorch's operations are written in ONNX, where ONNX Runtime takes many times as long for the usual way."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

import numpy as np
import torch


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """For `torch.onnx.export(custom_translation_table=...)`."""
    aten = cast(Any, torch.ops.aten)
    return {
        aten.pixel_unshuffle.default: _pixel_unshuffle,
        aten.pixel_shuffle.default: _pixel_shuffle,
        aten.softmax.int: _softmax,
        aten.sum.dim_IntList: _sum,
    }


def _pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    """`SpaceToDepth` counts places before channels; put in order, it still takes a seventh of the time of a transposition."""
    op, places = _op(), downscale_factor**2
    channels: int = x.shape[1]
    order = np.arange(channels * places).reshape(places, channels).T.flatten()
    return op.Gather(op.SpaceToDepth(x, blocksize=downscale_factor), op.Constant(value_ints=order.tolist()), axis=1)


def _pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    """`DepthToSpace` transposes six axes at once; one axis after another takes about half the time."""
    op, factor = _op(), upscale_factor
    channels = x.shape[1] // factor**2
    height, new_width = op.Shape(x, start=2, end=3), op.Mul(op.Shape(x, start=3, end=4), op.Constant(value_ints=[factor]))
    rows = op.Transpose(op.Reshape(x, [0, channels * factor, factor, -1]), perm=[0, 1, 3, 2])  # [N, C * r, H * W, r]
    rows = op.Reshape(rows, op.Concat(op.Constant(value_ints=[0, channels, factor]), height, new_width, axis=0))
    return op.Reshape(op.Transpose(rows, perm=[0, 1, 3, 2, 4]), op.Concat(op.Constant(value_ints=[0, 0, -1]), new_width, axis=0))


def _softmax(x: Any, dim: int, dtype: object = None) -> Any:
    """ONNX Runtime's own brings any axis but the last to the end first, which takes nine times as long as these steps."""
    op = _op()
    if dim in (-1, len(x.shape) - 1):
        return op.Softmax(x, axis=dim)
    powers = op.Exp(op.Sub(x, op.ReduceMax(x, [dim])))
    return op.Div(powers, op.ReduceSum(powers, [dim]) if dim != 1 else _sum_over_channels(powers, x.shape[1]))


def _sum(x: Any, dim: list[int], keepdim: bool = False, dtype: object = None) -> Any:
    if dim == [1] and keepdim:
        return _sum_over_channels(x, x.shape[1])
    return _op().ReduceSum(x, dim, keepdims=int(keepdim))


def _sum_over_channels(x: Any, channels: int) -> Any:
    """A product with ones takes a fraction of the time of `ReduceSum`."""
    op = _op()
    flat = op.Reshape(x, op.Constant(value_ints=[0, 0, -1]))
    shape = op.Concat(op.Constant(value_ints=[0, 1]), op.Shape(x, start=2), axis=0)
    return op.Reshape(op.MatMul(op.Constant(value_floats=[1.0] * channels), flat), shape)


def _op() -> Any:
    return cast(Any, import_module("onnxscript")).opset20
