"""The exported page, with hands."""

import io
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from browsing import CALM, DESKTOP, TIMEOUT, expect, wait_until
from conftest import mask_image
from PIL import Image
from skimage import data
from studio.page import RESTORED

LOADED = "document.body.dataset.device?.startsWith('wasm, ')"


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


def soft_face(turn):
    """A face without grain, tilted by so many degrees."""
    photo = Image.fromarray(cv2.GaussianBlur(data.astronaut(), (0, 0), 1.5))
    return photo.rotate(turn, Image.Resampling.BICUBIC, center=(224, 120)).crop((96, 0, 352, 272))


def box(photo, left, top, right, bottom):
    hole = np.zeros((photo.height, photo.width), bool)
    hole[top:bottom, left:right] = True
    return hole
