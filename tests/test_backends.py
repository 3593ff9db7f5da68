"""PyTorch and ONNX Runtime run the same network: what a user gets must not depend on which of them is installed."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import WITHOUT_TORCH, fresh_process, make_photo, mask_image, until
from PIL import Image
from skimage import data

from facemend import Inpainter, backends
from facemend.backends import BatchingBackend, MaskedView, open_backend
from facemend.errors import ConfigError


@pytest.fixture(scope="module")
def portrait():
    return Image.fromarray(data.astronaut())


@pytest.fixture(scope="module")
def hole():
    hole = np.zeros((512, 512), bool)
    hole[170:200, 190:270] = True
    return hole


@pytest.fixture(scope="module")
def inpainters():
    return [Inpainter.from_pretrained(backend=name) for name in ("torch", "onnx")]


def test_both_backends_give_the_same_photos(inpainters, portrait, hole):
    by_torch, by_onnx = (inpainter(portrait, hole, num_variants=2) for inpainter in inpainters)
    for one, other in zip(by_torch.images, by_onnx.images, strict=True):
        assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 1
    assert np.mean(by_torch.layout != by_onnx.layout) < 1e-3


def test_a_given_layout_counts_the_same_for_both(inpainters, portrait, hole):
    layout = np.zeros((512, 512), np.uint8)
    layout[100:300, 150:330] = 1
    images = [inpainter(portrait, hole, layout=layout, boxes=[(160, 60, 290, 220)]).image for inpainter in inpainters]
    assert np.abs(np.asarray(images[0], int) - np.asarray(images[1], int)).max() <= 1


def test_the_command_line_restores_a_photo_without_torch(tmp_path):
    make_photo("RGB", 120, 100).save(tmp_path / "photo.png")
    hole = np.zeros((100, 120), bool)
    hole[40:60, 50:80] = True
    mask_image(hole).save(tmp_path / "mask.png")
    arguments = [str(tmp_path / "photo.png"), "--mask", str(tmp_path / "mask.png"), "--output", str(tmp_path / "out.png")]
    fresh_process(f"{WITHOUT_TORCH}from facemend.cli import main\nmain(['inpaint', *{arguments!r}])")
    restored, photo = (np.asarray(Image.open(tmp_path / name)) for name in ("out.png", "photo.png"))
    assert np.array_equal(restored[~hole], photo[~hole])
    assert not np.array_equal(restored[hole], photo[hole])


def test_nothing_is_left_in_the_home_folder_and_nobody_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    fresh_process("from facemend.backends import open_backend; open_backend('default', backend='onnx')")
    assert not list(tmp_path.iterdir())


def test_a_folder_called_as_a_bundled_model_is_reached_by_its_path(tmp_path, tiny_model, monkeypatch):
    (tmp_path / "default").symlink_to(tiny_model)
    monkeypatch.chdir(tmp_path)
    bundled, folder, path = (open_backend(name, backend="torch") for name in ("default", "./default", Path("default")))
    assert folder.latent_size == path.latent_size != bundled.latent_size


def test_what_needs_torch_says_so_in_one_line(tmp_path):
    code = f"{WITHOUT_TORCH}from facemend.cli import main\nmain(['export', '--output', {str(tmp_path / 'net.onnx')!r}])"
    needed = 'in the clone of facemend, pip install -c requirements.lock ".[torch]"'
    assert fresh_process(code, exit_code=2).stderr == f"facemend: this needs PyTorch: {needed}\n"


def test_auto_takes_onnx_where_torch_is_missing(monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    assert isinstance(open_backend(), backends.OnnxBackend)
    with pytest.raises(ConfigError, match=r"\.\[torch\]"):
        open_backend(backend="torch")


@pytest.mark.skipif(sys.platform == "darwin", reason="there every processor of Apple's own has a GPU")
def test_auto_takes_onnx_on_the_cpu_and_torch_for_a_gpu_or_where_there_is_no_graph(monkeypatch, tiny_model, tmp_path):
    def takes_onnx(*model_and_device):
        return isinstance(open_backend(*model_and_device), backends.OnnxBackend)

    (tmp_path / "driver").touch()
    for drivers, has_gpu in (([], False), ([tmp_path / "driver"], True)):
        monkeypatch.setattr(backends, "_GPU_DRIVERS", drivers)
        assert takes_onnx("default", "cpu")
        assert takes_onnx("default", "auto") is not has_gpu
    assert not takes_onnx(tiny_model, "cpu")


def test_what_onnx_cannot_do_is_refused(tiny_model):
    with pytest.raises(ConfigError, match="runs on the cpu, not on 'cuda'"):
        open_backend(device="cuda", backend="onnx")
    with pytest.raises(ConfigError, match="--format onnx-graph"):
        open_backend(tiny_model, backend="onnx")
    with pytest.raises(ConfigError, match="'tpu' is unknown"):
        open_backend(backend="tpu")


def masked_views(num, size=64, latent_size=4, **fields):
    random = np.random.default_rng(0)
    masks = np.zeros((num, 1, size, size), np.float32)
    masks[:, :, 20:40, 20:50] = 1
    images = random.uniform(-1, 1, (num, 3, size, size)).astype(np.float32)
    return [MaskedView(*parts, np.zeros(latent_size, np.float32), **fields) for parts in zip(images, masks, strict=True)]


@pytest.mark.parametrize("name", ["torch", "onnx"])
def test_a_batch_gives_what_single_runs_give(name):
    backend = open_backend(backend=name)
    views = masked_views(3, latent_size=backend.latent_size)
    views[1] = replace(views[1], latent=np.ones(backend.latent_size, np.float32))
    for together, alone in zip(backend(views), [backend([view])[0] for view in views], strict=True):
        for field in ("completed", "layout", "scores"):
            np.testing.assert_allclose(getattr(together, field), getattr(alone, field), atol=1e-5)


class _Slow:
    """A backend that waits before its first run, and writes down how large the batches are."""

    def __init__(self, backend, error=None):
        self.backend, self.error, self.batches = backend, error, []
        self.begun, self.released = threading.Event(), threading.Event()

    def __call__(self, views):
        self.batches.append(len(views))
        self.begun.set()
        assert self.released.wait(20)
        if self.error and len(self.batches) > 1:
            raise self.error
        return self.backend(views)


def ask_while_it_runs(slow, later):
    """One view first, and each of `later` from a thread of its own while that one is being painted."""
    batching = BatchingBackend(slow)
    with ThreadPoolExecutor(1 + len(later)) as pool:
        first = pool.submit(batching, masked_views(1))
        assert slow.begun.wait(20)
        rest = [pool.submit(batching, views) for views in later]
        until(lambda: len(batching._waiting) == len(later))
        slow.released.set()
    return [first, *rest]


def test_what_is_asked_during_a_run_goes_together_into_the_next(tiny_model):
    backend = open_backend(tiny_model)
    slow = _Slow(backend)
    views = masked_views(3)
    answers = ask_while_it_runs(slow, [[view] for view in views])
    assert slow.batches == [1, 3]
    for answer, view in zip(answers[1:], views, strict=True):
        np.testing.assert_allclose(answer.result()[0].completed, backend([view])[0].completed, atol=1e-5)


def test_only_what_fits_goes_together(tiny_model):
    layout = np.ones((64, 64), np.uint8)
    later = [masked_views(1), masked_views(1, size=80), masked_views(1, layout=layout), masked_views(3), masked_views(2)]
    slow = _Slow(open_backend(tiny_model))
    answers = ask_while_it_runs(slow, later)
    assert [len(answer.result()) for answer in answers[1:]] == [1, 1, 1, 3, 2]
    assert sorted(slow.batches) == [1, 1, 1, 2, 4]  # a fifth view would be one too many


def test_an_error_reaches_all_who_were_in_the_run(tiny_model):
    slow = _Slow(open_backend(tiny_model), RuntimeError("out of memory"))
    first, *rest = ask_while_it_runs(slow, [masked_views(1), masked_views(1)])
    assert len(first.result()) == 1
    assert [str(answer.exception()) for answer in rest] == ["out of memory"] * 2


def test_a_batch_runs_on_the_backend_it_is_told(tmp_path, facemend):
    photo, hole = make_photo("RGB", 96, 80), np.zeros((80, 96), bool)
    hole[20:40, 30:50] = True
    for folder in ("in", "masks"):
        (tmp_path / folder).mkdir()
    photo.save(tmp_path / "in" / "a.png")
    mask_image(hole).save(tmp_path / "masks" / "a.png")
    run = facemend("batch", tmp_path / "in", tmp_path / "out", "--masks", tmp_path / "masks", "--backend", "onnx", "--workers", 1)
    assert run.code == 0
    inpainter = Inpainter(open_backend(backend="onnx", num_threads=1))
    assert np.array_equal(Image.open(tmp_path / "out" / "a.png"), inpainter(photo, hole).image)
