"""The routes: receive, check, queue, answer."""

from collections.abc import Callable
from dataclasses import dataclass

import anyio.to_thread
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

import facemend
from facemend.model_folders import list_models
from facemend.pipeline import Inpainter
from facemend.web import tasks
from facemend.web.answers import CLIENT_GONE, EventStream, answer_whole, as_refusal, wants, wants_json
from facemend.web.body import read_fields
from facemend.web.fields import (
    DamageFields,
    ExportFields,
    Fields,
    InpaintFields,
    LayoutFields,
    PhotoFields,
    PreviewFields,
    request_body,
)  # fmt: skip
from facemend.web.jobs import Worker
from facemend.web.limits import MAX_PATCHES, MAX_VARIANTS, Intake, Limits
from facemend.web.pictures import LEGEND, check_pictures
from facemend.web.schemas import (
    ERRORS,
    DetectAnswer,
    ExportAnswer,
    InpaintAnswer,
    LayoutAnswer,
    MaskAnswer,
    ModelsAnswer,
    answers,
)  # fmt: skip

_IMAGES = ("image/png", "image/jpeg", "image/webp", "image/tiff", "image/bmp", "image/heic")


@dataclass(frozen=True)
class Studio:
    """What all requests share."""

    inpainter: Inpainter
    model: str
    limits: Limits
    worker: Worker
    intake: Intake


def build_router(studio: Studio) -> APIRouter:
    """Make the API's routes."""
    router = APIRouter(prefix="/api/v1")

    async def serve(
        request: Request, model: type[Fields], make_work: Callable[[Fields], tasks.Work], *, streams: bool = False
    ) -> Response:
        ticket = studio.intake.ticket()
        try:
            studio.worker.check_free()
            fields = await read_fields(request, model, ticket)
            pixels = await anyio.to_thread.run_sync(check_pictures, fields, studio.limits)
            job = studio.worker.submit(make_work(fields), pixels)
            if streams and wants(request, "text/event-stream"):
                return EventStream(studio.worker, job, ticket)
            return await answer_whole(request, studio.worker, job, ticket)
        except ClientDisconnect:
            ticket.close()
            return Response(status_code=CLIENT_GONE)
        except Exception as error:
            ticket.close()
            return as_refusal(error).response()

    def body_of(model: type[PhotoFields]) -> dict[str, object]:
        return {"requestBody": request_body(model)}

    @router.post(
        "/inpaint",
        summary="Restore a face",
        responses=answers(InpaintAnswer, "text/event-stream", *_IMAGES),
        openapi_extra=body_of(InpaintFields),
    )
    async def inpaint(request: Request) -> Response:
        as_json = wants_json(request) or wants(request, "text/event-stream")
        return await serve(
            request, InpaintFields, lambda fields: tasks.inpaint(studio.inpainter, fields, as_json=as_json), streams=True
        )

    @router.post(
        "/export",
        summary="Write a photo with its patches in a file format",
        responses=answers(ExportAnswer, *_IMAGES),
        openapi_extra=body_of(ExportFields),
    )
    async def export(request: Request) -> Response:
        return await serve(request, ExportFields, lambda fields: tasks.export(fields, as_json=wants_json(request)))

    @router.post(
        "/preview",
        summary="Show any photo as browsers can",
        response_class=Response,
        responses=answers(None, "image/jpeg", "image/png"),
        openapi_extra=body_of(PreviewFields),
    )
    async def preview(request: Request) -> Response:
        return await serve(request, PreviewFields, tasks.show)

    @router.post(
        "/layout",
        summary="Find where the parts of the face are",
        responses=answers(LayoutAnswer, "image/png"),
        openapi_extra=body_of(LayoutFields),
    )
    async def layout(request: Request) -> Response:
        return await serve(
            request, LayoutFields, lambda fields: tasks.parse(studio.inpainter, fields, as_json=wants_json(request))
        )

    @router.post("/detect", summary="Find faces", responses=answers(DetectAnswer), openapi_extra=body_of(PhotoFields))
    async def detect(request: Request) -> Response:
        return await serve(request, PhotoFields, tasks.detect)

    @router.post(
        "/damage",
        summary="Find scratches, cracks, spots, writing and torn corners",
        responses=answers(MaskAnswer, "image/png"),
        openapi_extra=body_of(DamageFields),
    )
    async def damage(request: Request) -> Response:
        return await serve(request, DamageFields, lambda fields: tasks.damage(fields, as_json=wants_json(request)))

    described = _describe(studio)

    @router.get("/models", summary="What this server runs, knows and allows", responses={401: ERRORS[401]})
    async def models() -> ModelsAnswer:
        return described

    return router


def _describe(studio: Studio) -> ModelsAnswer:
    return ModelsAnswer.model_validate(
        {
            "version": facemend.__version__,
            "model": studio.model,
            "device": studio.inpainter.backend.device,
            "models": [vars(info) for info in list_models()],
            "legend": LEGEND,
            "limits": {**vars(studio.limits), "max_variants": MAX_VARIANTS, "max_patches": MAX_PATCHES},
        }
    )
