"""A batch on the processes of this machine: one thread each, one photo at a time, and none of them outlives the batch."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress

from facemend import library_settings
from facemend.batch.plan import Item
from facemend.batch.records import Row
from facemend.batch.restoring import Restorer, failed_row
from facemend.batch.settings import Settings

MAX_GPU_WORKERS = 4  # each holds a network and a CUDA context of its own
MAX_WINDOWS_WORKERS = 61  # ProcessPoolExecutor takes no more there

_restorer: Restorer | None = None  # a worker process has one


def choose_num_workers(asked: int | None, device: str, num_photos: int) -> int:
    """Number of processes for so many photos: what is asked for, else `default_num_workers`, and none that would idle."""
    num_workers = min(asked or default_num_workers(device), num_photos or 1)
    return min(num_workers, MAX_WINDOWS_WORKERS) if sys.platform == "win32" else num_workers


def default_num_workers(device: str) -> int:
    """Number of processes that suits this machine: one for each core this process may use; on a GPU at most 4."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if device == "cpu" else min(cores, MAX_GPU_WORKERS)


def restore_in_processes(settings: Settings, items: Sequence[Item], num_workers: int, stop: threading.Event) -> Iterator[Row]:
    """Restore photos side by side; their rows come as they are ready.

    A process that dies takes no other photo with it: those that were in work are tried again, each in a process of its own.

    Args:
        settings: What is the same for all.
        items: The photos.
        num_workers: How many processes.
        stop: Once it is set, no further photo is begun, and the rows end with those that were.
    """
    todo = deque(items)
    while todo and not stop.is_set():
        for suspect in (yield from _restore_until_one_dies(settings, todo, num_workers, stop)):
            if (yield from _restore_until_one_dies(settings, deque([suspect]), 1, stop)):
                yield failed_row(suspect, "the process that restored it was killed; most likely this photo needs too much memory")


def _restore_until_one_dies(
    settings: Settings, todo: deque[Item], num_workers: int, stop: threading.Event
) -> Generator[Row, None, list[Item]]:
    """Yield rows; return the photos that were in work when a process died, none of them if none did."""
    running: dict[Future[Row], Item] = {}
    lost: list[Item] = []
    strangers = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")  # torch and CUDA do not survive a fork
    library_settings.suit_libraries()  # in the processes, which take over what is said here
    with ProcessPoolExecutor(num_workers, context, _begin, (settings,)) as pool:
        try:
            while True:
                with suppress(BrokenProcessPool):  # those that are running say so too
                    while todo and len(running) <= num_workers and not lost and not stop.is_set():  # one waits: no idle process
                        with _interrupts_kept_from_children():
                            future = pool.submit(_restore, todo[0])
                        running[future] = todo.popleft()
                if not running:
                    return lost
                for future in wait(running, timeout=0.5, return_when=FIRST_COMPLETED).done:
                    item = running.pop(future)
                    try:
                        row = future.result()
                    except BrokenProcessPool:
                        lost.append(item)
                    else:
                        yield row
        except BaseException:  # a second Ctrl-C, or nobody wants the rows any more: what is in work is given up
            for process in set(multiprocessing.active_children()) - strangers:
                process.kill()
            raise


@contextmanager
def _interrupts_kept_from_children() -> Generator[None]:
    """Start processes that do not hear Ctrl-C, from their first moment on: they finish their photo, and the parent ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _begin(settings: Settings) -> None:
    global _restorer  # noqa: PLW0603 - a pool hands its workers no other place to keep the network in
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows no process takes over from its parent that it is ignored
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _restorer = Restorer(settings)


def _end_with_parent() -> None:
    """Wait for the parent to be killed, which a pool's process would never notice by itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _restore(item: Item) -> Row:
    assert _restorer is not None
    return _restorer(item)
