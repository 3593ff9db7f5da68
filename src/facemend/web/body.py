"""A request's body: taken into memory within its limits, never onto the disk, and read as a form or as JSON."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import anyio.to_thread
from pydantic_core import from_json
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Receive

from facemend.web.fields import Fields, check, group
from facemend.web.limits import BODY_SECONDS, IDLE_SECONDS, MAX_FIELDS, Ticket
from facemend.web.refusal import RefusalError


class _MemoryParser(MultiPartParser):
    spool_max_size = 0  # SpooledTemporaryFile's way to say: never onto the disk. The ticket limits the size.


async def read_fields(request: Request, model: type[Fields], ticket: Ticket) -> Fields:
    """Receive a body and check it against a model.

    Raises:
        RefusalError: Too large, too slow, of another content type, broken, or with wrong fields.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    chunks = _receive(request, ticket)
    if kind == "multipart/form-data":
        return await anyio.to_thread.run_sync(check, group(await _form_items(request, chunks), model), model)
    if kind == "application/json":
        body = b"".join([chunk async for chunk in chunks])
        return await anyio.to_thread.run_sync(_check_json, body, model)
    raise RefusalError(415, "content", "send multipart/form-data or application/json")


async def _receive(request: Request, ticket: Ticket) -> AsyncGenerator[bytes, None]:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        ticket.check(int(announced))
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(min(deadline, asyncio.get_running_loop().time() + IDLE_SECONDS)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise RefusalError(
                408, "slow", f"the request did not arrive within {BODY_SECONDS:.0f} s, or paused for {IDLE_SECONDS:.0f} s"
            ) from None
        ticket.take(len(chunk))
        yield chunk


async def discard(receive: Receive) -> None:
    """Let the rest of a body arrive, for a while, and throw it away."""
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            while (await receive()).get("more_body", False):
                pass


async def _form_items(request: Request, chunks: AsyncGenerator[bytes, None]) -> list[tuple[str, str | bytes]]:
    parser = _MemoryParser(request.headers, chunks, max_files=MAX_FIELDS, max_fields=MAX_FIELDS, max_part_size=2**31)
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeError) as error:
        raise RefusalError(400, "request", f"the form cannot be read: {getattr(error, 'message', 'its charset')}") from None
    return [(name, await value.read() if isinstance(value, UploadFile) else value) for name, value in form.multi_items()]


def _check_json(body: bytes, model: type[Fields]) -> Fields:
    try:
        values = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise RefusalError(400, "request", f"the JSON cannot be read: {error}") from None
    return check(values, model)
