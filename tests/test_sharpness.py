"""A fill is no sharper than its photo: soft photos get soft fills, sharp ones keep theirs."""

import cv2
import numpy as np
import pytest

from facemend.photo.sharpness import match_sharpness

SIZE = 128
HOLE = np.zeros((1, SIZE, SIZE), np.float32)
HOLE[:, 40:90, 30:100] = 1
INSIDE = HOLE[0] > 0


def textured(seed, sigma=0.5):
    """Edges and details, none on the left and strong ones on the right, blurred; [3, S, S] in about [-1, 1]."""
    rng = np.random.default_rng(seed)
    values = sum(cv2.resize(rng.normal(0, 0.2, (SIZE // n, SIZE // n)), (SIZE, SIZE)) for n in (1, 2, 4, 8))
    values = values * np.linspace(0, 1.5, SIZE)
    return np.repeat(cv2.GaussianBlur(values, (0, 0), sigma)[None], 3, axis=0).astype(np.float32)


def filled(photo, fill):
    return np.where(HOLE > 0, fill, photo)


def finest(picture):
    """Mean square of the finest details in the hole."""
    return float(((picture[0] - cv2.GaussianBlur(picture[0], (0, 0), 0.7))[INSIDE] ** 2).mean())


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_a_sharp_fill_of_a_soft_photo_becomes_nearly_as_soft(sigma):
    photo, fill = textured(0, sigma), textured(1)
    matched = match_sharpness(filled(photo, fill), HOLE)
    assert finest(fill) > 4 * finest(photo)
    assert 0.4 * finest(photo) < finest(matched) < 2.5 * finest(photo)
    assert np.array_equal(matched[:, ~INSIDE], photo[:, ~INSIDE])


def test_grain_does_not_pass_for_sharpness():
    grain = np.random.default_rng(3).normal(0, 0.02, (1, SIZE, SIZE)).astype(np.float32)
    matched = match_sharpness(filled(textured(0, 1.5) + grain, textured(1)), HOLE)
    assert finest(matched) < 0.1 * finest(textured(1))


@pytest.mark.parametrize("fill", [textured(1), textured(1, 2.0)], ids=["as sharp", "soft"])
def test_a_fill_that_is_sharp_enough_stays(fill):
    picture = filled(textured(0), fill)
    assert np.array_equal(match_sharpness(picture, HOLE), picture)


def test_a_sharp_person_before_a_soft_background_keeps_a_sharp_fill():
    person = np.zeros((SIZE, SIZE), bool)
    person[30:, 20:110] = True
    picture = filled(np.where(person, textured(0), textured(2, 4.0)), textured(1))
    assert np.array_equal(match_sharpness(picture, HOLE, person), picture)


LITTLE = np.zeros((SIZE, SIZE), bool)
LITTLE[100:120, 40:60] = True


@pytest.mark.parametrize(("photo", "alike"), [(np.zeros((3, SIZE, SIZE), np.float32), None), (textured(0, 3.0), LITTLE)])
def test_what_tells_nothing_changes_nothing(photo, alike):
    picture = filled(photo, textured(1))
    assert np.array_equal(match_sharpness(picture, HOLE, alike), picture)
