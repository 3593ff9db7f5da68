"""The exported studio: plain files, every face restored in the visitor's own browser, compared with what Python paints."""

import base64
import io
import json
import os
import re
import shutil
import struct
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from conftest import make_photo, mask_image
from PIL import ExifTags, Image, ImageCms, ImageOps
from serving import encoded, running, serving
from skimage import data
from test_print_border import LID, make_print, make_scan, torn_corner, torn_side

from facemend.backends import on_onnx
from facemend.damage import find_damage
from facemend.damage.prints import judge_print
from facemend.errors import ConfigError
from facemend.imaging import LAYOUT_COLORS, decode_photo, jpeg_coding, read_hole
from facemend.photo.coloring import calm_colors
from facemend.photo.compression import match_compression
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
from facemend.pipeline import Inpainter
from facemend.web.browser_export import STATIC, export_studio
from facemend.web.runtime_package import PACKAGE, find_package
from facemend.web.static_server import create_static_app

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make setup")
from test_web_page import CALM, CHROMIUM, DESKTOP, QUIET, RESTORED, TIMEOUT, expect, wait_until  # noqa: E402  # it needs playwright too

MAX_MODEL_BYTES = 16_000_000
HALF_A_LEVEL = 0.5 / 127.5
LOADED = "document.body.dataset.device?.startsWith('wasm, ')"


# --- a folder, served ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package():
    try:
        return find_package()
    except ConfigError as error:
        pytest.skip(f"no onnxruntime-web here: {error}")


@pytest.fixture(scope="module")
def exported(package, tmp_path_factory):
    return export_studio(tmp_path_factory.mktemp("export") / "site", runtime=package)


@pytest.fixture(scope="module")
def address(exported):
    with running(create_static_app(exported.folder)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def webkit():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install selenium")
    driver, window = shutil.which("WebKitWebDriver"), next(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"), None)
    if driver is None or window is None or "DISPLAY" not in os.environ:
        pytest.skip("no WebKit here: apt-get install webkit2gtk-driver xvfb, and run this under xvfb-run")
    options = webdriver.WebKitGTKOptions()
    options.binary_location = str(window)
    options.add_argument("--automation")
    with webdriver.WebKitGTK(options, webdriver.WebKitGTKService(driver)) as browser:
        browser.set_window_size(DESKTOP["width"], DESKTOP["height"])
        yield browser


@contextmanager
def a_page(browser, address, prepare=lambda page: None, *, keeps=True, breaks=False):
    """Show the exported page; whatever it asked for must have come from this computer."""
    options = CALM | {"viewport": DESKTOP, "accept_downloads": True}
    context = browser.new_context(**options, service_workers="allow" if keeps else "block")
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    requests, complaints = [], []
    context.on("request", lambda sent: requests.append(sent.url))
    if not breaks:
        page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
    prepare(page)
    page.goto(address)
    yield page
    context.close()
    origin = "/".join(address.split("/")[:3])
    assert all(url.startswith((origin, "blob:", "data:")) for url in requests)
    assert not complaints


@pytest.fixture(scope="module")
def offline(browser, address):
    """The page once it has loaded everything; then the network is cut, and the page loaded anew."""
    with a_page(browser, address) as page:
        page.on("dialog", lambda dialog: dialog.accept())  # a test may leave a mask behind
        wait_until(page, LOADED)
        page.context.set_offline(True)
        page.reload()
        wait_until(page, LOADED)
        yield page


@pytest.fixture(scope="module")
def modules(browser, address):
    """A page of the same origin that runs nothing by itself."""
    with a_page(browser, f"{address}/backend.json") as page:
        yield page


@pytest.fixture(scope="module")
def inpainter():
    return Inpainter.from_pretrained(backend="onnx")


# --- hands -----------------------------------------------------------------------------------------------------------------


def open_photo(page, photo, name="photo.png", **options):
    """Open a photo and wait until the network has read it."""
    upload(page, "#photo-file", photo, name, **options)
    expect(page).to_have_title(f"{name} · facemend")
    wait_until(page, "!document.getElementById('save-layout').disabled")


def upload(page, place, picture, name, **options):
    buffer = io.BytesIO()
    picture.save(buffer, Image.registered_extensions()[Path(name).suffix], **options)
    expect(page.locator("#pick")).to_be_enabled()  # or nobody listens yet
    page.set_input_files(place, {"name": name, "mimeType": "", "buffer": buffer.getvalue()})


def restore(page, photo, hole, name):
    open_photo(page, photo, name)
    upload(page, "#mask-file", mask_image(hole), "mask.png")
    expect(page.locator("#status")).to_contain_text("will be repainted")
    page.get_by_role("button", name="Restore", exact=True).click()
    wait_until(page, RESTORED)


def download(page, format_name):
    """The photo as it can be saved in a format of the dialog."""
    page.keyboard.press("Control+s")
    page.get_by_text(format_name, exact=True).click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the photo").click()
    return Image.open(saved.value.path())


TYPED = {np.uint8: "Uint8Array", np.int32: "Int32Array", np.float32: "Float32Array"}
DTYPES = {name: dtype for dtype, name in TYPED.items()} | {"Uint8ClampedArray": np.uint8}
PACKING = """
  const unpack = ({ type, shape, bytes }) =>
    Object.assign(new globalThis[type](Uint8Array.from(atob(bytes), (sign) => sign.charCodeAt(0)).buffer), { shape });
  const pack = (value) => {
    if (Array.isArray(value)) return value.map(pack);
    if (!ArrayBuffer.isView(value)) return value;
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return { type: value.constructor.name, bytes: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
  };"""


def run(page, body, **given):
    """Run a script with `given` and `load`, which imports one of the page's modules.

    Arrays are flat, typed ones there, with a shape; they travel as text, in a tenth of the time that lists of numbers take.
    """
    packed = {name: pack(value) if isinstance(value, np.ndarray) else value for name, value in given.items()}
    script = f"""async (given) => {{
      {PACKING}
      for (const [name, value] of Object.entries(given)) if (value?.bytes) given[name] = unpack(value);
      const load = (name) => import(`/js/browser/${{name}}.js`);
      return pack(await (async () => {{ {body} }})());
    }}"""
    return unpack(page.evaluate(script, packed))


def pack(array):
    array = array.astype(np.uint8) if array.dtype == bool else array
    return {"type": TYPED[array.dtype.type], "shape": array.shape, "bytes": base64.b64encode(array.tobytes()).decode()}


def unpack(value):
    if isinstance(value, list):
        return [unpack(part) for part in value]
    return np.frombuffer(base64.b64decode(value["bytes"]), DTYPES[value["type"]]) if isinstance(value, dict) else value


def picture(name):
    """What a script makes a picture of an array [H, W, 3] or [H, W] called `name` with."""
    return f"""{{
      data: given.{name}, width: given.{name}.shape[1], height: given.{name}.shape[0], channels: given.{name}.shape[2] ?? 1 }}"""


def soft_face(turn):
    """A face without grain, tilted by so many degrees."""
    photo = Image.fromarray(cv2.GaussianBlur(data.astronaut(), (0, 0), 1.5))
    return photo.rotate(turn, Image.Resampling.BICUBIC, center=(224, 120)).crop((96, 0, 352, 272))


def box(photo, left, top, right, bottom):
    hole = np.zeros((photo.height, photo.width), bool)
    hole[top:bottom, left:right] = True
    return hole


# --- the way through -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("turn", "face"), [(0, 1), pytest.param(35, 0, marks=pytest.mark.slow)], ids=["second face", "tilted"])
def test_a_face_restored_with_the_network_off_is_the_one_that_python_paints(offline, inpainter, turn, face):
    photo = soft_face(turn)
    hole = box(photo, 100, 129, 150, 169)  # 4 pixels higher the last bit of a float decides where the detector sees the face
    restore(offline, photo, hole, f"soft{turn}.png")
    offline.get_by_role("radio", name="Variant").nth(face).click()
    here = np.asarray(download(offline, "As it came (PNG)")).astype(int)
    there = np.asarray(inpainter(photo, hole, num_variants=face + 1).images[face]).astype(int)

    assert (here[~hole] == np.asarray(photo)[~hole]).all()
    difference = np.abs(here - there)[hole]
    assert difference.mean() < 0.5
    assert difference.max() <= 8
    assert np.abs(here - np.asarray(photo))[hole].mean() > 3  # it was painted


def test_that_faces_are_looked_for_is_told_before_they_are_painted(offline):
    photo = soft_face(0)
    open_photo(offline, photo)
    upload(offline, "#mask-file", mask_image(box(photo, 100, 129, 150, 169)), "mask.png")
    expect(offline.locator("#status")).to_contain_text("will be repainted")
    offline.evaluate("""() => {
        const place = document.getElementById('working-text');
        window.told = [];
        new MutationObserver(() => window.told.push(place.textContent)).observe(place, { childList: true });
    }""")
    offline.get_by_role("button", name="Restore", exact=True).click()
    wait_until(offline, "window.told.some((line) => line.startsWith('Painting'))")
    offline.get_by_role("button", name="Stop").first.click()
    expect(offline.locator("#working")).to_be_hidden()
    told = offline.evaluate("window.told.map((line) => line.split('…')[0])")
    assert told.index("Looking for faces") == told.index("Painting variant 1 of 4") - 1


@pytest.mark.slow
def test_a_torn_print_is_given_paper_and_picture_as_by_python(offline, inpainter):
    photo = ImageOps.expand(soft_face(0), 24, (238, 231, 216))
    hole = box(photo, 124, 153, 174, 193) | box(photo, 250, 0, photo.width, 60)  # the mouth, and a corner
    restore(offline, photo, hole, "torn.png")
    here = np.asarray(download(offline, "As it came (PNG)")).astype(int)
    there = np.asarray(inpainter(photo, hole).image).astype(int)

    assert (here[~hole] == np.asarray(photo)[~hole]).all()
    assert np.abs(here - there)[hole].mean() < 0.5
    corner = hole.copy()
    corner[24:, : photo.width - 24] = False
    assert np.abs(here[corner] - (238, 231, 216)).max() <= 1


@pytest.mark.slow
def test_detail_and_grain_of_a_larger_photo_are_carried_into_the_hole(offline, inpainter):
    photo = Image.fromarray(data.astronaut()[:300, 60:390]).resize((660, 600), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, 9, (600, 660, 1))
    photo = Image.fromarray((np.asarray(photo) * 0.8 + 25 + noise).round().clip(0, 255).astype(np.uint8))
    hole = box(photo, 280, 170, 380, 240)
    restore(offline, photo, hole, "grainy.png")
    here = np.asarray(download(offline, "As it came (PNG)"))
    there = np.asarray(inpainter(photo, hole).image)

    assert (here[~hole] == np.asarray(photo)[~hole]).all()
    blurred = [cv2.GaussianBlur(result.astype(np.float32), (0, 0), 4)[hole] for result in (here, there)]
    assert np.abs(blurred[0] - blurred[1]).mean() < 2  # the same face, under noise of its own
    noises = [(result - cv2.GaussianBlur(result.astype(np.float32), (0, 0), 2))[hole].std() for result in (here, there)]
    assert noises[0] == pytest.approx(noises[1], rel=0.1)


@pytest.mark.slow
def test_the_layout_is_pythons_and_what_is_painted_into_it_is_followed(offline, inpainter):
    photo = soft_face(0)
    open_photo(offline, photo, "layout.png")
    offline.keyboard.press("Control+s")
    with offline.expect_download() as saved:
        offline.get_by_role("button", name="Save the layout").click()
    offline.keyboard.press("Escape")
    assert (np.asarray(Image.open(saved.value.path())) != inpainter.parse(photo)).mean() < 0.002

    offline.get_by_role("button", name="Layout", exact=True).first.click()
    offline.get_by_role("button", name="Wider smile").click()
    offline.get_by_role("button", name="Restore", exact=True).click()
    expect(offline.locator("body")).to_have_attribute("data-view", "compare")
    changed = (np.asarray(download(offline, "As it came (PNG)")) != np.asarray(photo)).any(axis=2)
    assert 0.005 < changed.mean() < 0.1
    rows = np.flatnonzero(changed.any(axis=1))
    assert 110 < rows[0] < rows[-1] < 190  # about the mouth


@pytest.mark.slow
def test_scratches_are_found_as_python_finds_them(offline):
    photo = Image.open(STATIC / "samples" / "scratched.jpg").convert("RGB")
    open_photo(offline, photo, "scratched.png")
    offline.get_by_role("button", name="Damage").click()
    expect(offline.locator("#status")).to_contain_text("will be repainted")
    offline.keyboard.press("Control+s")
    with offline.expect_download() as saved:
        offline.get_by_role("button", name="Save the mask").click()
    offline.keyboard.press("Escape")
    here, there = np.asarray(Image.open(saved.value.path())) > 0, find_damage(np.asarray(photo))
    assert (here & there).sum() > 0.98 * (here | there).sum()


@pytest.mark.slow
def test_safaris_engine_restores_the_face_that_python_paints(webkit, address, inpainter, tmp_path):
    from selenium.webdriver.support.ui import WebDriverWait

    photo = soft_face(0)
    hole = box(photo, 100, 125, 150, 165)
    photo.save(tmp_path / "photo.png")
    mask_image(hole).save(tmp_path / "mask.png")

    def wait(condition):
        return WebDriverWait(webkit, TIMEOUT / 1000).until(lambda page: page.execute_script(f"return {condition}"))

    def click(label):
        wait(f"[...document.querySelectorAll('button')].find((b) => b.textContent.trim() === '{label}' && !b.disabled)").click()

    webkit.get(address)
    wait("(document.body.dataset.device ?? '').startsWith('wasm')")
    webkit.execute_script("const link = URL.createObjectURL; URL.createObjectURL = (file) => (window.saved = file, link(file))")
    webkit.find_element("css selector", "#photo-file").send_keys(str(tmp_path / "photo.png"))
    wait("!document.querySelector('#save-layout').disabled")
    webkit.find_element("css selector", "#mask-file").send_keys(str(tmp_path / "mask.png"))
    wait("document.querySelector('#status').textContent.includes('will be repainted')")
    click("Restore")
    wait("document.body.dataset.view === 'compare'")
    click("Download")
    webkit.execute_script("window.saved = null")
    click("Save the photo")
    wait("window.saved !== null")
    saved = webkit.execute_async_script("saved.arrayBuffer().then((b) => arguments[0]([...new Uint8Array(b)]))")

    here = np.asarray(Image.open(io.BytesIO(bytes(saved)))).astype(int)
    assert (here[~hole] == np.asarray(photo)[~hole]).all()
    assert np.abs(here - np.asarray(inpainter(photo, hole).image))[hole].max() <= 8


def test_profile_and_camera_data_are_kept_and_the_photo_is_upright(offline):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"  # lies on its side; maker
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    open_photo(offline, soft_face(0).rotate(90, expand=True), "turned.jpg", quality=95, exif=exif, icc_profile=profile)
    for name, kind in (("As it came (JPEG)", "JPEG"), ("PNG", "PNG")):
        saved = download(offline, name)
        assert (saved.format, saved.size, saved.info["icc_profile"]) == (kind, (256, 272), profile)
        assert (saved.getexif()[0x0112], saved.getexif()[0x010F]) == (1, "A camera")
    assert np.abs(np.asarray(saved).astype(int) - np.asarray(soft_face(0))).mean() < 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_webp_is_turned_upright_as_in_python(modules, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = encoded(make_photo(width=40, height=24), "WEBP", lossless=True, exif=exif)
    script = """const { readPhoto } = await load('photos');
      const { rgba, width, height } = await readPhoto({ file: new Blob([given.file]), patches: [] });
      return [width, height, rgba];"""
    width, height, rgba = run(modules, script, file=np.frombuffer(file, np.uint8))
    there = decode_photo(file, "photo.webp")
    assert (width, height) == there.size
    assert (rgba.reshape(height, width, 4)[..., :3] == np.asarray(there.convert("RGB"))).all()


def with_metadata(modules, **told):
    """A PNG file as it is written for a photo whose JPEG file tells so much."""
    files = encoded(soft_face(0), "JPEG", **told), encoded(soft_face(0), "PNG")
    photo, written = (np.frombuffer(file, np.uint8) for file in files)
    body = """
      const { copyMetadata } = await load('metadata');
      const copied = await copyMetadata(new Blob([given.photo]), new Blob([given.written], { type: 'image/png' }));
      return new Uint8Array(await copied.arrayBuffer());"""
    return run(modules, body, photo=photo, written=written).tobytes()


@pytest.mark.parametrize(("colors", "is_kept"), [(b"RGB ", True), (b"GRAY", False), (b"CMYK", False)])
def test_a_profile_is_kept_for_the_colors_it_is_about(modules, colors, is_kept):
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = colors
    copied = Image.open(io.BytesIO(with_metadata(modules, icc_profile=bytes(profile))))
    assert copied.info.get("icc_profile") == (bytes(profile) if is_kept else None)


@pytest.mark.parametrize(("mark", "order"), [(b"II*\0", "<"), (b"MM\0*", ">")], ids=["little endian", "big endian"])
def test_the_thumbnail_of_the_old_face_is_left_out(modules, mark, order):
    thumbnail = b"the old face"
    first = struct.pack(order + "HHHIHHI", 1, ExifTags.Base.Orientation, 3, 1, 6, 0, 26)
    second = struct.pack(order + "HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    exif = b"Exif\0\0" + mark + struct.pack(order + "I", 8) + first + second + thumbnail
    copied = with_metadata(modules, exif=exif)
    kept = Image.open(io.BytesIO(copied)).getexif()
    assert (kept[ExifTags.Base.Orientation], dict(kept.get_ifd(ExifTags.IFD.IFD1))) == (1, {})
    assert thumbnail not in copied


def test_transparency_is_not_written_as_black(modules):
    refused = """const { writePhoto } = await load('photos');
      const photo = { rgba: new Uint8ClampedArray(1024).fill(254), width: 16, height: 16 };
      return writePhoto(photo, new Blob(), 'jpeg').catch(({ code, message }) => [code, message]);"""
    assert run(modules, refused) == ["format", "JPEG holds no transparency: take PNG or WebP"]


def test_a_photo_read_in_bands_is_the_one_read_at_once(modules):
    photo = np.frombuffer(encoded(make_photo("RGBA", width=90, height=70)), np.uint8)
    script = """const { rgbaOf } = await import('/js/pixels.js');
      const bitmap = await createImageBitmap(new Blob([given.photo]));
      return [rgbaOf(bitmap), rgbaOf(bitmap, 1000), rgbaOf(bitmap, 1)];"""
    whole, bands, rows = run(modules, script, photo=photo)
    assert len(whole) == 90 * 70 * 4
    assert (whole == bands).all()
    assert (whole == rows).all()


def test_a_photo_too_large_for_a_canvas_is_not_written_blank(modules):
    refused = """const { writePhoto } = await load('photos');
      const { prototype } = OffscreenCanvasRenderingContext2D;
      const { getImageData } = prototype;
      prototype.getImageData = (left, top, width, height) => new ImageData(width, height);
      const photo = { rgba: new Uint8ClampedArray(1024).fill(255), width: 16, height: 16 };
      const told = await writePhoto(photo, new Blob(), 'webp').catch(({ code, message }) => [code, message]);
      Object.assign(prototype, { getImageData });
      return told;"""
    assert run(modules, refused) == ["format", "this browser cannot write so large a photo as image/webp: take PNG"]


# --- each part beside its model --------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("size", [(40, 30), (33, 25), (17, 12), (140, 105)], ids=["smaller", "odd", "tiny", "larger"])
def test_a_mask_of_another_size_touches_pythons_pixels(modules, size):
    mask = Image.fromarray(((np.random.default_rng(0).random((75, 100)) < 0.01) * 255).astype(np.uint8))
    script = """const { readMask } = await import('/js/pixels.js');
      return readMask(new Blob([given.file]), { width: given.size[0], height: given.size[1] });"""
    here = run(modules, script, file=np.frombuffer(encoded(mask), np.uint8), size=list(size))
    assert (here.reshape(size[::-1]) == 255 * read_hole(mask, size)).all()


def test_a_layout_is_read_though_the_browser_adds_noise_to_colors(modules):
    ids = np.arange(len(LAYOUT_COLORS), dtype=np.uint8)
    colors = np.array([*LAYOUT_COLORS.values(), (255, 255, 255)], np.uint8)
    noisy = np.clip(colors + np.random.default_rng(0).integers(-3, 4, (16, *colors.shape)), 0, 255).astype(np.uint8)
    legend = [{"id": i, "color": list(color)} for i, color in enumerate(LAYOUT_COLORS.values())]
    script = """const { readLayout } = await import('/js/pixels.js');
      const layout = new Blob([given.file]);
      const refused = await readLayout(layout, given.legend, { width: 16, height: given.width }).catch(({ message }) => message);
      return [refused, await readLayout(layout, given.legend, { width: given.width, height: 16 })];"""
    file = np.frombuffer(encoded(Image.fromarray(noisy)), np.uint8)
    refused, here = run(modules, script, file=file, legend=legend, width=len(colors))
    assert refused == f"the layout is {len(colors)}x16 pixels, the photo 16x{len(colors)}"
    assert (here.reshape(16, -1) == [*ids, 0]).all()  # what is near no class's colour is background


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
def test_webgpu_paints_what_webassembly_paints(browser, address):
    """On a processor that plays a graphics card, which takes half a minute for one small view."""
    software = [
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--enable-features=Vulkan",
        "--use-vulkan=swiftshader",
    ]
    rng = np.random.default_rng(0)
    image, unknown = rng.uniform(-1, 1, (3, 64, 64)).astype(np.float32), np.zeros((64, 64), np.float32)
    unknown[20:44, 16:40] = 1
    chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=[*QUIET, *software])
    with a_page(chromium, f"{address}/backend.json") as page:
        page.set_default_timeout(10 * TIMEOUT)
        on_card, on_processor = (
            run(
                page,
                """const [{ loadDescription }, { openNets }] = [await load('files'), await load('nets')];
                const description = await loadDescription();
                const nets = await openNets(description, given.device);
                const { completed } = await nets.inpaint(given, new Float32Array(description.latent_size), null);
                return [nets.device, completed];""",
                device=device, image=image, unknown=unknown,
            )
            for device in ("webgpu", "wasm")
        )  # fmt: skip
    chromium.close()
    assert on_card[0] == "webgpu"
    np.testing.assert_allclose(on_card[1], on_processor[1], atol=1e-4)


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


@pytest.mark.parametrize("contrast", [0.1, 0.4, 0.9])
def test_a_faded_view_is_spread_and_faded_again_as_in_python(modules, contrast):
    rng = np.random.default_rng(0)
    unknown = (rng.random((1, 48, 48)) < 0.4).astype(np.float32)
    image = ((contrast * rng.uniform(-1, 1, (3, 48, 48)) + 0.1) * (1 - unknown)).astype(np.float32)
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


@pytest.mark.parametrize(
    ("mode", "subsampling", "orientation"), [("RGB", "4:2:0", 1), ("RGB", "4:2:2", 1), ("RGB", "4:4:4", 6), ("L", None, 1)]
)
def test_what_is_painted_into_a_jpeg_gets_its_squares(modules, mode, subsampling, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    Image.fromarray(data.astronaut()[:208, 60:331]).convert(mode).save(
        file, "JPEG", quality=25, subsampling=subsampling or -1, exif=exif
    )
    image = decode_photo(file.getvalue(), "photo.jpg")
    photo = np.asarray(image.convert("RGB"))
    hole = np.zeros(photo.shape[:2], bool)
    hole[60:120, 80:150] = hole[-6:, -30:] = True
    painted = np.where(hole[..., None], cv2.GaussianBlur(photo, (0, 0), 3), photo)
    script = f"""const [coding, {{ matchCompression }}] = [await load('coding'), await load('compression')];
      const stored = await coding.readCoding(new Blob([given.file]));
      return matchCompression({picture("painted")}, {picture("photo")}, {picture("hole")}, stored).data;"""
    stored = run(modules, script, painted=painted, photo=photo, hole=hole, file=np.frombuffer(file.getvalue(), np.uint8))
    stored = stored.reshape(photo.shape).astype(int)
    expected = match_compression(painted, photo, hole, jpeg_coding(image), mode)
    assert (expected != painted).any()
    assert (stored[~hole] == photo[~hole]).all()
    assert (stored != expected)[hole].mean() < 0.1  # where a wave lies half-way between two steps
    assert np.abs(stored - expected)[hole].mean() < 0.2


def test_a_jpegs_tables_are_those_of_its_components_however_numbered(modules):
    stored = io.BytesIO()
    Image.fromarray(data.astronaut()).save(stored, "JPEG", quality=25, subsampling=2)
    renumbered = stored.getvalue()
    for ours, theirs in (
        (b"\xff\xdb\0\x43\0", b"\xff\xdb\0\x43\3"),
        (b"\xff\xdb\0\x43\1", b"\xff\xdb\0\x43\0"),
        (b"\1\x22\0\2\x11\1\3\x11\1", b"\1\x22\3\2\x11\0\3\x11\0"),
    ):
        assert renumbered.count(ours) == 1
        renumbered = renumbered.replace(ours, theirs)
    files = {name: np.frombuffer(file, np.uint8) for name, file in (("usual", stored.getvalue()), ("other", renumbered))}
    script = """const { readCoding } = await load('coding');
      const [usual, other] = [await readCoding(new Blob([given.usual])), await readCoding(new Blob([given.other]))];
      return [...usual.tables.flat(), ...other.tables.flat()];"""
    usual, other = np.split(np.array(run(modules, script, **files)), 2)
    assert (usual == other).all()
    assert jpeg_coding(Image.open(stored)) == jpeg_coding(Image.open(io.BytesIO(renumbered)))


@pytest.mark.parametrize("ids", [b"RGB", b"\1\2\3"])
def test_a_jpeg_of_red_green_and_blue_is_known_by_adobes_word_however_its_components_are_called(modules, ids):
    file = io.BytesIO()
    Image.fromarray(data.astronaut()).save(file, "JPEG", keep_rgb=True)
    stored = file.getvalue()
    for header in (b"R\x11\0G\x11\0B\x11\0", b"\3R\0G\0B\0"):  # the frame's, and the scan's
        assert stored.count(header) == 1
        stored = stored.replace(header, header.translate(bytes.maketrans(b"RGB", ids)))
    assert jpeg_coding(decode_photo(stored, "photo.jpg"))["keep_rgb"]
    script = "return [Number((await (await load('coding')).readCoding(new Blob([given.file]))) === null)];"
    assert run(modules, script, file=np.frombuffer(stored, np.uint8)) == [1]


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


# --- what can go wrong -----------------------------------------------------------------------------------------------------


def test_an_export_says_on_which_terms_its_networks_may_be_used(exported):
    for card in ("model", "damage"):
        assert "non-commercial research" in (exported.folder / "cards" / f"{card}.md").read_text(encoding="utf-8")


def test_the_network_is_small_enough_to_be_fetched_by_a_page(exported):
    assert exported.model_bytes <= MAX_MODEL_BYTES
    described = json.loads((exported.folder / "backend.json").read_text())["networks"]
    assert {name: (exported.folder / name).stat().st_size for name in described} == {
        name: network["bytes"] for name, network in described.items()
    }


def _serves(body, status=200):
    return lambda route: route.fulfill(body=body, status=status)


@pytest.mark.parametrize(
    ("path", "serve", "said"),
    [
        ("model/model.safetensors", _serves(b"half of it"), "model/model.safetensors has 10 bytes instead of"),
        ("model/graph.onnx", _serves(b"", 404), "model/graph.onnx is missing from this site (404)"),
        ("detector/pnet.onnx", lambda route: route.abort(), "detector/pnet.onnx cannot be fetched"),
        ("backend.json", _serves(b'{"format": 9}'), "backend.json is of format 9, this page knows 1"),
    ],
    ids=["cut off", "missing", "no connection", "another version"],
)
def test_a_file_that_cannot_be_used_is_named_on_the_page(browser, address, path, serve, said):
    with a_page(browser, address, lambda page: page.context.route(f"**/{path}", serve), keeps=False, breaks=True) as page:
        expect(page.locator('[data-problem="photo"]')).to_contain_text(said, ignore_case=True)


@pytest.fixture
def cutting(exported):
    """The same folder from a server that breaks off in the midst of a file, as often as its `cuts` say of a name."""

    class Cutting(_Quiet):
        def do_GET(self):
            path = self.path.removeprefix("/")
            if not self.server.cuts.get(path):
                return super().do_GET()
            self.server.cuts[path] -= 1
            content = (exported.folder / path).read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(path))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Cutting, directory=str(exported.folder))) as server:
        server.cuts = {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "times", "said"),
    [
        ("model/model.safetensors", 1, "model/model.safetensors cannot be fetched"),
        ("onnxruntime/ort.wasm.min.mjs", 1, "onnxruntime/ort.wasm.min.mjs cannot be fetched"),
        ("onnxruntime/ort-wasm-simd-threaded.mjs", 1, "ort-wasm-simd-threaded.mjs"),
        ("onnxruntime/ort-wasm-simd-threaded.wasm", 3, "ort-wasm-simd-threaded.wasm"),  # it is asked for again at once
        ("js/browser/inpainter.js", 1, "could not be loaded"),
    ],
    ids=["weights", "onnxruntime", "its loader", "its code", "the page's own"],
)
def test_a_file_that_broke_off_is_named_and_fetched_again_when_next_needed(browser, cutting, path, times, said):
    cutting.cuts[path] = times
    with a_page(browser, f"http://127.0.0.1:{cutting.server_port}", keeps=False, breaks=True) as page:
        expect(page.locator('[data-problem="photo"]')).to_contain_text(said, ignore_case=True)
        photo = soft_face(0)
        restore(page, photo, box(photo, 100, 129, 150, 169), "photo.png")


def test_a_worker_that_has_ended_is_told_at_every_request(browser, address):
    def serve_none(page):
        page.context.route("**/browser/worker.js*", _serves("", 404))

    with a_page(browser, address, serve_none, keeps=False, breaks=True) as page:
        for _ in range(2):
            upload(page, "#photo-file", soft_face(0), "photo.png")
            page.get_by_role("button", name="Damage").click()
            expect(page.locator('[data-problem="mask"]')).to_contain_text("load the page again")


def test_the_server_shows_its_own_page_where_an_export_was_shown_before(browser, exported, tiny_model):
    context = browser.new_context(**CALM)
    page = context.new_page()
    backend = page.locator("meta[name=backend]")
    with running(create_static_app(exported.folder)) as address:
        page.goto(address)
        page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
        expect(backend).to_have_attribute("content", "browser")
        page.goto("about:blank")
    with serving(tiny_model, port=int(address.rpartition(":")[2])) as (address, _):
        page.goto(address)
        expect(backend).to_have_attribute("content", "server")
        assert page.evaluate("navigator.serviceWorker.getRegistrations().then((there) => there.length)") == 0
    context.close()


@pytest.mark.parametrize(
    ("file", "said"),
    [("graph.onnx", "load the page again"), pytest.param("*.wasm", "something went wrong", marks=pytest.mark.slow)],
    ids=["network", "runtime"],
)
def test_half_a_file_that_came_before_the_site_was_whole_is_not_kept(browser, address, exported, file, said):
    half = next(exported.folder.glob(f"*/{file}")).read_bytes()[:5000]
    with a_page(browser, address, lambda page: page.context.route(f"**/{file}", _serves(half)), breaks=True) as page:
        expect(page.locator('[data-problem="photo"]')).to_contain_text(said, ignore_case=True)
        page.context.unroute(f"**/{file}")
        page.reload()
        wait_until(page, LOADED)


def test_another_networks_bytes_are_not_run(browser, address, exported):
    content = bytearray((exported.folder / "model" / "graph.onnx").read_bytes())
    content[5000] ^= 1
    with a_page(browser, address, lambda page: page.context.route("**/graph.onnx", _serves(bytes(content))), keeps=False) as page:
        expect(page.locator('[data-problem="photo"]')).to_contain_text("is not the file that this page was exported with")


def test_a_browser_without_simd_is_told_so(browser, address):
    with a_page(
        browser, address, lambda page: page.add_init_script("WebAssembly.validate = () => false"), keeps=False, breaks=True
    ) as page:
        expect(page.locator('[data-problem="photo"]')).to_contain_text("lacks WebAssembly with SIMD")


@pytest.fixture(scope="module")
def bare_address(exported):
    """The same folder from a server that knows nothing of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(exported.folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_threads_work_on_a_server_that_sends_no_headers(browser, bare_address):
    with a_page(browser, bare_address) as page:
        expect(page.locator("body")).to_have_attribute("data-device", re.compile(r"^wasm, \d+ threads?$"))
        assert page.evaluate("self.crossOriginIsolated")
        expect(page.locator("#empty .privacy-text")).to_have_text("Your photo never leaves this computer.")


def test_the_service_worker_stands_in_nobodys_way(browser, bare_address, exported):
    """Not in that of another export, of other pages below its folder, of full storage, or of a page loaded past it."""
    (exported.folder / "other.html").write_text("a page of somebody else's")
    others = f"{bare_address}/other/ facemend-0"

    def prepare(page):
        page.add_init_script(f"caches.open('{others}')")
        page.add_init_script("const wait = setTimeout; setTimeout = (f, ms) => ms < 9000 && wait(f, ms)")

    with a_page(browser, bare_address, prepare) as page:
        expect(page.locator("#samples button")).to_have_count(2)
        page.context.service_workers[0].evaluate("void (Cache.prototype.put = () => Promise.reject(new Error('full')))")
        headers = "fetch('{}?new').then(({{ ok, headers }}) => [ok, headers.has('Cross-Origin-Embedder-Policy')])"
        assert page.evaluate(headers.format("onnxruntime/ort.webgpu.min.mjs")) == [True, True]
        assert page.evaluate(headers.format("other.html")) == [True, False]
        assert others in page.evaluate("caches.keys()")

        with page.expect_navigation():
            page.context.new_cdp_session(page).send("Page.reload", {"ignoreCache": True})
        expect(page.locator("#samples button")).to_have_count(2)
        assert page.evaluate("navigator.serviceWorker.controller") is None


def test_what_was_fetched_is_kept_when_a_new_export_takes_over(browser, bare_address, exported):
    worker = exported.folder / "service-worker.js"
    written = worker.read_bytes()
    take_over = """async () => {
        const { serviceWorker } = navigator;
        const taken = new Promise((done) => serviceWorker.addEventListener('controllerchange', done, { once: true }));
        await (await serviceWorker.register('/service-worker.js')).update();
        await taken;
        const { controller } = serviceWorker;
        const changed = () => new Promise((done) => controller.addEventListener('statechange', done, { once: true }));
        while (controller.state !== 'activated') await changed();
        const files = ['/damage/damage.onnx', '/model/graph.onnx'];
        return Promise.all([caches.keys(), ...files.map((path) => caches.match(path))]);
    }"""
    try:
        with a_page(browser, f"{bare_address}/backend.json") as page:
            [first], *fetched = page.evaluate(take_over)
            assert fetched == [None, None]
            page.evaluate("name => caches.open(name).then((cache) => cache.add('/damage/damage.onnx'))", first)
            worker.write_bytes(written.replace(b"facemend-", b"facemend-new-", 1))
            [second], *fetched = page.evaluate(take_over)
            assert second != first
            assert [kept is not None for kept in fetched] == [True, False]
    finally:
        worker.write_bytes(written)


def test_a_page_without_threads_works_slower_and_says_so(browser, bare_address):
    with a_page(browser, bare_address, keeps=False) as page:
        expect(page.locator("#empty .privacy-text")).to_contain_text("one processor core alone: slower")
        wait_until(page, "document.body.dataset.device === 'wasm, 1 thread'")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_pictures_that_browsers_do_not_know_are_refused_with_a_reason(offline):
    upload(offline, "#photo-file", soft_face(0), "photo.tiff")
    expect(offline.locator('[data-problem="restore"], [data-problem="photo"]').filter(has_text="TIFF")).to_contain_text(
        "This browser cannot show that picture (TIFF and HEIC are for the server): save it as PNG or JPEG first"
    )
    offline.set_input_files("#photo-file", {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(offline.locator('[data-problem="restore"], [data-problem="photo"]').filter(has_text="picture")).to_contain_text(
        "That is not a picture"
    )


def test_a_folder_with_something_in_it_is_left_alone(package, tmp_path, facemend):
    (tmp_path / "letter.txt").write_text("dear")
    refused = facemend("web-export", tmp_path, "--runtime", package)
    assert (refused.code, "is not empty: pass --overwrite" in refused.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]

    done = facemend("web-export", tmp_path, "--runtime", package, "--overwrite", "--json")
    assert json.loads(done.out)["model_bytes"] <= MAX_MODEL_BYTES
    assert (tmp_path / "letter.txt").read_text() == "dear"
    assert (tmp_path / "onnxruntime" / "LICENSE").is_file()
    assert not [path.name for path in tmp_path.parent.iterdir() if path.suffix == ".part"]


def test_a_runtime_that_is_not_to_be_had_is_one_line(tmp_path, facemend, monkeypatch):
    wrong = tmp_path / PACKAGE
    wrong.write_bytes(b"something else")
    refused = facemend("web-export", tmp_path / "site", "--runtime", wrong)
    assert (refused.code, refused.err.count("\n"), "its sha256 begins with" in refused.err) == (2, 1, True)

    monkeypatch.setenv("FACEMEND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "")
    refused = facemend("web-export", tmp_path / "site")
    assert (refused.code, refused.err.count("\n"), "install Node.js, or get" in refused.err) == (2, 1, True)
    assert not (tmp_path / "site").exists()


def test_a_model_without_a_graph_is_not_exported(tiny_model, tmp_path, facemend):
    refused = facemend("web-export", tmp_path / "site", "--model", tiny_model)
    assert (refused.code, "has no graph.onnx" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("description", "said"), [(None, "is no exported studio"), ("{}", "is no exported studio"), ('{"format": 7}', "of format 7")]
)
def test_serve_static_takes_nothing_but_an_export(tmp_path, facemend, description, said):
    if description is not None:
        (tmp_path / "backend.json").write_text(description)
    refused = facemend("serve", "--static", tmp_path, "--no-open")
    assert (refused.code, said in refused.err, refused.err.count("\n")) == (2, True, 1)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html"),
        ("onnxruntime/ort.wasm.min.mjs", "text/javascript"),
        ("onnxruntime/ort-wasm-simd-threaded.wasm", "application/wasm"),
        ("model/graph.onnx", "application/octet-stream"),
    ],
)
def test_files_come_with_what_threads_and_a_strict_policy_need(address, path, kind):
    answer = httpx.get(f"{address}/{path}")
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    assert "script-src 'self' 'wasm-unsafe-eval';" in answer.headers["content-security-policy"]


def test_nothing_but_the_folder_is_handed_out(address):
    assert httpx.get(f"{address}/%2e%2e/%2e%2e/etc/passwd").status_code == 404
    assert httpx.get(f"{address}/nothing").status_code == 404
    assert httpx.post(address).status_code == 405
