"""What can go wrong where a site is visited."""

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browsing import CALM, expect, wait_until
from serving import running, serving

from facemend.web.static_server import create_static_app

from .page import LOADED, a_page, box, restore, soft_face, upload


def _serves(body, status=200):
    return lambda route: route.fulfill(body=body, status=status)


@pytest.mark.parametrize(
    ("path", "serve", "said"),
    [
        pytest.param(
            "model/model.safetensors",
            _serves(b"half of it"),
            "model/model.safetensors has 10 bytes instead of",
            marks=pytest.mark.slow,
        ),
        ("model/graph.onnx", _serves(b"", 404), "model/graph.onnx is missing from this site (404)"),
        pytest.param(
            "detector/pnet.onnx", lambda route: route.abort(), "detector/pnet.onnx cannot be fetched", marks=pytest.mark.slow
        ),
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "said"),
    [("graph.onnx", "load the page again"), ("*.wasm", "something went wrong")],
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


@pytest.mark.slow
def test_a_page_without_threads_works_slower_and_says_so(browser, bare_address):
    with a_page(browser, bare_address, keeps=False) as page:
        expect(page.locator("#empty .privacy-text")).to_contain_text("one processor core alone: slower")
        wait_until(page, "document.body.dataset.device === 'wasm, 1 thread'")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
