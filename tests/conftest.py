import os
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from facemend.cli import main

# Small nets and pictures gain nothing from threads, and lose much beside a busy process.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

WITHOUT_TORCH = "import sys\nsys.modules['torch'] = None  # importing it is now an error\n"

COLORS = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "P": 1, "PA": 2}


def make_photo(mode="RGB", width=80, height=96, seed=0):
    """A photo of random pixels in any mode; what it shows does not matter to the tests, that it comes back does."""
    generator = np.random.default_rng(seed)
    if mode == "I;16":
        return Image.fromarray(generator.integers(0, 65536, (height, width), dtype=np.uint16))
    if mode == "1":
        return Image.fromarray(generator.random((height, width)) < 0.5)
    pixels = generator.integers(0, 256, (height, width, COLORS[mode]), dtype=np.uint8)
    photo = Image.frombytes(mode, (width, height), pixels.tobytes())
    if mode in ("P", "PA"):
        photo.putpalette(generator.integers(0, 256, 768, dtype=np.uint8).tobytes())
    return photo


def make_hole(width=80, height=96):
    """A hole in the middle of a photo, bool [H, W]."""
    hole = np.zeros((height, width), bool)
    hole[height // 3 : height // 2, width // 4 : width // 2] = True
    return hole


def mask_image(hole):
    return Image.fromarray(hole.astype(np.uint8) * 255)


def until(condition, seconds=10):
    """Wait for something that happens beside the test."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def fresh_process(code, exit_code=0):
    """Run code in an interpreter that has imported nothing yet; returns what it wrote, as `stdout` and `stderr`."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stderr
    return done


def modules_after(code):
    """Names of the modules that a fresh interpreter holds after some code."""
    return set(fresh_process(f"{code}\nimport sys; print(*sys.modules, file=sys.__stderr__)").stderr.split())


@pytest.fixture
def photo_file(tmp_path):
    path = tmp_path / "photo.png"
    make_photo().save(path)
    return path


@pytest.fixture
def mask_file(tmp_path):
    path = tmp_path / "mask.png"
    mask_image(make_hole()).save(path)
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """The folder of a tiny network with random weights: it paints nonsense, but in the right place."""
    import torch  # most tests need no torch

    from facemend.config import MODEL_PRESETS
    from facemend.models.inpainter import InpaintNet
    from facemend.weights import save_model

    torch.manual_seed(0)
    net = InpaintNet(MODEL_PRESETS["tiny"])
    with torch.no_grad():
        for parameter in net.parameters():  # layers that start at zero would hide the latent and the layout
            parameter.add_(torch.randn_like(parameter) * 0.05)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(net, folder)
    return folder


@dataclass
class Outcome:
    """What a call of the command line did."""

    code: int
    out: str
    err: str


@pytest.fixture
def facemend(capsys):
    """Call the command line in this process."""

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(ended.value.code or 0, captured.out, captured.err)

    return call
