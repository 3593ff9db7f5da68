"""Holes that need no mask file: transparency, a colour, a rectangle, parts of faces."""

import io
import re

import cv2
import numpy as np
import pytest
from conftest import make_photo
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from facemend import imaging
from facemend.errors import MaskError
from facemend.face_classes import CLASS_NAMES


def grown(hole, reach):
    return cv2.dilate(hole.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0


def as_jpeg(image, quality):
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=quality)
    return Image.open(stored)


# --- transparency


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_whatever_is_not_opaque_is_the_hole(mode):
    photo = make_photo(mode)
    assert np.array_equal(imaging.alpha_hole(photo), np.asarray(photo)[..., -1] < 255)


def test_transparency_of_sixteen_bits():
    samples = np.full((20, 20, 4), 65535, np.uint16)
    samples[3, 7, 3] = 65534
    assert np.argwhere(imaging.alpha_hole(imaging.DeepPhoto(samples))).tolist() == [[3, 7]]


def test_photos_without_transparency():
    with pytest.raises(MaskError, match="no transparency: erase"):
        imaging.alpha_hole(make_photo("RGB"))
    opaque = make_photo("RGBA")
    opaque.putalpha(255)
    with pytest.raises(MaskError, match="opaque everywhere"):
        imaging.alpha_hole(opaque)


# --- rectangles


@given(corners=st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(0, 40), st.integers(0, 30)))
def test_a_rectangle_covers_what_drawing_it_covers(corners):
    left, right = sorted((corners[0], corners[2] + 1))
    top, bottom = sorted((corners[1], corners[3] + 1))
    if left == right or top == bottom:
        return
    drawn = Image.new("L", (41, 31))
    ImageDraw.Draw(drawn).rectangle((left, top, right - 1, bottom - 1), fill=255)
    assert np.array_equal(imaging.box_hole((left, top, right, bottom), (41, 31)), np.asarray(drawn) > 0)


def test_a_rectangle_past_the_edge_is_cut_to_the_photo():
    assert np.array_equal(imaging.box_hole((-9, 5, 12, 99), (41, 31)), imaging.box_hole((0, 5, 12, 31), (41, 31)))
    assert np.array_equal(imaging.box_hole((30, -1, 99, 8), (41, 31)), imaging.box_hole((30, 0, 41, 8), (41, 31)))


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (9, 5, 5, 9), (-9, 0, 0, 5), (-9, -9, -5, -5), (41, 0, 50, 5), (0, 31, 5, 32)])
def test_rectangles_that_cannot_be(box):
    with pytest.raises(MaskError, match="41x31"):
        imaging.box_hole(box, (41, 31))


# --- colours


@settings(max_examples=40, deadline=None)
@given(
    color=st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)),
    mode=st.sampled_from(["RGB", "RGBA", "L", "CMYK"]),
    seed=st.integers(0, 2**32),
)
def test_every_painted_pixel_is_in_the_hole(color, mode, seed):
    hole = np.random.default_rng(seed).random((48, 40)) < 0.01
    hole[20, 20] = True
    pixels = np.asarray(make_photo("RGB", 40, 48, seed)).copy()
    pixels[hole] = color
    photo = Image.fromarray(pixels).convert(mode)
    painted = imaging.to_rgb(photo)[20, 20]
    assert imaging.color_hole(photo, f"#{bytes(painted).hex()}")[hole].all()


@pytest.fixture
def portrait():
    return pytest.importorskip("skimage.data").astronaut()


@pytest.mark.parametrize("quality", [None, 90, 50])
@pytest.mark.parametrize("brush", [(4, 0), (8, 0), (20, 3)])  # width, softness
@pytest.mark.parametrize(("name", "color"), [("red", (255, 0, 0)), ("#00ff00", (0, 255, 0)), ("magenta", (255, 0, 255))])
def test_strokes_are_found_and_little_else(portrait, name, color, brush, quality):
    width, softness = brush
    strokes = Image.new("L", (512, 512))
    ImageDraw.Draw(strokes).line([(150, 60), (220, 120), (300, 60), (260, 180)], fill=255, width=width)
    ImageDraw.Draw(strokes).line([(100, 300), (400, 400)], fill=255, width=width)  # over an orange suit and a black helmet
    opacity = np.asarray(strokes.filter(ImageFilter.GaussianBlur(softness)))[..., None] / 255
    photo = Image.fromarray(np.round(portrait * (1 - opacity) + np.array(color) * opacity).astype(np.uint8))
    hole = imaging.color_hole(as_jpeg(photo, quality) if quality else photo, name)
    assert hole[opacity[..., 0] > 0.1].mean() > 0.98
    stray = hole & ~grown(opacity[..., 0] > 0.1, 6)
    assert stray.mean() < 0.002


def test_colors_that_are_not_there():
    photo = Image.new("RGB", (20, 20), (200, 30, 40))
    with pytest.raises(MaskError, match="nearest colour is #c81e28"):
        imaging.color_hole(photo, "#00ff00")
    for color in ("reddish", "rgb(300,0,0)", "rgb(200%,0%,0%)", "hsl(0,200%,50%)", "hsv(0,200%,100%)"):
        with pytest.raises(MaskError, match=f"{re.escape(repr(color))} is no colour"):
            imaging.color_hole(photo, color)


# --- parts of faces


def two_faces():
    """A layout of a large face and a small one: skin, eyes, a mouth, hair."""
    layout = np.zeros((200, 300), np.uint8)
    for left, top, scale in ((20, 20, 4), (220, 100, 1)):
        for name, (x, y, width, height) in {
            "hair": (0, 0, 30, 10), "skin": (2, 10, 26, 30), "left eye": (8, 16, 4, 2), "right eye": (18, 16, 4, 2),
            "upper lip": (10, 30, 10, 2), "lower lip": (10, 32, 10, 2),
        }.items():  # fmt: skip
            rows = slice(top + y * scale, top + (y + height) * scale)
            layout[rows, left + x * scale : left + (x + width) * scale] = CLASS_NAMES.index(name)
    return layout


@pytest.mark.parametrize("name", ["eyes", "Left Eye", "left-eye", "mouth", "hair", "skin", "face"])
def test_a_part_is_covered_with_its_edge_and_no_more(name):
    layout = two_faces()
    classes = imaging.FACE_PARTS[name.lower().replace("-", " ")]
    part = np.isin(layout, [CLASS_NAMES.index(each) for each in classes])
    hole = imaging.part_hole(layout, [name])
    assert hole[part].all()
    large, small = np.s_[:, :200], np.s_[:, 200:]
    assert (hole & ~part)[large].any() and (hole & ~part)[small].any()
    assert not (hole & ~grown(part, 4))[large].any()
    assert not (hole & ~grown(part, 1))[small].any()


def test_what_is_worn_is_covered_with_its_edge_too():
    layout = two_faces()
    layout[70:80, 8:10] = CLASS_NAMES.index("earring")
    hole = imaging.part_hole(layout, ["earring"])
    assert hole.sum() > 1.5 * (layout == CLASS_NAMES.index("earring")).sum()
    assert not (hole & ~grown(layout == CLASS_NAMES.index("earring"), 4)).any()


def test_what_a_large_head_wears_is_covered_with_a_wider_edge():
    layout = np.kron(two_faces()[:, :200], np.ones((4, 4), np.uint8))
    layout[400:420, 40:60] = CLASS_NAMES.index("earring")
    hole = imaging.part_hole(layout, ["earring"])
    assert hole[410, 36:64].all()


def test_several_parts_are_one_hole():
    layout = two_faces()
    both = imaging.part_hole(layout, ["eyes", "lips"])
    assert np.array_equal(both, imaging.part_hole(layout, ["eyes"]) | imaging.part_hole(layout, ["lips"]))


def test_parts_that_are_not_there():
    with pytest.raises(MaskError, match=r"glasses: nothing of the kind is in the photo, only: skin, left eye"):
        imaging.part_hole(two_faces(), ["glasses"])
    with pytest.raises(MaskError, match=r"hair: .* since no face was found"):
        imaging.part_hole(np.zeros((20, 20), np.uint8), ["hair"])
    with pytest.raises(MaskError, match=r"'wings' is no part.*eyes"):
        imaging.part_hole(two_faces(), ["wings"])


def test_every_class_but_the_background_is_a_part():
    assert set(CLASS_NAMES) - set(imaging.FACE_PARTS) == {"background"}
