"""uvicorn with a watch on each connection: whoever is too slow to send or to take is cut off."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from facemend.errors import ConfigError
from facemend.web.limits import IDLE_SECONDS, KEEP_ALIVE_SECONDS, MAX_CONNECTIONS, SEND_SECONDS


class WatchedProtocol(H11Protocol):
    """Cuts off a client that does not end its headers, that goes on sending after it was answered, or that takes nothing.

    The time for a body is the application's, which knows how much of it has come.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._receiving: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing of BaseTransport
        """Begin to watch."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Look whether the client still owes something."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Look whether the client still owes something."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Give the client time to take what was sent."""
        super().pause_writing()
        self._sending = self._sending or self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """See that the client has taken it."""
        super().resume_writing()
        self._sending = _cancel(self._sending)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watch."""
        super().connection_lost(exc)
        self._receiving, self._sending = _cancel(self._receiving), _cancel(self._sending)

    def _watch(self) -> None:
        owes_headers = self.conn.their_state is h11.IDLE
        owes_rest = self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY
        if not owes_headers and not owes_rest:
            self._receiving = _cancel(self._receiving)
        elif self._receiving is None and not self.transport.is_closing():
            self._receiving = self.loop.call_later(IDLE_SECONDS, self.transport.abort)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def open_socket(host: str, port: int) -> socket.socket:
    """Take an address. Raises ConfigError when it is not to be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)  # type: ignore[arg-type]  # getaddrinfo is typed too widely
    except UnicodeError:  # of the encoding of host names: a part between two dots is empty or too long
        raise ConfigError(f"{host!r} is no host name: choose another --host") from None
    except OSError as error:
        raise ConfigError(f"{host}:{port} cannot be served: {error.strerror}: choose another --host or --port") from None


class Server(uvicorn.Server):
    """Serves an application on a socket until it is told to stop; says when it has begun."""

    def __init__(self, app: ASGIApp, on_start: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                app, http=WatchedProtocol, ws="none", loop="asyncio", lifespan="on", log_level="warning", access_log=False,
                server_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=5,
            )
        )  # fmt: skip
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        if self.started:
            self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving: the application ends first, which refuses what is in work in words, where uvicorn would cut it off."""
        ending = asyncio.create_task(self.lifespan.shutdown())
        await super().shutdown(sockets)
        ending.cancel()  # done, but where a second Ctrl-C waits for nothing
