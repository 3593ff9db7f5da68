"""The studio's page, with hands."""

import io
import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from browsing import CALM, DESKTOP, TIMEOUT, expect, playwright_api, wait_until
from PIL import Image

from facemend import web

STATIC = Path(web.__file__).parent / "static"
RESTORED = "document.body.dataset.view === 'compare'"
PHONE = {"width": 390, "height": 844}


@dataclass
class Studio:
    """The page, with hands."""

    page: playwright_api.Page
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


def show(page, address):
    page.goto(address)
    wait_until(page, "document.querySelectorAll('#samples button').length === 2")  # the page is built


def words_of(language):
    return json.loads((STATIC / "locales" / f"{language}.json").read_text(encoding="utf-8"), object_pairs_hook=each_once)


def each_once(pairs):
    """Make a dict of a JSON object's pairs; of two with one key the first would be lost in silence."""
    words = dict(pairs)
    assert len(words) == len(pairs), [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    return words
