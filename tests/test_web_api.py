"""What a program gets from the studio's server: the real one, over HTTP, with a tiny network."""

import base64
import io
import json
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
import tifffile
from conftest import make_hole, make_photo, mask_image, modules_after, until
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from serving import encoded, serving, soft_photo

from facemend import face_classes, imaging
from facemend.pipeline import Inpainter

API_PAGE = Path(__file__).parent.parent / "docs" / "api.md"
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def server(tiny_model):
    with serving(tiny_model) as (address, _), httpx.Client(base_url=address, timeout=30) as client:
        yield client


def decoded(data):
    image = Image.open(io.BytesIO(base64.b64decode(data) if isinstance(data, str) else data))
    image.load()
    return image


PHOTO = encoded(soft_photo())
MASK = encoded(mask_image(make_hole()))
REQUEST = {"photo": base64.b64encode(PHOTO).decode(), "mask": base64.b64encode(MASK).decode(), "box": ["0,0,80,96"]}


def post(server, route, *, photo=PHOTO, mask=None, accept=None, files=(), **fields):
    parts = [("photo", photo), *([("mask", mask)] if mask else []), *files]
    headers = {} if accept is None else {"Accept": accept}
    if route == "inpaint":
        fields = {"box": "0,0,80,96"} | fields  # noise has no face, and to search for one takes long
    return server.post(f"/api/v1/{route}", files=[(name, (name, data)) for name, data in parts], data=fields, headers=headers)


def events(text):
    """The events of a stream, as (name, data)."""
    found = re.findall(r"^event: (\w+)\ndata: (.*)\n\n", text, re.M)
    return [(name, json.loads(data)) for name, data in found]


# --- inpaint


def test_a_form_is_answered_with_the_restored_photo(server):
    answer = post(server, "inpaint", mask=MASK)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    before, after = np.asarray(soft_photo()), np.asarray(decoded(answer.content))
    hole = make_hole()
    assert np.array_equal(before[~hole], after[~hole])
    assert not np.array_equal(before[hole], after[hole])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_the_photo_keeps_its_format(server, kind):
    answer = post(server, "inpaint", photo=encoded(soft_photo(), kind), mask=MASK)
    assert answer.headers["content-type"] == f"image/{kind.lower()}"
    assert decoded(answer.content).format == kind


def test_another_format_can_be_asked_for(server):
    answer = post(server, "inpaint", mask=MASK, format="jpeg", quality="60")
    assert decoded(answer.content).format == "JPEG"
    assert len(answer.content) < len(post(server, "inpaint", mask=MASK, format="jpeg", quality="95").content)


@pytest.mark.parametrize("box", ["50,0,20,96", "80,0,99,96"])
def test_a_box_beyond_the_photo_is_refused(server, box):
    answer = post(server, "inpaint", mask=MASK, box=box)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "field"
    assert "80x96" in answer.json()["error"]["message"]


@pytest.mark.parametrize("form", [True, False])
def test_a_photo_of_no_face_is_searched_for_none(server, tiny_model, monkeypatch, form):
    faceless = Inpainter.from_pretrained(tiny_model, "cpu")(soft_photo(), mask_image(make_hole()), boxes=[])
    monkeypatch.setattr("facemend.pipeline.Inpainter.find_faces", None)
    if form:
        answer = post(server, "inpaint", mask=MASK, box="none", accept="application/json")
    else:
        answer = server.post("/api/v1/inpaint", json=REQUEST | {"box": ["none"]})
    assert answer.json()["notes"] == []
    restored = decoded(answer.json()["images"][0]["image"])
    assert np.array_equal(np.asarray(restored), np.asarray(faceless.image))


@pytest.mark.parametrize(
    ("mode", "wishes"), [("CMYK", {"format": "webp"}), ("RGBA", {"format": "jpeg"}), ("RGB", {"quality": "9"})]
)
def test_a_format_that_cannot_hold_the_photo_is_refused_before_the_work(server, monkeypatch, mode, wishes):
    monkeypatch.setattr("facemend.pipeline.Inpainter.__call__", None)
    photo = encoded(make_photo(mode), "TIFF")
    answer = post(server, "inpaint", photo=photo, mask=MASK, **wishes)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "format"


def test_json_is_answered_with_json(server):
    request = {
        "photo": base64.b64encode(PHOTO).decode(),
        "mask": base64.b64encode(MASK).decode(),
        "box": ["0,0,80,96"],
        "num_variants": 3,
    }
    answer = server.post("/api/v1/inpaint", json=request).json()
    variants = [decoded(image["image"]) for image in answer["images"]]
    assert [image.size for image in variants] == [(80, 96)] * 3
    assert len({image.tobytes() for image in variants}) == 3
    assert [(image["left"], image["top"], image["width"], image["height"]) for image in answer["images"]] == [(0, 0, 80, 96)] * 3
    layout = decoded(answer["layout"])
    assert layout.mode == "P"
    assert layout.size == (80, 96)
    assert answer["seed"] == 0
    assert all(isinstance(note, str) for note in answer["notes"])


def test_form_and_json_are_one_api(server):
    request = {
        "photo": base64.b64encode(PHOTO).decode(),
        "mask": base64.b64encode(MASK).decode(),
        "box": ["0,0,80,96"],
        "seed": 7,
    }
    by_json = server.post("/api/v1/inpaint", json=request).json()["images"][0]["image"]
    assert base64.b64decode(by_json) == post(server, "inpaint", mask=MASK, seed="7").content


def test_several_variants_need_json(server):
    answer = post(server, "inpaint", mask=MASK, num_variants="2")
    assert answer.status_code == 422
    assert "application/json" in answer.json()["error"]["message"]


def test_progress_is_streamed(server):
    answer = post(server, "inpaint", mask=MASK, num_variants="2", accept="text/event-stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.text)
    stages = [(data["stage"], data.get("step")) for name, data in told if name == "progress"]
    assert [stage for stage, _ in stages] == ["queued", "reading", "painting", "painting", "writing"]
    assert [step for stage, step in stages if stage == "painting"] == [1, 2]
    name, result = told[-1]
    assert name == "done"
    assert result == post(server, "inpaint", mask=MASK, num_variants="2", accept="application/json").json()


def test_a_failure_is_streamed(server):
    empty = encoded(mask_image(np.zeros((96, 80), bool)))
    name, data = events(post(server, "inpaint", mask=empty, accept="text/event-stream").text)[-1]
    assert name == "failed"
    assert data["error"]["code"] == "mask"
    assert "empty" in data["error"]["message"]


def test_alpha_is_the_mask_of_a_photo_without_one(server):
    photo = make_photo("RGBA")
    photo.putalpha(mask_image(~make_hole()))
    after = np.asarray(decoded(post(server, "inpaint", photo=encoded(photo)).content))
    before, hole = np.asarray(photo), make_hole()
    assert np.array_equal(before[~hole], after[~hole])
    assert (after[hole][:, 3] == 255).all()


def test_a_photo_without_mask_or_alpha_is_refused(server):
    answer = post(server, "inpaint")
    assert answer.status_code == 422
    assert "mask" in answer.json()["error"]["message"]


def test_a_layout_may_come_in_the_legends_colours(server):
    ids = np.full((96, 80), 13, np.uint8)
    ids[40:] = 1
    picture = imaging.color_layout(ids)
    by_ids = post(server, "inpaint", mask=MASK, files=[("layout", encoded(picture))])
    by_colors = post(server, "inpaint", mask=MASK, files=[("layout", encoded(picture.convert("RGBA")))])
    assert by_ids.status_code == 200, by_ids.text
    assert by_ids.content == by_colors.content
    assert by_ids.content != post(server, "inpaint", mask=MASK).content


def test_a_layout_may_be_smaller_than_the_photo(server):
    ids = np.full((96, 80), 13, np.uint8)
    whole, half = (encoded(imaging.color_layout(layout)) for layout in (ids, ids[::2, ::2].copy()))
    answers = [post(server, "inpaint", mask=MASK, files=[("layout", layout)]).content for layout in (whole, half)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("layout", "word"),
    [
        (Image.new("RGB", (80, 96), (1, 2, 3)), "#010203"),
        (Image.new("L", (80, 96), 19), "19"),
        (Image.new("L", (96, 80)), "[96, 80]"),
    ],
)
def test_a_layout_that_is_none(server, layout, word):
    answer = post(server, "inpaint", mask=MASK, files=[("layout", encoded(layout))])
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "layout"
    assert word in answer.json()["error"]["message"]


def test_what_xmp_alone_says_turns_neither_mask_nor_layout_nor_patch(server):
    said = PngInfo()
    said.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    mask = encoded(mask_image(make_hole()), pnginfo=said)
    layout = encoded(imaging.color_layout(np.full((96, 80), 13, np.uint8)), pnginfo=said)
    assert post(server, "inpaint", mask=mask, files=[("layout", layout)]).status_code == 200
    patch = encoded(Image.new("RGBA", (80, 40)), pnginfo=said)
    assert post(server, "export", files=[("patch", patch)], patch_at="0,56").status_code == 200


# --- patches


def patches_of(server, **fields):
    answer = post(server, "inpaint", answer="patch", accept="application/json", **fields).json()
    return [
        (decoded(image["image"]), base64.b64decode(image["image"]), image["left"], image["top"]) for image in answer["images"]
    ]


def test_a_patch_drawn_on_the_photo_is_the_restored_photo(server):
    photo = soft_photo()
    [(patch, _, left, top)] = patches_of(server, mask=MASK)
    assert patch.mode == "RGBA"
    assert patch.size == (20, 16)
    photo.paste(patch, (left, top), patch)
    assert photo.tobytes() == decoded(post(server, "inpaint", mask=MASK).content).tobytes()


def test_a_patch_carries_nothing_of_the_photo_beside_the_hole(server):
    hole = make_hole()
    hole[-4:, -4:] = True  # so that the patch has a part that is not shown
    [(patch, *_)] = patches_of(server, mask=encoded(mask_image(hole)))
    pixels = np.asarray(patch)
    assert (pixels[..., 3] == 0).mean() > 0.5
    assert not pixels[pixels[..., 3] == 0].any()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16"])
def test_exporting_patches_gives_the_restored_photo(server, mode):
    photo = encoded(make_photo(mode))
    [(_, data, left, top)] = patches_of(server, photo=photo, mask=MASK)
    exported = post(server, "export", photo=photo, files=[("patch", data)], patch_at=f"{left},{top}")
    assert exported.status_code == 200, exported.text
    assert decoded(exported.content).tobytes() == decoded(post(server, "inpaint", photo=photo, mask=MASK).content).tobytes()


def test_painting_on_top_of_a_patch_is_painting_on_the_restored_photo(server):
    hole = np.zeros((96, 80), bool)
    hole[40:60, 30:50] = True
    second = encoded(mask_image(hole))
    [(_, data, left, top)] = patches_of(server, mask=MASK)
    whole = post(server, "inpaint", mask=MASK).content
    on_top = post(server, "inpaint", mask=second, files=[("patch", data)], patch_at=f"{left},{top}")
    assert decoded(on_top.content).tobytes() == decoded(post(server, "inpaint", photo=whole, mask=second).content).tobytes()


def test_exporting_an_untouched_photo_changes_no_pixel(server):
    answer = post(server, "export", photo=encoded(soft_photo(), "TIFF"), format="png")
    assert decoded(answer.content).tobytes() == soft_photo().tobytes()


def test_a_patch_that_is_none(server):
    strange = io.BytesIO()
    tifffile.imwrite(strange, np.zeros((20, 20, 2), np.uint8), photometric="minisblack", extrasamples=["assocalpha"])
    for patch in (strange.getvalue(), PHOTO[:2000]):
        answer = post(server, "export", files=[("patch", patch)], patch_at="0,0")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "patch")


@pytest.mark.parametrize(("place", "code"), [("70,0", "patch"), ("-1,0", "patch"), ("7", "field"), ("0,0,0", "field")])
def test_a_patch_out_of_place(server, place, code):
    patch = encoded(Image.new("RGBA", (20, 20)))
    answer = post(server, "export", files=[("patch", patch)], patch_at=place)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code


def test_each_patch_needs_a_place(server):
    answer = post(server, "export", files=[("patch", encoded(Image.new("RGBA", (20, 20))))])
    assert answer.status_code == 422
    assert "patch_at" in answer.json()["error"]["message"]


# --- the other routes


@pytest.mark.parametrize(("mode", "kind"), [("CMYK", "JPEG"), ("I;16", "JPEG"), ("RGBA", "PNG"), ("P", "JPEG")])
def test_a_preview_of_any_photo_can_be_shown_by_browsers(server, mode, kind):
    preview = decoded(post(server, "preview", photo=encoded(make_photo(mode), "TIFF"), max_side="48").content)
    assert preview.format == kind
    assert preview.mode in ("RGB", "RGBA")
    assert preview.size == (40, 48)


def test_a_layout_holds_class_ids(server, tiny_model):
    layout = decoded(post(server, "layout").content)
    assert layout.mode == "P"
    assert len(np.unique(layout)) > 1
    assert np.array_equal(layout, Inpainter.from_pretrained(tiny_model, "cpu").parse(soft_photo()))
    by_json = post(server, "layout", mask=MASK, accept="application/json").json()
    assert decoded(by_json["layout"]).size == (80, 96)
    assert [entry["name"] for entry in by_json["legend"]] == list(face_classes.CLASS_NAMES)


def test_faces_are_found(server):
    data = pytest.importorskip("skimage.data")
    photo = Image.fromarray(data.astronaut()[:256, 96:352])
    [face, *_] = post(server, "detect", photo=encoded(photo)).json()["faces"]
    left, top, right, bottom = face["box"]
    assert left < 128 < right  # her face is in the middle
    assert top < 110 < bottom
    assert len(face["landmarks"]) == 5
    assert face["score"] > 0.9


def test_scratches_are_found(server):
    pixels = np.full((200, 200, 3), 120, np.uint8)
    pixels[:, 90:93] = 255
    photo = encoded(Image.fromarray(pixels))
    mask = decoded(post(server, "damage", photo=photo, strictness="0.3").content)
    assert mask.mode == "L"
    assert mask.size == (200, 200)
    found = np.asarray(mask) == 255
    assert found[:, 90:93].mean() > 0.9
    assert not found[:, :80].any()
    by_json = post(server, "damage", photo=photo, strictness="0.3", accept="application/json").json()
    assert by_json["area"] == pytest.approx(found.mean(), abs=1e-6)


def test_models_tell_what_the_page_needs(server):
    answer = server.get("/api/v1/models").json()
    assert answer["model"] == "tiny"
    assert answer["device"] == "cpu"
    assert [model["name"] for model in answer["models"]] == ["default"]
    assert len(answer["legend"]) == face_classes.NUM_CLASSES
    assert answer["limits"]["max_variants"] == 8


def test_health_and_metrics(server):
    assert server.get("/healthz").json() == {"status": "ok"}
    post(server, "inpaint", mask=MASK)
    text = server.get("/metrics").text
    assert re.search(r'^facemend_requests_total\{route="/api/v1/inpaint",status="200"\} [1-9]', text, re.M)
    assert "facemend_queue_length 0.0" in text
    assert "process_resident_memory_bytes" in text


def test_the_reference_names_every_route_and_needs_no_script(server):
    page = server.get("/docs").text
    paths = server.get("/openapi.json").json()["paths"]
    assert all(path in page for path in paths)
    assert "<script" not in page
    assert "http" not in page.replace("<!doctype html>", "").replace("<html", "").replace("</html>", "")


def test_the_documents_routes_and_fields_are_the_servers():
    from facemend.web import fields

    text = API_PAGE.read_text(encoding="utf-8")
    for model in (fields.InpaintFields, fields.PreviewFields, fields.DamageFields):
        for name in model.model_fields:
            assert f"`{name}`" in text, name


def test_the_server_needs_no_torch():
    assert "torch" not in modules_after("import facemend.web.app")


def test_the_command_serves_until_it_is_stopped(tiny_model):
    words = [sys.executable, "-m", "facemend", "serve", "--port", "0", "--no-open", "--model", str(tiny_model)]
    heed_ctrl_c = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which a shell's background jobs do not
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, **pipes, preexec_fn=heed_ctrl_c) as command:  # noqa: PLW1509 - it takes no lock
        address = re.search(r"http://127.0.0.1:\d+/", command.stdout.readline())[0]
        assert httpx.get(f"{address}healthz").json() == {"status": "ok"}
        assert "<html" in httpx.get(address).text
        assert httpx.get(f"{address}api/v1/models").json()["model"] == "tiny"
        files = {"photo": encoded(soft_photo(width=800, height=960)), "mask": encoded(mask_image(make_hole(800, 960)))}
        long = {"num_variants": 8, "box": "0,0,800,960"}
        asking = partial(httpx.post, f"{address}api/v1/inpaint", files=files, data=long, timeout=60)
        with ThreadPoolExecutor() as pool:
            waiting = [pool.submit(asking, headers={"Accept": kind}) for kind in ("application/json", "text/event-stream")]
            until(lambda: "facemend_jobs_in_work 2" in httpx.get(f"{address}metrics").text)
            command.send_signal(signal.SIGINT)
            whole, stream = (job.result() for job in waiting)
        assert whole.status_code == 503
        stopped = whole.json()
        assert "the server is being stopped" in stopped["error"]["message"]
        assert events(stream.text)[-1] == ("failed", stopped)
        assert command.wait(60) == 130
        assert command.stderr.read() == ""


def test_the_documents_client_restores_a_photo(server, tmp_path):
    [client] = re.findall(r"```python\n(.*?)```", API_PAGE.read_text(encoding="utf-8"), re.S)
    (tmp_path / "client.py").write_text(client)
    (tmp_path / "photo.png").write_bytes(PHOTO)
    (tmp_path / "mask.png").write_bytes(MASK)
    words = [sys.executable, "client.py", "photo.png", "mask.png", "restored.png", "--server", str(server.base_url)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "restored.png").read_bytes() == post(server, "inpaint", mask=MASK, box=[]).content
    assert "painting" in done.stderr


def test_scripts_are_scripts_whatever_this_computer_takes_them_for(server, monkeypatch):
    monkeypatch.setattr("starlette.responses.guess_type", lambda path: ("text/plain", None))  # as some Windows registries have it
    assert server.get("/js/main.js").headers["content-type"].startswith("text/javascript")
