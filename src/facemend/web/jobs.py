"""A bounded queue and the one thread that works it off: one model, one photo in work, whatever number of clients."""

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
    """One piece of work; made and followed in the event loop, worked on in the worker's thread."""

    work: Callable[["Job"], Content]
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


class Worker:
    """The thread, and the queue before it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._job_seconds = 1.0  # how long a job takes: a running mean, for Retry-After
        self._busy = False
        self.num_dropped = 0
        self._thread = threading.Thread(target=self._work, name="facemend-worker", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Drop what waits and what is in work; returns once the thread has ended, or after a few seconds."""
        with self._changed:
            self._closed = True
            for job in self._waiting:
                job.ended.set()
            self._changed.notify()
        self._thread.join(timeout=5)

    @property
    def alive(self) -> bool:
        """Whether there is someone to do the work."""
        return self._thread.is_alive()

    @property
    def num_waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    def check_free(self) -> None:
        """Refuse, before a body is received, a request that could not be queued now."""
        if len(self._waiting) >= self.limits.queue_size:
            seconds = max(1, math.ceil(self._job_seconds * len(self._waiting)))
            raise RefusalError(
                429, "busy", f"{len(self._waiting)} requests wait already: try again in {seconds} s", retry_after=seconds
            )

    def submit(self, work: Callable[[Job], Content]) -> Job:
        """Queue some work; call it in the event loop. Raises RefusalError when the queue is full."""
        with self._changed:
            self.check_free()
            job = Job(work, time.monotonic() + self.limits.time_limit, asyncio.get_running_loop())
            self._waiting.append(job)
            job.tell({"stage": "queued", "position": len(self._waiting) - 1 + self._busy})
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

    def _tell_positions(self) -> None:
        for position, job in enumerate(self._waiting):
            job.tell({"stage": "queued", "position": position + self._busy})

    def _work(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                job = self._waiting.popleft()
                self._busy = True
                self._tell_positions()
            self._run(job)
            del job  # and the photo with it, while waiting for the next

    def _run(self, job: Job) -> None:
        started = time.perf_counter()
        try:
            job.check()
            job.tell(job.work(job))
        except DroppedError:
            return
        except Exception as error:  # the thread must live on; the error is the request's
            job.tell(error)
        finally:
            job.ended.set()
        self._job_seconds += 0.2 * (time.perf_counter() - started - self._job_seconds)
