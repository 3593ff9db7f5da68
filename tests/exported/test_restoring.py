"""The way through the page with the network off, beside what Python restores."""

import io
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from browsing import CHROMIUM, DESKTOP, QUIET, TIMEOUT, expect, wait_until
from conftest import mask_image
from PIL import Image, ImageCms, ImageOps
from skimage import data

from facemend.damage import find_damage
from facemend.web.browser_export import STATIC

from .page import a_page, box, download, open_photo, restore, soft_face, upload
from .twins import run


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


def test_pictures_that_browsers_do_not_know_are_refused_with_a_reason(offline):
    upload(offline, "#photo-file", soft_face(0), "photo.tiff")
    expect(offline.locator('[data-problem="restore"], [data-problem="photo"]').filter(has_text="TIFF")).to_contain_text(
        "This browser cannot show that picture (TIFF and HEIC are for the server): save it as PNG or JPEG first"
    )
    offline.set_input_files("#photo-file", {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(offline.locator('[data-problem="restore"], [data-problem="photo"]').filter(has_text="picture")).to_contain_text(
        "That is not a picture"
    )
