"""How the user asks a batch to stop."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_request(on_stop: Callable[[], None]) -> Generator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into an event; the second has its usual effect."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may say what a signal does
        return
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()
        restore()
        on_stop()

    for number in usual:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        restore()
