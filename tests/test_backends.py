"""PyTorch and ONNX Runtime run the same network: what a user gets must not depend on which of them is installed."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import make_photo, mask_image
from PIL import Image
from skimage import data

from facemend import Inpainter, backends
from facemend.backends import open_backend
from facemend.errors import ConfigError

WITHOUT_TORCH = "import sys\nsys.modules['torch'] = None  # importing it is now an error\n"


@pytest.fixture(scope="module")
def portrait():
    return Image.fromarray(data.astronaut())


@pytest.fixture(scope="module")
def hole():
    hole = np.zeros((512, 512), bool)
    hole[170:200, 190:270] = True
    return hole


def test_both_backends_give_the_same_photos(portrait, hole):
    by_torch, by_onnx = (Inpainter.from_pretrained(backend=name)(portrait, hole, num_variants=2) for name in ("torch", "onnx"))
    for one, other in zip(by_torch.images, by_onnx.images, strict=True):
        assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 1
    assert np.mean(by_torch.layout != by_onnx.layout) < 1e-3


def test_a_given_layout_counts_the_same_for_both(portrait, hole):
    layout = np.zeros((512, 512), np.uint8)
    layout[100:300, 150:330] = 1
    images = [Inpainter.from_pretrained(backend=name)(portrait, hole, layout=layout).image for name in ("torch", "onnx")]
    assert np.abs(np.asarray(images[0], int) - np.asarray(images[1], int)).max() <= 1


def test_the_command_line_restores_a_photo_without_torch(tmp_path):
    make_photo("RGB", 120, 100).save(tmp_path / "photo.png")
    hole = np.zeros((100, 120), bool)
    hole[40:60, 50:80] = True
    mask_image(hole).save(tmp_path / "mask.png")
    arguments = [str(tmp_path / "photo.png"), "--mask", str(tmp_path / "mask.png"), "--output", str(tmp_path / "out.png")]
    code = f"{WITHOUT_TORCH}from facemend.cli import main\nmain(['inpaint', *{arguments!r}])"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    restored, photo = (np.asarray(Image.open(tmp_path / name)) for name in ("out.png", "photo.png"))
    assert np.array_equal(restored[~hole], photo[~hole])
    assert not np.array_equal(restored[hole], photo[hole])


def test_what_needs_torch_says_so_in_one_line(tmp_path):
    code = f"{WITHOUT_TORCH}from facemend.cli import main\nmain(['export', '--output', {str(tmp_path / 'net.onnx')!r}])"
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr == "facemend: this needs PyTorch: pip install 'facemend[torch]'\n"


def test_auto_takes_onnx_where_torch_is_missing(monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    assert isinstance(open_backend(), backends.OnnxBackend)
    with pytest.raises(ConfigError, match=r"facemend\[torch\]"):
        open_backend(backend="torch")


def test_what_onnx_cannot_do_is_refused(tiny_model):
    with pytest.raises(ConfigError, match="runs on the cpu, not on 'cuda'"):
        open_backend(device="cuda", backend="onnx")
    with pytest.raises(ConfigError, match="--format onnx-graph"):
        open_backend(tiny_model, backend="onnx")
    with pytest.raises(ConfigError, match="'tpu' is unknown"):
        open_backend(backend="tpu")
