"""Who is let in, and what every answer says to browsers. Wraps the whole application."""

import hmac
import ipaddress
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facemend.errors import ConfigError
from facemend.web.body import discard
from facemend.web.refusal import RefusalError

MIN_TOKEN = 16  # characters
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_GUARDED = re.compile(r"/(?:api|metrics)(?:/|$)")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d+)?", re.IGNORECASE)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "font-src 'self'; connect-src 'self' blob: data:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address reaches this computer only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_access(host: str, token: str | None) -> None:
    """Refuse to serve others than this computer without a token worth the name. Raises ConfigError."""
    if token is None:
        if not is_loopback(host):
            raise ConfigError(f"--host {host} lets other computers in: give a --token that they must send, or FACEMEND_TOKEN")
    elif len(token) < MIN_TOKEN or not re.fullmatch(r"[!-~]+", token):
        raise ConfigError(f"the token needs {MIN_TOKEN} or more characters, letters, digits and signs without spaces")


class Gate:
    """Checks host, origin and token before anything else sees a request, and adds headers to every answer."""

    def __init__(self, app: ASGIApp, *, host: str, token: str | None) -> None:
        check_access(host, token)
        self.app = app
        self._local = is_loopback(host) and token is None  # a proxy before it has a name of its own
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        caching = "no-store" if _GUARDED.match(scope["path"]) else "no-cache"  # pages are kept, but asked for again by ETag
        closes_unread = headers.get("connection", "").lower() == "close"

        async def receive_noted() -> Message:
            nonlocal closes_unread
            message = await receive()
            closes_unread = closes_unread and message.get("more_body", False)
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS | {"Cache-Control": caching})
                if closes_unread and message["status"] != 408:
                    await discard(receive_noted)  # closed before, the connection is reset, and the answer lost on its way
            await send(message)

        refusal = self._refusal(scope["method"], scope["path"], headers)
        await (self.app if refusal is None else refusal.response())(scope, receive_noted, send_with_headers)

    def _refusal(self, method: str, path: str, headers: Headers) -> RefusalError | None:
        host = headers.get("host", "")
        if self._local and not _is_local_name(host):  # another site's name that leads here: DNS rebinding
            return RefusalError(400, "host", "this server answers to localhost only")
        origin = headers.get("origin")
        if method not in _SAFE_METHODS and origin is not None and origin.partition("://")[2].lower() != host.lower():
            said = "requests from other sites' pages are not answered; a proxy before this server must pass the Host that it got"
            return RefusalError(403, "origin", said)
        if self._token is not None and _GUARDED.match(path) and not self._knows_token(headers.get("authorization", "")):
            return RefusalError(401, "token", "send the server's token: Authorization: Bearer TOKEN")
        return None

    def _knows_token(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        return hmac.compare_digest(token.strip().encode(), self._token or b"") and scheme.lower() == "bearer"


def _is_local_name(host: str) -> bool:
    match = _HOST.fullmatch(host)
    return match is not None and is_loopback(match["name"])
