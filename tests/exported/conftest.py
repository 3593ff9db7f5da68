"""An exported folder, served, and its page in a real browser."""

import pytest
from serving import running

from facemend.errors import ConfigError
from facemend.pipeline import Inpainter
from facemend.web.browser_export import export_studio
from facemend.web.runtime_package import find_package
from facemend.web.static_server import create_static_app

# What needs playwright is imported within: without it the tests that import it skip, which a conftest may not.


@pytest.fixture(scope="package")
def package():
    try:
        return find_package()
    except ConfigError as error:
        pytest.skip(f"no onnxruntime-web here: {error}")


@pytest.fixture(scope="package")
def exported(package, tmp_path_factory):
    return export_studio(tmp_path_factory.mktemp("export") / "site", runtime=package)


@pytest.fixture(scope="package")
def address(exported):
    with running(create_static_app(exported.folder)) as address:
        yield address


@pytest.fixture(scope="package")
def browser():
    from browsing import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def offline(browser, address):
    """The page once it has loaded everything; then the network is cut, and the page loaded anew."""
    from browsing import wait_until

    from .page import LOADED, a_page

    with a_page(browser, address) as page:
        page.on("dialog", lambda dialog: dialog.accept())  # a test may leave a mask behind
        wait_until(page, LOADED)
        page.context.set_offline(True)
        page.reload()
        wait_until(page, LOADED)
        yield page


@pytest.fixture(scope="package")
def modules(browser, address):
    """A page of the same origin that runs nothing by itself."""
    from .page import a_page

    with a_page(browser, f"{address}/backend.json") as page:
        yield page


@pytest.fixture(scope="package")
def inpainter():
    return Inpainter.from_pretrained(backend="onnx")
