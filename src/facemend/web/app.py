"""The application: routes, page, errors, and the gate before them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

import facemend
from facemend.pipeline import Inpainter
from facemend.web.answers import as_refusal
from facemend.web.gate import Gate
from facemend.web.jobs import Worker
from facemend.web.limits import Intake, Limits
from facemend.web.reference import reference_page
from facemend.web.refusal import RefusalError
from facemend.web.routes import Studio, build_router
from facemend.web.schemas import ERRORS, HealthAnswer
from facemend.web.static_files import TypedFiles
from facemend.web.telemetry import Telemetry

STATIC = Path(__file__).parent / "static"


def create_app(
    inpainter: Inpainter,
    *,
    model: str = "default",
    limits: Limits | None = None,
    host: str = "127.0.0.1",
    token: str | None = None,
) -> ASGIApp:
    """Make the studio's server, an ASGI application.

    Args:
        inpainter: Restores; it is called from several threads, which a `BatchingBackend` lets share the network's runs.
        model: What `GET /api/v1/models` calls it.
        limits: Of one request and of the queue.
        host: The address that it will be served on. On a loopback address without a token only local names are answered to.
        token: What clients must send. Without one only a loopback address is allowed.

    Raises:
        ConfigError: Another than a loopback address without a token, or a token that is too short.
    """
    limits = limits or Limits()
    worker = Worker(limits)
    intake = Intake(limits)
    telemetry = Telemetry(worker, intake)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        worker.start()
        yield
        await worker.close()

    app = FastAPI(
        title="facemend studio",
        version=facemend.__version__,
        description="Restores faces in photos. Nothing is written to disk, and nothing leaves this computer.",
        docs_url=None,  # FastAPI's own page needs scripts from another host
        redoc_url=None,
        lifespan=lifespan,
        exception_handlers={RefusalError: _refuse, HTTPException: _refuse_http, Exception: _refuse},
    )
    app.include_router(build_router(Studio(inpainter, model, limits, worker, intake)))

    @app.get("/healthz", summary="Tell whether requests are worked on", responses={503: ERRORS[503]})
    async def health() -> HealthAnswer:
        if not worker.alive:
            raise RefusalError(503, "worker", "the worker has ended: start the server again")
        return HealthAnswer(status="ok")

    @app.get("/metrics", summary="Figures for Prometheus", response_class=Response, responses={401: ERRORS[401]})
    async def metrics() -> Response:
        return Response(telemetry.text(), media_type="text/plain; version=0.0.4")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi()))

    @app.get("/docs.css", include_in_schema=False)
    async def docs_style() -> FileResponse:
        return FileResponse(Path(__file__).parent / "reference.css")

    @app.get("/service-worker.js", include_in_schema=False)
    async def retire_worker() -> FileResponse:
        return FileResponse(Path(__file__).parent / "retire-worker.js", media_type="text/javascript; charset=utf-8")

    pages = TypedFiles(directory=STATIC, html=True)

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/api/"):
            raise HTTPException(404)
        await pages(scope, receive, send)

    app.router.default = page  # no mount: it would turn a route's wrong method into a missing page
    return Gate(telemetry.counting(app), host=host, token=token)


async def _refuse(_: Request, error: Exception) -> Response:
    return as_refusal(error).response()


async def _refuse_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code, message = {
        404: ("route", "there is nothing here: /docs says what there is"),
        405: ("method", f"{request.method} is not possible here"),
    }.get(status, ("request", "the request cannot be answered"))
    response = RefusalError(status, code, message).response()
    response.headers.update(getattr(error, "headers", None) or {})
    return response
