"""What a person sees and gets in the studio's page: a real browser on the real server."""

import io
import json
import os
import re
import shutil
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import make_photo, mask_image
from PIL import ExifTags, Image
from serving import TOKEN, encoded, held, serving, soft_photo

from facemend import face_classes, web
from facemend.web.limits import Limits

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make setup")
TIMEOUT = 60_000  # milliseconds; only a page that hangs takes so long, even beside a busy process
expect = playwright_api.expect
expect.set_options(timeout=TIMEOUT)

STATIC = Path(web.__file__).parent / "static"
LANGUAGES = ("en", "de", "fr", "es", "zh")
RESTORED = "document.body.dataset.view === 'compare'"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
CALM = {"locale": "en-US", "reduced_motion": "reduce"}  # what moves costs as much as the work whose progress it shows
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@pytest.fixture(scope="module")
def browser():
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(tiny_model):
    with serving(tiny_model) as (address, _):
        yield address


@dataclass
class Studio:
    """The page, with hands."""

    page: "playwright_api.Page"
    requests: list = field(default_factory=list)
    complaints: list = field(default_factory=list)

    def open(self, photo, name="photo.png", **options):
        """Open a photo and wait until the network has read it."""
        buffer = io.BytesIO()
        photo.save(buffer, Image.registered_extensions()[Path(name).suffix], **options)
        with self.page.expect_response("**/api/v1/layout"):
            self.page.set_input_files("#photo-file", {"name": name, "mimeType": "", "buffer": buffer.getvalue()})
        expect(self.page.locator("#stage")).to_be_visible()

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def drag(self, *points):
        """Drag the mouse through points given as shares of the stage."""
        box = self.page.locator("#stage").bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=6)
        self.page.mouse.up()

    def restore(self):
        self.press("Restore")
        wait_until(self.page, RESTORED)

    def next_frame(self):
        """Wait until what was asked for is drawn."""
        self.page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

    def mask(self):
        """The mask as it can be saved, bool [H, W]."""
        return np.asarray(self._saved("Save the mask")) >= 128

    def layout(self):
        return np.asarray(self._saved("Save the layout"))

    def result(self, format_name):
        """The photo as it can be saved in a format of the dialog."""
        self.page.keyboard.press("Control+s")
        self.page.get_by_text(format_name, exact=True).click()
        with self.page.expect_download() as download:
            self.press("Save the photo")
        return download.value.suggested_filename, Image.open(download.value.path())

    def hold(self, path, times=None):
        """Hold back what is asked of the server; returns the requests as they come, each to be let go."""
        asked = []

        def keep(request):
            asked.append(request)

        self.page.route(f"**/{path}", keep, times=times)
        return asked

    def _saved(self, button):
        self.page.keyboard.press("Control+s")
        with self.page.expect_download() as download:
            self.press(button)
        self.page.keyboard.press("Escape")
        return Image.open(download.value.path())


@contextmanager
def a_window(browser, **options):
    context = browser.new_context(**CALM | {"viewport": DESKTOP, "accept_downloads": True} | options)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    opened = Studio(page)
    context.on("request", lambda sent: opened.requests.append(sent.url))
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.on("console", lambda line: opened.complaints.append(line.text) if "Content Security Policy" in line.text else None)
    yield opened
    context.close()


@pytest.fixture(scope="module")
def desktop(browser):
    """The window of all tests that ask for no other: it loads the page in half the time that a new one takes."""
    with a_window(browser) as opened:
        yield opened


@pytest.fixture
def studio(browser, address, request):
    """The page, loaded anew; whatever it asked for must have come from this computer."""
    options = getattr(request, "param", None)
    with nullcontext(request.getfixturevalue("desktop")) if options is None else a_window(browser, **options) as opened:
        opened.requests.clear()
        opened.complaints.clear()
        show(opened.page, address)
        yield opened
        opened.page.unroute_all(behavior="ignoreErrors")
        opened.page.evaluate("localStorage.clear(), sessionStorage.clear()")
    assert not opened.complaints
    assert all(url.startswith((address, "blob:", "data:")) for url in opened.requests)


@pytest.fixture(scope="module")
def modules(browser, address):
    """A page whose modules are to be called; nobody looks at it."""
    page = browser.new_page(viewport=DESKTOP, **CALM)
    show(page, address)
    yield page
    page.close()


def show(page, address):
    page.goto(address)
    wait_until(page, "document.querySelectorAll('#samples button').length === 2")  # the page is built


def wait_until(page, condition):
    """Wait for a JavaScript expression to be true, and notice it at once: `expect` soon looks but once a second.

    Playwright's `wait_for_function` calls `eval`, which the page's Content Security Policy forbids.
    """
    page.evaluate(f"""async () => {{
        const deadline = performance.now() + {TIMEOUT};
        while (!({condition})) {{
            if (performance.now() > deadline) throw new Error({json.dumps("never true: " + condition)});
            await new Promise((resolve) => setTimeout(resolve, 20));
        }}
    }}""")


# --- the way through ------------------------------------------------------------------------------------------------------


def test_paint_restore_pick_and_save_changes_the_hole_alone(studio):
    photo = soft_photo(width=200, height=240)
    studio.open(photo)
    studio.drag((0.45, 0.45), (0.55, 0.5))
    mask = studio.mask()
    assert 0.005 < mask.mean() < 0.2

    studio.restore()
    faces = studio.page.get_by_role("radio", name="Variant")
    expect(faces).to_have_count(4)
    faces.nth(2).click()
    name, saved = studio.result("As it came (PNG)")

    assert (name, saved.format, saved.mode, saved.size) == ("photo-restored.png", "PNG", "RGB", photo.size)
    before, after = np.asarray(photo), np.asarray(saved)
    assert (before[~mask] == after[~mask]).all()
    assert (before[mask] != after[mask]).any(axis=-1).mean() > 0.9


def test_restoring_again_works_on_top_of_the_picked_face(studio):
    photo = soft_photo(width=200, height=240)
    studio.open(photo)
    studio.drag((0.45, 0.4), (0.5, 0.4))
    first_mask = studio.mask()
    studio.restore()
    studio.page.get_by_role("radio", name="Variant").nth(1).click()
    first = np.asarray(studio.result("As it came (PNG)")[1])

    studio.press("Paint on top")
    assert not studio.mask().any()
    studio.drag((0.45, 0.6), (0.5, 0.6))
    second_mask = studio.mask()
    studio.restore()
    second = np.asarray(studio.result("As it came (PNG)")[1])

    assert not (first_mask & second_mask).any()
    assert (first[~second_mask] == second[~second_mask]).all()
    assert (first[second_mask] != second[second_mask]).any()
    expect(studio.page.locator(".history li")).to_have_count(3)


def test_other_faces_are_others_even_after_going_back(studio):
    studio.page.evaluate("""() => {
        window.seeds = [];
        const { append } = FormData.prototype;
        FormData.prototype.append = function (name, ...value) {
            if (name === 'seed') window.seeds.push(...value);
            return append.call(this, name, ...value);
        };
    }""")
    studio.open(soft_photo())
    studio.drag((0.48, 0.45), (0.52, 0.5))
    studio.restore()
    mask, history = studio.mask(), studio.page.locator(".history li")
    painting = studio.hold("api/v1/inpaint")
    for steps in (3, 4):
        with studio.page.expect_request("**/api/v1/inpaint"):
            studio.press("Other variants")
        for view in ("Paint", "Layout", "Compare"):  # each would end the job, or take its mask away
            button = studio.page.get_by_role("button", name=view, exact=True).first
            expect(button).to_be_disabled()
            button.dispatch_event("click")
        studio.page.keyboard.press("b")
        painting[-1].continue_()
        expect(history).to_have_count(steps)
        studio.page.locator("#undo").click()
    assert (studio.mask() == mask).all()
    assert studio.page.evaluate("window.seeds") == ["0", "1", "2"]


def test_the_slider_moves_between_before_and_after(studio):
    studio.open(Image.new("RGB", (300, 400), (10, 200, 10)))
    studio.drag((0.45, 0.45), (0.55, 0.5))
    studio.restore()
    handle = studio.page.get_by_role("slider", name="Line between before and after")
    pixels = "document.getElementById('photo-canvas').toDataURL()"

    studio.drag((0.5, 0.2), (0.9, 0.2))
    expect(handle).to_have_attribute("aria-valuenow", "100")
    studio.next_frame()
    before = studio.page.evaluate(pixels)
    handle.press("Home")
    expect(handle).to_have_attribute("aria-valuenow", "0")
    studio.next_frame()
    assert studio.page.evaluate(pixels) != before
    handle.press("PageUp")
    expect(handle).to_have_attribute("aria-valuenow", "10")


def test_a_painted_layout_is_what_the_network_paints_by(studio):
    studio.open(soft_photo(width=200, height=240))
    studio.press("Layout")
    before = studio.layout()
    studio.press("Hat")
    studio.drag((0.48, 0.4), (0.52, 0.4))
    painted = studio.layout() != before
    assert painted.any()
    assert (studio.layout()[painted] == face_classes.CLASS_NAMES.index("hat")).all()
    assert studio.mask()[painted].all()  # what changes must be repainted

    studio.restore()
    studio.press("Layout")
    assert (studio.layout()[painted] == face_classes.CLASS_NAMES.index("hat")).all()


def test_the_bucket_stays_in_the_layout(studio):
    studio.open(soft_photo(width=200, height=240))
    studio.press("Layout")
    studio.press("Fill a region")
    studio.press("Paint")
    expect(studio.page.get_by_role("button", name="Brush", exact=True)).to_have_attribute("aria-pressed", "true")
    studio.drag((0.5, 0.5))
    assert 0 < studio.mask().mean() < 0.2


def test_undo_takes_back_every_step_and_redo_does_it_again(studio):
    studio.open(soft_photo(width=200, height=240))
    undo, redo = (studio.page.locator(f"#{name}") for name in ("undo", "redo"))
    masks = [studio.mask()]
    for y in (0.3, 0.5, 0.7):
        studio.drag((0.45, y), (0.55, y))
        masks.append(studio.mask())
    studio.restore()

    for mask in reversed(masks):
        undo.click()
        assert (studio.mask() == mask).all()
    expect(undo).to_be_disabled()
    expect(studio.page.locator("#stage")).to_be_focused()
    for _ in masks:
        redo.click()
    expect(studio.page.locator("body")).to_have_attribute("data-view", "compare")
    assert (studio.mask() == masks[-1]).all()


def test_undo_takes_back_a_stroke_under_way_and_a_layout_that_comes_late_leaves_redo_alone(studio):
    page, layouts = studio.page, studio.hold("api/v1/layout", times=1)
    status = page.locator("#status")
    with page.expect_request("**/api/v1/layout"):
        page.set_input_files("#photo-file", {"name": "photo.png", "mimeType": "", "buffer": encoded(soft_photo())})
    page.locator("#stage").focus()
    for key in ("ArrowRight", " ", "ArrowRight", "Control+z"):
        page.keyboard.press(key)
    expect(status).to_have_text("Nothing is marked yet.")
    page.keyboard.press("ArrowRight")  # the brush has been lifted
    page.keyboard.press("Control+Shift+z")
    expect(status).to_contain_text("will be repainted")
    page.locator("#undo").click()
    layouts[0].continue_()
    expect(page.locator("#save-layout")).to_be_enabled()
    page.locator("#redo").click()
    expect(status).to_contain_text("will be repainted")

    with page.expect_request("**/api/v1/layout"):  # the one there is was asked for before anything was masked
        studio.press("Layout")
    studio.press("Paint")
    page.locator("#stage").focus()
    for key in ("ArrowDown", " ", "ArrowDown", " ", "ArrowDown", " ", "ArrowDown", "ArrowDown", " "):
        page.keyboard.press(key)
    masked = status.text_content()
    page.keyboard.press("Control+z")
    with page.expect_request("**/api/v1/layout"):
        studio.press("Layout")
    page.locator("#redo").click()
    expect(status).to_have_text(masked)


def test_keyboard_alone_is_enough(studio):
    keyboard = studio.page.keyboard
    tab_to(studio.page, "Portrait")
    with studio.page.expect_response("**/api/v1/layout"):
        keyboard.press("Enter")
    expect(studio.page.locator("#stage")).to_be_focused()
    for key in ("ArrowRight", "ArrowUp", " ", "ArrowLeft", "Shift+ArrowLeft", "ArrowUp", " "):
        keyboard.press(key)
    expect(studio.page.locator("#status")).to_contain_text("will be repainted")
    tab_to(studio.page, "Restore")
    keyboard.press("Control+Enter")
    wait_until(studio.page, RESTORED)
    expect(studio.page.get_by_role("button", name="Download")).to_be_focused()
    tab_to(studio.page, "Variant 1 of 4")
    keyboard.press("ArrowRight")
    expect(studio.page.get_by_role("radio", name="Variant 2 of 4")).to_be_focused()
    for place in ("first", "last"):
        step = getattr(studio.page.locator(".history button"), place)
        step.press("Enter")
        expect(step).to_be_focused()
    studio.page.get_by_role("button", name="Paint on top").press("Enter")
    expect(studio.page.locator("#stage")).to_be_focused()
    keyboard.down(" ")
    keyboard.press("ArrowRight")  # the brush comes out while the key is down
    keyboard.up(" ")
    studio.drag((0.45, 0.45), (0.5, 0.45))
    expect(studio.page.locator("#status")).to_contain_text("will be repainted")
    keyboard.press("Control+s")
    tab_to(studio.page, "Save the photo")
    with studio.page.expect_download() as download:
        keyboard.press("Enter")
    assert download.value.suggested_filename == "portrait-restored.jpg"
    keyboard.press("?")
    expect(studio.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keyboard.press("Escape")
    expect(studio.page.get_by_role("dialog")).to_have_count(0)


def test_a_key_that_is_held_puts_the_brush_down_once_and_escape_tells_that_it_is_lifted(studio):
    page, told = studio.page, studio.page.locator("#announce")
    studio.open(soft_photo(width=200, height=240))
    page.locator("#stage").focus()
    page.keyboard.press("ArrowRight")
    for _ in range(4):
        page.keyboard.down(" ")  # all but the first are repetitions
    page.keyboard.up(" ")
    expect(told).to_have_text("Brush down")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(told).to_have_text("Brush lifted")
    expect(page.locator("#status")).to_have_text("Nothing is marked yet.")


def test_the_second_click_of_a_double_click_is_for_what_was_there_before(studio):
    page = studio.page
    studio.open(soft_photo(width=200, height=240))
    studio.drag((0.45, 0.45), (0.55, 0.5))
    painting = studio.hold("api/v1/inpaint", times=1)
    restore = page.get_by_role("button", name="Restore", exact=True)
    with page.expect_request("**/api/v1/inpaint"):
        restore.dblclick(position={"x": restore.bounding_box()["width"] - 20, "y": 17})  # where Stop appears
    expect(page.locator("#working")).to_be_visible()
    painting[0].continue_()
    wait_until(page, RESTORED)

    studio.press("Layout")
    skin, hat = (page.get_by_role("button", name=name, exact=True) for name in ("Skin", "Hat"))
    hat.evaluate("(chip) => chip.dispatchEvent(new MouseEvent('click', { detail: 2 }))")
    expect(skin).to_have_attribute("aria-pressed", "true")
    hat.click()
    expect(hat).to_have_attribute("aria-pressed", "true")


def test_the_keyboards_hand_moves_the_photo_and_its_brush_stays_in_sight(studio):
    page, status = studio.page, studio.page.locator("#status")
    studio.open(soft_photo(width=200, height=240))
    page.locator("#stage").focus()
    shown = "document.getElementById('photo-canvas').toDataURL()"
    before = page.evaluate(shown)
    for key in ("ArrowRight", "h", " ", "ArrowRight", "ArrowDown", " "):
        page.keyboard.press(key)
    studio.next_frame()
    assert page.evaluate(shown) != before
    expect(status).to_have_text("Nothing is marked yet.")

    for key in ("b", *6 * ("+",), *14 * ("Shift+ArrowRight",), *14 * ("Shift+ArrowDown",), " "):
        page.keyboard.press(key)
    ring, stage, bar = (page.locator(place).bounding_box() for place in ("#ring circle >> nth=0", "#stage", ".floating"))
    middle = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    assert stage["x"] < middle[0] < stage["x"] + stage["width"]
    assert stage["y"] < middle[1] < bar["y"]
    page.keyboard.press(" ")
    assert studio.mask()[-1, -1]


@pytest.mark.parametrize("held", [{}, {"altKey": True}, {"altKey": True, "ctrlKey": True}], ids=["plain", "Option", "AltGr"])
def test_brackets_change_the_brush_however_a_keyboard_types_them(modules, held):
    typed = modules.evaluate(
        """async (held) => {
        const { listenForKeys } = await import('/js/shortcuts.js');
        const typed = [];
        listenForKeys(Object.fromEntries(['[', '}', 'b', 'Ctrl+z'].map((key) => [key, () => typed.push(key)])));
        const press = (key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, ...held }));
        ['[', '}', 'b', 'z'].forEach(press);
        return typed;
    }""",
        held,
    )
    assert typed == (["[", "}"] if held else ["[", "}", "b"])


def test_escape_closes_what_is_open(studio):
    menu, download = studio.page.locator("#menu"), studio.page.get_by_role("dialog", name="Download")
    studio.open(soft_photo())
    studio.page.locator("#menu-open").click()
    expect(menu).to_be_visible()
    studio.page.keyboard.press("Escape")
    expect(menu).to_be_hidden()

    studio.page.keyboard.press("Control+s")
    expect(download).to_be_visible()
    studio.hold("api/v1/export")
    with studio.page.expect_request("**/api/v1/export"):
        studio.press("Save the photo")
    with studio.page.expect_event("requestfailed"):  # it is not waited for any more
        studio.page.keyboard.press("Escape")
    expect(download).to_be_hidden()
    studio.page.keyboard.press("Control+s")
    expect(studio.page.get_by_role("button", name="Save the photo")).to_be_enabled()


def test_the_file_is_seen_to_be_written(studio):
    studio.open(soft_photo(), "photo.png")
    studio.page.keyboard.press("Control+s")
    dialog, held_back = studio.page.get_by_role("dialog", name="Download"), studio.hold("api/v1/export", times=1)
    studio.press("Save the photo")
    expect(dialog.get_by_text("Writing the file")).to_be_visible()
    expect(studio.page.locator("#working")).to_be_hidden()
    held_back[0].fulfill(status=422, json={"error": {"code": "format", "message": "photo: is too large"}})
    expect(dialog.get_by_text("Writing the file")).to_be_hidden()
    expect(dialog.get_by_role("button", name="Save the photo")).to_be_focused()
    with studio.page.expect_download() as download:
        studio.press("Save the photo")
    assert download.value.suggested_filename == "photo.png"  # nothing has been restored


def tab_to(page, name):
    """Press Tab until the element of that name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
        if page.evaluate(focused) == name:
            return
    raise AssertionError(f"Tab never reaches {name!r}")


# --- ways in and out ------------------------------------------------------------------------------------------------------


def test_a_photo_that_browsers_cannot_read_is_shown_and_kept_as_it_is(studio):
    photo = make_photo("I;16", 200, 240)
    slow = studio.hold("samples/portrait.jpg", times=1)
    studio.press("Portrait")
    expect(studio.page.locator("#empty .working")).to_contain_text("Opening the photo")
    studio.open(photo, "scan.tif")
    slow[0].continue_()  # too late: another photo has been opened
    studio.drag((0.45, 0.45), (0.55, 0.5))
    mask = studio.mask()
    studio.restore()
    name, saved = studio.result("As it came (TIFF)")
    assert (name, saved.format, saved.mode) == ("scan-restored.tif", "TIFF", "I;16")
    assert (np.asarray(saved)[~mask] == np.asarray(photo)[~mask]).all()


def test_a_webp_that_lies_on_its_side_is_shown_and_restored_upright(studio):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    studio.open(soft_photo(width=200, height=240), "photo.webp", exif=exif, lossless=True)
    studio.drag((0.45, 0.45), (0.55, 0.5))
    assert studio.mask().shape == (200, 240)
    studio.restore()


def test_a_saved_photo_is_offered_as_what_it_is_and_named_after_what_the_server_wrote(studio):
    page, written = studio.page, iter(("jpeg", "heic", "tiff"))
    page.route("**/api/v1/export", lambda route: route.fulfill(body=b"a photo", content_type=f"image/{next(written)}"))
    for name, offered, suffix in (
        ("photo.jfif", "As it came (JPEG)", "jpg"),
        ("photo.gif", "PNG", "heic"),
        ("photo.png", "As it came (PNG)", "tif"),
    ):
        studio.open(soft_photo(), name)
        page.keyboard.press("Control+s")
        expect(page.get_by_role("radio", checked=True)).to_have_accessible_name(offered)
        with page.expect_download() as download:
            studio.press("Save the photo")
        assert download.value.suggested_filename == f"photo.{suffix}"


def test_a_photo_whose_file_is_touched_after_it_was_opened_can_be_saved(studio, tmp_path):
    path = tmp_path / "photo.png"
    soft_photo().save(path)
    studio.page.set_input_files("#photo-file", path)
    expect(studio.page.locator("#save-layout")).to_be_enabled()
    os.utime(path, (0, 0))
    assert (np.asarray(studio.result("As it came (PNG)")[1]) == np.asarray(soft_photo())).all()

    studio.page.evaluate("void (Blob.prototype.arrayBuffer = () => Promise.reject(new Error()))")
    studio.page.set_input_files("#photo-file", path)
    expect(studio.page.locator("[data-problem=restore]")).to_contain_text("This file cannot be read")


def test_a_mask_file_is_turned_upright_as_photos_are(studio, tmp_path):
    studio.open(soft_photo("RGB", 200, 240))
    drawn = np.zeros((240, 200), bool)
    drawn[100:120, 20:60] = True
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    mask_image(drawn).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "mask.webp", lossless=True, exif=exif)
    studio.page.set_input_files("#mask-file", tmp_path / "mask.webp")
    expect(studio.page.locator("#status")).to_contain_text("1.7%")
    assert (studio.mask() == drawn).all()


def test_masks_come_from_files_transparency_and_lassos(studio, tmp_path):
    photo = soft_photo("RGBA", 200, 240)
    transparent = np.zeros((240, 200), bool)
    transparent[50:90, 60:140] = True
    photo.putalpha(Image.fromarray(np.where(transparent, np.uint8(240), np.uint8(255))))
    studio.open(photo)
    studio.press("Transparent part")
    assert (studio.mask() == transparent).all()

    drawn = np.zeros((240, 200), bool)
    drawn[100:120, 20:60] = True
    mask_image(drawn).save(tmp_path / "mask.png")
    studio.page.set_input_files("#mask-file", tmp_path / "mask.png")
    expect(studio.page.locator("#status")).to_contain_text("1.7%")
    assert (studio.mask() == drawn).all()

    mask_image(drawn[:, :150]).save(tmp_path / "mask.png")
    studio.page.set_input_files("#mask-file", tmp_path / "mask.png")
    expect(studio.page.locator("[data-problem=mask]")).to_contain_text("another shape than the photo, which is 200 × 240")

    studio.press("Clear")
    studio.press("Lasso")
    studio.drag((0.45, 0.4), (0.55, 0.4), (0.55, 0.6), (0.45, 0.6))
    rows, columns = np.nonzero(studio.mask())
    filled = studio.mask()[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert filled.mean() > 0.97  # a lasso about a rectangle fills it
    studio.press("Remove")
    studio.press("Rectangle")
    studio.drag((0.4, 0.3), (0.6, 0.7))
    assert not studio.mask().any()


def test_a_painted_mask_is_given_up_only_when_its_owner_says_so(studio):
    asked = []

    def agree_at_last(dialog):
        asked.append(dialog.message)
        dialog.accept() if len(asked) > 1 else dialog.dismiss()

    studio.page.on("dialog", agree_at_last)
    studio.open(soft_photo(), "first.png")
    studio.drag((0.48, 0.45), (0.52, 0.5))
    second = {"name": "second.png", "mimeType": "image/png", "buffer": encoded(soft_photo())}
    for title in ("first.png · facemend", "second.png · facemend"):
        studio.page.set_input_files("#photo-file", second)
        expect(studio.page).to_have_title(title)
    assert asked == ["The mask you have painted has not been used. Give it up?"] * 2
    studio.page.remove_listener("dialog", agree_at_last)


def test_no_work_is_lost_unasked_until_the_last_result_is_saved(modules):
    lost = modules.evaluate(
        """async () => {
        const [{ Studio }, { loss }] = await Promise.all([import('/js/studio/studio.js'), import('/js/ui/open.js')]);
        const studio = new Studio({ export: async () => new Blob() }, { legend: [], limits: { max_patches: 64 } });
        const result = { from: { step: 0, variant: 0 }, variants: [{ patch: {} }] };
        studio.store.set({ photo: {}, steps: [{ variants: [] }, result], unsaved: true, onTop: false, area: 0.1 });
        const lost = [];
        for (const step of [0, 1]) {
            studio.store.set({ shown: { step, variant: 0 } });
            await studio.export(null);
            lost.push(loss(studio.state));
        }
        return [...lost, loss({ ...studio.state, layoutEdited: true }), loss({ ...studio.state, onTop: true })];
    }"""
    )
    assert lost == ["open.lose", None, "open.loseMask", "open.loseMask"]


def test_problems_are_told_in_words_where_they_arose(studio):
    studio.page.set_input_files("#photo-file", {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(studio.page.get_by_role("alert")).to_contain_text("That is not a picture")
    moving = encoded(soft_photo(), "GIF", save_all=True, append_images=[soft_photo().rotate(180)])
    studio.page.set_input_files("#photo-file", {"name": "moving.gif", "mimeType": "image/gif", "buffer": moving})
    expect(studio.page.get_by_role("alert")).to_contain_text("This file is an animation")
    expect(studio.page.locator("#stage")).to_be_hidden()
    studio.open(soft_photo(width=200, height=240))
    studio.press("Restore")
    expect(studio.page.locator("[data-problem=restore]")).to_contain_text("Paint over the part")
    studio.press("Invert")
    studio.press("Restore")
    expect(studio.page.locator("[data-problem=restore]")).to_contain_text("covers the whole photo")


def test_a_photo_that_is_refused_leaves_the_one_that_is_open_and_its_history(studio):
    page, history = studio.page, studio.page.locator(".history li")
    studio.open(soft_photo(), "first.png")
    studio.drag((0.48, 0.45), (0.52, 0.5))
    studio.restore()
    page.on("dialog", lambda dialog: dialog.accept())
    moving = encoded(soft_photo(), "GIF", save_all=True, append_images=[soft_photo().rotate(180)])
    for content, refusal in (
        (encoded(soft_photo().resize((8, 8))), "too small to show a face"),
        (encoded(soft_photo().resize((330, 30))), "longer than 10:1"),
        (moving, "is an animation"),
        (encoded(soft_photo(), "JPEG")[:-400], "damaged or incomplete"),
        (b"no picture", "not a picture"),
    ):
        page.set_input_files("#photo-file", {"name": "second", "mimeType": "image/png", "buffer": content})
        expect(page.locator("[data-problem=restore]")).to_contain_text(refusal)
        expect(page).to_have_title("first.png · facemend")
        expect(history).to_have_count(2)
    studio.press("Other variants")
    expect(history).to_have_count(3)


def test_a_photo_of_too_many_pixels_is_refused_before_it_is_copied(modules):
    problem, decoded, is_open = modules.evaluate(
        """async () => {
        const [{ encodePng }, { Studio }] = await Promise.all([import('/js/core/png.js'), import('/js/studio/studio.js')]);
        const studio = new Studio({}, { legend: [], limits: { max_bytes: 1e9, max_pixels: 2e6, max_patches: 64 } });
        const file = await encodePng(2000, 1100, new Uint8Array(2000 * 1100));
        const decode = window.createImageBitmap;
        const decoded = [];
        window.createImageBitmap = async (...given) => decoded[decoded.push(await decode(...given)) - 1];
        await studio.open(file);
        window.createImageBitmap = decode;
        return [studio.state.problem, decoded.length, decoded[0].width > 0];
    }"""
    )
    assert (problem["key"], problem["values"]) == ("error.pixels", {"limit": 2})
    assert (decoded, is_open) == (1, False)


def test_a_photo_that_is_refused_while_it_is_moved_leaves_the_pointer(studio):
    page, layouts = studio.page, studio.hold("api/v1/layout")
    with page.expect_request("**/api/v1/layout"):
        page.set_input_files("#photo-file", {"name": "photo.png", "mimeType": "image/png", "buffer": encoded(soft_photo())})
    page.keyboard.press("h")
    page.locator("#stage").hover()
    page.mouse.down()
    layouts[0].fulfill(status=400, json={"error": {"code": "photo", "message": "photo: is not a face"}})
    expect(page.locator("#stage")).to_be_hidden()
    page.mouse.move(300, 300, steps=3)
    page.mouse.up()


def test_a_full_queue_is_waited_for_and_a_job_can_be_stopped(browser, tiny_model):
    with serving(tiny_model, limits=Limits(queue_size=1, at_once=1)) as (address, inpainter):
        context = browser.new_context(**CALM)
        running, queued, refused = studios = [Studio(context.new_page()) for _ in range(3)]
        for studio in studios:
            studio.page.bring_to_front()  # a page behind others hears of the mouse once a second
            show(studio.page, address)
            studio.open(soft_photo(width=200, height=240))
            studio.drag((0.45, 0.45), (0.55, 0.5))
        with held(inpainter) as reached:
            running.page.bring_to_front()
            running.press("Restore")
            assert reached.wait(10)
            expect(running.page.locator("#working-text")).to_contain_text("Looking for faces")
            queued.page.bring_to_front()
            queued.press("Restore")
            expect(queued.page.locator("#working-text")).to_contain_text("Waiting")
            refused.press("Restore")
            expect(refused.page.locator("#working-text")).to_contain_text("Trying again in")
            running.press("Stop")
            expect(running.page.locator("#main-action")).to_be_visible()
        for studio in (queued, refused):
            wait_until(studio.page, RESTORED)
        context.close()


def test_a_face_that_is_being_read_is_not_masked_once_stopped(studio):
    page, held_back = studio.page, studio.hold("api/v1/layout")
    page.set_input_files("#photo-file", {"name": "photo.png", "mimeType": "image/png", "buffer": encoded(soft_photo())})
    studio.press("Eyes")
    studio.press("Stop")
    expect(page.locator("#working")).to_be_hidden()
    assert len(held_back) == 1
    assert not studio.mask().any()
    with page.expect_request("**/api/v1/layout"):
        studio.press("Eyes")
    for _ in range(2):  # the view that waits for it can be asked again
        studio.press("Stop")
        with page.expect_request("**/api/v1/layout"):
            studio.press("Layout")


BLOCKED = """for (const storage of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(window, storage, { get() { throw new DOMException('', 'SecurityError'); } });
}"""


def test_a_server_with_a_token_is_asked_in_a_dialog_or_by_the_address(browser, tiny_model):
    with serving(tiny_model, token=TOKEN) as (address, _):
        page = browser.new_page(**CALM)
        page.goto(address)
        for token in ("wrong", TOKEN):
            expect(page.get_by_label("Token", exact=True)).to_be_focused()
            page.get_by_label("Token", exact=True).fill(token)
            page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("button", name="Portrait")).to_be_visible()
        page.close()

        page = browser.new_page(**CALM)
        page.add_init_script(BLOCKED)
        page.goto(f"{address}/#token={TOKEN}")
        expect(page.get_by_role("button", name="Portrait")).to_be_visible()
        assert TOKEN not in page.url
        page.evaluate("document.getElementById('theme').click()")  # though nothing can be kept
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        page.close()


# --- for everyone ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("studio", [{"viewport": PHONE, "has_touch": True, "is_mobile": True}], indirect=True, ids=["touch"])
def test_a_phone_shows_all_and_fingers_paint_and_pinch(studio):
    page = studio.page
    expect(page.get_by_text("Paint over what is missing")).to_be_visible()
    expect(page.get_by_text("Drop a photo here")).to_be_hidden()
    studio.open(soft_photo(width=200, height=240))
    touch(page, [[(0.45, 0.4)], [(0.5, 0.45)], [(0.55, 0.45)]])
    mask = studio.mask()
    assert mask.any()

    touch(page, [[(0.4, 0.5), (0.6, 0.5)], [(0.3, 0.5), (0.7, 0.5)], [(0.2, 0.5), (0.8, 0.5)]])
    assert (studio.mask() == mask).all()  # two fingers zoom, they do not paint
    for name in ("Restore", "Undo", "Brush", "Damage", "Eyes", "Fit the photo"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport()
    expect(page.get_by_role("slider", name="Softness")).to_be_in_viewport()
    ring = page.locator("#ring")
    for event, shown in (("input", True), ("change", False)):
        page.get_by_role("slider", name="Size").dispatch_event(event)
        expect(ring).to_be_visible() if shown else expect(ring).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    studio.restore()
    expect(page.get_by_role("radio", name="Variant 4 of 4")).to_be_in_viewport()


@pytest.mark.parametrize(
    "studio", [{"viewport": {"width": 768, "height": 1024}, "locale": "de-DE"}], indirect=True, ids=["upright"]
)
def test_on_a_tablet_and_on_a_page_zoomed_in_nothing_lies_upon_a_control_or_the_photo_which_has_room(studio):
    page = studio.page
    studio.open(Image.new("RGB", (300, 400), (0, 255, 0)))
    seen_below_bar = """() => {
        const canvas = document.getElementById('photo-canvas');
        const { offsetTop } = document.querySelector('.floating');
        return [...canvas.getContext('2d').getImageData(canvas.width / 2, offsetTop, 1, 1).data];
    }"""
    for width, height in ((768, 1024), (844, 390), (640, 400)):  # the last is that of a small window at 200 %
        page.set_viewport_size({"width": width, "height": height})
        studio.next_frame()
        assert page.evaluate(seen_below_bar) != [0, 255, 0, 255]
        frame, options, zoom = (page.locator(place).bounding_box() for place in (".stage-frame", "#options", "#zoom"))
        assert options["y"] + options["height"] <= zoom["y"] or options["x"] + options["width"] <= zoom["x"]
        for box in (options, zoom):
            assert frame["x"] <= box["x"] < box["x"] + box["width"] <= frame["x"] + frame["width"]
        assert min(frame["width"], frame["height"]) > 300
        assert height > 560 or frame["y"] + frame["height"] - options["y"] < 70  # one row, below the photo


@pytest.mark.parametrize("studio", [{"viewport": {"width": 1024, "height": 420}}], indirect=True, ids=["low"])
def test_the_panel_of_another_view_begins_at_its_top(studio):
    studio.open(soft_photo(width=200, height=240))
    studio.press("Layout")
    studio.page.evaluate("document.getElementById('panel-body').scrollTop = 50")
    studio.press("Paint")
    assert studio.page.evaluate("document.getElementById('panel-body').scrollTop") == 0


@pytest.mark.parametrize("studio", [{"forced_colors": "active"}], indirect=True, ids=["forced"])
def test_high_contrast_shows_what_is_chosen_the_mask_and_the_legend(studio):
    page = studio.page
    studio.open(soft_photo(width=200, height=240))
    studio.drag((0.48, 0.45), (0.52, 0.5))
    studio.next_frame()
    painted = """() => {
        const { width, height } = document.getElementById('overlay-canvas');
        const { data } = document.getElementById('overlay-canvas').getContext('2d').getImageData(0, 0, width, height);
        const last = data.findLastIndex((value) => value > 0); // an alpha
        return [...data.subarray(last - 3, last)];
    }"""
    red, green, _ = page.evaluate(painted)
    assert red > 150 > green
    background = "(element) => getComputedStyle(element).backgroundColor"
    chosen, other = (page.get_by_role("button", name=name, exact=True).evaluate(background) for name in ("Brush", "Eraser"))
    assert chosen != other
    studio.press("Layout")
    swatches = page.locator(".legend .swatch").evaluate_all(f"(swatches) => swatches.map({background})")
    assert len(set(swatches)) == len(face_classes.CLASS_NAMES)


def touch(page, steps):
    """Move fingers over the stage: each step gives the place of every finger, in shares of the stage."""
    box = page.locator("#stage").bounding_box()
    device = page.context.new_cdp_session(page)
    for i, fingers in enumerate(steps):
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": n} for n, (x, y) in enumerate(fingers)
        ]
        device.send("Input.dispatchTouchEvent", {"type": "touchMove" if i else "touchStart", "touchPoints": points})
    device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize(
    "studio",
    [
        {"color_scheme": "light"},
        pytest.param({"color_scheme": "dark"}, marks=pytest.mark.slow),
        pytest.param({"viewport": PHONE}, marks=pytest.mark.slow),
    ],
    indirect=True,
    ids=["light", "dark", "phone"],
)
def test_axe_finds_no_fault_in_any_view(studio):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = studio.page

    def check(view):
        found = axe.run(page).response["violations"]
        assert not [(view, each["id"], [node["target"] for node in each["nodes"]]) for each in found]

    check("empty")
    studio.open(soft_photo(width=200, height=240))
    studio.drag((0.45, 0.45), (0.55, 0.5))
    check("paint")
    studio.restore()
    check("compare")
    page.keyboard.press("Control+s")
    check("download")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    check("help")
    page.keyboard.press("Escape")
    studio.press("Layout")
    studio.press("Hat")
    check("layout")
    page.locator("#menu-open").click()
    check("menu")


def words_of(language):
    return json.loads((STATIC / "locales" / f"{language}.json").read_text(encoding="utf-8"), object_pairs_hook=each_once)


def each_once(pairs):
    """Make a dict of a JSON object's pairs; of two with one key the first would be lost in silence."""
    words = dict(pairs)
    assert len(words) == len(pairs), [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    return words


def test_the_empty_page_says_what_to_do_and_the_veil_where_to_drop(studio):
    page = studio.page
    expect(page.locator("#drop p").first).to_have_text(
        "Drop a photo here or paste it. Paint over what is missing, torn or scratched."
    )
    page.evaluate("""() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([], 'photo.png'));
        document.body.dispatchEvent(new DragEvent('dragenter', { dataTransfer, bubbles: true }));
    }""")
    expect(page.get_by_text("Drop the photo here", exact=True)).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_each_language_says_what_english_says(language):
    english, words = words_of("en"), words_of(language)
    assert list(words) == list(english)
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", words[key])) == set(re.findall(r"\{\w+\}", text)), key


def test_english_says_everything():
    used = set(re.findall(r"'([a-zA-Z]+(?:\.[a-zA-Z0-9]+)+)'", "".join(path.read_text() for path in STATIC.rglob("*.js"))))
    assert {key for key in used if not key.endswith((".js", ".json", ".safetensors", ".svg", ".png"))} <= set(words_of("en"))


@pytest.mark.parametrize("studio", [{"locale": "de-DE", "viewport": PHONE}, {"locale": "zh-CN"}], indirect=True, ids=["de", "zh"])
def test_the_page_speaks_the_readers_language_and_changes_it(studio):
    page = studio.page
    language = page.evaluate("document.documentElement.lang")
    words = words_of(language)
    expect(page.get_by_role("button", name=words["open.pick"])).to_be_visible()
    page.set_input_files("#photo-file", {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.get_by_role("alert")).to_have_text(words["error.notPicture"])
    studio.open(soft_photo(width=200, height=240))
    assert not re.findall(r"\b(?:part|view|tool|mask|status|class)\.\w+", page.locator("body").inner_text())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#menu-open").click()
    page.locator("#language").select_option("fr")
    expect(page.get_by_role("button", name="Restaurer", exact=True)).to_be_visible()

    page.route("**/locales/es.json", lambda route: route.abort())
    page.locator("#language").select_option("es")
    expect(page.locator("#language")).to_have_value("fr")
    slow = studio.hold("locales/en.json", times=1)
    page.locator("#language").select_option("en")
    page.locator("#language").select_option("fr")
    with page.expect_response("**/locales/en.json"):
        slow[0].continue_()
    studio.next_frame()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert page.evaluate("localStorage.getItem('language')") == "fr"


def test_the_legend_has_the_classes_of_the_network(modules):
    ids = modules.evaluate("import('/js/core/classes.js').then(({LEGEND_GROUPS}) => Object.values(LEGEND_GROUPS).flat())")
    words = json.loads((STATIC / "locales" / "en.json").read_text())
    assert sorted(ids) == list(range(len(face_classes.CLASS_NAMES)))
    plain = {"mouth": "open mouth", "cloth": "clothes"}
    assert [words[f"class.{i}"].lower() for i in range(len(ids))] == [plain.get(name, name) for name in face_classes.CLASS_NAMES]


# --- what the server says, in the browser ---------------------------------------------------------------------------------


READING = """async (chunks) => {
    const { readEvents } = await import('/js/events.js');
    const body = new ReadableStream({ start(stream) {
        for (const chunk of chunks) stream.enqueue(Uint8Array.from(chunk));
        stream.enqueue(new TextEncoder().encode('\\n\\n'));
        stream.close();
    } });
    return Array.fromAsync(readEvents(body));
}"""


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_events_are_read_wherever_they_are_cut(modules, size, newline):
    told = 'event: progress\ndata: {"stage": "é世😀"}\n\n: ping\n\n\ndata: {"n":\ndata: 2}'.replace("\n", newline).encode()
    chunks = [list(told[i : i + size]) for i in range(0, len(told), size)]
    events = modules.evaluate(READING, chunks)
    assert events == [{"event": "progress", "data": {"stage": "é世😀"}}, {"event": "message", "data": {"n": 2}}]


def test_a_server_lost_while_it_answers_is_told_like_one_that_is_not_there(studio):
    problems = studio.page.evaluate(
        """async () => {
        const { Api } = await import('/js/api.js');
        const [api, picture] = [new Api(), { file: new Blob(), patches: [] }];
        const lost = (stream) => stream.error(new TypeError('network error'));
        window.fetch = async () => new Response(new ReadableStream({ start: lost }));
        const asked = [api.models(), api.layout(picture), api.inpaint(picture, {}, {})];
        return Promise.all(asked.map((answer) => answer.catch(({ code }) => code)));
    }"""
    )
    assert problems == ["offline"] * 3


# --- what was done, in which order ----------------------------------------------------------------------------------------


def play(modules, body):
    """Run a script with a `studio` in which a drawn face has been opened; `asked` has the fields of each restoration."""
    return modules.evaluate(
        f"""async () => {{
        const [{{ Studio }}, {{ encodePng }}] = await Promise.all([import('/js/studio/studio.js'), import('/js/core/png.js')]);
        const face = new Uint8Array(64 * 64);
        const SKIN = 1, LIP = 11;
        const draw = (id, left, top, right, bottom) => {{
            for (let y = top; y < bottom; y++) face.fill(id, 64 * y + left, 64 * y + right);
        }};
        draw(SKIN, 16, 8, 48, 56);
        draw(LIP, 26, 40, 38, 44);
        const legend = Array.from({{ length: 19 }}, (_, id) => ({{ id, color: [10 * id, 0, 0] }}));
        const drawn = await encodePng(64, 64, face, legend.map(({{ color }}) => color));
        const asked = [];
        const api = {{
            layout: async () => drawn,
            inpaint: async (_, fields) => {{
                asked.push(fields);
                const patch = {{ blob: drawn, left: 0, top: 0, width: 64, height: 64 }};
                return {{ variants: [{{ ...patch }}, {{ ...patch }}], layout: fields.layout ?? drawn, notes: [] }};
            }},
        }};
        const studio = new Studio(api, {{ legend, limits: {{ max_bytes: 1e9, max_pixels: 1e9, max_patches: 64 }} }});
        await studio.open(drawn);
        {body}
    }}"""
    )


def test_the_mask_of_a_step_by_a_changed_layout_is_changed_and_the_layout_stays(modules):
    asked, smiles = play(
        modules,
        """await studio.show('layout');
        await studio.layouts.applyIdea('smile');
        const smile = studio.painting.layout.data.join();
        await studio.restore();
        const smiles = [];
        for (const leave of [() => studio.history.adjustMask(), () => studio.history.paintOnTop()]) {
            leave();
            studio.masks.invert();
            await studio.show('layout');
            smiles.push(studio.painting.layout.data.join() === smile);
            await studio.restore();
            studio.painting.undo();
            studio.painting.undo();
            studio.painting.undo();
        }
        return [asked.map(({ layout }) => layout !== null), smiles];""",
    )
    assert asked == [True, True, False]
    assert smiles == [True, False]


def test_a_layout_changed_on_a_result_is_neither_lost_nor_followed_unseen(modules):
    adjusted, on_top, undone = play(
        modules,
        """studio.masks.invert();
        await studio.restore();
        await studio.show('layout');
        await studio.layouts.applyIdea('smile');
        const told = () => [studio.state.layoutEdited, studio.state.area, studio.state.shown.step];
        await studio.show('paint');
        const adjusted = told();
        studio.painting.undo();
        await studio.show('compare');
        studio.history.paintOnTop();
        const onTop = told();
        studio.painting.undo();
        return [adjusted, onTop, told()];""",
    )
    assert (adjusted, on_top, undone) == ([True, 1, 0], [False, 0, 1], [True, 1, 1])


def test_a_note_is_in_the_pages_words_and_goes_with_its_step(modules):
    told = play(
        modules,
        """const { showMessages } = await import('/js/ui/messages.js');
        const notes = [['no face found: give its box (--box)'], []];
        const { inpaint } = api;
        api.inpaint = async (...given) => ({ ...(await inpaint(...given)), notes: notes.shift() });
        showMessages(studio);
        const told = [];
        const tell = () => told.push(document.getElementById('status').textContent);
        studio.masks.invert();
        await studio.restore();
        tell();
        await studio.restore({ another: true });
        tell();
        studio.history.goTo({ step: 1, variant: 1 });
        tell();
        return told;""",
    )
    assert told == [words_of("en")["note.noFace"], "", words_of("en")["note.noFace"]]


def test_an_idea_asks_for_the_layout_that_could_not_be_read_before(modules):
    lost, changed = play(
        modules,
        """studio.masks.invert();
        await studio.restore();
        studio.history.goTo({ step: 1, variant: 1 });
        const { layout } = api;
        api.layout = async () => { throw new Error('lost'); };
        await studio.show('layout');
        const before = studio.painting.layout.data.join();
        await studio.layouts.applyIdea('smile');
        const lost = [studio.state.problem.text, studio.painting.layout.data.join() === before];
        Object.assign(api, { layout });
        await studio.layouts.applyIdea('smile');
        return [lost, studio.state.layoutEdited];""",
    )
    assert lost == ["lost", True]
    assert changed


def test_a_look_at_the_layout_takes_no_redo_away(modules):
    seen, undone, redone, again = play(
        modules,
        """const layouts = [];
        for (const top of [20, 25]) {
            draw(LIP, 20, top, 30, top + 5);
            layouts.push([face.join(), await encodePng(64, 64, face, legend.map(({ color }) => color))]);
        }
        api.layout = async (_, mask) => layouts[mask ? 1 : 0][1];
        const told = () => {
            const { area, layoutEdited, canRedo } = studio.state;
            const ids = studio.painting.layout.data.join();
            return [area, layoutEdited ? 'edited' : layouts.findIndex(([bytes]) => bytes === ids), canRedo];
        };
        studio.masks.invert();
        await studio.restore();
        studio.history.goTo({ step: 1, variant: 1 });
        studio.history.paintOnTop();
        studio.masks.invert();
        await studio.show('layout');
        const seen = [told()];
        await studio.layouts.applyIdea('smile');
        seen.push(told());
        await studio.show('paint');
        studio.painting.undo();
        studio.painting.undo();
        await studio.show('layout');
        const undone = told();
        studio.painting.redo();
        const redone = [told()];
        studio.painting.redo();
        redone.push(told());
        studio.painting.undo();
        studio.painting.undo();
        await studio.show('layout');
        for (let i = 0; i < 3; i++) studio.painting.undo();
        for (let i = 0; i < 4; i++) studio.painting.redo();
        return [seen, undone, redone, told()];""",
    )
    assert seen == [[1, 1, False], [1, "edited", False]]
    assert undone == [0, 0, True]
    assert redone == [[1, 1, True], [1, "edited", False]]
    assert again == [1, 1, True]


def test_the_picture_gone_to_is_compared_with_what_it_was_painted_on(modules):
    compared = play(
        modules,
        """studio.masks.invert();
        for (let i = 0; i < 2; i++) {
            await studio.restore();
            studio.history.paintOnTop();
            studio.masks.invert();
        }
        studio.history.goTo({ step: 1, variant: 0 });
        const compared = [studio.state.compareWith.step];
        studio.painting.undo();
        return [...compared, studio.state.compareWith.step];""",
    )
    assert compared == [0, 1]


# --- the layers, in the browser -------------------------------------------------------------------------------------------


def test_any_edits_come_undone_to_the_byte(modules):
    undone, redone = modules.evaluate(
        """async () => {
        const { Edit, blends } = await import('/js/core/edit.js');
        const { Layer } = await import('/js/core/layer.js');
        const { capsule, polygon, rectangle } = await import('/js/core/shapes.js');
        let seed = 1;
        const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
        const layer = new Layer(700, 450, true);
        const states = [layer.data.slice()];
        const changes = [];
        for (let i = 0; i < 60; i++) {
            const edit = new Edit(layer, [blends.add, blends.erase, blends.put(7)][i % 3]);
            const [a, b, c, d] = [random(700), random(450), random(700), random(450)];
            edit.cover([capsule(a, b, c, d, random(60), random(10) / 10), rectangle(a, b, c, d),
                polygon([[a, b], [c, d], [random(700), random(450)]], layer.bounds)][random(3)]);
            const change = edit.commit();
            if (change) { changes.push(change); states.push(layer.data.slice()); }
        }
        const same = (bytes) => layer.data.every((byte, i) => byte === bytes[i]);
        const undone = changes.toReversed().map((change, i) => (change.swap(), same(states.at(-2 - i))));
        const redone = changes.map((change, i) => (change.swap(), same(states[i + 1])));
        const levels = layer.levels.at(-1).data.slice();
        layer.refresh();
        return [undone, [...redone, levels.every((byte, i) => byte === layer.levels.at(-1).data[i])]];
    }"""
    )
    assert len(undone) > 40
    assert all(undone)
    assert all(redone)


def test_each_patch_of_a_long_history_is_decoded_once(modules):
    decoded = modules.evaluate(
        """async () => {
        const { encodePng } = await import('/js/core/png.js');
        const { Studio } = await import('/js/studio/studio.js');
        const { Stage } = await import('/js/ui/stage.js');
        const api = { layout: () => new Promise(() => {}) };
        const studio = new Studio(api, { legend: [], limits: { max_bytes: Infinity, max_pixels: Infinity, max_patches: 64 } });
        new Stage(studio);
        document.body.removeAttribute('data-empty');
        const blob = await encodePng(20, 20, new Uint8Array(400));
        await studio.open(blob);
        const decode = window.createImageBitmap;
        let decoded = 0;
        window.createImageBitmap = (...given) => (decoded++, decode(...given));
        const steps = [...studio.state.steps];
        for (let step = 0; step < 40; step++) {
            const patch = { blob, left: 0, top: 0, width: 20, height: 20 };
            steps.push({ from: { step, variant: 0 }, variants: [{ patch }] });
        }
        studio.store.set({ steps, shown: { step: 40, variant: 0 } });
        for (let frame = 0; frame < 15; frame++) await new Promise(requestAnimationFrame);
        window.createImageBitmap = decode;
        return decoded;
    }"""
    )
    assert decoded == 40


def test_bitmaps_beside_the_stage_are_kept_by_their_pixels_and_all_closed_with_the_photo(modules):
    open_ones = modules.evaluate(
        """async () => {
        const [{ encodePng }, { PatchBitmaps }] = await Promise.all([import('/js/core/png.js'), import('/js/picture.js')]);
        const blob = await encodePng(20, 20, new Uint8Array(400));
        const [bitmaps, patches] = [new PatchBitmaps(1000), Array.from({ length: 5 }, () => ({ blob }))];
        const decoded = await Promise.all(patches.map((patch) => bitmaps.load(patch)));
        const areOpen = () => decoded.map(({ width }) => width > 0);
        const open = [areOpen()];
        bitmaps.get(patches[1]);
        bitmaps.keep(new Set([patches[0]]));
        open.push(areOpen());
        bitmaps.clear();
        return [...open, areOpen()];
    }"""
    )
    assert open_ones == [[True] * 5, [True, True, False, False, True], [False] * 5]


def test_canvases_keep_the_pixel_density_that_they_are_drawn_with(modules):
    ratios = modules.evaluate(
        """async () => {
        const { Studio } = await import('/js/studio/studio.js');
        const { Stage } = await import('/js/ui/stage.js');
        const asked = [];
        const { matchMedia } = window;
        const density = Object.getOwnPropertyDescriptor(window, 'devicePixelRatio');
        window.matchMedia = () => asked[asked.push(new EventTarget()) - 1];
        document.body.removeAttribute('data-empty');
        const stage = new Stage(new Studio({}, { legend: [], limits: {} }));
        const ratios = async () => {
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            return [stage.ratio, stage.photo.canvas.width / stage.element.clientWidth];
        };
        const seen = [await ratios()];
        Object.defineProperty(window, 'devicePixelRatio', { value: 2, configurable: true });
        seen.push(await ratios());
        asked[0].dispatchEvent(new Event('change'));
        seen.push(await ratios(), asked.length);
        Object.defineProperty(window, 'devicePixelRatio', density);
        window.matchMedia = matchMedia;
        return seen;
    }"""
    )
    assert ratios == [[1, 1], [1, 1], [2, 2], 2]  # and the next change is waited for


@pytest.mark.slow
def test_twelve_megapixels_zoom_pan_and_paint_without_lag(studio):
    studio.open(soft_photo(width=4000, height=3000), "photo.jpg")
    studio.page.evaluate("""() => {
        window.frames = [];
        const stage = document.getElementById('stage');
        stage.addEventListener('drawn', () => window.frames.push(performance.now()));
    }""")
    box = studio.page.locator("#stage").bounding_box()
    studio.page.mouse.move(box["x"] + 400, box["y"] + 300)
    for _ in range(20):
        studio.page.mouse.wheel(0, -120)
    studio.drag((0.3, 0.3), (0.7, 0.7), (0.3, 0.7))
    frames = studio.page.evaluate("window.frames")
    gaps = [later - earlier for earlier, later in pairwise(frames)]
    assert len(frames) > 15
    assert min(gaps) < 50  # without a GPU; the least, since other work on the machine only adds
