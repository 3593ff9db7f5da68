"""Where two views meet in a hole, one fades into the other."""

import numpy as np

from facemend.photo.joining import fade_in, fading


def test_a_view_decides_all_of_its_own_pixels_and_less_and_less_of_those_beside_them():
    own = np.array([[False] * 6 + [True] * 4])
    np.testing.assert_allclose(fading(own, ~own, 4)[0], [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1])


def test_known_pixels_stay_as_they_are_however_near():
    own, mended = np.zeros((5, 5), bool), np.zeros((5, 5), bool)
    own[2, 2] = mended[0, 0] = True
    share = fading(own, mended, 10)
    assert (share > 0).sum() == 2
    photo = np.full((5, 5, 3), 200, np.uint8)
    fade_in(photo, np.zeros_like(photo), share)
    assert (photo[share == 0] == 200).all()
    assert (photo[2, 2] == 0).all()
    assert 0 < photo[0, 0, 0] < 200
