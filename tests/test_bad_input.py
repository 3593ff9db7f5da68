"""Whatever a user may hand in: the right result, or one line that says what to do, exit code 2, and nothing written."""

import json
import os

import numpy as np
import pytest
import torch
from conftest import make_hole, make_photo, mask_image
from PIL import Image
from safetensors.torch import load_file, save_file

from facemend import imaging
from facemend.config import MODEL_PRESETS, LossConfig
from facemend.errors import TrainingError
from facemend.training.objective import Objective
from facemend.training.state import TrainState, load_latest, save_checkpoint


@pytest.fixture
def restore(facemend, photo_file, mask_file, tiny_model, tmp_path):
    """Call `facemend inpaint` on a good photo and mask, or on what is given instead of them."""
    output = tmp_path / "out" / "restored.png"
    output.parent.mkdir()

    def call(*options, photo=photo_file, mask=mask_file, output=output, model=tiny_model):
        return facemend("inpaint", photo, "--mask", mask, "--output", output, "--model", model, *options)

    call.output = output
    return call


def assert_refused(restore, outcome, *words):
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("facemend: ")
    assert outcome.err.count("\n") == 1
    assert all(word in outcome.err for word in words), outcome.err
    assert not list(restore.output.parent.iterdir())


def assert_restored(restore, outcome, photo, hole):
    assert outcome.code == 0, outcome.err
    before, after = np.asarray(photo), np.asarray(Image.open(restore.output))
    assert np.array_equal(before[~hole], after[~hole])
    assert not np.array_equal(before[hole], after[hole])


# --- masks


def test_mask_of_another_size_is_scaled(restore, photo_file, tmp_path):
    mask_image(make_hole()).resize((160, 192), Image.Resampling.NEAREST).save(tmp_path / "twice.png")
    assert_restored(restore, restore(mask=tmp_path / "twice.png"), Image.open(photo_file), make_hole())


def test_mask_of_another_aspect(restore, tmp_path):
    mask_image(make_hole(96, 80)).save(tmp_path / "wide.png")
    assert_refused(restore, restore(mask=tmp_path / "wide.png"), "96x80", "80x96")


def test_mask_with_grey_levels_is_cut_at_128(restore, photo_file, tmp_path):
    grey = np.where(make_hole(), 128, 127).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert_restored(restore, restore(mask=tmp_path / "grey.png"), Image.open(photo_file), make_hole())


@pytest.mark.parametrize(("level", "word"), [(0, "nothing to repaint"), (255, "covers the whole photo")])
def test_mask_of_one_level(restore, tmp_path, level, word):
    Image.new("L", (80, 96), level).save(tmp_path / "flat.png")
    assert_refused(restore, restore(mask=tmp_path / "flat.png"), word)


@pytest.mark.parametrize("content", [None, b"", b"not an image"])
def test_mask_that_is_none(restore, tmp_path, content):
    if content is not None:
        (tmp_path / "bad.png").write_bytes(content)
    assert_refused(restore, restore(mask=tmp_path / "bad.png"), "bad.png")


# --- photos


@pytest.mark.parametrize(
    ("mode", "name"),
    [("RGBA", "a.png"), ("LA", "a.png"), ("L", "a.png"), ("1", "a.png"), ("P", "a.png"), ("I;16", "a.png"), ("CMYK", "a.tif")],
)
def test_photo_of_another_mode(restore, tmp_path, mode, name):
    photo = make_photo(mode)
    photo.save(tmp_path / name)
    restore.output = restore.output.with_suffix(tmp_path.joinpath(name).suffix)
    outcome = restore(photo=tmp_path / name, output=restore.output)
    settled = imaging.check_photo(photo)
    assert Image.open(restore.output).mode == settled.mode
    assert_restored(restore, outcome, settled, make_hole())


def test_photo_with_exif_rotation_is_turned_upright(restore, tmp_path):
    upright = make_photo()
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    assert_restored(restore, restore(photo=tmp_path / "turned.png"), upright, make_hole())
    assert Image.open(restore.output).getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(("size", "word"), [((1, 1), "16 or more"), ((20000, 3), "16 or more"), ((2000, 100), "10:1")])
def test_photo_of_an_absurd_size(restore, tmp_path, size, word):
    Image.new("RGB", size).save(tmp_path / "odd.png")
    assert_refused(restore, restore(photo=tmp_path / "odd.png"), "odd.png", "{}x{}".format(*size), word)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_truncated_photo(restore, tmp_path, suffix):
    path = tmp_path / f"cut{suffix}"
    make_photo().save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert_refused(restore, restore(photo=path), str(path))


@pytest.mark.parametrize("content", [None, b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_photo_that_is_none(restore, tmp_path, content):
    if content is not None:
        (tmp_path / "bad.png").write_bytes(content)
    assert_refused(restore, restore(photo=tmp_path / "bad.png"), "bad.png")


def test_photo_that_may_not_be_read(restore, photo_file, monkeypatch):
    def locked(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", locked)  # chmod does not stop root
    assert_refused(restore, restore(), str(photo_file), "not allowed")


def test_photo_that_is_a_folder(restore, tmp_path):
    assert_refused(restore, restore(photo=tmp_path), "is a folder")


# --- outputs


@pytest.fixture
def no_model(monkeypatch):
    """Fail when a model is loaded: what is wrong must be found before."""

    def load(*_):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("facemend.pipeline.load_model", load)


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("name", "word"),
    [("none/a.png", "create it first"), ("a.xyz", ".png"), ("a", ".png"), ("photo.png/a.png", "create it first")],
)
def test_output_that_cannot_be(restore, tmp_path, name, word):
    assert_refused(restore, restore(output=tmp_path / name), word)


@pytest.mark.usefixtures("no_model")
def test_output_in_a_folder_that_is_not_writable(restore, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)  # chmod does not stop root
    assert_refused(restore, restore(), "not writable")


@pytest.mark.usefixtures("no_model")
def test_output_that_exists(restore, tmp_path):
    (tmp_path / "there.png").write_text("precious")
    assert_refused(restore, restore(output=tmp_path / "there.png"), "--overwrite")
    assert (tmp_path / "there.png").read_text() == "precious"


@pytest.mark.usefixtures("no_model")
def test_output_format_that_cannot_hold_the_photo(restore, tmp_path):
    make_photo("RGBA").save(tmp_path / "a.png")
    assert_refused(restore, restore(photo=tmp_path / "a.png", output=restore.output.with_suffix(".jpg")), "JPEG", ".png")


def test_output_that_exists_is_replaced_when_asked(restore, photo_file):
    restore.output.write_text("old")
    assert_restored(restore, restore("--overwrite"), Image.open(photo_file), make_hole())


# --- layouts, devices, seeds


def test_layout_of_another_size(restore, tmp_path):
    Image.new("L", (10, 10)).save(tmp_path / "layout.png")
    assert_refused(restore, restore("--layout", tmp_path / "layout.png"), "[96, 80]")


def test_device_that_is_not_there(restore):
    assert_refused(restore, restore("--device", "abacus"), "'abacus'", "cpu")


@pytest.mark.parametrize("options", [("--seed", "-1"), ("--num-variants", "0"), ("--sed", "1")])
def test_options_out_of_range(restore, options):
    outcome = restore(*options)
    assert outcome.code == 2
    assert options[0] in outcome.err
    assert not list(restore.output.parent.iterdir())


# --- weights


@pytest.fixture
def own_model(tiny_model, tmp_path):
    """A copy of the tiny model that may be damaged."""
    folder = tmp_path / "own"
    folder.mkdir()
    for path in tiny_model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_model_that_is_none(restore, tmp_path):
    assert_refused(restore, restore(model=tmp_path / "none"), "no model or folder")
    assert_refused(restore, restore(model=tmp_path), "config.json: no such file")


def test_weights_with_a_missing_tensor(restore, own_model):
    state = load_file(own_model / "model.safetensors")
    name, _ = state.popitem()
    save_file(state, own_model / "model.safetensors")
    assert_refused(restore, restore(model=own_model), f"tensor {name} is missing")


def test_weights_with_a_wrong_tensor(restore, own_model):
    state = load_file(own_model / "model.safetensors")
    name = next(iter(state))
    state[name] = torch.zeros(3, 1, 4)
    save_file(state, own_model / "model.safetensors")
    assert_refused(restore, restore(model=own_model), f"tensor {name} is [3, 1, 4], expected [")


def test_weights_cut_in_half(restore, own_model):
    path = own_model / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert_refused(restore, restore(model=own_model), "damaged or truncated")


# --- configs


def test_model_config_with_an_unknown_key(restore, own_model):
    values = json.loads((own_model / "config.json").read_text())
    values["model"]["depht"] = 3
    (own_model / "config.json").write_text(json.dumps(values))
    assert_refused(restore, restore(model=own_model), "config.json", "depht")


RECIPE = '[data]\nsources = [{ path = "faces" }]\n[[phases]]\nphase = "core"\nimages = 8\nbatch_size = 4\n'


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("sede = 1\n" + RECIPE, "sede"),
        (RECIPE + "bach_size = 4\n", "phases.0.bach_size"),
        (RECIPE.replace('"core"', '"coer"'), "phases.0.phase"),
        ("[data", "TOML"),
        (None, "recipe.toml"),
    ],
)
def test_recipe_that_is_wrong(facemend, tmp_path, text, word):
    recipe = tmp_path / "recipe.toml"
    if text is not None:
        recipe.write_text(text)
    outcome = facemend("train", recipe, "--data", tmp_path, "--run-dir", tmp_path / "run")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert word in outcome.err
    assert not (tmp_path / "run").exists()


# --- checkpoints


def test_checkpoint_cut_in_half(tmp_path):
    losses = LossConfig(perceptual=0, adversarial=0, layout_adversarial=0, adversary="none")
    state = TrainState(Objective(MODEL_PRESETS["tiny"], losses))
    for state.images_seen in (8, 16):
        last = save_checkpoint(state, tmp_path)
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    told = list(load_latest(state, tmp_path, torch.device("cpu")))
    assert state.images_seen == 8
    assert "damaged" in told[0] and str(last) in told[0]
    assert "resumed" in told[1] and "8 images" in told[1]

    (tmp_path / "0000000008.pt").write_bytes(b"")
    with pytest.raises(TrainingError, match="none of 2 checkpoints"):
        list(load_latest(state, tmp_path, torch.device("cpu")))
