"""Requests that nobody thought of: whatever comes, the server refuses it in words or answers it, and lives on."""

import base64
import json
import random

import httpx
import pytest
from conftest import make_hole, make_photo, mask_image
from hypothesis import HealthCheck, Phase, given, settings
from PIL import Image
from serving import encoded, serving

from facemend.web.limits import Limits

ROUTES = ("inpaint", "export", "preview", "layout", "detect", "damage")


@pytest.fixture(scope="module")
def address(tiny_model):
    with serving(tiny_model, limits=Limits(max_bytes=300_000, max_pixels=100_000)) as (address, _):
        yield address


# --- the server against its own description


def compare_with_description(address, number):
    import schemathesis  # takes longer than many a test: not wherever tests are merely collected
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as openapi_checks

    described = (
        checks.not_a_server_error, openapi_checks.status_code_conformance, openapi_checks.content_type_conformance,
        openapi_checks.response_schema_conformance, openapi_checks.unsupported_method,
    )  # fmt: skip
    for operation in schemathesis.openapi.from_url(f"{address}/openapi.json").get_all_operations():

        @settings(
            max_examples=number, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            derandomize=True, database=None,
        )  # fmt: skip
        @given(case=operation.ok().as_strategy())
        def compare(case):
            case.call_and_validate(checks=described)

        compare()


def test_answers_are_as_described(address):
    compare_with_description(address, 5)


@pytest.mark.slow
def test_answers_are_as_described_at_length(address):
    compare_with_description(address, 500)


# --- random requests


PHOTOS = [encoded(make_photo(mode), kind) for mode, kind in [
    ("RGB", "PNG"), ("RGB", "JPEG"), ("CMYK", "JPEG"), ("RGBA", "WEBP"), ("I;16", "TIFF"), ("P", "GIF"), ("L", "BMP"),
]]  # fmt: skip
MASK = encoded(mask_image(make_hole()), "PNG")
PATCH = encoded(Image.new("RGBA", (20, 20), (10, 20, 30, 255)), "PNG")
VALUES = [
    "", "0", "1", "-1", "9", "1e9", "nan", "inf", "9" * 400, "0.5", "patch", "whole", "png", "heif", "none", "0,0", "0,0,40,40",
    "5,5,4,4", "\x00", "ü", "\U0001f642", "null", "[]", "../../etc/passwd", "%s%n", "' or 1=1", "A" * 5000,
]  # fmt: skip
FIELDS = [
    "seed",
    "num_variants",
    "format",
    "quality",
    "answer",
    "box",
    "patch_at",
    "max_side",
    "strictness",
    "photo",
    "nothing",
    "",
]


def damaged(generator, data):
    """Some bytes changed, cut out or put in."""
    data = bytearray(data)
    for _ in range(generator.choice([1, 1, 3, 20])):
        place = generator.randrange(len(data) + 1)
        kind = generator.randrange(4)
        if kind == 0 and place < len(data):
            data[place] = generator.randrange(256)
        elif kind == 1:
            data[place : place + generator.randrange(50)] = b""
        elif kind == 2:
            data[place:place] = generator.randbytes(generator.randrange(50))
        else:
            del data[place:]
    return bytes(data)


def random_request(generator):
    """A request that is right but for something, or nothing but noise."""
    route = generator.choice(ROUTES)
    if generator.random() < 0.2:
        kind = generator.choice(
            ["application/json", "multipart/form-data; boundary=x", "multipart/form-data", "text/html", "\xff"]
        )
        return route, {"Content-Type": kind.encode("latin-1")}, generator.randbytes(generator.choice([0, 10, 1000, 100_000]))
    files = [("photo", generator.choice(PHOTOS))]
    if route in ("inpaint", "layout"):
        files.append(("mask", MASK))
    if generator.random() < 0.2:
        files += [("patch", PATCH)]
    fields = [("box", "0,0,80,96")] if route == "inpaint" else []
    if files[-1][0] == "patch":
        fields.append(("patch_at", generator.choice(["0,0", "60,70", "80,0", "x"])))
    fields += [(generator.choice(FIELDS), generator.choice(VALUES)) for _ in range(generator.choice([0, 0, 1, 2]))]
    if generator.random() < 0.5:
        files = [(name, damaged(generator, data)) for name, data in files]
    if generator.random() < 0.4:
        values = {name: base64.b64encode(data).decode() for name, data in files} | dict(fields)
        headers, body = {"Content-Type": "application/json"}, json.dumps(values).encode()
    else:
        parts = [(name, (name, data)) for name, data in files] + [(name, (None, value)) for name, value in fields]
        request = httpx.Request("POST", "http://localhost", files=parts)
        headers, body = {"Content-Type": request.headers["content-type"]}, request.read()
    if generator.random() < 0.3:
        body = damaged(generator, body)
    if generator.random() < 0.5:
        headers["Accept"] = generator.choice(["application/json", "image/png", "text/event-stream", "*/*", "\x7f"])
    return route, headers, body


def send_random_requests(address, number, seed):
    generator, statuses = random.Random(seed), set()
    with httpx.Client(base_url=address, timeout=60) as client:
        for i in range(number):
            route, headers, body = random_request(generator)
            answer = client.post(f"/api/v1/{route}", headers=headers, content=body)
            assert answer.status_code < 500, (seed, i, answer.text)
            if answer.headers["content-type"].startswith("text/event-stream"):
                assert '"internal"' not in answer.text, (seed, i)
            if answer.status_code >= 400:
                assert set(answer.json()["error"]) == {"code", "message"}
            statuses.add(answer.status_code)
        assert client.get("/healthz").json() == {"status": "ok"}
    return statuses


def test_random_requests_are_answered(address):
    assert send_random_requests(address, 80, seed=1) >= {200, 400, 415, 422}


@pytest.mark.slow
def test_ten_thousand_random_requests_are_answered(address):
    send_random_requests(address, 10_000, seed=2)
