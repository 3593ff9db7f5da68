"""Draw the pages' pictures of the studio: studio.jpg, studio-layout.jpg, and browser.jpg, restored with the network off.

    python scripts/draw_studio.py docs

It needs Chromium, and onnxruntime-web where `facemend web-export` finds it.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import typer
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

PORT = 8765
TIMEOUT = 120_000  # milliseconds
SIZES = {"studio": (1280, 800), "browser": (1440, 900)}
FOREHEAD = (0.53, 0.23)  # of the photo's width and height


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """Serve the studio; gives its address."""
    command = [sys.executable, "-m", "facemend", "serve", "--port", str(PORT), "--no-open", *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
        try:
            yield f"http://127.0.0.1:{PORT}"
        finally:
            server.terminate()


def open_sample(browser: Browser, address: str, sample: str, size: str, scheme: Literal["light", "dark"] = "light") -> Page:
    """Open the page with one of its sample photos."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-US")
    page.set_default_timeout(TIMEOUT)
    for _ in range(100):  # until the server answers
        try:
            page.goto(address)
            break
        except Error:
            page.wait_for_timeout(200)
    page.get_by_role("button", name=sample).click()
    expect(page.locator("#save-layout")).to_be_enabled()
    return page


def press(page: Page, name: str) -> None:
    """Press the first button of that name."""
    page.get_by_role("button", name=name, exact=True).first.click()


def mend_scratches(page: Page) -> None:
    """Let the scratches be found, restore, and show before beside after."""
    press(page, "Damage")
    expect(page.locator("#status")).to_contain_text("will be repainted")
    press(page, "Restore")
    expect(page.locator("body")).to_have_attribute("data-view", "compare")


def change_layout(page: Page) -> None:
    """Ask for a wider smile and a higher hairline, and hold the brush over the forehead."""
    press(page, "Layout")
    press(page, "Wider smile")
    press(page, "Higher hairline")
    box = page.locator("#stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + FOREHEAD[0] * box["width"], box["y"] + FOREHEAD[1] * box["height"])


def shoot(page: Page, path: Path) -> None:
    """Take the picture once everything asked for is drawn."""
    page.wait_for_timeout(1000)
    page.screenshot(path=path, type="jpeg", quality=88)
    page.close()


def main(folder: Annotated[Path, typer.Argument(help="Where the pictures go.")]) -> None:
    """Draw the three pictures."""
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright, TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with serving() as address:
            page = open_sample(browser, address, "Scratched", "studio")
            mend_scratches(page)
            shoot(page, folder / "studio.jpg")
            page = open_sample(browser, address, "Portrait", "studio", "dark")
            change_layout(page)
            shoot(page, folder / "studio-layout.jpg")
        site = Path(scratch) / "site"
        subprocess.run([sys.executable, "-m", "facemend", "web-export", str(site)], check=True)
        with serving("--static", str(site)) as address:
            page = open_sample(browser, address, "Scratched", "browser")
            page.context.set_offline(True)
            mend_scratches(page)
            shoot(page, folder / "browser.jpg")
        browser.close()


if __name__ == "__main__":
    typer.run(main)
