"""The studio's real server, and its page in a real browser."""

from contextlib import nullcontext

import pytest
from serving import serving

# What needs playwright is imported within: without it the tests that import it skip, which a conftest may not.


@pytest.fixture(scope="package")
def browser():
    from browsing import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def address(tiny_model):
    with serving(tiny_model) as (address, _):
        yield address


@pytest.fixture(scope="package")
def desktop(browser):
    """The window of all tests that ask for no other: it loads the page in half the time that a new one takes."""
    from .page import a_window

    with a_window(browser) as opened:
        yield opened


@pytest.fixture
def studio(browser, address, request):
    """The page, loaded anew; whatever it asked for must have come from this computer."""
    from .page import a_window, show

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


@pytest.fixture(scope="package")
def modules(browser, address):
    """A page whose modules are to be called; nobody looks at it."""
    from browsing import CALM, DESKTOP

    from .page import show

    page = browser.new_page(viewport=DESKTOP, **CALM)
    show(page, address)
    yield page
    page.close()
