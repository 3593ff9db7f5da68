"""Grey and faded photos stay so, whatever colours the network paints; photos in colour are left alone."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from facemend.photo.toning import measure_tones

HOLE = np.zeros((512, 512), bool)
HOLE[80:180, 160:290] = True


def grey():
    return np.repeat(np.asarray(Image.fromarray(data.astronaut()).convert("L"))[..., None], 3, axis=2)


def sepia():
    """A brown print: darker tones are browner, and each channel has noise of its own."""
    tone = grey()[..., 0].astype(float)
    faded = np.stack([40 + 0.8 * tone, 30 + 0.78 * tone, 15 + 0.7 * tone + 20 * (tone / 255) ** 2], axis=-1)
    return np.clip(faded + np.random.default_rng(0).normal(0, 5, faded.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("make", [grey, sepia])
def test_a_fill_gets_the_photos_one_tint(make):
    photo = make()
    painted = np.where(HOLE[..., None], data.astronaut(), photo)  # as the network paints: in colour
    result = measure_tones(photo, ~HOLE).match(painted, HOLE)
    assert np.array_equal(result[~HOLE], photo[~HOLE])
    brightness = np.asarray(Image.fromarray(result).convert("L"))
    for level in (60, 120, 180):
        alike = np.abs(brightness.astype(int) - level) < 6
        inside, outside = (result[alike & part].astype(float).mean(axis=0) for part in (HOLE, ~HOLE))
        assert np.abs((inside - inside.mean()) - (outside - outside.mean())).max() < 3
    before = np.asarray(Image.fromarray(painted).convert("L")).astype(int)
    assert np.abs(before - brightness)[HOLE].mean() < 2  # the picture itself is unchanged


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_photos_in_colour_are_left_alone(name):
    photo = getattr(data, name)()
    hole = np.zeros(photo.shape[:2], bool)
    hole[100:150, 100:180] = True
    assert measure_tones(photo, ~hole).match(photo, hole) is photo


def test_a_faded_photo_in_colour_keeps_its_colours():
    faded = np.round(130 + 0.25 * data.astronaut()[80:180, 170:270]).astype(np.uint8)  # the face
    hole = np.zeros((100, 100), bool)
    hole[60:85, 30:70] = True
    painted = np.where(hole[..., None], faded[::-1], faded)
    assert measure_tones(faded, ~hole).match(painted, hole) is painted


def test_a_faded_brown_photo_stays_brown():
    faded = np.round(130 + 0.35 * sepia()).astype(np.uint8)
    painted = np.where(HOLE[..., None], data.astronaut(), faded)
    assert measure_tones(faded, ~HOLE).match(painted, HOLE) is not painted


def test_a_photo_all_but_faded_away_stays_brown_though_its_scan_is_noisy():
    noise = np.random.default_rng(1).normal(0, 5, (512, 512, 3))
    faded = np.round(130 + 0.1 * sepia() + noise).astype(np.uint8)
    painted = np.where(HOLE[..., None], data.astronaut(), faded)
    assert measure_tones(faded, ~HOLE).match(painted, HOLE) is not painted


def test_too_little_to_tell_by_tells_nothing():
    lines = np.zeros((512, 512), bool)
    lines[::4] = True  # no cell is wholly known
    assert measure_tones(grey(), ~lines) is None
    known = np.zeros((512, 512), bool)
    known[:16, :16] = True
    assert measure_tones(grey(), known) is None
