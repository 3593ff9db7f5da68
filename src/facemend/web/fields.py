"""The fields of each route: one model serves multipart and JSON, checks them and describes them in the OpenAPI document."""

import base64
import binascii
import re
from typing import Annotated, Any, Literal, Self, TypeVar, cast, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from facemend.web.limits import MAX_PATCHES, MAX_VARIANTS
from facemend.web.refusal import RefusalError

MAX_SEED = 2**53 - 1  # the largest that survives JavaScript
NO_FACE = "none"  # in place of a box
_PLACE = re.compile(r"-?\d{1,6}(?:,-?\d{1,6})*", re.ASCII)


def _bytes(value: object) -> object:
    """Decode what JSON carries as base64; multipart's files are bytes already."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is neither a file nor base64") from None


def _numbers(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be text such as 10,20")
    if not _PLACE.fullmatch(value):
        raise ValueError("must be whole numbers with commas between them")
    return tuple(int(number) for number in value.split(","))


def _box(value: object) -> object:
    return None if value == NO_FACE else _numbers(value)


def _place_schema(numbers: int, *words: str) -> WithJsonSchema:
    choices = (*words, rf"-?[0-9]{{1,6}}(,-?[0-9]{{1,6}}){{{numbers - 1}}}")
    return WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(choices)})$"})


Picture = Annotated[bytes, BeforeValidator(_bytes), WithJsonSchema({"type": "string", "format": "binary"})]
Place = Annotated[tuple[int, int], BeforeValidator(_numbers), _place_schema(2)]
Box = Annotated[tuple[int, int, int, int] | None, BeforeValidator(_box), _place_schema(4, NO_FACE)]  # None: of no face
FormatName = Literal["png", "jpeg", "webp", "tiff", "bmp", "heif"]


class PhotoFields(BaseModel):
    """A photo, and the patches to paste on it first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    photo: Picture = Field(description="PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC")
    patch: list[Picture] = Field([], max_length=MAX_PATCHES, description="pictures to paste on the photo first")
    patch_at: list[Place] = Field([], max_length=MAX_PATCHES, description="LEFT,TOP of each patch")

    @model_validator(mode="after")
    def _each_patch_has_a_place(self) -> Self:
        if len(self.patch) != len(self.patch_at):
            raise ValueError(f"there are {len(self.patch)} patch but {len(self.patch_at)} patch_at")
        return self


class ExportFields(PhotoFields):
    """How the photo is written."""

    format: FormatName | None = Field(None, description="the photo's own where it is not given")
    quality: int | None = Field(None, ge=1, le=100, description="of JPEG, WebP and HEIF, which loses pixels by it")


class InpaintFields(ExportFields):
    """What to repaint, and how."""

    mask: Picture | None = Field(None, description="white is repainted; the photo's alpha where it is not given")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="0 begins with the single most likely variant, others draw one")
    num_variants: int = Field(1, ge=1, le=MAX_VARIANTS, description="several come as JSON")
    layout: Picture | None = Field(None, description="class ids, or the legend's colours, to paint by")
    box: list[Box] = Field([], max_length=32, description="LEFT,TOP,RIGHT,BOTTOM of each face; none: there is no face")
    answer: Literal["whole", "patch"] = Field("whole", description="the photo, or as JSON only what was repainted")

    @model_validator(mode="after")
    def _no_face_is_said_alone(self) -> Self:
        if None in self.box and len(self.box) > 1:
            raise ValueError(f"box: {NO_FACE} says that there is no face, and stands alone")
        return self

    @property
    def faces(self) -> list[tuple[int, int, int, int]] | None:
        """The faces' boxes; None where they are to be looked for."""
        return [box for box in self.box if box is not None] if self.box else None


class PreviewFields(PhotoFields):
    """How large a preview may be."""

    max_side: int | None = Field(None, ge=16, le=65535, description="in pixels")


class LayoutFields(PhotoFields):
    """What of the photo is to be left aside."""

    mask: Picture | None = Field(None, description="white is damaged: the layout tells what the network would paint there")


class DamageFields(PhotoFields):
    """How sure the search must be."""

    strictness: float = Field(0.5, ge=0, le=1, description="0 takes every suspicion, 1 only what is certain")


Fields = TypeVar("Fields", bound=PhotoFields)


def group(items: list[tuple[str, str | bytes]], model: type[PhotoFields]) -> dict[str, Any]:
    """Gather what a form repeats into lists. Raises RefusalError for a field that is given twice but not repeatable."""
    values: dict[str, Any] = {}
    for name, value in items:
        field = model.model_fields.get(name)
        if field is not None and get_origin(field.annotation) is list:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise RefusalError(422, "field", f"{name[:40]!r} is given twice")
        else:
            values[name] = value
    return values


def check(values: object, model: type[Fields]) -> Fields:
    """Check values against a model; the refusal names each wrong field, but never repeats its value."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = [(".".join(map(str, e["loc"]))[:40], e["msg"].removeprefix("Value error, ")) for e in error.errors()[:5]]
        raise RefusalError(422, "field", "; ".join(f"{name or 'request'}: {message}" for name, message in wrong)) from None


def request_body(model: type[PhotoFields]) -> dict[str, Any]:
    """Describe a model for OpenAPI, as a form and as JSON."""
    form = model.model_json_schema()
    return {
        "required": True,
        "content": {"multipart/form-data": {"schema": form}, "application/json": {"schema": _as_json(form)}},
    }


def _as_json(schema: Any) -> Any:
    """Say of each binary field that it is base64."""
    if isinstance(schema, list):
        return [_as_json(item) for item in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    entries = cast(dict[str, Any], schema)
    if entries.get("format") == "binary":
        return {**entries, "format": "byte", "contentEncoding": "base64"}
    return {key: _as_json(value) for key, value in entries.items()}
