import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facemend.photo import framing
from facemend.photo.framing import Window


def region_of(width, height):
    """All of a photo."""
    return slice(0, height), slice(0, width)


@pytest.mark.parametrize(
    ("size", "box", "side"),
    [
        ((256, 256), (10, 10, 20, 20), 256),
        ((250, 300), (10, 10, 20, 20), 256),
        ((300, 500), (10, 10, 200, 250), 300),  # fits a square of the short side
        ((300, 500), (10, 10, 200, 450), 500),  # does not
        ((100, 80), (10, 10, 20, 20), 80),
        ((3000, 2000), (10, 10, 20, 20), 2000),
    ],
)
def test_window_holds_the_hole(size, box, side):
    width, height = size
    hole = np.zeros((height, width), bool)
    left, top, right, bottom = box
    hole[top:bottom, left:right] = True
    window = framing.choose_window(hole)
    assert window.side == side
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
@given(width=st.integers(241, 256), height=st.integers(241, 256), seed=st.integers(0, 2**32))
def test_photos_of_nearly_the_view_s_size_are_seen_pixel_by_pixel(width, height, seed):
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


def smooth_photo(width, height):
    """Colours that change slowly, so that resampling changes them little."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 200 / width + 20, rows * 200 / height + 20, (rows + columns) * 100 / height], axis=2).astype(
        np.uint8
    )


def test_a_window_beyond_the_photo_sees_nothing():
    image, unknown = framing.view_photo(smooth_photo(40, 30), np.zeros((30, 40), bool), Window((400, 15), 60, 64, 20))
    assert (image.shape, unknown.shape) == ((3, 64, 64), (1, 64, 64))
    assert not image.any()
    assert unknown.all()


def test_a_window_on_its_side_shows_the_photo_turned():
    rgb = smooth_photo(300, 300)
    window = Window((150.0, 150.0), 256, 256, 90.0)
    image, mask = framing.view_photo(rgb, np.zeros((300, 300), bool), window)
    assert not mask.any()
    expected = np.rot90(rgb[22:278, 22:278]).transpose(2, 0, 1)  # its upper edge is on the right
    assert np.abs((image + 1) * 127.5 - expected).max() < 1.5


@pytest.mark.parametrize("angle", [0.0, 17.0, -60.0, 180.0])
@pytest.mark.parametrize("side", [90.5, 256.0, 700.0])
def test_a_turned_view_comes_back_to_its_place(angle, side):
    rgb = smooth_photo(1200, 1100)
    hole = np.zeros((1100, 1200), bool)
    window = Window((630.3, 551.8), side, 256, angle)
    image, _ = framing.view_photo(rgb, hole, window)
    region = window.region(hole.shape)
    back = framing.unview_photo(image, window, region)
    inside = window.inside(region)
    assert np.abs(back.astype(int) - rgb[region])[inside].max() <= 4

    layout = (rgb[:, :, 0] > 120).astype(np.uint8)
    ids = framing.unview_layout(framing.view_layout(layout, window), window, region)
    assert (ids == layout[region])[inside].mean() > 0.97


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(-20, 120), y=st.floats(-20, 120), side=st.floats(3, 90), angle=st.floats(-180, 180), seed=st.integers(0, 2**32)
)
def test_inside_is_what_turning_each_pixel_back_says(x, y, side, angle, seed):
    window = Window((x, y), side, 256, angle)
    region = window.region((100, 100))
    rows, columns = np.mgrid[region]
    turn = np.radians(angle)
    across = (columns + 0.5 - x) * np.cos(turn) + (rows + 0.5 - y) * np.sin(turn)
    down = -(columns + 0.5 - x) * np.sin(turn) + (rows + 0.5 - y) * np.cos(turn)
    edge_distance = side / 2 - np.maximum(np.abs(across), np.abs(down))
    inside = window.inside(region)
    clear = np.abs(edge_distance) > 1
    assert np.array_equal(inside[clear], edge_distance[clear] > 0)
    # nothing inside lies beyond the region
    rows, columns = np.mgrid[:100, :100]
    across = (columns + 0.5 - x) * np.cos(turn) + (rows + 0.5 - y) * np.sin(turn)
    down = -(columns + 0.5 - x) * np.sin(turn) + (rows + 0.5 - y) * np.cos(turn)
    everywhere = np.maximum(np.abs(across), np.abs(down)) < side / 2 - 1e-3
    everywhere[region] = False
    assert not everywhere.any()


@pytest.mark.parametrize("side", [40, 256, 1500])
def test_a_turned_view_is_blind_to_the_hole_and_keeps_the_colour_around_it(side):
    rgb = np.full((800, 1000, 3), (200, 100, 50), np.uint8)
    hole = np.random.default_rng(0).random((800, 1000)) < 0.4
    rgb[hole] = (0, 255, 0)
    window = Window((500.0, 400.0), side, 256, 30.0)
    image, mask = framing.view_photo(rgb, hole, window)
    known = mask[0] == 0
    assert known.any()
    assert np.abs((image[:, known] + 1) * 127.5 - [[200], [100], [50]]).max() < 3


def test_fine_stripes_are_averaged_when_a_turned_view_is_smaller():
    rgb = np.zeros((2000, 2000, 3), np.uint8)
    rgb[::2] = 200
    image, _ = framing.view_photo(rgb, np.zeros((2000, 2000), bool), Window((1000.0, 1000.0), 1300, 256, 20.0))
    assert np.abs((image + 1) * 127.5 - 100).max() < 25  # the stripes themselves are 100 off
