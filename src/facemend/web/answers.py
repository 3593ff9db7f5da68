"""From a job to an HTTP answer: as a whole, or as events while the work goes on. Who has gone is not worked for."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from facemend.web.jobs import Content, Job, Worker
from facemend.web.limits import Ticket
from facemend.web.refusal import RefusalError

HEARTBEAT_SECONDS = 5.0  # between two signs of life in a stream of events
CLIENT_GONE = 499  # nobody reads it but the metrics
_CHUNK = 1 << 18  # bytes; sent one by one, so that a slow reader is seen to be reading

_log = logging.getLogger("facemend.web")


def wants(request: Request, media_type: str) -> bool:
    """Tell whether `Accept` names a media type."""
    return media_type in request.headers.get("accept", "").lower()


def wants_json(request: Request) -> bool:
    """Tell whether an answer that may be an image or JSON is to be JSON: it is like the request if there is no wish."""
    if wants(request, "application/json"):
        return True
    return not wants(request, "image/") and request.headers.get("content-type", "").lower().startswith("application/json")


async def answer_whole(request: Request, worker: Worker, job: Job, ticket: Ticket) -> Response:
    """Wait for a job and answer with its content. Raises RefusalError, or what the job raised."""
    gone = asyncio.ensure_future(_disconnect(request))
    content = asyncio.ensure_future(_content(job))
    try:
        await asyncio.wait({gone, content}, timeout=job.deadline - time.monotonic(), return_when=asyncio.FIRST_COMPLETED)
        if content.done():
            return _send(content.result())
        if gone.done():
            return Response(status_code=CLIENT_GONE)
        raise _too_late(worker)
    finally:
        for task in (gone, content):
            task.cancel()
        worker.drop(job)
        ticket.close()


class EventStream(StreamingResponse):
    """Answers with events while the work goes on."""

    def __init__(self, worker: Worker, job: Job, ticket: Ticket) -> None:
        super().__init__(_events(worker, job), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._worker, self._job, self._ticket = worker, job, ticket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the work is done, or the client gone: perhaps before the first event was asked for."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._worker.drop(self._job)
            self._ticket.close()


async def _events(worker: Worker, job: Job) -> AsyncIterator[bytes | memoryview]:
    while True:
        left = job.deadline - time.monotonic()
        try:
            news = await asyncio.wait_for(job.news.get(), min(left, HEARTBEAT_SECONDS))
        except TimeoutError:
            if left > HEARTBEAT_SECONDS:
                yield b": working\n\n"
                continue
            news = _too_late(worker)
        if isinstance(news, Content):
            for part in (b"event: done\ndata: ", *_parts(news.body), b"\n\n"):
                yield part
            return
        if isinstance(news, Exception):
            yield _event("failed", as_refusal(news).answer.model_dump())
            return
        yield _event("progress", news)


def as_refusal(error: Exception) -> RefusalError:
    """Keep what a client may know of an error; the rest goes to the log."""
    if isinstance(error, RefusalError):
        return error
    _log.error("a request failed", exc_info=error)
    return RefusalError(500, "internal", "something went wrong here, not with the request; the server's log says what")


async def _content(job: Job) -> Content:
    while True:
        news = await job.news.get()
        if isinstance(news, Content):
            return news
        if isinstance(news, Exception):
            raise news


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _too_late(worker: Worker) -> RefusalError:
    limit = worker.limits.time_limit
    return RefusalError(503, "time", f"the answer took longer than {limit:g} s: reduce the photo, or ask for fewer variants")


def _send(content: Content) -> Response:
    headers = {"Content-Length": str(len(content.body))}
    return StreamingResponse(_whole(content.body), media_type=content.media_type, headers=headers)


async def _whole(body: bytes) -> AsyncIterator[bytes | memoryview]:
    for part in _parts(body):
        yield part


def _parts(body: bytes) -> Iterator[memoryview]:
    return (memoryview(body)[start : start + _CHUNK] for start in range(0, len(body), _CHUNK))


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
