"""Inpainting networks of any system, given as an ONNX or TorchScript file together with what it expects."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from facemend.config import Config
from facemend.errors import ConfigError, FacemendError
from facemend.evaluation.holes import Case
from facemend.evaluation.methods import Restored, split_named
from facemend.imaging import Pixels
from facemend.onnx_runtime import import_runtime
from facemend.whole_files import sha256_of

Range = Literal["0..1", "-1..1", "0..255"]
Array = NDArray[Any]
Runner = Callable[[list[Array]], Array]

_ENDS: dict[Range, tuple[float, float]] = {"0..1": (0, 1), "-1..1": (-1, 1), "0..255": (0, 255)}


class Conventions(Config):
    """What a network expects. Holes are 0 in its picture, whatever its range, so that it sees nothing of the truth."""

    range: Range  # of the picture's values
    mask: Literal["1-is-hole", "1-is-known"]
    output: Range | None = None  # of the result's values; the picture's where it is not given
    size: Annotated[int, Field(ge=16)] | None = None  # the picture is brought to it and the result back
    inputs: Literal["image,mask", "mask,image", "image+mask", "mask+image"] = "image,mask"  # two inputs, or one of 4 channels


class ExportedMethod:
    """A network from a file: picture [1, 3, S, S] and mask [1, 1, S, S] in, picture [1, 3, S, S] out, RGB."""

    max_area = 1.0

    def __init__(self, name: str, path: Path, conventions: Conventions, runner: Runner) -> None:
        self.name = name
        self._conventions = conventions
        self._runner = runner
        content = sha256_of(path)
        said = " ".join(f"{key}={value}" for key, value in conventions.model_dump(exclude_none=True).items())
        self.about = f"{path.name} {content[:12]}: {said}"
        self.key = f"{content} {said}"

    def restore(self, masked: Pixels, case: Case, face: str) -> Restored:
        """Run the network. Raises FacemendError when it does not take or give what was said."""
        side, wanted = masked.shape[0], self._conventions
        size = wanted.size or side
        low, high = _ENDS[wanted.range]
        hole = _resize(case.hole.astype(np.float32), size, cv2.INTER_NEAREST_EXACT) > 0  # every pixel the hole touches
        if size != side:  # else black would seep into what is known beside the hole
            masked = np.asarray(cv2.inpaint(masked, case.hole.astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8)
        picture = _resize(masked.astype(np.float32), size) / 255 * (high - low) + low
        known = np.where(hole, 0.0, 1.0)[None, None]
        image = picture.transpose(2, 0, 1)[None] * known
        mask = known if wanted.mask == "1-is-known" else 1 - known
        pair = (image, mask) if wanted.inputs.startswith("image") else (mask, image)
        arrays = pair if "," in wanted.inputs else (np.concatenate(pair, axis=1),)
        try:
            output = self._runner([np.ascontiguousarray(array) for array in arrays])
        except Exception as error:  # whatever a stranger's network throws
            raise FacemendError(f"{self.name}: failed on {face}: {_one_line(error)}") from None
        if output.shape != (1, 3, size, size):
            raise FacemendError(f"{self.name}: gave {list(output.shape)} for {face}, not {[1, 3, size, size]}")
        low, high = _ENDS[wanted.output or wanted.range]
        result = (output[0].transpose(1, 2, 0).astype(np.float32) - low) / (high - low) * 255
        return Restored(np.round(np.clip(_resize(result, side), 0, 255)).astype(np.uint8))


def _load_onnx(path: Path, device: torch.device) -> Runner:
    runtime = import_runtime()
    wanted = (["CUDAExecutionProvider"] if device.type == "cuda" else []) + ["CPUExecutionProvider"]
    providers = [name for name in wanted if name in runtime.get_available_providers()]
    try:
        session = runtime.InferenceSession(str(path), providers=providers)
    except Exception as error:  # the runtime has errors of many kinds
        raise ConfigError(f"--onnx {path}: cannot be loaded ({_one_line(error)})") from None
    inputs = session.get_inputs()

    def run(arrays: list[Array]) -> Array:
        if len(inputs) != len(arrays):
            raise ValueError(f"it takes {len(inputs)} inputs, not {len(arrays)}: say inputs=")
        feed = {node.name: _as_type(array, node.type) for node, array in zip(inputs, arrays, strict=True)}
        return np.asarray(session.run(None, feed)[0])

    return run


def _as_type(array: Array, name: str) -> Array:
    """Bring an input to the type an ONNX network declares; a mask of bytes is 0 and 255."""
    if name == "tensor(uint8)":
        return np.round(array * 255 if array.shape[1] == 1 else array).astype(np.uint8)
    return array.astype(np.float16 if name == "tensor(float16)" else np.float32)


def _load_torchscript(path: Path, device: torch.device) -> Runner:
    try:
        net = cast(Any, torch.jit).load(str(path), map_location=device).eval()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f"--torchscript {path}: cannot be loaded ({_one_line(error)})") from None

    def run(arrays: list[Array]) -> Array:
        with torch.inference_mode():
            output = net(*(torch.from_numpy(array).float().to(device) for array in arrays))
        return cast(Array, output.float().cpu().numpy())

    return run


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def open_exported(text: str, option: Literal["--onnx", "--torchscript"], device: torch.device) -> ExportedMethod:
    """Open a network given as NAME=PATH,range=...,mask=...[,key=value...]. Raises ConfigError.

    Args:
        text: the keys are the fields of `Conventions`; as a comma ends a value, `inputs` is written image/mask or image+mask.
        option: which kind of file it is.
        device: where TorchScript runs; ONNX Runtime uses CUDA where it has it.
    """
    named, *settings = text.split(",")
    name, path = split_named(named, option)
    values: dict[str, str] = {}
    for setting in settings:
        key, value = split_named(setting, option)
        values[key] = value.replace("/", ",")
    examples = {"range": "range=0..1", "mask": "mask=1-is-hole"}
    if missing := [example for key, example in examples.items() if key not in values]:
        raise ConfigError(f"{option} {text}: say what the network expects, as in {','.join([text, *missing])}")
    conventions = Conventions.parse(values, f"{option} {text}")
    if not Path(path).is_file():
        raise ConfigError(f"{option} {name}={path}: there is no such file")
    load = _load_onnx if option == "--onnx" else _load_torchscript
    return ExportedMethod(name, Path(path), conventions, load(Path(path), device))


def _resize(values: NDArray[np.float32], size: int, enlarge: int = cv2.INTER_CUBIC) -> NDArray[np.float32]:
    """Resize [S, S] or [S, S, 3]: area averages on the way down, bicubic on the way up."""
    if values.shape[0] == size:
        return values
    way = cv2.INTER_AREA if values.shape[0] > size else enlarge
    return np.asarray(cv2.resize(values, (size, size), interpolation=way), np.float32)
