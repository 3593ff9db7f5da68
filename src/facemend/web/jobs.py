"""A bounded queue and the few threads that work it off, whatever the number of clients."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from facemend.web.limits import Limits
from facemend.web.refusal import RefusalError

Event = dict[str, Any]  # {"stage": name, ...}, as clients see it


class DroppedError(Exception):
    """Nobody waits for this job any more."""


@dataclass(frozen=True)
class Content:
    """The body of an answer."""

    body: bytes
    media_type: str


News = Event | Content | Exception  # the last of it is the content or the exception


@dataclass(eq=False)
class Job:
    """One piece of work; made and followed in the event loop, worked on in one of the worker's threads."""

    work: Callable[["Job"], Content]
    pixels: int  # of its pictures: what it takes of the memory
    deadline: float  # of `time.monotonic`
    loop: asyncio.AbstractEventLoop
    news: asyncio.Queue[News] = field(default_factory=asyncio.Queue[News])
    ended: threading.Event = field(default_factory=threading.Event)  # done, or nobody waits for it

    def check(self) -> None:
        """Give up, between two steps of the work, what nobody waits for. Raises DroppedError."""
        if self.ended.is_set() or time.monotonic() > self.deadline:
            raise DroppedError

    def enter(self, stage: str) -> None:
        """Check, and tell who follows the job what is done next."""
        self.check()
        self.tell({"stage": stage})

    def tell(self, news: News) -> None:
        """Tell who follows the job, from any thread."""
        self.loop.call_soon_threadsafe(self.news.put_nowait, news)

    def end(self, last: Content | Exception) -> None:
        """Tell the last there is to tell."""
        self.ended.set()  # first: who hears the news may drop the job at once, and it was finished
        self.tell(last)


class Worker:
    """The threads, and the queue before them.

    Several jobs are in work at once, so that one is decoded while another is painted, and the network gets batches. A large photo
    is worked on alone: the memory is what one photo of the most pixels takes, not several.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._job_seconds = 1.0  # how long a job takes: a running mean, for Retry-After
        self._in_work: list[Job] = []
        self.num_dropped = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"facemend-worker-{i}", daemon=True) for i in range(limits.at_once)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    async def close(self) -> None:
        """Refuse what waits and what is in work; returns once the threads have ended, or after a few seconds."""
        with self._changed:
            self._closed = True
            for job in (*self._waiting, *self._in_work):
                job.end(_stopped())
            self._changed.notify_all()
        end = time.monotonic() + 5
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < end:
            await asyncio.sleep(0.02)

    @property
    def alive(self) -> bool:
        """Whether there is someone to do the work."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def num_waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    @property
    def num_in_work(self) -> int:
        """How many jobs are being worked on."""
        return len(self._in_work)

    def check_free(self) -> None:
        """Refuse, before a body is received, a request that could not be queued now."""
        if self._closed:
            raise _stopped()
        if len(self._waiting) >= self.limits.queue_size:
            seconds = max(1, math.ceil(self._job_seconds * len(self._waiting) / self.limits.at_once))
            raise RefusalError(
                429, "busy", f"{len(self._waiting)} requests wait already: try again in {seconds} s", retry_after=seconds
            )

    def submit(self, work: Callable[[Job], Content], pixels: int) -> Job:
        """Queue some work on so many pixels; call it in the event loop. Raises RefusalError when the queue is full."""
        with self._changed:
            self.check_free()
            job = Job(work, pixels, time.monotonic() + self.limits.time_limit, asyncio.get_running_loop())
            self._waiting.append(job)
            job.tell({"stage": "queued", "position": len(self._waiting) - 1 + len(self._in_work)})
            self._changed.notify()
        return job

    def drop(self, job: Job) -> None:
        """Forget a job: at once where it waits, after its present step where it is in work. A finished one is left alone."""
        with self._changed:
            if job.ended.is_set():
                return
            job.ended.set()
            self.num_dropped += 1
            if job in self._waiting:
                self._waiting.remove(job)
                self._tell_positions()
                self._changed.notify_all()  # the next may fit

    def _tell_positions(self) -> None:
        for position, job in enumerate(self._waiting):
            job.tell({"stage": "queued", "position": position + len(self._in_work)})

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._next_fits())
                if self._closed:
                    return
                job = self._waiting.popleft()
                self._in_work.append(job)
                self._tell_positions()
            self._run(job)
            with self._changed:
                self._in_work.remove(job)
                self._changed.notify_all()  # there may be room for several
            del job  # and the photo with it, while waiting for the next

    def _next_fits(self) -> bool:
        if not self._waiting:
            return False
        pixels = sum(job.pixels for job in self._in_work) + self._waiting[0].pixels
        return not self._in_work or pixels <= self.limits.max_pixels

    def _run(self, job: Job) -> None:
        started = time.perf_counter()
        try:
            job.check()
            job.end(job.work(job))
        except DroppedError:
            job.ended.set()
            return
        except Exception as error:  # the thread must live on; the error is the request's
            job.end(error)
        self._job_seconds += 0.2 * (time.perf_counter() - started - self._job_seconds)


def _stopped() -> RefusalError:
    return RefusalError(503, "worker", "the server is being stopped: ask again once it has been started")
