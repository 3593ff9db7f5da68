"""A real browser, for tests of the pages."""

import json
import shutil
from contextlib import contextmanager

import pytest

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make setup")
TIMEOUT = 60_000  # milliseconds; only a page that hangs takes so long, even beside a busy process
expect = playwright_api.expect
expect.set_options(timeout=TIMEOUT)
DESKTOP = {"width": 1440, "height": 900}
CALM = {"locale": "en-US", "reduced_motion": "reduce"}  # what moves costs as much as the work whose progress it shows
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


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


@contextmanager
def chromium():
    """Start a browser without a window."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()
