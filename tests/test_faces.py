"""Faces are found in a real photo whatever befell it; where they are was read off the photo by eye."""

from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from PIL import Image

from facemend import Inpainter, random_mask
from facemend.demo import load_portrait
from facemend.errors import WeightsError
from facemend.face_classes import FACE_CLASSES
from facemend.photo import faces, framing, search
from facemend.photo.detectors import Face, YuNetDetector
from facemend.photo.faces import face_window
from facemend.photo.guessing import Trial, guess_faces
from facemend.photo.search import find_faces

EYES, MOUTH = ((204, 101), (246, 103)), ((203, 140), (244, 142))  # of the astronaut, left and right as one sees them
EYE_DISTANCE = 42


@pytest.fixture(scope="module")
def astronaut():
    return skimage.data.astronaut()


def middles(face):
    """Between the eyes, and between the mouth's corners."""
    return face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)


def assert_astronaut(face, place, tolerance=0.2):
    """A face has its eyes and mouth where `place` puts those of the astronaut."""
    for found, known in zip(middles(face), (EYES, MOUTH), strict=True):
        expected = np.mean([place(*point) for point in known], axis=0)
        assert np.linalg.norm(found - expected) < tolerance * EYE_DISTANCE


def rectangle(shape, left, top, right, bottom):
    hole = np.zeros(shape[:2], bool)
    hole[top:bottom, left:right] = True
    return hole


def test_a_face_is_found_where_it_is(astronaut):
    face = find_faces(astronaut)[0]
    assert_astronaut(face, lambda x, y: (x, y), tolerance=0.1)
    left, top, right, bottom = face.box
    assert 150 < left < 195 and 250 < right < 290
    assert 40 < top < 85 and 155 < bottom < 195


@pytest.mark.parametrize(
    ("turns", "place"),
    [(1, lambda x, y: (y, 512 - x)), (2, lambda x, y: (512 - x, 512 - y)), (3, lambda x, y: (512 - y, x))],
)
def test_a_photo_may_lie_on_its_side(astronaut, turns, place):
    hole = rectangle(astronaut.shape, 190, 130, 230, 150)
    turned = np.ascontiguousarray(np.rot90(astronaut, turns))
    face = find_faces(turned, np.rot90(hole, turns))[0]
    assert_astronaut(face, place)
    assert abs((face_window(face).angle + 90 * turns + 180) % 360 - 180) < 12


def test_a_face_that_is_surer_upside_down_lies_so(astronaut):
    detect = search.MtcnnDetector()

    def detect_gullibly(picture):
        """See eyes in the mouth of who is upside down, and the mouth in the eyes, as MTCNN often does."""
        height, width = picture.shape[:2]
        upside_down = detect(np.ascontiguousarray(picture[::-1, ::-1]))
        swapped = [
            replace(face, landmarks=((width, height) - face.landmarks)[[4, 3, 2, 1, 0]], score=0.99) for face in upside_down
        ]
        return detect(picture) + swapped

    for turned, angle in ((astronaut, 0), (np.ascontiguousarray(astronaut[::-1, ::-1]), 180)):
        faces_there = find_faces(turned, detector=detect_gullibly)
        assert len(faces_there) == 1
        assert abs((face_window(faces_there[0]).angle - angle + 180) % 360 - 180) < 12


@pytest.mark.parametrize(
    "part",
    [
        pytest.param((180, 90, 265, 122), id="eyes"),
        pytest.param((190, 128, 256, 155), id="mouth"),
        pytest.param((218, 60, 275, 185), id="right", marks=pytest.mark.slow),
        pytest.param((170, 60, 222, 185), id="left"),
    ],
)
def test_a_face_is_found_although_part_of_it_is_missing(astronaut, part):
    hole = rectangle(astronaut.shape, *part)
    damaged = astronaut.copy()
    damaged[hole] = 255
    found = find_faces(damaged, hole)
    assert_astronaut(found[0], lambda x, y: (x, y), tolerance=0.35)

    damaged[hole] = (0, 255, 0)  # whatever the damage looks like
    again = find_faces(damaged, hole)
    assert [face.landmarks.tolist() for face in again] == [face.landmarks.tolist() for face in found]


@pytest.fixture(scope="module")
def inpainter():
    return Inpainter.from_pretrained("default", backend="onnx")


@pytest.mark.parametrize(
    ("turns", "place", "most_runs"),
    [
        pytest.param(0, lambda x, y: (x, y), 6, id="upright"),
        pytest.param(3, lambda x, y: (512 - y, x), 20, id="lying", marks=pytest.mark.slow),
    ],
)
def test_a_face_of_which_little_is_left_is_found_by_painting_one(astronaut, inpainter, turns, place, most_runs):
    hole = np.rot90(rectangle(astronaut.shape, 185, 60, 275, 165), turns)
    damaged = np.rot90(astronaut, turns).copy()
    damaged[hole] = 255
    assert find_faces(damaged, hole) == []
    runs = []
    (face,) = inpainter.find_faces(damaged, hole, runs.append)
    assert_astronaut(face, place, tolerance=0.35)
    assert face.score >= faces.SURE
    assert len(runs) <= most_runs


@pytest.mark.parametrize(
    ("family", "area", "seed"),
    [("strokes", 0.2, 1), ("strokes", 0.3, 2), ("box", 0.2, 2), ("half", 0.3, 2), ("dust", 0.5, 2), ("text", 0.4, 2)],
)
def test_a_portrait_whose_face_is_seen_costs_no_trial(inpainter, family, area, seed):
    portrait = np.array(load_portrait())
    hole = random_mask(256, family=family, area=area, seed=seed) > 0
    portrait[hole] = 255
    runs = []
    (face,) = inpainter.find_faces(portrait, hole, runs.append)
    assert np.linalg.norm(np.subtract(face_window(face).center, 128)) < 20
    assert runs == []


def test_a_portrait_whose_face_is_hidden_costs_few(inpainter):
    portrait = np.array(load_portrait())
    hole = rectangle(portrait.shape, 60, 50, 200, 210)
    portrait[hole] = 255
    assert find_faces(portrait, hole) == []
    runs = []
    (face,) = inpainter.find_faces(portrait, hole, runs.append)
    assert np.linalg.norm(np.subtract(face_window(face).center, 128)) < 20
    assert len(runs) <= 6


def test_what_is_left_of_a_face_leads_to_it_from_the_whole_photo(astronaut, inpainter):
    """The larger part of the hole has its middle on the shoulder; of the face there are a mouth, a chin and curls."""
    photo = np.array(astronaut[:300, 80:380])
    hole = rectangle(photo.shape, 100, 40, 220, 130) | rectangle(photo.shape, 0, 110, 130, 300)
    photo[hole] = 255
    (face,) = inpainter.find_faces(photo, hole)
    assert_astronaut(face, lambda x, y: (x - 80, y), tolerance=0.35)


def test_a_hidden_face_beside_one_that_is_seen_is_found(astronaut, inpainter):
    head = astronaut[:240, 110:340]
    couple = np.hstack([head, head])
    hole = rectangle(couple.shape, 230 + 185 - 110, 60, 230 + 275 - 110, 165)
    couple[hole] = 255
    runs = []
    found = inpainter.find_faces(couple, hole, runs.append)
    assert_astronaut(min(found, key=lambda face: face.landmarks[0, 0]), lambda x, y: (x - 110, y))
    assert_astronaut(max(found, key=lambda face: face.landmarks[0, 0]), lambda x, y: (x - 110 + 230, y), tolerance=0.35)
    assert len(found) == 2
    assert len(runs) <= 6


@pytest.mark.slow
def test_who_is_in_a_photo_with_others_is_looked_for_as_they_stand(astronaut, inpainter):
    upright = np.array(astronaut[:400, 64:384])
    hole = random_mask((400, 320), family="strokes", area=0.2, seed=1) > 0
    upright[hole] = 255
    for quarters in range(2):
        runs = []
        (face,) = inpainter.find_faces(np.rot90(upright, quarters).copy(), np.rot90(hole, quarters), runs.append)
        assert abs((face_window(face).angle + 90 * quarters + 180) % 360 - 180) < 12
        assert len(runs) <= 12  # for two strokes as broad as faces
    assert faces.stances([face, replace(face, score=0.9)], hole.shape) == (-90,)
    assert faces.stances([replace(face, score=0.9)], hole.shape) == ()


def test_no_face_is_painted_where_none_was(inpainter):
    wall = np.repeat(skimage.data.brick()[:320, :320, None], 3, axis=2)
    assert inpainter.find_faces(wall, rectangle(wall.shape, 90, 80, 230, 220)) == []


def test_no_face_is_painted_on_a_chest(astronaut, inpainter):
    hole = rectangle(astronaut.shape, 130, 230, 330, 420)
    assert np.isin(inpainter(Image.fromarray(astronaut), hole).layout[hole], FACE_CLASSES).mean() < 0.02


def test_no_face_is_painted_into_a_speck(astronaut, inpainter):
    hole = rectangle(astronaut.shape, 320, 60, 345, 85)
    (face,) = inpainter.find_faces(astronaut, hole)
    assert_astronaut(face, lambda x, y: (x, y))


@pytest.mark.parametrize(("seen", "num_found"), [(0.1, 0), (0.3, 1)])
def test_a_painted_face_is_none_if_hardly_anything_but_paint_speaks_for_it(seen, num_found):
    landmarks = np.float32([(96, 115), (160, 115), (128, 140), (104, 175), (152, 175)])  # a portrait's
    trial, face = Trial(np.zeros((3, 256, 256), np.float32), 1.0, seen), Face((80, 70, 180, 200), landmarks, 1.0)
    hole = rectangle((256, 256), 60, 50, 200, 210)
    assert len(guess_faces(hole, [], lambda window: trial, lambda rgb: [face])) == num_found


def test_a_guessed_face_is_measured_anew_in_a_restored_view(astronaut):
    known = find_faces(astronaut)[0]
    guess = Face(known.box, known.landmarks + np.float32([6, -5]), 0.9)
    window = face_window(guess)
    assert not faces.hides_landmarks(rectangle(astronaut.shape, 0, 0, 512, 90), known)
    hole = rectangle(astronaut.shape, 180, 90, 265, 122)
    assert faces.hides_landmarks(hole, guess)

    restored, _ = framing.view_photo(astronaut, np.zeros_like(hole), window)
    assert_astronaut(search.measure_again(guess, restored, window), lambda x, y: (x, y), tolerance=0.1)
    assert search.measure_again(guess, np.zeros_like(restored), window) is guess


def test_a_small_face_in_a_large_photo(astronaut):
    photo = np.full((2400, 3600, 3), 120, np.uint8)
    photo[1500:1756, 2600:2856] = np.asarray(Image.fromarray(astronaut).resize((256, 256)))
    hole = rectangle(photo.shape, 2600 + 95, 1500 + 64, 2600 + 130, 1500 + 76)
    face = find_faces(photo, hole)[0]
    assert_astronaut(face, lambda x, y: (2600 + x / 2, 1500 + y / 2))


@pytest.mark.slow
def test_forty_faces(astronaut):
    head = astronaut[20:220, 120:320]
    mosaic = np.tile(head, (5, 8, 1))
    found = find_faces(mosaic)
    corners = {(int(x // 200), int(y // 200)) for x, y in (middles(face)[0] for face in found)}
    assert len(found) == len(corners) == 40


def test_a_face_cut_by_the_border(astronaut):
    cut = astronaut[:, 215:]
    window = face_window(find_faces(cut)[0])
    assert window.center[0] - window.side / 2 < 0 < window.center[0] + window.side / 2


def test_a_cat_is_no_face():
    assert find_faces(skimage.data.chelsea()) == []


def test_the_square_is_that_of_ffhq():
    """Against the published recipe, written out with its quad's corners."""
    landmarks = np.array([[100, 110], [150, 95], [128, 130], [112, 160], [150, 150]], np.float32)
    eyes, mouth = (landmarks[0] + landmarks[1]) / 2, (landmarks[3] + landmarks[4]) / 2
    x = landmarks[1] - landmarks[0] - np.flip(mouth - eyes) * [-1, 1]
    x = x / np.hypot(*x) * max(np.hypot(*(landmarks[1] - landmarks[0])) * 2.0, np.hypot(*(mouth - eyes)) * 1.8)
    y = np.flip(x) * [-1, 1]
    c = eyes + (mouth - eyes) * 0.1
    upper_left, lower_left, lower_right, upper_right = c - x - y, c - x + y, c + x + y, c + x - y
    window = face_window(Face((90, 60, 160, 180), landmarks, 1.0))
    assert np.allclose(window.corners, [upper_left, upper_right, lower_right, lower_left], atol=1e-3)


def test_a_box_alone_gives_about_the_same_square(astronaut):
    face = find_faces(astronaut)[0]
    by_landmarks, by_box = face_window(face), faces.box_window(face.box)
    assert np.linalg.norm(np.subtract(by_landmarks.center, by_box.center)) < 0.1 * by_landmarks.side
    assert by_box.side == pytest.approx(by_landmarks.side, rel=0.15)


def test_a_file_that_is_not_yunet_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        YuNetDetector(tmp_path / "yunet.onnx")
    (tmp_path / "yunet.onnx").write_bytes(b"not a network")
    with pytest.raises(WeightsError, match="not a YuNet file"):
        YuNetDetector(tmp_path / "yunet.onnx")
