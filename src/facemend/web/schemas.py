"""The answers of each route, as the OpenAPI document describes them."""

from typing import Any

from pydantic import BaseModel

from facemend.web.refusal import ErrorAnswer

Base64 = str  # a PNG, unless a `type` beside it says otherwise


class RestoredImage(BaseModel):
    """A restored photo, or its repainted part, and its place in the photo."""

    image: Base64
    type: str
    left: int
    top: int
    width: int
    height: int


class InpaintAnswer(BaseModel):
    """One image for each variant."""

    images: list[RestoredImage]
    layout: Base64
    notes: list[str]
    seed: int


class ExportAnswer(BaseModel):
    """A photo in a file format."""

    image: Base64
    type: str
    width: int
    height: int


class FaceClass(BaseModel):
    """One class of a layout."""

    id: int
    name: str
    color: list[int]


class LayoutAnswer(BaseModel):
    """A palette image whose values are class ids."""

    layout: Base64
    legend: list[FaceClass]


class FoundFace(BaseModel):
    """A face, in the photo's pixels."""

    box: list[float]
    landmarks: list[list[float]]
    score: float


class DetectAnswer(BaseModel):
    """Faces, best first."""

    faces: list[FoundFace]


class MaskAnswer(BaseModel):
    """A grey image, 255 = repaint, and the share of the photo that it covers."""

    mask: Base64
    area: float


class BundledModel(BaseModel):
    """A model that came with the package."""

    name: str
    parameters: int
    bytes: int
    sha256: str


class LimitsAnswer(BaseModel):
    """What requests may hold."""

    max_bytes: int
    max_pixels: int
    max_variants: int
    max_patches: int
    queue_size: int
    time_limit: float
    at_once: int


class ModelsAnswer(BaseModel):
    """What this server runs, knows and allows."""

    version: str
    model: str
    device: str
    models: list[BundledModel]
    legend: list[FaceClass]
    limits: LimitsAnswer


class HealthAnswer(BaseModel):
    """Whether requests are worked on."""

    status: str


_WHEN = {
    400: "broken form or JSON", 401: "no token, or a wrong one", 403: "sent by another site's page", 408: "too slow",
    413: "too many bytes or pixels", 415: "neither a form nor JSON", 422: "a field or a picture that cannot be used",
    429: "queue full: see Retry-After", 503: "took too long",
}  # fmt: skip
ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorAnswer, "description": text} for status, text in _WHEN.items()}


def answers(model: type[BaseModel] | None, *other_types: str) -> dict[int | str, dict[str, Any]]:
    """Describe what a POST route answers: a model where it can be JSON, other media types, and errors."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    success: dict[str, Any] = {"description": "done", "content": dict.fromkeys(other_types, binary)}
    if model is not None:
        success["model"] = model
    return {200: success, **ERRORS}
