import cv2
import numpy as np
import pytest

from facemend.metrics import high_frequency_ratio, seam_ratio
from facemend.photo import residuals
from facemend.photo.framing import Window, unview_photo, view_photo
from facemend.photo.network_view import NetworkView
from facemend.photo.residuals import carry_residuals

SIZE = 256
GRID = 4  # the scores' grid


def weave(shape, period=4):
    """A texture [H, W, 3] finer than a network of 256 pixels sees in a larger view: threads from upper left to lower right."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.repeat((20 * np.sin((x - y) * 2 * np.pi / period))[..., None], 3, axis=2)


def shaded(shape):
    """Light from the left, [H, W, 3]."""
    return np.repeat(np.linspace(90, 160, shape[1])[None, :, None], 3, axis=2) + np.zeros((*shape, 1))


def as_pixels(values):
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def square_hole(shape, top=0.4, left=0.35, size=0.2):
    hole = np.zeros(shape, bool)
    y, x, n = (round(value * min(shape)) for value in (top, left, size))
    hole[y : y + n, x : x + n] = True
    return hole


def soft_view(truth, hole, window, scores=None, layout=None):
    """What a network would make of a window that paints the hole rightly, but as softly as ours does."""
    completed, _ = view_photo(truth, np.zeros_like(hole), window)
    _, unknown = view_photo(truth, hole, window)
    painted = cv2.GaussianBlur(completed.transpose(1, 2, 0), (0, 0), 0.8).transpose(2, 0, 1)
    completed = np.where(unknown > 0, painted, completed)
    if scores is None:
        scores = np.full((2, GRID**2, GRID**2), 1 / GRID**2, np.float32)
    if layout is None:
        layout = np.ones((1, 8, 8), np.float32)
    return NetworkView(window, completed, unknown, scores, layout)


def test_class_ids_are_those_of_the_likeliest_parts():
    layout = np.random.default_rng(0).dirichlet(np.ones(19), size=(32, 32)).astype(np.float32).transpose(2, 0, 1)
    view = soft_view(np.zeros((64, 64, 3), np.uint8), square_hole((64, 64)), Window((32, 32), 64, 64), layout=layout)
    enlarged = [cv2.resize(part, (64, 64), interpolation=cv2.INTER_LINEAR) for part in layout]
    assert (view.ids() == np.argmax(enlarged, axis=0)).all()


def fill(photo, hole, view):
    """Fill all of the hole; returns the photo as enlarged from the view, and with detail."""
    region = view.window.region(hole.shape)
    soft = unview_photo(view.softened(), view.window, region)
    detailed = carry_residuals(photo[region], hole[region], hole[region], soft, view, region=region)
    plain, full = photo.copy(), photo.copy()
    plain[region][hole[region]] = soft[hole[region]]
    full[region][hole[region]] = detailed[hole[region]]
    return plain, full


@pytest.mark.parametrize(("side", "angle"), [(640, 0), (500, 30), (600, 180)])
def test_texture_finer_than_the_network_sees_is_carried_into_the_hole(side, angle):
    shape = (640, 640)
    truth, hole = as_pixels(shaded(shape) + weave(shape)), square_hole(shape)
    photo = np.where(hole[..., None], np.uint8(0), truth)
    plain, full = fill(photo, hole, soft_view(truth, hole, Window((320, 320), side, SIZE, angle)))
    assert high_frequency_ratio(plain, truth, hole) < 0.1
    assert 0.2 < high_frequency_ratio(full, truth, hole) < 1.5
    along = np.abs(full.astype(float) - shaded(shape))[hole].mean()
    assert along < 25  # detail, and no more than there was
    assert np.array_equal(full[~hole], photo[~hole])


def test_a_hole_of_many_bands_is_filled_as_in_one(monkeypatch):
    shape = (400, 400)
    truth, hole = as_pixels(shaded(shape) + weave(shape)), square_hole(shape)
    view = soft_view(truth, hole, Window((200, 200), 400, SIZE))
    _, in_one = fill(truth, hole, view)
    monkeypatch.setattr(residuals, "_PIXELS_AT_ONCE", 1)
    assert np.abs(fill(truth, hole, view)[1].astype(int) - in_one).max() <= 1  # sums of another order


def test_detail_comes_from_the_same_part_of_the_face():
    """Left half rough, right half smooth, of one colour: only the layout tells the network's halves apart."""
    shape = (640, 640)
    texture = weave(shape)
    texture[:, 320:] = 0
    truth = as_pixels(np.full((*shape, 3), 128.0) + texture)
    hole = square_hole(shape, left=0.6) | square_hole(shape, left=0.2)
    photo = np.where(hole[..., None], np.uint8(0), truth)
    layout = np.zeros((2, 8, 8), np.float32)
    layout[0, :, :4] = layout[1, :, 4:] = 1
    _, full = fill(photo, hole, soft_view(truth, hole, Window((320, 320), 640, SIZE), layout=layout))
    rough, smooth = full[:, :300][hole[:, :300]], full[:, 340:][hole[:, 340:]]
    assert rough.std() > 5
    assert smooth.std() < 0.2 * rough.std()


def test_texture_of_another_part_is_not_carried():
    """Only a lawn is known, of the face's colour: it does not grow on it."""
    shape = (640, 640)
    truth, hole = as_pixels(np.full((*shape, 3), 128.0) + weave(shape)), square_hole(shape, top=0.375, left=0.375, size=0.25)
    roughness = {}
    for part_in_the_hole in (0, 1):
        layout = np.zeros((2, 8, 8), np.float32)
        layout[0] = 1
        layout[:, 3:5, 3:5] = np.eye(2)[part_in_the_hole][:, None, None]
        _, full = fill(truth, hole, soft_view(truth, hole, Window((320, 320), 640, SIZE), layout=layout))
        roughness[part_in_the_hole] = full[280:360, 280:360].std()  # the middle: what is next to the edge spreads beyond it
    assert roughness[0] > 10
    assert roughness[1] < 0.1


def test_detail_follows_attention():
    """Half of the known part is rough, and nothing but the attention tells which half the hole is like."""
    shape = (640, 640)
    texture = weave(shape)
    texture[:320] = 0
    truth = as_pixels(np.full((*shape, 3), 128.0) + texture)
    hole = square_hole(shape)
    photo = np.where(hole[..., None], np.uint8(0), truth)
    roughness = {}
    for half in ("upper", "lower"):
        scores = np.zeros((2, GRID**2, GRID**2), np.float32)
        rows = slice(0, GRID**2 // 2) if half == "upper" else slice(GRID**2 // 2, None)
        scores[:, :, rows] = 2 / GRID**2
        _, full = fill(photo, hole, soft_view(truth, hole, Window((320, 320), 640, SIZE), scores=scores))
        roughness[half] = full[hole].std()
    assert roughness["lower"] > 3 * roughness["upper"]


def test_a_thin_scratch_across_fine_texture_is_bridged():
    shape = (640, 640)
    truth = as_pixels(shaded(shape) + weave(shape, 9))
    hole = np.zeros(shape, bool)
    hole[:, 300:303] = True
    photo = np.where(hole[..., None], np.uint8(0), truth)
    plain, full = fill(photo, hole, soft_view(truth, hole, Window((320, 320), 640, SIZE)))
    errors = [np.abs(result.astype(float) - truth)[hole].mean() for result in (plain, full)]
    assert errors[1] < 0.8 * errors[0]
    assert seam_ratio(full, truth, hole) < 1.1  # no step that was not there


def test_a_photo_without_fine_detail_gets_none():
    shape = (900, 900)
    truth, hole = as_pixels(shaded(shape)), square_hole(shape)
    photo = np.where(hole[..., None], np.uint8(0), truth)
    _, full = fill(photo, hole, soft_view(truth, hole, Window((450, 450), 900, SIZE)))
    assert np.abs(full.astype(int) - truth).max() <= 2


def test_what_the_hole_covers_is_not_looked_at():
    shape = (700, 800)
    truth, hole = as_pixels(shaded(shape) + weave(shape)), square_hole(shape)
    view = soft_view(truth, hole, Window((400, 350), 700, SIZE, 20))
    _, once = fill(truth, hole, view)
    _, again = fill(np.where(hole[..., None], 255 - truth, truth), hole, view)
    assert np.array_equal(once, again)


@pytest.mark.parametrize(
    ("shape", "center", "side"),
    [((260, 900), (450, 130), 900), ((400, 400), (390, 390), 800), ((400, 400), (300, 130), 257)],
)
def test_windows_beyond_the_photo_and_holes_at_its_border(shape, center, side):
    truth = as_pixels(shaded(shape) + weave(shape))
    hole = np.zeros(shape, bool)
    hole[:40] = hole[:, -30:] = True
    view = soft_view(truth, hole, Window(center, side, SIZE))
    _, full = fill(truth, hole, view)
    assert np.array_equal(full[~hole], truth[~hole])


def test_nothing_known_is_borne():
    truth = as_pixels(shaded((600, 600)))
    everything = np.ones((600, 600), bool)
    view = soft_view(truth, everything, Window((300, 300), 600, SIZE))
    region = view.window.region(everything.shape)
    soft = unview_photo(view.softened(), view.window, region)
    assert np.array_equal(carry_residuals(truth, everything, everything, soft, view, region=region), soft)


@pytest.mark.parametrize("side", [256, 200])
def test_what_the_network_paints_softly_at_the_photos_own_size_gets_its_detail_too(side):
    shape = (256, 256)
    truth, hole = as_pixels(shaded(shape) + weave(shape)), square_hole(shape)
    plain, full = fill(truth, hole, soft_view(truth, hole, Window((128, 128), side, SIZE)))
    before, after = (high_frequency_ratio(result, truth, hole) for result in (plain, full))
    assert before < 0.3
    assert before + 0.2 < after < 1.2


def test_rough_detail_beside_a_smooth_edge_leaves_no_seam():
    """What is carried may be rougher than what is next to it: it sets in behind the hole's edge."""
    shape = (1280, 1280)
    texture = np.random.default_rng(0).normal(0, 25, (*shape, 3))
    hole = square_hole(shape)
    texture[400:900, 350:850] *= 0.1  # smooth all round the hole, rough beyond
    truth = as_pixels(np.full((*shape, 3), 128.0) + texture)
    photo = np.where(hole[..., None], np.uint8(0), truth)
    scores = np.full((2, GRID**2, GRID**2), 1e-6, np.float32)
    scores[:, :, 0] = 1  # the attention draws on a rough corner
    _, full = fill(photo, hole, soft_view(truth, hole, Window((640, 640), 1280, SIZE), scores=scores))
    assert full[560:720, 560:640].std() > 3
    assert seam_ratio(full, truth, hole) < 1.1
