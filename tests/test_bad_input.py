"""Whatever a user may hand in: the right result, or one line that says what to do, exit code 2, and nothing written."""

import json
import os
import struct
import zlib

import numpy as np
import pytest
import torch
from conftest import make_hole, make_photo, mask_image
from PIL import Image
from safetensors.torch import load_file, save_file

from facemend import imaging


@pytest.fixture
def restore(facemend, photo_file, mask_file, tiny_model, tmp_path):
    """Call `facemend inpaint` on a good photo and mask, or on what is given instead of them."""
    output = tmp_path / "out" / "restored.png"
    output.parent.mkdir()

    def call(*options, photo=photo_file, mask=mask_file, output=output, model=tiny_model):
        masks = ("--mask", mask) if mask else ()
        return facemend("inpaint", photo, *masks, "--output", output, "--model", model, *options)

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


@pytest.fixture
def no_model(monkeypatch):
    """Fail when a model is loaded: what is wrong must be found before."""

    def load(*_):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("facemend.pipeline.open_backend", load)


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


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("mask", "options", "words"),
    [
        (None, (), ("what is to be repainted?", "--mask-color")),
        ("moth", (), ("moth: no such file", "eyes,mouth")),
        ("10,20,30", (), ("10,20,30: no such file", "left,top,right,bottom")),
        ("10,20,10,40", (), ("10,20,10,40", "80x96")),
        ("80,20,90,40", (), ("80,20,90,40", "80x96")),
        ("-9,-9,0,40", (), ("-9,-9,0,40", "80x96")),
        ("-5,0,100,96", (), ("covers the whole photo",)),
        ("0,0,80,96", ("--invert-mask",), ("nothing to repaint",)),
        ("alpha", (), ("no transparency", "PNG")),
        (None, ("--mask-color", "#00ff00"), ("#00ff00", "nearest colour is #000000")),
        (None, ("--mask-color", "reddish"), ("'reddish'", "#ff0000")),
        ("10,20,30,40", ("--strictness", "0.4"), ("--mask auto",)),
        ("10,20,30,40", ("--box", "10,20"), ("--box '10,20'", "LEFT,TOP")),
        ("10,20,30,40", ("--box", "none", "--box", "1,2,30,40"), ("--box none", "alone")),
        ("10,20,30,40", ("--layout", ""), ("an empty word stands after --layout: give a value",)),
        ("10,20,30,40", ("--quality", "80"), ("PNG has no quality",)),
        ("10,20,30,40", ("--save-layout", "a.jpg"), ("a.jpg", ".png")),
        ("10,20,30,40", ("--save-mask", "a.jpg"), ("a.jpg", ".png")),
    ],
)
def test_masks_and_options_that_cannot_be_meant(restore, tmp_path, mask, options, words):
    Image.new("RGB", (80, 96)).save(tmp_path / "black.png")
    assert_refused(restore, restore(*options, photo=tmp_path / "black.png", mask=mask), *words)


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("option", ["--save-mask", "--save-layout", "--contact-sheet"])
def test_two_results_in_one_place(restore, option):
    assert_refused(restore, restore(option, restore.output), "a name of its own")


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("option", ["--output", "--save-mask", "--save-layout", "--contact-sheet"])
def test_what_was_handed_in_is_not_replaced(restore, mask_file, tmp_path, option):
    layout = tmp_path / "layout.png"
    Image.new("L", (80, 96)).save(layout)
    for path in (layout, mask_file):
        assert_refused(restore, restore("--layout", layout, "--overwrite", option, path), f"{path.name}: is the place of")


@pytest.mark.usefixtures("no_model")
def test_a_photo_is_not_replaced_by_a_further_variant(restore, tmp_path):
    make_photo().save(tmp_path / "photo-2.png")
    options = "--num-variants", 2, "--overwrite"
    outcome = restore(*options, photo=tmp_path / "photo-2.png", output=tmp_path / "photo.png")
    assert_refused(restore, outcome, "photo-2.png: is the place of the photo")


def test_a_part_that_is_not_there(restore, monkeypatch):
    monkeypatch.setattr("facemend.pipeline.Inpainter.parse", lambda *_, **told: np.full((96, 80), 13, np.uint8))
    assert_refused(restore, restore(mask="glasses"), "glasses: nothing of the kind", "only: hair")
    assert_refused(restore, restore(mask="hair,wings"), "'wings'", "eyes")


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
    def locked(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", locked)  # chmod does not stop root
    assert_refused(restore, restore(), str(photo_file), "not allowed")


@pytest.mark.usefixtures("no_model")
def test_photo_that_moves(restore, tmp_path):
    make_photo().save(tmp_path / "a.gif", save_all=True, append_images=[make_photo(seed=1)])
    assert_refused(restore, restore(photo=tmp_path / "a.gif"), "a.gif: is an animation", "a file of its own")


@pytest.mark.usefixtures("no_model")
def test_photo_that_is_a_decompression_bomb(restore, tmp_path):
    def chunk(content):
        return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))

    header = chunk(b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT" + zlib.compress(bytes(99))))
    assert_refused(restore, restore(photo=tmp_path / "bomb.png"), "bomb.png", "178,956,970 pixels")


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("start", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 80 96\n", b"8BPS\0\1", b"%PDF-1.7"])
def test_files_that_pillow_would_run_or_that_hold_no_photo(restore, tmp_path, start):
    (tmp_path / "a.jpg").write_bytes(start + bytes(200))
    assert_refused(restore, restore(photo=tmp_path / "a.jpg"), "is not an image", "JPEG, PNG")


def test_photo_that_is_a_folder(restore, tmp_path):
    assert_refused(restore, restore(photo=tmp_path), "is a folder")


# --- outputs


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("name", "word"),
    [("none/a.png", "create it first"), ("a.xyz", ".png"), ("a", ".png"), ("photo.png/a.png", "create it first")],
)
def test_output_that_cannot_be(restore, tmp_path, name, word):
    assert_refused(restore, restore(output=tmp_path / name), word)


@pytest.mark.usefixtures("no_model")
def test_several_outputs_without_a_name(restore):
    assert_refused(restore, restore("--num-variants", "2", output="."), "is a folder: name a file in it")


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


@pytest.mark.usefixtures("no_model")
def test_output_format_that_is_too_small_for_the_photo(restore, tmp_path):
    Image.new("L", (16_400, 1_700)).save(tmp_path / "a.png")
    outcome = restore(photo=tmp_path / "a.png", mask="0,0,9,9", output=restore.output.with_suffix(".webp"))
    assert_refused(restore, outcome, "16,383 pixels", ".png")
    mask = restore.output.with_suffix(".webp")
    outcome = restore("--save-mask", mask, photo=tmp_path / "a.png", mask="0,0,9,9")
    assert_refused(restore, outcome, "16,383 pixels", ".png")


def test_output_that_exists_is_replaced_when_asked(restore, photo_file):
    restore.output.write_text("old")
    assert_restored(restore, restore("--overwrite"), Image.open(photo_file), make_hole())


# --- layouts, devices, seeds


def test_layout_of_another_shape(restore, tmp_path):
    Image.new("L", (10, 20)).save(tmp_path / "layout.png")
    assert_refused(restore, restore("--layout", tmp_path / "layout.png"), "[96, 80]")


def test_device_that_is_not_there(restore):
    assert_refused(restore, restore("--device", "abacus"), "'abacus'", "cpu")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seed", "-1"), "--seed -1: "),
        (("--num-variants", "0"), "--num-variants 0: "),
        (("--num-variants", "1001"), "--num-variants 1001: "),
        (("--sed", "1"), "--sed (Possible"),
    ],
)
def test_options_that_the_parser_refuses(restore, options, words):
    assert_refused(restore, restore(*options), words, "see facemend inpaint --help")


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
        (RECIPE + "bach_size = 4\n", "recipe.toml: phases.0.bach_size: no such key\n"),
        (RECIPE.replace('"core"', '"coer"'), "phases.0.phase"),
        (RECIPE + "[loss]\ncomponents = 0.5\nperceptual = 0.0\n", "give perceptual a weight too"),
        (RECIPE + "[data.masks]\nmin_area = 0.5\nmax_area = 0.2\n", "min_area must not exceed max_area"),
        (RECIPE + "[data.masks]\nfamilies = { box = 0 }\n", "give one of them a weight"),
        (RECIPE + "[model]\nattention_head_width = 0\n", "model.attention_head_width"),
        (RECIPE + "[model]\nvit_width = 100\n", "multiples of attention_head_width"),
        (RECIPE + "[model]\ntexture_widths = [96, 161, 160]\n", "must be even"),
        (RECIPE + "[model]\nnum_classes = 10\n", "num_classes must be 19 at least"),
        (RECIPE + "[model]\ntexture_widths = [-96, 160, 160]\n", "model.texture_widths.0"),
        (RECIPE + "[model]\nvit_depth = -1\n", "model.vit_depth"),
        (RECIPE + "[model]\nlatent_size = -1\n", "model.latent_size"),
        (RECIPE + "[model]\nhead_width = 1\n", "model.head_width"),
        (RECIPE + "[data.masks]\nfamilies = { box = inf }\n", "data.masks.families.box: Input should be a finite number"),
        (RECIPE.replace('[{ path = "faces" }]', "[]"), "data.sources"),
        ("seed = -1\n" + RECIPE, "seed"),
        (f"seed = {2**63}\n" + RECIPE, "seed"),
        ("phases = []\n" + RECIPE[: RECIPE.index("[[phases")], "phases"),
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
