"""Is LaMa faster in ONNX Runtime than in PyTorch, which `facemend benchmark --peers` times it in? Both in turn, in one run.

    pip install -c requirements.lock ".[export]" spandrel
    python scripts/lama_onnx.py [--sizes 256 512] [--rounds 7] [--threads 2]

The network is exported whole at each size, by the dynamo exporter, with the random weights that it has in the benchmark.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from facemend.backends import Backend, MaskedView, open_backend
from facemend.benchmark import peers

OPSET = 20
Run = Callable[[], NDArray[np.float32]]


def export(net: torch.nn.Module, inputs: tuple[torch.Tensor, ...], num_threads: int) -> onnxruntime.InferenceSession:
    """Bring a network to ONNX Runtime, for inputs of this size."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(net, inputs, dynamo=True, opset_version=OPSET, input_names=["image", "mask"], verbose=False)
        assert program is not None
        path = Path(folder) / "lama.onnx"
        program.save(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def compare(net: torch.nn.Module, ours: Backend, size: int, num_rounds: int, num_threads: int) -> None:
    """Time both ways of running LaMa, and our network, on a picture whose middle quarter is a hole."""
    image, mask = torch.rand(1, 3, size, size), torch.zeros(1, 1, size, size)
    mask[..., size // 4 : -size // 4, size // 4 : -size // 4] = 1
    session, feed = export(net, (image, mask), num_threads), {"image": image.numpy(), "mask": mask.numpy()}
    view = MaskedView(feed["image"][0] * 2 - 1, feed["mask"][0], np.zeros(ours.latent_size, np.float32))
    runs: dict[str, Run] = {
        "LaMa, PyTorch": lambda: net(image, mask).numpy(),
        "LaMa, ONNX Runtime": lambda: session.run(None, feed)[0],
        "facemend, ONNX Runtime": lambda: ours([view])[0].completed,
    }
    first, second, _ = (run() for run in runs.values())  # not counted: buffers are allotted
    print(f"{size}: LaMa's two results differ by at most {np.abs(first - second).max():.1e}")
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(num_rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    for name, times in seconds.items():
        print(f"{size}: {name}: median {1000 * statistics.median(times):.0f} ms of {num_rounds}")


def main() -> None:
    """Print a line for each contender and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    net, ours = peers.build_lama(), open_backend("default", "cpu", "onnx", num_threads=arguments.threads)
    with torch.inference_mode():
        for size in arguments.sizes:
            compare(net, ours, size, arguments.rounds, arguments.threads)


if __name__ == "__main__":
    main()
