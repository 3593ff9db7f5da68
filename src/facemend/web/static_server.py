"""Serves an exported studio: plain files, with the headers that threads in WebAssembly need."""

from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facemend.web.browser_export import POLICY, check_exported
from facemend.web.static_files import TypedFiles

_HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",  # kept, but asked for again by ETag
}


def create_static_app(folder: Path) -> ASGIApp:
    """Make the server, an ASGI application.

    Raises:
        ConfigError: The folder is no exported studio.
    """
    check_exported(folder)
    files = TypedFiles(directory=folder, html=True)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            await _answer(files, scope, receive, send_with_headers)
        else:
            await PlainTextResponse("files can be read, no more", 405)(scope, receive, send_with_headers)

    return serve


async def _answer(files: TypedFiles, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await files(scope, receive, send)
    except HTTPException as error:
        await PlainTextResponse("there is no such file", error.status_code)(scope, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    """Nothing is to be begun or ended."""
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
