"""What is done to a network's ONNX graph once PyTorch has written it: tidied, stored in half, fused."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np

from facemend.onnx_runtime import import_runtime


def tidy(model: Any) -> Any:
    """Fold in a graph of onnx-ir what no input can change, drop what says the same twice, or nothing: more than half of it.

    The weights stay what they are: meanwhile they are inputs.
    """
    onnx_ir = cast(Any, import_module("onnx_ir"))
    weights = {value: value.const_value for value in model.graph.initializers.values()}
    for value in weights:
        del model.graph.initializers[value.name]
        value.const_value = None
        model.graph.inputs.append(value)
    cast(Any, import_module("onnxscript.optimizer")).optimize(model)
    for value, tensor in weights.items():
        model.graph.inputs.remove(value)
        value.const_value = tensor
        model.graph.initializers.add(value)

    passes = cast(Any, import_module("onnx_ir.passes.common"))
    steps = passes.IdentityEliminationPass(), passes.CommonSubexpressionEliminationPass(), passes.RemoveUnusedNodesPass()
    for step in steps:
        step(model)
    inner = (value for node in model.graph for value in node.outputs if not value.is_graph_output())
    for number, value in enumerate(inner):
        value.name = f"{number:x}"
    tidied = onnx_ir.to_proto(model)
    _strip(tidied)
    return tidied


def store_as_float16(model: Any, weights: Iterable[Any]) -> None:
    """Store some of a model's tensors in half the space; the first thing that the graph does is to widen them."""
    onnx = cast(Any, import_module("onnx"))
    widened: list[Any] = []
    for tensor in weights:
        name, values = tensor.name, onnx.numpy_helper.to_array(tensor)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), name))
        widened.append(onnx.helper.make_node("Cast", [name], [f"w{len(widened):x}"], to=onnx.TensorProto.FLOAT))
    new_names = {node.input[0]: node.output[0] for node in widened}
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = new_names.get(name, name)
    _replace(model.graph.node, [*widened, *model.graph.node])


def fuse(model: Any) -> Any:
    """Join nodes as ONNX Runtime would each time it loads the graph; weights in another file stay there, unread.

    Some of what comes out are ONNX Runtime's own operators, so this is for files that only it reads.
    """
    onnx, runtime = cast(Any, import_module("onnx")), import_runtime()
    weights = {tensor.name: tensor for tensor in model.graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL}
    constants = [tensor for tensor in model.graph.initializer if tensor.name not in weights]
    _replace(model.graph.initializer, constants)
    inputs = (onnx.helper.make_tensor_value_info(name, tensor.data_type, tensor.dims) for name, tensor in weights.items())
    model.graph.input.extend(inputs)

    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED  # above it, for this processor only
    with TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "fused.onnx")
        runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        fused = onnx.load(options.optimized_model_filepath)
    _replace(fused.graph.input, [value for value in fused.graph.input if value.name not in weights])
    fused.graph.initializer.extend(weights.values())
    used = {node.domain for node in fused.graph.node}
    _replace(fused.opset_import, [opset for opset in fused.opset_import if opset.domain in used])
    _strip(fused)
    return fused


def _replace(field: Any, values: list[Any]) -> None:
    del field[:]
    field.extend(values)


def _strip(model: Any) -> None:
    """Leave out where in the source nodes came from, and shapes that can be inferred."""
    for node in model.graph.node:
        for field in ("name", "metadata_props", "doc_string"):
            node.ClearField(field)
    del model.graph.value_info[:]
