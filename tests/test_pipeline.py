import numpy as np
import pytest
import torch
from conftest import make_hole, make_photo, mask_image
from PIL import Image, ImageFilter

from facemend import Inpainter, imaging
from facemend.backends.on_torch import choose_device
from facemend.errors import ConfigError, ImageError, MaskError, WeightsError
from facemend.photo import search
from facemend.photo.detectors import Face


@pytest.fixture(scope="module")
def inpainter(tiny_model):
    return Inpainter.from_pretrained(tiny_model, device="cpu")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "P", "PA", "I;16"])
def test_every_mode_comes_back_with_known_pixels_identical(inpainter, mode):
    image, hole = make_photo(mode), make_hole()
    result = inpainter(image, mask_image(hole))
    settled = imaging.check_photo(image)
    assert result.image.size == image.size
    assert result.image.mode == settled.mode
    before, after = np.asarray(settled), np.asarray(result.image)
    assert np.array_equal(after[~hole], before[~hole])
    assert not np.array_equal(after[hole], before[hole])


@pytest.mark.parametrize("size", [(16, 16), (70, 33), (256, 256), (301, 257), (600, 280)])
@pytest.mark.parametrize("wide", [False, True])
def test_every_size_and_shape(inpainter, size, wide):
    width, height = size
    hole = np.zeros((height, width), bool)
    hole[height // 4 : height // 2, width // 4 : width // 2] = True
    if wide:
        hole[-2:, :-1] = True
    image = make_photo("RGB", width, height)
    result = inpainter(image, hole)
    assert result.image.size == size
    assert np.array_equal(np.asarray(result.image)[~hole], np.asarray(image)[~hole])
    assert result.layout.shape == (height, width)
    assert result.layout.dtype == np.uint8
    assert result.layout.max() < 19


@pytest.mark.parametrize("size", [(80, 96), (320, 300)])
def test_what_lies_under_the_mask_does_not_matter(inpainter, size):
    width, height = size
    hole = make_hole(width, height)
    pixels = np.asarray(make_photo("RGB", width, height)).copy()
    first = inpainter(Image.fromarray(pixels), hole)
    pixels[hole] = 255 - pixels[hole]
    second = inpainter(Image.fromarray(pixels), hole)
    assert np.array_equal(np.asarray(first.image), np.asarray(second.image))
    assert np.array_equal(first.layout, second.layout)


def test_what_lies_under_the_mask_does_not_matter_where_a_large_photo_is_seen_reduced(tiny_model):
    seen = []
    inpainter = Inpainter.from_pretrained(tiny_model, device="cpu", detector=lambda rgb: seen.append(hash(rgb.tobytes())) or [])
    rows, columns = np.ogrid[:290, :1190]
    hole = np.abs(3 * rows - columns) < 5  # many corners, of which a reduced pixel holds next to nothing
    photo = np.asarray(make_photo("L", 1190, 290).convert("RGB"))  # of one tint, which its fill is given
    outcomes = set()
    for under in (photo, 255 - np.asarray(make_photo("RGB", 1190, 290))):
        pixels = np.where(hole[..., None], under, photo)
        seen.clear()
        filled = np.asarray(inpainter(Image.fromarray(pixels), hole).image)
        layout, faces = inpainter.parse(Image.fromarray(pixels), hole), inpainter.find_faces(pixels, hole)
        assert faces == [] and np.array_equal(filled[~hole], photo[~hole])
        outcomes.add((hash(filled.tobytes()), hash(layout.tobytes()), *seen))
    assert len(seen) > 3 and len(outcomes) == 1


def test_photo_and_mask_given_are_left_alone(inpainter):
    photo, mask = make_photo(), mask_image(make_hole())
    before = photo.tobytes(), mask.tobytes()
    inpainter(photo, mask)
    assert (photo.tobytes(), mask.tobytes()) == before


def pixels_of(images):
    return [image.tobytes() for image in images]


def test_seed_zero_begins_with_the_most_likely_variant(inpainter):
    photo, hole = make_photo(), make_hole()
    first = inpainter(photo, hole)
    three = inpainter(photo, hole, num_variants=3)
    assert pixels_of(three.images)[0] == first.image.tobytes()
    assert len(set(pixels_of(three.images))) == 3
    assert three.image is three.images[0]


def test_the_same_seed_gives_the_same_variants(inpainter):
    photo, hole = make_photo(), make_hole()
    torch.manual_seed(5)
    two = inpainter(photo, hole, seed=7, num_variants=2)
    torch.manual_seed(6)
    three = inpainter(photo, hole, seed=7, num_variants=3)
    assert pixels_of(two.images) == pixels_of(three.images)[:2]
    assert pixels_of(two.images)[0] != inpainter(photo, hole, seed=8).image.tobytes()
    assert pixels_of(two.images)[0] != inpainter(photo, hole).image.tobytes()


@pytest.mark.parametrize(
    "options", [{"num_variants": 0}, {"num_variants": 1001}, {"seed": -1}, {"seed": 2**70}, {"seed": 1.5}, {"seed": None}]
)
def test_wrong_numbers_are_refused(inpainter, options):
    with pytest.raises(ConfigError):
        inpainter(make_photo(), make_hole(), **options)


def test_a_given_layout_is_used_and_returned(inpainter):
    photo, hole = make_photo(), make_hole()
    layout = np.full((96, 80), 13, np.uint8)
    hair = inpainter(photo, hole, layout=layout)
    assert np.array_equal(hair.layout, layout)
    skin = inpainter(photo, hole, layout=Image.fromarray(np.ones_like(layout)))
    assert hair.image.tobytes() != skin.image.tobytes()


def test_what_does_not_fit_is_refused(inpainter):
    with pytest.raises(ImageError, match="photo is of type ndarray: give an image of PIL's"):
        inpainter(np.asarray(make_photo()), make_hole())
    with pytest.raises(ImageError, match="layout"):
        inpainter(make_photo(), make_hole(), layout=np.zeros((10, 10), np.uint8))
    with pytest.raises(MaskError, match="20x96"):
        inpainter(make_photo(), np.eye(96, 20, dtype=bool))
    with pytest.raises(ImageError, match="1x1"):
        inpainter(Image.new("RGB", (1, 1)), np.ones((1, 1), bool))


def face_at(x, y, eye_distance, angle=0.0):
    """A face by its landmarks: the middle between its eyes, and how it is turned."""
    upright = np.array([[-0.5, 0], [0.5, 0], [0, 0.6], [-0.4, 1.05], [0.4, 1.05]]) * eye_distance
    turn = np.radians(angle)
    landmarks = upright @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + (x, y)
    return Face((*landmarks.min(axis=0), *landmarks.max(axis=0)), landmarks.astype(np.float32), 1.0)


@pytest.fixture
def of_two_faces(tiny_model, monkeypatch):
    """An inpainter for a photo of noise that is said to show two faces; no detector finds them again."""
    found = [face_at(120, 90, 30), face_at(300, 130, 40, angle=25)]
    monkeypatch.setattr(search, "find_faces", lambda rgb, hole, detector, *, paint: found)
    return Inpainter.from_pretrained(tiny_model, device="cpu", detector=lambda rgb: [])


def two_face_hole():
    hole = np.zeros((260, 420), bool)
    hole[80:110, 20:400] = True  # both faces, and what is between and beside them
    hole[255, 3] = True  # a speck
    return hole


def test_every_face_and_what_lies_beside_is_repainted_and_nothing_else(of_two_faces):
    photo, hole = make_photo("RGB", 420, 260), two_face_hole()
    result = of_two_faces(photo, hole, num_variants=2)
    assert result.notes == ()
    for image in result.images:
        changed = (np.asarray(image) != np.asarray(photo)).any(axis=2)
        assert not changed[~hole].any()
        assert changed[hole].mean() > 0.95  # noise may be hit by chance, here and there
    assert result.layout.shape == (260, 420)


def test_what_a_view_shows_of_other_holes_does_not_matter(of_two_faces):
    hole = two_face_hole()
    pixels = np.asarray(make_photo("RGB", 420, 260)).copy()
    first = of_two_faces(Image.fromarray(pixels), hole)
    pixels[hole] = 255 - pixels[hole]
    assert of_two_faces(Image.fromarray(pixels), hole).image.tobytes() == first.image.tobytes()


def test_a_given_layout_reaches_turned_faces(of_two_faces):
    photo, hole = make_photo("RGB", 420, 260).filter(ImageFilter.GaussianBlur(4)), two_face_hole()  # no grain: that is all faces'
    layout = np.zeros((260, 420), np.uint8)
    plain = np.asarray(of_two_faces(photo, hole, layout=layout).image)
    layout[110:160, 270:330] = 13
    changed = (np.asarray(of_two_faces(photo, hole, layout=layout).image) != plain).any(axis=2)
    assert changed[:, 250:350].any() and not changed[:, 70:170].any()  # the other face


def test_a_photo_is_parsed_face_by_face(of_two_faces):
    faces = []
    layout = of_two_faces.parse(make_photo("RGB", 420, 260), two_face_hole(), on_face=faces.append)
    assert sorted(np.concatenate(faces)[np.concatenate(faces) > 0]) == sorted(layout[layout > 0])
    assert len(faces) == 2
    assert layout.shape == (260, 420) and layout.dtype == np.uint8
    assert len(np.unique(layout[90:150, 100:140])) > 1
    assert not layout[:, :30].any() and not layout[:, 410:].any()  # beyond both
    assert of_two_faces.parse(make_photo("RGB", 420, 260)).any()  # without a mask, too


def test_the_user_is_told_when_no_face_was_found(inpainter):
    result = inpainter(make_photo(), make_hole())
    assert len(result.notes) == 1 and "no face found" in result.notes[0] and "--box" in result.notes[0]
    assert inpainter(make_photo(), make_hole(), boxes=[(20, 20, 60, 70)]).notes == ()


def test_a_box_is_restored_in_its_own_frame(inpainter):
    photo, hole = make_photo("RGB", 600, 500), make_hole(600, 500)
    whole, boxed = inpainter(photo, hole, boxes="portrait"), inpainter(photo, hole, boxes=[(150, 100, 290, 280)])
    assert np.array_equal(np.asarray(boxed.image)[~hole], np.asarray(photo)[~hole])
    assert boxed.image.tobytes() != whole.image.tobytes()


def test_a_portrait_is_seen_in_one_view_however_large(inpainter):
    runs = []
    hole = np.eye(1200, dtype=bool)  # a scratch, which elsewhere is seen in several tiles
    result = inpainter(Image.new("RGB", (1200, 1200)), hole, boxes="portrait", on_run=runs.append)
    assert runs == [1]
    assert result.notes == ()


@pytest.mark.parametrize(
    "box", [(10, 10, 5, 50), (80, 0, 120, 50), (-30, 0, 0, 20), (0, 0, 300, 50), (1, 2, 3), (9, 9, 9.5, 20), 10, "abcd"]
)
def test_a_box_that_is_none_is_refused(inpainter, box):
    with pytest.raises(ConfigError, match="80x96"):
        inpainter(make_photo(), make_hole(), boxes=[box])


def test_a_word_for_boxes_that_is_unknown_is_refused(inpainter):
    with pytest.raises(ConfigError, match="portrait"):
        inpainter(make_photo(), make_hole(), boxes="portrit")


def test_the_box_of_a_face_that_the_photo_cuts_off_may_reach_beyond_it(inpainter):
    cut, inside = (inpainter(make_photo(), make_hole(), boxes=np.array([(left, 20, 60, 90)])).image for left in (-30, 0))
    assert cut.tobytes() != inside.tobytes()


@pytest.mark.parametrize("is_grey", [True, False])
def test_a_face_keeps_to_the_tones_of_its_own_surroundings(inpainter, is_grey):
    face = np.asarray(make_photo("RGB", 12, 12, seed=1).resize((200, 200), Image.Resampling.BICUBIC))
    scene = np.full((1600, 1600, 3), (170, 50, 40), np.uint8)  # a grey print on a red cloth, or, less likely, the other way round
    luma = [np.repeat(np.asarray(Image.fromarray(part).convert("L"))[..., None], 3, axis=2) for part in (face, scene)]
    face, scene = (luma[0], scene) if is_grey else (face, luma[1])
    scene[50:250, 50:250] = face
    hole = np.zeros((1600, 1600), bool)
    hole[130:160, 130:160] = True
    filled = np.asarray(inpainter(Image.fromarray(scene), hole, boxes=[(96, 88, 204, 232)]).image)[hole]
    assert (np.ptp(filled, axis=1) <= 1).all() == is_grey


def test_beside_faces_a_photo_of_one_tint_gets_no_other(inpainter):
    grey = make_photo("RGB", 200, 200).convert("L").convert("RGB")
    hole = np.zeros((200, 200), bool)
    hole[60:100, 60:100] = True
    filled = np.asarray(inpainter(grey, hole, boxes=[]).image)[hole]
    assert (np.ptp(filled, axis=1) <= 1).all()


def test_paper_round_a_print_is_not_seen_by_the_network(inpainter):
    pictures = []
    for ink in ((236, 230, 214), (20, 30, 90)):
        photo = np.full((300, 300, 3), (236, 230, 214), np.uint8)
        photo[4:16, 20:120] = ink  # written on the paper, as far from the hole as grain is not measured
        photo[20:280, 20:280] = np.asarray(make_photo("RGB", 26, 26).resize((260, 260), Image.Resampling.BICUBIC))
        hole = np.zeros((300, 300), bool)
        hole[200:, 200:] = True
        pictures.append(np.asarray(inpainter(Image.fromarray(photo), hole, boxes=[]).image)[20:280, 20:280])
    assert np.array_equal(*pictures)


def test_paper_round_a_print_is_not_painted_by_the_network(inpainter):
    photo = np.full((300, 300, 3), (236, 230, 214), np.uint8)
    photo[20:280, 20:280] = np.asarray(make_photo("RGB", 26, 26).resize((260, 260), Image.Resampling.BICUBIC))
    hole = np.zeros((300, 300), bool)
    hole[:18, 200:] = True
    runs = []
    only_paper = inpainter(Image.fromarray(np.where(hole[..., None], 0, photo)), hole, on_run=runs.append)
    assert np.abs(np.asarray(only_paper.image).astype(int) - photo).max() <= 1
    assert not runs and not only_paper.notes
    with pytest.raises(ConfigError, match="portrait"):  # though no face is looked for
        inpainter(Image.fromarray(photo), hole, boxes="portrit")

    hole[:100, 200:] = True  # a torn corner
    torn = np.asarray(inpainter(Image.fromarray(np.where(hole[..., None], 0, photo)), hole, on_run=runs.append).image)
    picture = np.zeros((300, 300), bool)
    picture[20:280, 20:280] = True
    assert np.abs(torn.astype(int) - photo)[hole & ~picture].mean() < 3  # grain may be added
    assert (torn != photo).any(axis=2)[hole & picture].mean() > 0.9
    assert runs


def test_a_large_photo_full_of_specks_takes_few_runs(inpainter):
    hole = np.zeros((600, 900), bool)
    hole[::30, ::30] = True
    runs = []
    photo = make_photo("RGB", 900, 600)
    result = inpainter(photo, hole, boxes=[(100, 100, 200, 230)], on_run=runs.append)
    assert np.array_equal(np.asarray(result.image)[~hole], np.asarray(photo)[~hole])
    assert 0 < len(runs) < 9


def test_devices():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("abacus", "cuda:99", ""):
        with pytest.raises(ConfigError, match="auto, cpu"):
            choose_device(name)


def test_a_missing_model_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no model or folder"):
        Inpainter.from_pretrained(tmp_path / "none")
