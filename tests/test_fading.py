"""A faded face is seen in full contrast, and its fill faded again."""

import numpy as np
import pytest

from facemend.photo.fading import find_levels

RNG = np.random.default_rng(0)
FULL = RNG.uniform(-1, 1, (3, 64, 64)).astype(np.float32)
UNKNOWN = np.zeros((1, 64, 64), np.float32)
UNKNOWN[:, 20:40, 20:40] = 1


def faded(contrast, middle=0.0):
    return (contrast * FULL + middle) * (1 - UNKNOWN)


@pytest.mark.parametrize(("contrast", "middle"), [(0.5, 0.0), (0.3, 0.4), (0.2, -0.6)])
def test_a_faded_face_is_spread_to_the_usual_range(contrast, middle):
    image = faded(contrast, middle)
    levels = find_levels(image, UNKNOWN)
    assert levels is not None
    seen = levels.spread(image, UNKNOWN)
    assert not seen[:, UNKNOWN[0] > 0].any()
    known = seen[:, UNKNOWN[0] == 0]
    assert abs(known.mean()) < 0.05 and 0.6 < np.quantile(known, 0.99) <= 1
    back = levels.fade(seen, image, UNKNOWN)
    assert np.array_equal(back * (1 - UNKNOWN), image)


def test_a_print_faded_to_red_keeps_all_its_colours():
    contrast, cast = np.array([0.3, 0.4, 0.35]), np.array([0.45, -0.3, -0.4])
    image = ((contrast[:, None, None] * FULL + cast[:, None, None]) * (1 - UNKNOWN)).astype(np.float32)
    levels = find_levels(image, UNKNOWN)
    assert levels is not None
    known = levels.spread(image, UNKNOWN)[:, UNKNOWN[0] == 0]
    assert (np.abs(known) == 1).mean() < 0.05
    assert known[0].mean() > known[2].mean() + 0.1  # it stays red


@pytest.mark.parametrize(("contrast", "is_faded"), [(0.35, True), (1.0, False)])
def test_a_white_edge_in_its_square_does_not_hide_that_a_face_is_faded(contrast, is_faded):
    image = contrast * FULL
    image[:, :, :6], image[:, :6] = 1, -1
    assert (find_levels(image, np.zeros_like(UNKNOWN)) is not None) == is_faded


def test_what_is_painted_fades_as_the_photo_did():
    levels = find_levels(faded(0.3, 0.4), UNKNOWN)
    assert levels is not None
    fill = levels.fade(FULL, faded(0.3, 0.4), UNKNOWN)[:, UNKNOWN[0] > 0]
    assert abs(fill.mean() - 0.4) < 0.05
    assert fill.std() < 0.7 * FULL.std()


def test_full_contrast_stays():
    assert find_levels(faded(1.0), UNKNOWN) is None


@pytest.mark.parametrize(("rows", "is_enough"), [(0, False), (20, False), (30, True)])
def test_a_plain_strip_beside_a_hidden_face_does_not_make_it_faded(rows, is_enough):
    unknown = np.ones_like(UNKNOWN)
    unknown[:, :rows] = 0
    assert (find_levels(0.3 * FULL * (1 - unknown), unknown) is not None) == is_enough


def test_one_colour_alone_is_not_spread_without_end():
    levels = find_levels(np.full_like(FULL, 0.3), UNKNOWN)
    assert levels is not None and levels.gain == 4
