"""What is painted into a JPEG looks like one: compared with the JPEG of a photo of which every pixel is known."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from facemend import imaging
from facemend.photo import compression
from facemend.photo.compression import match_compression


def stored(rgb, quality, **options):
    """Store a picture as JPEG and read it again."""
    file = BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality, **options)
    return imaging.decode_photo(file.getvalue(), "photo.jpg")


def edge_step(rgb, hole):
    """By how many levels the step across the lines of JPEG's grid is larger than elsewhere, slowly and obviously."""
    grey = rgb.astype(float).mean(axis=2)
    on_line, elsewhere = [], []
    for y, x in np.argwhere(hole[:, :-1] & hole[:, 1:]):
        (on_line if (x + 1) % 8 == 0 else elsewhere).append(abs(grey[y, x + 1] - grey[y, x]))
    return np.mean(on_line) - np.mean(elsewhere)


@pytest.fixture(scope="module")
def clean():
    return data.astronaut()


@pytest.fixture(scope="module")
def hole(clean):
    hole = np.zeros(clean.shape[:2], np.uint8)
    cv2.ellipse(hole, (225, 125), (75, 60), 0, 0, 360, 1, cv2.FILLED)
    return hole > 0


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("quality", [15, 30, 50])
def test_a_fill_gets_the_squares_of_its_surroundings(clean, hole, quality, mode):
    before = np.asarray(Image.fromarray(clean).convert(mode))
    photo = stored(before, quality)
    rgb = imaging.to_rgb(photo)
    whole = imaging.to_rgb(Image.fromarray(before))
    painted = np.where(hole[..., None], whole, rgb)  # the perfect fill, but for the squares
    result = match_compression(painted, rgb, hole, imaging.jpeg_coding(photo), mode)
    assert np.array_equal(result[~hole], rgb[~hole])
    wanted = edge_step(rgb, hole)
    assert edge_step(painted, hole) < 0.3 * wanted
    assert edge_step(result, hole) == pytest.approx(wanted, rel=0.15)
    assert np.abs(result[hole].astype(int) - rgb[hole]).mean() < 0.5 * np.abs(painted[hole].astype(int) - rgb[hole]).mean()


def test_a_hole_of_many_bands_is_filled_as_in_one(clean, hole, monkeypatch):
    photo = stored(np.asarray(Image.fromarray(clean).convert("L")), 30)
    rgb = imaging.to_rgb(photo)
    painted = np.where(hole[..., None], cv2.GaussianBlur(rgb, (0, 0), 2), rgb)
    in_one = match_compression(painted, rgb, hole, imaging.jpeg_coding(photo), "L")
    monkeypatch.setattr(compression, "_BAND", 32)
    assert not np.array_equal(in_one, painted)
    assert np.array_equal(match_compression(painted, rgb, hole, imaging.jpeg_coding(photo), "L"), in_one)


def test_a_photo_that_shows_no_squares_is_left_alone(clean, hole):
    fine = stored(clean, 95)
    painted = np.where(hole[..., None], np.uint8(90), imaging.to_rgb(fine))
    assert match_compression(painted, imaging.to_rgb(fine), hole, imaging.jpeg_coding(fine), "RGB") is painted

    coarse = stored(clean, 30)
    moved = np.ascontiguousarray(imaging.to_rgb(coarse)[3:, 3:])  # as in a photo whose squares begin at another corner
    painted = np.where(hole[3:, 3:, None], np.uint8(90), moved)
    assert match_compression(painted, moved, hole[3:, 3:], imaging.jpeg_coding(coarse), "RGB") is painted


def test_only_jpegs_have_a_coding(clean, tmp_path):
    Image.fromarray(clean).save(tmp_path / "photo.png")
    Image.fromarray(clean).save(tmp_path / "photo.jpg", quality=40)
    assert imaging.jpeg_coding(Image.open(tmp_path / "photo.png")) is None
    plain = Image.open(tmp_path / "photo.jpg")  # as people hand photos to `Inpainter`
    assert imaging.jpeg_coding(plain) == imaging.jpeg_coding(imaging.load_photo(tmp_path / "photo.jpg")) is not None
