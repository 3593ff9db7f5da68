"""The studio's real server in a thread, and what is sent to it, for tests."""

import io
import threading
from contextlib import contextmanager

from conftest import make_photo
from PIL import Image

from facemend.backends import BatchingBackend, open_backend
from facemend.pipeline import Inpainter
from facemend.web.app import create_app
from facemend.web.limits import Limits
from facemend.web.server import Server, open_socket

TOKEN = "a-token-of-some-length"


def soft_photo(mode="RGB", width=80, height=96):
    """A photo of colours that flow into each other: noise would be taken for grain, and to measure that takes time."""
    return make_photo(mode, width=8, height=8).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image, kind="PNG", **options):
    """A picture as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@contextmanager
def serving(model, *, limits=None, token=None, port=0):
    """Serve the studio; yields the address and the `Inpainter` behind it."""
    inpainter = Inpainter(BatchingBackend(open_backend(model, "cpu")))
    with running(create_app(inpainter, model="tiny", limits=limits or Limits(), token=token), port) as address:
        yield address, inpainter


@contextmanager
def running(app, port=0):
    """Run an application on this computer, by default on a free port; yields the address."""
    started = threading.Event()
    server = Server(app, started.set)
    listener = open_socket("127.0.0.1", port)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert started.wait(10)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=15)
        assert not thread.is_alive()


class _Watched:
    """A backend that does something before each run of the network."""

    def __init__(self, backend, before):
        self.backend, self.before = backend, before

    def __call__(self, *arguments):
        self.before()
        return self.backend(*arguments)

    def __getattr__(self, name):
        return getattr(self.backend, name)


@contextmanager
def before_each_run(inpainter, before):
    """Call something before each run of the network, within the block."""
    backend = inpainter.backend
    inpainter.backend = _Watched(backend, before)
    try:
        yield
    finally:
        inpainter.backend = backend


@contextmanager
def held(inpainter):
    """Hold the network before its next run, until the block ends; yields an event that tells when it is held."""
    reached, release = threading.Event(), threading.Event()

    def wait():
        reached.set()
        assert release.wait(20)

    try:
        with before_each_run(inpainter, wait):
            yield reached
    finally:
        release.set()
