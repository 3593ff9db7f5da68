"""What `Inpainter` does before and after the network runs, with one that paints what it is told."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from facemend import Inpainter
from facemend.backends import Painted
from facemend.face_classes import BACKGROUND, CLASS_NAMES, CLOTH, HAIR
from facemend.photo import search
from facemend.photo.compression import blockiness
from facemend.photo.detectors import Face
from facemend.photo.framing import Window

SIZE = 256  # of photo and view: the network sees the photo's own pixels
SKIN = CLASS_NAMES.index("skin")
PORTRAIT = np.ascontiguousarray(data.astronaut()[:SIZE, 90 : 90 + SIZE])
HOLE = np.zeros((SIZE, SIZE), bool)
HOLE[96:160, 96:160] = True
EVERYWHERE = np.full((32, 32), SKIN)


class Painter:
    """A network that paints a picture, uint8 [SIZE, SIZE, 3], names its parts by `ids` [32, 32], and keeps what it saw."""

    device, latent_size = "cpu", 1

    def __init__(self, picture=PORTRAIT, ids=EVERYWHERE):
        self.picture = picture.transpose(2, 0, 1) / np.float32(127.5) - 1
        self.layout = np.eye(19, dtype=np.float32)[ids].transpose(2, 0, 1)
        self.seen = []

    def __call__(self, views):
        self.seen += [view.image for view in views]
        scores = np.full((1, 16, 16), 1 / 16, np.float32)
        return [Painted(np.where(view.mask > 0, self.picture, view.image), self.layout, scores) for view in views]


def restored(photo, painter, **options):
    return np.asarray(Inpainter(painter)(Image.fromarray(photo), HOLE, boxes="portrait", **options).image)


def test_the_layout_is_the_first_variants():
    class OtherParts(Painter):
        def __call__(self, views):
            self.layout = np.roll(self.layout, 1, axis=0)
            return super().__call__(views)

    result = Inpainter(OtherParts())(Image.fromarray(PORTRAIT), HOLE, boxes="portrait", num_variants=3)
    assert (result.layout == SKIN + 1).all()


def test_what_is_painted_into_a_coarse_jpeg_shows_its_squares():
    file = BytesIO()
    Image.fromarray(PORTRAIT).save(file, "JPEG", quality=20)
    photo = Image.open(file)
    filled = np.asarray(Inpainter(Painter())(photo, HOLE, boxes="portrait").image)
    assert blockiness(PORTRAIT, HOLE) < 1.1
    assert blockiness(filled, HOLE) > 0.9 * blockiness(np.asarray(photo), HOLE) > 1.5


def test_a_faded_face_is_seen_in_full_contrast_and_a_wall_as_it_is():
    faded = np.round(100 + 0.2 * PORTRAIT).astype(np.uint8)
    painter = Painter()
    restored(faded, painter)
    Inpainter(painter)(Image.fromarray(faded), HOLE, boxes=[])
    face, *walls = painter.seen
    assert np.ptp(face) > 1.5
    assert all(np.ptp(wall[:, ~HOLE]) < 0.5 for wall in walls)


def test_grain_is_not_learnt_from_hair():
    noise = np.random.default_rng(0).normal(128, 12, (SIZE, SIZE, 1)).astype(np.uint8).repeat(3, axis=2)
    roughness = {}
    for part_around in (HAIR, CLOTH):
        ids = np.full_like(EVERYWHERE, part_around)
        ids[12:20, 12:20] = SKIN  # unlike all that is known, so that no detail is carried there
        roughness[part_around] = restored(noise, Painter(np.full_like(noise, 128), ids))[120:136, 120:136].std()
    assert roughness[CLOTH] > 8
    assert roughness[HAIR] < 2


def test_before_a_soft_background_a_sharp_face_stays_sharp():
    def finest(picture):
        return ((picture - cv2.GaussianBlur(picture, (0, 0), 0.7))[HOLE] ** 2).mean()

    drawing = np.random.default_rng(0).integers(0, 256, (128, 128, 1), np.uint8).repeat(3, axis=2)
    sharp = cv2.resize(drawing, (SIZE, SIZE)).astype(np.float32)
    soft = np.clip(128 + 5 * (cv2.GaussianBlur(sharp, (0, 0), 3) - 128), 0, 255)
    ids = np.full_like(EVERYWHERE, BACKGROUND)
    ids[8:24, 8:24] = HAIR  # no grain is learnt from it
    photo = np.where(np.kron(ids, np.ones((8, 8)))[..., None] == HAIR, sharp, soft).astype(np.uint8)
    assert finest(restored(photo, Painter(sharp, ids)).astype(np.float32)) > 0.9 * finest(sharp)


def test_how_much_of_a_trial_was_seen_is_what_of_the_person_the_hole_leaves(monkeypatch):
    ids = EVERYWHERE.copy()
    ids[:, 16:] = BACKGROUND
    hole = np.zeros((SIZE, SIZE), bool)
    hole[:64] = True
    trials = []
    window = Window((SIZE / 2, SIZE / 2), SIZE)
    monkeypatch.setattr(search, "find_faces", lambda rgb, hole, detector, *, paint: trials.append(paint(window)) or [])
    Inpainter(Painter(ids=ids)).find_faces(PORTRAIT, hole)
    assert trials[0].seen == pytest.approx(0.75)


@pytest.mark.parametrize(("score", "is_seen"), [(0.95, False), (0.999, True)])
def test_in_a_square_photo_a_face_that_is_hardly_seen_is_taken_for_a_portraits(score, is_seen, monkeypatch):
    """So the network first sees the whole photo, or the square round the face, whichever the detector's score speaks for."""
    landmarks = np.float32([(60, 110), (120, 110), (90, 140), (66, 170), (114, 170)])  # a portrait's, but for a shift
    face = Face((50, 60, 130, 190), landmarks, score)
    monkeypatch.setattr(search, "find_faces", lambda rgb, hole, detector, *, paint: [face])
    painter = Painter()
    Inpainter(painter, detector=lambda rgb: [])(Image.fromarray(PORTRAIT), HOLE)
    is_whole_photo = np.array_equal(painter.seen[0][:, ~HOLE], (PORTRAIT / np.float32(127.5) - 1).transpose(2, 0, 1)[:, ~HOLE])
    assert is_whole_photo != is_seen
