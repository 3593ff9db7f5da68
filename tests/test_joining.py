"""Where two views meet in a hole, one fades into the other."""

import numpy as np
from PIL import Image

from facemend.backends import Painted
from facemend.photo.detectors import Face
from facemend.photo.faces import box_window, face_window
from facemend.photo.joining import fade_in, fading
from facemend.pipeline import Inpainter


class Darker:
    """Paints every view in one grey, each darker than the one before."""

    device, latent_size = "cpu", 1

    def __init__(self):
        self.level = 1.0

    def __call__(self, views):
        self.level -= 0.5
        return [
            Painted(
                np.where(view.mask > 0, np.float32(self.level), view.image),
                np.full((19, 32, 32), 1 / 19, np.float32),
                np.full((2, 64, 64), 1 / 64, np.float32),
            )
            for view in views
        ]


def tilted_face(center, degrees):
    turn = np.radians(degrees)
    points = np.array([(-20, -20), (20, -20), (0, 0), (-16, 20), (16, 20)])
    landmarks = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + center
    return Face((center[0] - 40, center[1] - 50, center[0] + 40, center[1] + 50), landmarks, 0.99)


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


def test_no_step_is_seen_where_one_view_ends_and_the_next_begins():
    hole = np.zeros((400, 300), bool)
    hole[150:] = True
    result = Inpainter(Darker())(Image.new("RGB", (300, 400), "white"), hole, boxes=[(90, 60, 210, 210)])
    middle = np.asarray(result.image, int)[160:, 150, 0]  # the hole, less its own edge
    assert middle.max() - middle.min() > 50  # two views
    assert np.abs(np.diff(middle)).max() < 10


def test_a_turned_view_decides_nothing_beyond_its_square():
    upright, turned = (60.0, 100.0, 180.0, 250.0), tilted_face((250, 200), 30)
    everything = (slice(0, 400), slice(0, 400))
    squares = [box_window(upright).inside(everything), face_window(turned).inside(everything)]
    result = Inpainter(Darker())(Image.new("RGB", (400, 400), "white"), squares[0] | squares[1], boxes=[upright, turned])
    of_the_first = np.asarray(result.image)[squares[0] & ~squares[1]]
    assert np.ptp(of_the_first) == 0
