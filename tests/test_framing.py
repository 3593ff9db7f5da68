import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facemend import framing


def region_of(width, height):
    """All of a photo."""
    return slice(0, height), slice(0, width)


@pytest.mark.parametrize(
    ("size", "box", "side", "seen"),
    [
        ((256, 256), (10, 10, 20, 20), 256, 256),
        ((300, 500), (10, 10, 200, 250), 304, 304),  # fits a square of the short side
        ((300, 500), (10, 10, 200, 450), 512, 512),  # does not
        ((100, 80), (10, 10, 20, 20), 80, 256),
        ((3000, 2000), (10, 10, 20, 20), 2000, 1024),
    ],
)
def test_window_holds_the_hole(size, box, side, seen):
    width, height = size
    hole = np.zeros((height, width), bool)
    left, top, right, bottom = box
    hole[top:bottom, left:right] = True
    window = framing.choose_window(hole)
    assert (window.side, window.size) == (side, seen)
    assert window.inside(region_of(width, height))[hole].all()


@settings(max_examples=60, deadline=None)
@given(width=st.integers(16, 400), height=st.integers(16, 400), seed=st.integers(0, 2**32))
def test_view_is_square_and_blind_to_the_hole(width, height, seed):
    generator = np.random.default_rng(seed)
    hole = np.zeros((height, width), bool)
    top, left = generator.integers(height), generator.integers(width)
    hole[top : top + generator.integers(1, height + 1), left : left + generator.integers(1, width + 1)] = True
    rgb = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    window = framing.choose_window(hole)
    image, mask = framing.view_photo(rgb, hole, window)
    assert image.shape == (3, window.size, window.size) and window.size % 16 == 0
    assert mask.shape == (1, window.size, window.size)
    assert np.abs(image).max() <= 1
    assert (image[:, mask[0] > 0] == 0).all()

    rgb[hole] = 255 - rgb[hole]
    again, _ = framing.view_photo(rgb, hole, window)
    assert np.array_equal(image, again)


@settings(max_examples=40, deadline=None)
@given(width=st.integers(256, 400), height=st.integers(256, 400), seed=st.integers(0, 2**32))
def test_photos_of_a_usual_size_are_seen_pixel_by_pixel(width, height, seed):
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    hole = np.zeros((height, width), bool)
    hole[[0, -1], [0, -1]] = True
    window = framing.choose_window(hole)
    image, _ = framing.view_photo(rgb, hole, window)
    back = framing.unview_photo(image, window, region_of(width, height))
    assert np.array_equal(back[~hole], rgb[~hole])


@pytest.mark.parametrize("size", [(40, 56), (120, 60), (1300, 1100), (2300, 300)])
def test_other_sizes_come_back_to_their_place(size):
    width, height = size
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, :, 0] = 200
    rgb[:, width // 2 :, 1] = 200
    hole = np.zeros((height, width), bool)
    hole[[0, -1], [0, -1]] = True
    window = framing.choose_window(hole)
    image, _ = framing.view_photo(rgb, hole, window)
    back = framing.unview_photo(image, window, region_of(*size))
    assert back.shape == rgb.shape
    assert np.abs(back.astype(int) - rgb)[~hole].mean() < 4

    layout = (rgb[:, :, 0] > 0).astype(np.uint8)
    seen = framing.unview_layout(framing.view_layout(layout, window), window, region_of(*size))
    assert (seen == layout).mean() > 0.98
