from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facemend.config import MaskFamily
from facemend.errors import MaskError
from facemend.masks import mask_area, random_mask

FAMILIES = get_args(MaskFamily)


def tolerance(area):
    return max(0.02, 0.15 * area)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("area", [0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.9])
def test_hole_has_the_area_asked_for(family, area):
    for seed in range(5):
        mask = random_mask(128, family=family, area=area, seed=seed)
        assert mask.shape == (128, 128)
        assert mask.dtype == np.uint8
        assert set(np.unique(mask)) == {0, 255}
        assert mask_area(mask) == pytest.approx(area, abs=tolerance(area))


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(64, 300),
    width=st.integers(64, 300),
    family=st.sampled_from(FAMILIES),
    area=st.floats(0.01, 0.9),
    seed=st.integers(0, 2**32),
)
def test_area_is_met_at_any_size_and_shape(height, width, family, area, seed):
    mask = random_mask((height, width), family=family, area=area, seed=seed)
    assert mask.shape == (height, width)
    assert mask_area(mask) == pytest.approx(area, abs=tolerance(area))


@pytest.mark.parametrize("family", FAMILIES)
def test_same_seed_draws_the_same_mask(family):
    first = random_mask(96, family=family, seed=3)
    assert np.array_equal(first, random_mask(96, family=family, seed=3))
    assert any(not np.array_equal(first, random_mask(96, family=family, seed=s)) for s in range(4, 12))


def test_a_generator_moves_on_from_mask_to_mask():
    generator = np.random.default_rng(0)
    first, second = random_mask(64, seed=generator), random_mask(64, seed=generator)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, random_mask(64, seed=np.random.default_rng(0)))


def test_parts_follow_the_layout():
    layout = np.zeros((128, 128), np.uint8)
    layout[10:26, 90:118] = 4  # an eye where no aligned face has one
    mask = random_mask(128, family="parts", area=0.02, seed=0, layout=layout)
    rows, columns = np.nonzero(mask)
    assert rows.min() > 5 and rows.max() < 31
    assert columns.min() > 85 and columns.max() < 123


def test_parts_of_a_layout_without_a_face_take_the_usual_places():
    empty = np.zeros((128, 128), np.uint8)
    mask = random_mask(128, family="parts", area=0.1, seed=1, layout=empty)
    assert np.array_equal(mask, random_mask(128, family="parts", area=0.1, seed=1))


def test_a_part_that_fills_the_picture_is_cut():
    hair = np.full((128, 128), 13, np.uint8)
    assert mask_area(random_mask(128, family="parts", area=0.3, seed=0, layout=hair)) == pytest.approx(0.3, abs=0.01)


def test_border_keeps_one_inner_rectangle():
    kept = random_mask(128, family="border", area=0.5, seed=2) == 0
    rows, columns = np.nonzero(kept)
    assert kept.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


@pytest.mark.parametrize(
    ("size", "options", "words"),
    [
        (64, {"family": "spots"}, ["spots", "strokes"]),
        (64, {"area": 0.0}, ["0.01"]),
        (64, {"area": 1.0}, ["0.9"]),
        (64, {"area": float("nan")}, ["0.01"]),
        (64, {"area": "x"}, ["'x'", "0.01 to 0.9"]),
        (64, {"area": [0.1, 0.2]}, ["[0.1, 0.2]", "0.01 to 0.9"]),
        (64, {"area": None}, ["None", "0.01 to 0.9"]),
        (8, {}, ["8x8", "16"]),
        ((64, 2), {}, ["2x64", "16"]),
        (100_000, {}, ["100000x100000", "16384"]),
        (256.0, {}, ["256.0", "whole number of pixels"]),
        ((64, 64, 3), {}, ["(64, 64, 3)", "(height, width)"]),
        (64, {"seed": -1}, ["-1", "from 0"]),
        (64, {"seed": "x"}, ["'x'", "from 0"]),
        (64, {"layout": np.zeros((32, 32), np.uint8)}, ["[32, 32]", "[64, 64]"]),
        (64, {"layout": np.full((64, 64), 19, np.uint8)}, ["19"]),
        (64, {"layout": np.zeros((64, 64), np.int64)}, ["int64", "uint8"]),
        (64, {"layout": np.full((64, 64), "eye")}, ["<U3", "uint8"]),
        (64, {"layout": np.zeros((0, 0), np.uint8)}, ["[0, 0]", "[64, 64]"]),
        (64, {"layout": [[4]]}, ["list", "uint8", "[64, 64]"]),
    ],
)
def test_wrong_wishes_say_what_is_allowed(size, options, words):
    with pytest.raises(MaskError) as error:
        random_mask(size, **options)
    assert all(word in str(error.value) for word in words)
