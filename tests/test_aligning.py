import numpy as np
import pytest

from facemend.photo import aligning, framing
from facemend.photo.aligning import portrait_window
from facemend.photo.framing import Window


@pytest.mark.parametrize(
    ("window", "tolerance", "whole"),
    [
        (Window((130.0, 125.0), 260, 256, 3.0), aligning.ALIGNED, True),
        (Window((130.0, 125.0), 260, 256, 8.0), aligning.ALIGNED, False),
        (Window((130.0, 125.0), 260, 256, 8.0), aligning.LOOSELY_ALIGNED, True),
        (Window((128.0, 128.0), 130, 256), aligning.LOOSELY_ALIGNED, False),
        (Window((160.0, 128.0), 256, 256, 40.0), aligning.HARDLY_ALIGNED, True),
        (Window((60.0, 128.0), 100, 256), aligning.HARDLY_ALIGNED, False),
    ],
)
def test_an_aligned_portrait_is_seen_as_it_is(window, tolerance, whole):
    hole = np.zeros((256, 256), bool)
    hole[100:150, 90:170] = True
    found = portrait_window(window, hole, tolerance)
    assert found == (framing.choose_window(hole) if whole else None)


@pytest.mark.parametrize("side", [80, 1500])
def test_an_aligned_portrait_of_any_size_is_seen_as_it_is(side):
    hole = np.zeros((side, side), bool)
    hole[side // 3 : side // 2, side // 3 : side // 2] = True
    face = Window((0.52 * side, 0.48 * side), 1.05 * side, angle=2.0)
    assert portrait_window(face, hole) == Window((side / 2, side / 2), side)
