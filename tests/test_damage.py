"""Damage found by itself, on damage drawn onto a portrait of which every pixel is known."""

import json
from itertools import pairwise

import cv2
import numpy as np
import pytest
from conftest import modules_after
from PIL import Image
from skimage import data
from test_print_border import LID, MARGIN, make_print, make_scan, torn_corner

from facemend.damage import choose_damage, find_damage, finding, judge_damage
from facemend.damage.aging import KINDS, age_photo
from facemend.damage.prints import judge_print
from facemend.errors import ConfigError


@pytest.fixture(scope="module")
def portrait():
    return data.astronaut()


@pytest.fixture(scope="module")
def aged(portrait):
    return age_photo(portrait, amount=0.6, seed=3)


@pytest.fixture(scope="module")
def face(portrait):
    """As much of the portrait as the net sees at once: a quarter of the work."""
    return portrait[:384, 64:448]


@pytest.fixture(scope="module")
def aged_face(face):
    return age_photo(face, amount=0.6, seed=3)


def near(hole):
    return cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


# --- drawing damage


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_drawn_where_the_truth_says_and_nowhere_else(portrait, kind):
    aged = age_photo(portrait, kinds=[kind], seed=1)
    assert 0.0005 < aged.damage.mean() < 0.4
    change = np.abs(aged.image.astype(int) - portrait).max(axis=2)
    assert np.array_equal(change, aged.change)
    assert change[aged.damage].min() > change[~aged.damage].max()


def test_the_same_seed_draws_the_same_damage(portrait):
    first, again, other = (age_photo(portrait, seed=seed).image for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_coarser_damage_covers_more(face):
    fine, coarse = (np.mean([age_photo(face, scale=x, seed=seed).damage.mean() for seed in range(4)]) for x in (0.5, 2))
    assert coarse > 1.5 * fine


def test_damage_that_cannot_be_drawn_is_refused(portrait):
    with pytest.raises(ConfigError, match=r"'holes'.*scratches"):
        age_photo(portrait, kinds=["holes"])
    with pytest.raises(ConfigError, match="above 0"):
        age_photo(portrait, amount=0)


# --- finding it


def found_share(aged, found):
    return (aged.damage & near(found)).sum() / aged.damage.sum()


# What the net can do today, a little below what was measured here: docs/damage.md has more.
@pytest.mark.parametrize(
    ("kind", "num", "share"),
    [("scratches", 4, 0.5), ("tears", 2, 0.9), ("creases", 2, 0.8), ("dust", 2, 0.65), ("spots", 2, 0.9), ("writing", 2, 0.7)],
)
def test_damage_of_every_kind_is_found(portrait, kind, num, share):
    drawn = (age_photo(portrait, kinds=[kind], seed=1 + i) for i in range(num))
    assert np.mean([found_share(aged, find_damage(aged.image)) for aged in drawn]) > share


def test_most_of_a_badly_kept_photo_is_found_in_colour_and_in_grey(aged):
    grey = np.repeat(cv2.cvtColor(aged.image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert found_share(aged, find_damage(aged.image)) > 0.8
    assert found_share(aged, find_damage(grey)) > 0.8


def test_a_clean_photo_is_mostly_left_alone_and_its_face_entirely(portrait):
    found = find_damage(portrait)
    assert found.mean() < 0.03
    assert found[80:160, 190:250].mean() < 0.005


def test_searching_needs_no_torch():
    code = "import numpy\nfrom facemend.damage import find_damage\nfind_damage(numpy.zeros((64, 64, 3), numpy.uint8))"
    assert "torch" not in modules_after(code)


def test_a_stricter_search_finds_a_part_of_what_a_laxer_one_finds(aged_face):
    finds = [find_damage(aged_face.image, strictness=strictness) for strictness in (0, 0.5, 1)]
    for laxer, stricter in pairwise(finds):
        assert not (stricter & ~laxer).any()
        assert stricter.sum() < laxer.sum()


@pytest.mark.parametrize("size", [(16, 16), (16, 160), (513, 97), (385, 384), (2000, 300)])
def test_any_size_and_shape(aged, size):
    photo = cv2.resize(aged.image, size, interpolation=cv2.INTER_AREA)
    found = find_damage(photo)
    assert found.shape == photo.shape[:2]
    assert found.dtype == bool


def test_damage_has_its_place_in_a_photo_beyond_one_tile():
    """Marks drawn into the far corners of a large flat photo are found there, and nothing between them."""
    photo = np.full((768, 1152, 3), 110, np.uint8)
    truth = np.zeros(photo.shape[:2], np.uint8)
    for start, end in (((40, 60), (400, 90)), ((752, 728), (1112, 678)), ((1102, 30), (1052, 380))):
        cv2.line(truth, start, end, 255, 5, cv2.LINE_AA)
    photo[truth > 0] = 20
    found = find_damage(photo)
    assert (near(found) & (truth > 0)).sum() > 0.9 * (truth > 0).sum()
    assert (found & ~cv2.dilate(truth, np.ones((15, 15))).astype(bool)).mean() < 0.001


def test_strictness_out_of_range_is_refused(portrait):
    with pytest.raises(ConfigError, match=r"strictness 1\.5.*0.*1"):
        find_damage(portrait, strictness=1.5)


# --- prints with paper round the picture


def torn_off(photo):
    return judge_print(photo).correct(np.zeros(photo.shape[:2], bool))


def test_paper_and_the_lid_are_no_damage():
    scan, picture, print_there = make_scan(1.0)
    assert not find_damage(scan)[picture == 0].any()
    torn = torn_corner(scan.shape[:2])
    found = find_damage(np.where(torn[..., None], np.uint8(LID), scan))
    assert found[torn & (print_there > 0.5)].mean() > 0.98
    assert not found[print_there == 0].any()


@pytest.mark.parametrize("behind", [LID, (252, 252, 252)])
def test_what_is_torn_off_a_print_on_a_lid_is_found(behind):
    scan, _, print_there = make_scan(1.0, lid=behind)
    gone = torn_corner(scan.shape[:2]) & (print_there > 0.5)
    found = torn_off(np.where(gone[..., None], np.uint8(behind), scan))
    assert found[gone].mean() > 0.98
    assert (found & ~near(gone)).mean() < 0.02


def test_what_is_torn_off_a_print_in_a_scanners_corner_is_found():
    scan, _, print_there = (part[MARGIN:, MARGIN:] for part in make_scan())
    gone = torn_corner(scan.shape[:2])[::-1, ::-1] & (print_there > 0.5)
    found = torn_off(np.where(gone[..., None], np.uint8(LID), scan))
    assert found[gone].mean() > 0.98
    assert (found & ~near(gone)).mean() < 0.02


def test_what_is_torn_off_a_scan_that_ends_in_paper_is_found():
    photo, _ = make_print()
    gone = torn_corner()
    found = torn_off(np.where(gone[..., None], np.uint8(20), photo))
    assert found[gone].mean() > 0.98
    assert (found & ~near(gone)).mean() < 0.02


def test_a_whole_print_has_nothing_torn_off_though_its_sky_is_as_white_as_the_lid():
    scan = make_scan(lid=(252, 252, 252))[0]
    scan[40:120, 200:261] = 252  # of the picture's upper right corner, at its very edge
    assert not torn_off(scan).any()


def test_a_scratch_across_paper_and_picture_is_kept_whole():
    photo = cv2.copyMakeBorder(data.astronaut(), *(30,) * 4, cv2.BORDER_CONSTANT, value=(236, 230, 214))
    truth = np.zeros(photo.shape[:2], np.uint8)
    cv2.line(truth, (0, 300), (300, 571), 255, 3)
    photo[truth > 0] = 110
    of_the_net = choose_damage(judge_damage(photo), photo.shape[1::-1], 0.5) & (truth > 0)
    assert of_the_net.sum() > 0.8 * (truth > 0).sum()
    assert (find_damage(photo) & of_the_net).sum() > 0.95 * of_the_net.sum()


def test_a_large_photo_is_looked_at_no_smaller_than_need_be(portrait, monkeypatch):
    monkeypatch.setattr(finding, "MAX_VIEW_PIXELS", 200 * 200)
    assert judge_damage(portrait[:400, :300]).shape == pytest.approx((231, 173), abs=1)  # as many pixels, in the photo's shape


# --- the command


def test_the_command_writes_mask_and_preview(facemend, aged_face, tmp_path):
    Image.fromarray(aged_face.image).save(tmp_path / "scan.png")
    paths = mask, preview = tmp_path / "mask.png", tmp_path / "preview.jpg"
    done = facemend("damage", tmp_path / "scan.png", "--output", mask, "--overlay", preview, "--strictness", 0.6)
    assert (done.code, done.out) == (0, "".join(f"{path}\n" for path in paths))
    assert "of 384x384 pixels" in done.err
    assert np.array_equal(np.asarray(Image.open(mask)) > 127, find_damage(aged_face.image, strictness=0.6))
    marked = np.asarray(Image.open(preview)).astype(int)
    red = marked[..., 0] - marked[..., 1:].max(axis=2) > 60
    assert red[np.asarray(Image.open(mask)) > 127].mean() > 0.9


def test_the_command_says_when_nothing_is_found(facemend, tmp_path):
    Image.new("L", (64, 80), 128).save(tmp_path / "flat.png")
    done = facemend("damage", tmp_path / "flat.png")
    assert "found no damage" in done.err
    assert done.out == f"{tmp_path / 'flat-damage.png'}\n"
    assert not np.asarray(Image.open(tmp_path / "flat-damage.png")).any()


def test_a_folder_is_no_photo_to_find_damage_in(facemend, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = facemend("damage", ".")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


def test_the_command_prints_json(facemend, photo_file, tmp_path):
    report = json.loads(facemend("damage", photo_file, "--output", tmp_path / "mask.png", "--json").out)
    assert report == {"mask": str(tmp_path / "mask.png"), "overlay": None, "size": [80, 96], "strictness": 0.5} | {
        "area": report["area"]
    }
    assert np.isclose(report["area"], (np.asarray(Image.open(tmp_path / "mask.png")) > 0).mean(), atol=1e-6)


def test_the_command_learns_beforehand_what_webp_cannot_hold(facemend, monkeypatch, tmp_path):
    monkeypatch.setattr("facemend.damage.find_damage", None)
    Image.new("L", (16_400, 1_700)).save(tmp_path / "long.png")
    for mask, preview in (("a.webp", "b.png"), ("a.png", "b.webp")):
        done = facemend("damage", tmp_path / "long.png", "--output", tmp_path / mask, "--overlay", tmp_path / preview)
        assert (done.code, "16,383 pixels" in done.err) == (2, True)


def test_the_command_refuses_without_writing(facemend, photo_file, tmp_path):
    mask = tmp_path / "mask.png"
    for options, complaint in (
        (("--strictness", 2), "strictness 2 is out of range"),
        (("--overlay", mask), "mask.png: is the place of"),
        (("--overlay", photo_file, "--overwrite"), "photo.png: is the place of the photo"),
        (("--output", photo_file, "--overwrite"), "photo.png: is the place of the photo"),
        (("--overlay", tmp_path / "preview.xyz"), "'.xyz'"),
        (("--output", tmp_path / "mask.jpg"), "mask.jpg: a mask in .jpg would lose its sharp edge: write .png"),
    ):
        done = facemend("damage", photo_file, "--output", mask, *options)
        assert done.code == 2
        assert complaint in done.err
        assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
