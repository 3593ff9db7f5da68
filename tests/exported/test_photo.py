"""Each step of a restoration beside its model in Python."""

import cv2
import numpy as np
import pytest
from conftest import make_photo
from skimage import data
from test_print_border import LID, make_print, make_scan, torn_corner, torn_side

from facemend.backends import on_onnx
from facemend.damage.prints import judge_print
from facemend.photo.coloring import calm_colors
from facemend.photo.detectors import Face
from facemend.photo.fading import find_levels
from facemend.photo.framing import Window, unview_photo, view_photo
from facemend.photo.guessing import Trial
from facemend.photo.joining import fading
from facemend.photo.network_view import NetworkView
from facemend.photo.planning import plan_views
from facemend.photo.print_border import find_border
from facemend.photo.renaming import without_faces
from facemend.photo.residuals import carry_residuals
from facemend.photo.search import find_faces
from facemend.photo.sharpness import match_sharpness
from facemend.photo.toning import measure_tones

from .twins import HALF_A_LEVEL, picture, run


@pytest.mark.parametrize(
    "window",
    [
        Window((61.3, 40.8), 52.5, 64, 13),
        Window((50, 60), 150.2, 64, -130),
        Window((64, 56), 64, 64),
        *(Window((-33, 60), 192, 80), Window((-31, 61), 256, 64)),  # first made 52.5 and 48.5 pixels wide
    ],
)
def test_views_are_opencvs_there_and_back(modules, window):
    rgb, hole = np.asarray(make_photo(width=120, height=110)), np.zeros((110, 120), bool)
    hole[40:70, 30:80] = True
    image, unknown = view_photo(rgb, hole, window)
    region = window.region(hole.shape)
    seen = run(
        modules,
        f"""const {{ Window, viewPhoto, unviewPhoto }} = await load('framing');
        const window = new Window(given.center, given.side, given.size, given.angle);
        const {{ image, unknown }} = viewPhoto({picture("rgb")}, {picture("hole")}, window);
        const region = window.region({{ width: 120, height: 110 }});
        return [image, unknown, unviewPhoto(image, window, region).data];""",
        rgb=rgb, hole=hole, center=list(window.center), side=window.side, size=window.size, angle=window.angle,
    )  # fmt: skip
    assert np.abs(seen[0] - image.ravel()).max() < HALF_A_LEVEL
    assert (seen[1] == unknown.ravel()).all()
    assert np.abs(seen[2] - unview_photo(image, window, region).ravel().astype(int)).max() <= 1


def test_nothing_is_known_where_there_is_no_photo(modules):
    rgb, hole = np.asarray(make_photo(width=120, height=110)), np.zeros((110, 120), bool)
    window = Window((-200, 60), 160, 64)
    image, unknown = run(
        modules,
        f"""const {{ Window, viewPhoto }} = await load('framing');
        const {{ image, unknown }} = viewPhoto({picture("rgb")}, {picture("hole")}, new Window([-200, 60], 160, 64));
        return [image, unknown];""",
        rgb=rgb, hole=hole,
    )  # fmt: skip
    for here, there in zip((image, unknown), view_photo(rgb, hole, window), strict=True):
        assert (here == there.ravel()).all()


def test_holes_are_filled_as_opencv_fills_them(modules):
    rgb, hole = cv2.blur(np.asarray(make_photo(width=90, height=70)), (9, 9)), np.zeros((70, 90), bool)
    cv2.circle(shape := hole.astype(np.uint8), (40, 30), 20, 1, -1)
    hole = shape > 0
    filled = run(
        modules,
        f"const {{ fillHole }} = await load('telea'); return fillHole({picture('rgb')}, {picture('hole')}, 3).data;",
        rgb=rgb, hole=hole,
    )  # fmt: skip
    assert np.abs(filled - cv2.inpaint(rgb, shape, 3, cv2.INPAINT_TELEA).ravel().astype(int)).max() <= 1


@pytest.mark.parametrize(
    "faces", [[], [Window((300, 260), 280.5, 256, 12), Window((520, 250), 300, 256, -8)]], ids=["none", "two"]
)
def test_a_hole_is_shared_out_among_the_same_views(modules, faces):
    hole = np.zeros((1100, 1400), bool)
    cv2.line(lines := hole.astype(np.uint8), (20, 30), (1300, 900), 1, 5)
    cv2.circle(lines, (900, 700), 170, 1, -1)
    cv2.circle(lines, (330, 250), 40, 1, -1)
    hole = lines > 0
    views = run(
        modules,
        """const [{ Window }, { planViews }] = [await load('framing'), await load('planning')];
        const hole = { data: new Uint8Array(1400 * 1100), width: 1400, height: 1100 };
        for (const i of given.set) hole.data[i] = 1;
        return planViews(hole, given.faces.map((face) => new Window(...face))).map(({ window, area, beside = false }) =>
          [window.center, window.side, window.size, beside, area.reduce((sum, own) => sum + own, 0)]);""",
        set=np.flatnonzero(hole).astype(np.int32),
        faces=[[list(face.center), face.side, face.size, face.angle] for face in faces],
    )  # fmt: skip
    expected = plan_views(hole, faces)
    windows = [[list(view.window.center), view.window.side, view.window.size, view.beside] for view in expected]
    assert [view[:4] for view in views] == windows
    assert [view[4] for view in views] == pytest.approx([int(view.area.sum()) for view in expected], rel=0.01)


def test_parts_are_numbered_as_opencv_numbers_them(modules):
    mask = np.random.default_rng(0).random((61, 83)) < 0.2
    _, labels, stats, middles = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    here, parts = run(
        modules,
        f"""const {{ label }} = await load('components');
        const {{ labels, parts }} = label({picture("mask")});
        return [labels, parts.map(({{ area, width, height, x, y }}) => [area, width, height, x, y])];""",
        mask=mask,
    )  # fmt: skip
    assert len(parts) > 100
    assert (here == labels.ravel()).all()
    np.testing.assert_allclose(parts, np.hstack([stats[1:, [4, 2, 3]], middles[1:]]))


def test_a_view_fades_into_the_one_before_as_pythons_does(modules):
    own, mended = np.zeros((50, 70), np.uint8), np.zeros((50, 70), np.uint8)
    cv2.circle(own, (20, 25), 12, 1, -1)
    cv2.line(mended, (0, 5), (69, 45), 1, 9)
    mended &= 1 - own
    share = run(
        modules,
        """const { fading } = await load('joining');
        return fading({ data: given.own, width: 70, height: 50 }, given.mended, 10.5);""",
        own=own, mended=mended,
    )  # fmt: skip
    np.testing.assert_allclose(share, fading(own > 0, mended > 0, 10.5).ravel(), atol=1e-6)


def test_a_scratch_across_a_large_photo_fades_without_a_wait(modules):
    own, mended = np.zeros((1500, 1500), np.uint8), np.zeros((1500, 1500), np.uint8)
    own[:, 700:740] = 1
    mended[:, 300:310] = mended[500:520] = 1
    mended &= 1 - own
    seconds, share = run(
        modules,
        """const { fading } = await load('joining');
        const begun = performance.now();
        const share = fading({ data: given.own, width: 1500, height: 1500 }, given.mended, 500);
        return [(performance.now() - begun) / 1000, share];""",
        own=own, mended=mended,
    )  # fmt: skip
    np.testing.assert_allclose(share, fading(own > 0, mended > 0, 500).ravel(), atol=1e-6)
    assert seconds < 3  # .4 on one core; 10 if a distance is asked for at every pixel


@pytest.mark.parametrize(
    ("window", "bottom"),
    [(Window((64, 64), 128, 128), 130), (Window((70, 66), 150.5, 128, 20), 130), (Window((64, 64), 128, 128), 5)],
    ids=["as it is", "larger", "from few places"],
)
def test_the_detail_that_python_carries_is_carried(modules, window, bottom):
    rng = np.random.default_rng(0)
    photo = data.astronaut()[50:180, 160:300]
    hole = np.zeros(photo.shape[:2], bool)
    hole[40:70, 40:75] = hole[24:30, 30:80] = hole[bottom:] = True
    seen, _ = view_photo(cv2.GaussianBlur(photo, (0, 0), 2), np.zeros_like(hole), window)
    known, unknown = view_photo(photo, hole, window)
    completed = np.where(unknown > 0, seen, known)
    layout, scores = (rng.dirichlet(np.ones(n), size=shape).astype(np.float32) for n, shape in ((19, (32, 32)), (64, (2, 64))))
    view, region = NetworkView(window, completed, unknown, scores, layout.transpose(2, 0, 1)), window.region(hole.shape)
    soft = unview_photo(view.softened(), window, region)
    carried = carry_residuals(photo[region], hole[region], hole[region], soft, view, region=region)
    there = run(
        modules,
        f"""const [{{ Window, unviewPhoto }}, {{ softened }}] = [await load('framing'), await load('network-view')];
        const {{ carryResiduals }} = await load('residuals');
        const [photo, hole] = [{picture("photo")}, {picture("hole")}];
        const window = new Window(given.center, given.side, given.size, given.angle);
        const region = window.region(photo);
        const view = {{
          window, completed: given.completed, unknown: given.unknown,
          scores: {{ data: given.scores, heads: 2, tokens: 64 }},
          layout: {{ data: given.layout, classes: 19, size: 32 }} }};
        const wanted = new Uint8Array((region.right - region.left) * (region.bottom - region.top));
        for (let y = region.top, i = 0; y < region.bottom; y++)
          for (let x = region.left; x < region.right; x++, i++) wanted[i] = hole.data[y * hole.width + x];
        const soft = unviewPhoto(softened(view), window, region);
        return carryResiduals(photo, hole, wanted, soft, view, region).data;""",
        photo=photo, hole=hole, center=list(window.center), side=window.side, size=window.size, angle=window.angle,
        completed=completed, unknown=unknown, scores=scores, layout=view.layout,
    )  # fmt: skip
    difference = np.abs(there.reshape(carried.shape) - carried.astype(int))[hole[region]]
    assert (difference <= 1).mean() > 0.999
    assert np.abs(carried.astype(int) - soft)[hole[region]].mean() > 2  # something was carried


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "light"), [(560, 0), (240, 0), (560, 70)], ids=["two parts", "portrait", "beside a face that is seen"]
)
def test_hidden_faces_are_looked_for_in_the_same_windows(modules, width, light):
    """Light pictures, such as the painted, grey ones, show a face, off the middle; the painter is surest of a tilted one."""
    rgb = np.tile(np.linspace(light, light + 80, width, dtype=np.uint8)[None, :, None], (240, 1, 3))
    hole = np.zeros((240, width), bool)
    hole[20:120, 30:110] = hole[150:230, width - 100 : width - 20] = True
    landmarks = [[100, 110], [150, 105], [126, 140], [106, 160], [148, 156]]
    painted, seen = [], []

    def paint(window):
        painted.append([*window.center, window.side, window.angle])
        return Trial(np.zeros((3, window.size, window.size), np.float32), 0.88 - abs(window.angle + 45) / 900, 0.5)

    def detect(picture):
        seen.append([*picture.shape[:2], picture.mean()])
        scale = len(picture) / 256
        face = Face(tuple(scale * side for side in (80, 80, 170, 180)), np.array(landmarks, np.float32) * scale, 0.995)
        return [face] if picture.mean() > 100 else []

    found = find_faces(rgb, hole, detect, paint=paint)
    there = run(
        modules,
        f"""const {{ findFaces }} = await load('search');
        const [painted, seen] = [[], []];
        const paint = async ({{ center, side, size, angle }}) => {{
          painted.push([...center, side, angle]);
          return {{ completed: new Float32Array(3 * size * size), certainty: 0.88 - Math.abs(angle + 45) / 900, seen: 0.5 }};
        }};
        const detect = async ({{ data, width, height }}) => {{
          const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
          seen.push([height, width, mean]);
          const scaled = (sides) => sides.map((side) => (side * height) / 256);
          const face = {{ box: scaled([80, 80, 170, 180]), landmarks: given.landmarks.map(scaled), score: 0.995 }};
          return mean > 100 ? [face] : [];
        }};
        const found = await findFaces({picture("rgb")}, {picture("hole")}, {{ detect }}, paint);
        return [painted, seen, found.map(({{ landmarks }}) => landmarks)];""",
        rgb=rgb, hole=hole, landmarks=landmarks,
    )  # fmt: skip
    assert there[0] == [pytest.approx(window, abs=0.01) for window in painted]
    assert there[1] == [pytest.approx(picture, abs=0.1) for picture in seen]
    assert there[2] == [[pytest.approx(point, abs=0.01) for point in face.landmarks.tolist()] for face in found]
    assert found


@pytest.mark.slow
def test_what_lies_under_the_mask_is_not_seen_where_a_large_photo_is_reduced(modules):
    photo = np.asarray(make_photo("RGB", 1190, 290))
    rows, columns = np.ogrid[:290, :1190]
    hole = np.abs(3 * rows - columns) < 5
    seen = [
        run(
            modules,
            f"""const {{ Inpainter }} = await load('inpainter');
            const seen = [];
            const inpaint = async ({{ image }}) => {{
              seen.push(await sum(image));
              return {{ completed: image, layout: {{ data: new Float32Array(19 * 4).fill(1 / 19), classes: 19, size: 2 }} }};
            }};
            const sum = async (data) => String(new Uint8Array(await crypto.subtle.digest('SHA-1', data)));
            const inpainter = new Inpainter({{ inpaint }}, {{ latent_size: 1, core_size: 2, legend: [] }});
            inpainter.detector = {{ detect: async ({{ data }}) => (seen.push(await sum(data)), []) }};
            await inpainter.parse({picture("photo")}, {picture("hole")}, () => {{}});
            return seen;""",
            photo=np.where(hole[..., None], under, photo), hole=hole,
        )
        for under in (photo, 255 - photo)
    ]  # fmt: skip
    assert len(seen[0]) > 3 and seen[0] == seen[1]


def test_a_given_layout_reaches_the_network_as_the_same_shares(modules):
    ids = np.random.default_rng(0).integers(0, 19, (80, 80), dtype=np.uint8)
    script = f"return (await load('painting')).sharesOf({picture('ids')}, 19, 32);"
    shares = run(modules, script, ids=ids)
    assert np.abs(shares - on_onnx._shares(ids, 19, 32).ravel()).max() < 1e-5


def test_colors_follow_brightness_as_in_python(modules):
    rng = np.random.default_rng(0)
    colors = rng.uniform(-1, 1, (3, 48, 48)).astype(np.float32)
    unknown = (rng.random((1, 48, 48)) < 0.5).astype(np.float32)
    script = "return (await load('coloring')).calmColors(given.colors, given.unknown, 48);"
    calm = run(modules, script, colors=colors, unknown=unknown)
    assert np.abs(calm - calm_colors(colors, unknown).ravel()).max() < 1e-4


@pytest.mark.parametrize("edge", [0, 5])
@pytest.mark.parametrize("contrast", [0.1, 0.4, 0.9])
def test_a_faded_view_is_spread_and_faded_again_as_in_python(modules, contrast, edge):
    rng = np.random.default_rng(0)
    unknown = (rng.random((1, 48, 48)) < 0.4).astype(np.float32)
    image = contrast * rng.uniform(-1, 1, (3, 48, 48)) + np.array([0.5, -0.1, -0.3])[:, None, None]
    image[:, :edge], image[:, :, :edge] = 1, -1
    image = (image * (1 - unknown)).astype(np.float32)
    painted = rng.uniform(-1, 1, image.shape).astype(np.float32)
    levels = find_levels(image, unknown)
    script = """
        const { findLevels, spread, fade } = await load('fading');
        const levels = findLevels(given);
        if (!levels) return null;
        return Float32Array.from([...spread(given, levels).image, ...fade(given.painted, given, levels)]);
    """
    result = run(modules, script, image=image, unknown=unknown, painted=painted)
    if contrast > 0.5:
        assert levels is None and result is None
    else:
        expected = np.concatenate([levels.spread(image, unknown).ravel(), levels.fade(painted, image, unknown).ravel()])
        assert np.abs(result - expected).max() < 1e-5


@pytest.mark.parametrize("masked", [False, True])
def test_a_fill_is_made_no_sharper_than_its_photo_as_in_python(modules, masked):
    rng = np.random.default_rng(0)
    colors = rng.normal(0, 0.4, (3, 64, 64)).astype(np.float32)
    soft = cv2.GaussianBlur(colors.transpose(1, 2, 0), (0, 0), 1.5).transpose(2, 0, 1)
    unknown = np.zeros((1, 64, 64), np.float32)
    unknown[:, 20:40, 10:50] = 1
    alike = rng.random((64, 64)) < 0.8 if masked else None
    colors = np.where(unknown > 0, colors, soft)
    script = "return (await load('sharpness')).matchSharpness(given.colors, given.unknown, 64, given.alike ?? null);"
    matched = run(modules, script, colors=colors, unknown=unknown, **({"alike": alike} if masked else {}))
    expected = match_sharpness(colors, unknown, alike)
    assert np.abs(expected - colors).max() > 0.1
    assert np.abs(matched - expected.ravel()).max() < 1e-4


def test_a_face_beside_faces_is_given_pythons_names(modules):
    rng = np.random.default_rng(0)
    ids = np.repeat(np.repeat(rng.choice(np.uint8([0, 1, 4, 13, 17, 18]), (16, 16)), 4, axis=0), 4, axis=1)
    hole = np.zeros(ids.shape, bool)
    hole[10:50, 6:60] = True
    script = f"return (await load('renaming')).withoutFaces({picture('ids')}, given.hole)?.data ?? null;"
    expected = without_faces(ids, hole)
    assert set(expected[hole & (ids != expected)]) == {17, 18}
    assert (run(modules, script, ids=ids, hole=hole) == expected.ravel()).all()
    assert run(modules, script, ids=np.full_like(ids, 13), hole=hole) is None


LONG_PRINT = cv2.copyMakeBorder(np.full((30, 190, 3), 90, np.uint8), 5, 5, 5, 5, cv2.BORDER_CONSTANT, value=(236, 230, 214))
SCAN = make_scan(1.5)[0]


@pytest.mark.parametrize(
    ("photo", "torn", "times", "is_print"),
    [
        (make_print()[0], torn_corner(), 4, True),
        (make_print(-1.5)[0], torn_corner(), 1, True),
        (make_print(1.0)[0], torn_side(), 1, True),
        (make_print(-1.0, widths=(20, 20, 20, 0))[0], torn_corner() | torn_side(end=200), 1, True),
        (make_print(6.0)[0], torn_corner(), 1, False),
        (LONG_PRINT, np.eye(*LONG_PRINT.shape[:2], dtype=bool), 25, True),
        (SCAN, torn_corner(SCAN.shape[:2]), 1, True),
        (make_scan()[0][20:, 20:], torn_corner(SCAN.shape[:2])[20:, 20:], 1, True),
    ],
)
def test_paper_round_a_print_is_found_and_filled_as_in_python(modules, photo, torn, times, is_print):
    photo, hole = (np.repeat(part, times, axis=1) for part in (photo, torn))  # wide ones are thinned out
    script = f"""const {{ fillBorder, findBorder }} = await load('print-border');
      const [photo, hole] = [{picture("photo")}, {picture("hole")}];
      const border = findBorder(photo, hole);
      return border && [border.share, fillBorder(photo, hole, border).data];"""
    result, border = run(modules, script, photo=photo, hole=hole), find_border(photo, hole)
    assert (border is not None) == is_print == (result is not None)
    if border is not None:
        assert np.abs(result[0] - border.share.ravel()).max() < 1e-3
        assert np.abs(result[1].astype(int) - border.fill(photo, hole).ravel()).max() <= 1


@pytest.mark.parametrize(
    ("photo", "behind", "is_print"),
    [
        (SCAN, LID, True),
        (make_scan()[0][20:, 20:], LID, True),
        (make_print()[0], (20, 20, 20), True),
        (np.repeat(make_print()[0], 4, axis=1), (20, 20, 20), True),
        (make_print(6.0)[0], LID, False),
    ],
    ids=["on a lid", "in a corner of it", "ending in paper", "large", "no print"],
)
def test_what_is_clean_and_what_is_torn_off_a_print_is_told_as_in_python(modules, photo, behind, is_print):
    photo = np.where(torn_corner(photo.shape[:2], past=0.55 * photo.shape[1])[..., None], np.uint8(behind), photo)
    found = np.random.default_rng(0).random(photo.shape[:2]) < 0.1
    script = f"""const {{ correct, judgePrint }} = await load('prints');
      const judged = judgePrint({picture("photo")});
      return judged && [judged.clean.data, judged.torn.data, correct({picture("found")}, judged).data];"""
    result, judged = run(modules, script, photo=photo, found=found), judge_print(photo)
    assert (judged is not None) == is_print == (result is not None)
    if judged is not None:
        assert judged.torn.any()
        for here, there in zip(result, (judged.clean, judged.torn, judged.correct(found)), strict=True):
            assert (here != there.ravel()).mean() < 1e-3


@pytest.mark.parametrize("contrast", [1.0, 0.25])
def test_a_photo_of_one_tint_is_given_no_other(modules, contrast):
    photo = cv2.cvtColor(cv2.blur(np.asarray(make_photo(width=120, height=110)), (9, 9)), cv2.COLOR_RGB2GRAY)
    photo = np.stack([np.clip(photo * contrast + shift, 0, 255) for shift in (20, 5, -15)], axis=2).astype(np.uint8)
    painted, hole = photo.copy(), np.zeros((110, 120), bool)
    hole[30:60, 40:80] = True
    painted[hole] = (180, 60, 70)
    script = f"""const {{ matchTones, measureTones }} = await load('toning');
      const tones = measureTones({picture("photo")}, given.hole.map((unknown) => 1 - unknown));
      return matchTones({picture("painted")}, given.hole, tones).data;"""
    toned = run(modules, script, painted=painted, photo=photo, hole=hole)
    expected = measure_tones(photo, ~hole).match(painted, hole)
    assert np.abs(toned - expected.ravel().astype(int)).max() <= 1
    assert (toned != painted.ravel()).any()


@pytest.mark.parametrize("seed", [0, 7, 2**53 - 1])
def test_a_seed_draws_numpys_numbers(modules, seed):
    drawn = run(
        modules, "const draw = (await load('random')).normals(given.seed); return [...draw(32), ...draw(2000)];", seed=seed
    )
    assert (np.array(drawn, np.float32) == np.random.default_rng(seed).standard_normal(2032, np.float32)).all()
    drawn = run(
        modules, "const draw = (await load('random')).uniforms(given.seed); return Array.from({length: 99}, draw);", seed=seed
    )
    assert (np.array(drawn, np.float32) == np.random.default_rng(seed).random(99, np.float32)).all()
