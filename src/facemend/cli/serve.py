"""`facemend serve`: the studio in the browser, and its REST API."""

from pathlib import Path
from socket import socket
from typing import Annotated, Any

import typer

from facemend.cli.options import Backend, Device, Model
from facemend.errors import ConfigError, how_to_install


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to serve on; others than this computer's own need --token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    model: Model = "default",
    device: Device = "auto",
    backend: Backend = "auto",
    token: Annotated[
        str | None, typer.Option(envvar="FACEMEND_TOKEN", show_envvar=True, help="What clients must send: 16 characters or more.")
    ] = None,
    max_pixels: Annotated[int, typer.Option(min=1, help="Of one picture.")] = 50_000_000,
    max_bytes: Annotated[int, typer.Option(min=1, help="Of one request.")] = 100_000_000,
    queue_size: Annotated[int, typer.Option(min=1, help="Requests that may wait; further ones are told to come again.")] = 16,
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds for one request.")] = 120,
    static: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Serve what `facemend web-export DIR` wrote instead: plain files, no model here."),
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Requests to work on together; large photos take turns all the same.")] = 3,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Show the page in the browser.")] = True,
) -> None:
    """Restore photos in the browser: serve the studio's page and its REST API.

    \b
    facemend serve
    facemend serve --port 9000 --no-open
    FACEMEND_TOKEN=... facemend serve --host 0.0.0.0 --no-open
    facemend serve --static site
    """
    try:
        from facemend.web.gate import check_access
        from facemend.web.limits import Limits
        from facemend.web.server import open_socket
    except ModuleNotFoundError as error:
        raise ConfigError(f"facemend serve needs {error.name}: {how_to_install('web')}") from None
    token = token or None  # an empty variable is none
    if static is not None:
        from facemend.web.static_server import create_static_app

        if token is not None:
            raise ConfigError("--static hands plain files to whoever asks: it takes no --token, and no FACEMEND_TOKEN")
        _run(create_static_app(static), open_socket(host, port), host, open_page=open_page)
        return
    check_access(host, token)
    limits = Limits(max_bytes=max_bytes, max_pixels=max_pixels, queue_size=queue_size, time_limit=time_limit, at_once=at_once)
    listener = open_socket(host, port)

    from facemend.backends import BatchingBackend, open_backend  # takes seconds: only now that the rest is in order
    from facemend.pipeline import Inpainter
    from facemend.web.app import create_app

    inpainter = Inpainter(BatchingBackend(open_backend(model, device, backend)))
    name = Path(model).name if Path(model).is_dir() else model  # where the folder lies is nobody's business
    _run(create_app(inpainter, model=name, limits=limits, host=host, token=token), listener, host, open_page=open_page)


def _run(app: Any, listener: socket, host: str, *, open_page: bool) -> None:
    """Serve until Ctrl-C."""
    from facemend.web.server import Server

    shown_host = f"[{host}]" if ":" in host else host
    address = f"http://{shown_host}:{listener.getsockname()[1]}/"

    def announce() -> None:
        print(f"facemend studio: {address} (stop with Ctrl-C)", flush=True)
        if open_page:
            import threading
            import webbrowser

            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()  # a text browser would not return

    Server(app, announce).run(sockets=[listener])
