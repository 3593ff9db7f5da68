"""What the studio's server does to those who ask too much, too slowly, or without being allowed to."""

import asyncio
import json
import re
import socket
import struct
import time
import urllib.error
import urllib.request
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from conftest import make_hole, make_photo, mask_image, until
from PIL import Image
from serving import TOKEN, before_each_run, encoded, held, serving, soft_photo

from facemend import Inpainter
from facemend.errors import ConfigError
from facemend.web import body, server
from facemend.web.app import create_app
from facemend.web.gate import check_access
from facemend.web.jobs import Content, Worker
from facemend.web.limits import Limits

FILES = {"photo": encoded(soft_photo()), "mask": encoded(mask_image(make_hole()))}
POST = b"POST /api/v1/inpaint HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SMALL = Limits(max_bytes=200_000, max_pixels=100_000, queue_size=2, time_limit=20, at_once=1)


@pytest.fixture(scope="module")
def running(tiny_model):
    with serving(tiny_model, limits=SMALL) as pair:
        yield pair


@pytest.fixture
def address(running):
    return running[0]


@pytest.fixture
def inpainter(running):
    return running[1]


def inpaint(address, data=None, **options):
    fields = {"box": "0,0,80,96"} | (data or {})  # noise has no face, and to search for one takes long
    return httpx.post(f"{address}/api/v1/inpaint", files=FILES, data=fields, timeout=30, **options)


def code(answer):
    error = answer.json()["error"]
    assert set(error) == {"code", "message"}
    assert "\n" not in error["message"]
    return answer.status_code, error["code"]


def figure(address, name):
    return float(re.search(rf"^{name} (\S+)$", httpx.get(f"{address}/metrics").text, re.M)[1])


# --- size


def test_a_body_that_is_announced_too_large_is_refused_unread(address):
    answer = httpx.post(f"{address}/api/v1/inpaint", content=bytes(200_001), headers={"Content-Type": "application/json"})
    assert code(answer) == (413, "bytes")
    assert "200,000" in answer.json()["error"]["message"]


def test_an_endless_upload_is_cut(address, impatient):
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with pytest.raises(ConnectionError):
            while sent < 1 << 28:
                connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
                sent += 0x10000
                time.sleep(0.02)


def test_a_picture_of_too_many_pixels_is_refused(address):
    files = FILES | {"photo": encoded(Image.new("L", (400, 300)))}
    answer = httpx.post(f"{address}/api/v1/inpaint", files=files)
    assert code(answer) == (413, "pixels")
    assert "400x300" in answer.json()["error"]["message"]


def test_many_variants_of_a_large_photo_are_refused(address):
    large = {"photo": encoded(Image.new("L", (300, 300)))}
    answer = httpx.post(f"{address}/api/v1/inpaint", files=FILES | large, data={"num_variants": "5"})
    assert code(answer) == (413, "pixels")
    assert "5 variants" in answer.json()["error"]["message"]


def bomb(width, height):
    """A PNG of a few bytes that promises many pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("field", ["photo", "mask", "layout"])
def test_a_bomb_is_not_lit(address, field):
    answer = httpx.post(f"{address}/api/v1/inpaint", files=FILES | {field: bomb(60_000, 60_000)})
    assert code(answer) == (413, "pixels")


def test_many_large_bodies_at_once_do_not_fill_the_memory(address):
    parts = [b"x" * 50_000] * 3

    def slowly():
        for part in parts:
            yield part
            time.sleep(0.2)

    def send(_):
        return httpx.post(f"{address}/api/v1/inpaint", content=slowly(), headers={"Content-Type": "application/json"}, timeout=20)

    with ThreadPoolExecutor(12) as pool:
        statuses = [answer.status_code for answer in pool.map(send, range(12))]
    assert set(statuses) <= {400, 429}
    assert 429 in statuses
    assert figure(address, "facemend_body_bytes") == 0


# --- time


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(body, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.3)


def talk(address, *parts, pause=0.0):
    """Send parts over a bare connection; returns what comes back until the server closes it."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_slow_headers_are_cut_off(address, impatient):
    started = time.monotonic()
    assert talk(address, b"GET / HTTP/1.1\r\n") in (b"",)
    assert talk(address) == b""
    assert time.monotonic() - started < 5


def test_headers_that_trickle_are_cut_off_all_the_same(address, impatient):
    started = time.monotonic()
    with suppress(ConnectionError):  # closed while it sends, or while it reads
        talk(address, *[b"GET / HTTP/1.1\r\n", *[b"A: b\r\n"] * 50], pause=0.05)
    assert time.monotonic() - started < 5


def test_a_body_that_stops_halfway_is_refused(address, impatient):
    received = talk(address, POST + b'Content-Length: 100\r\n\r\n{"photo":')
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b'"slow"' in received


def test_half_an_upload_leaves_nothing_behind(address):
    host, port = address.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(POST + b"Content-Length: 100000\r\n\r\n" + bytes(50_000))
    until(lambda: figure(address, "facemend_body_bytes") == 0)


def test_the_time_limit_is_told(tiny_model):
    with serving(tiny_model, limits=Limits(time_limit=1.5)) as (address, inpainter):
        with held(inpainter), ThreadPoolExecutor(1) as pool:
            stream = pool.submit(inpaint, address, headers={"Accept": "text/event-stream"})
            answer = inpaint(address)
            assert code(answer) == (503, "time")
            assert "1.5 s" in answer.json()["error"]["message"]
            assert '"time"' in stream.result().text
        until(lambda: inpaint(address).status_code == 200)  # the worker has come back


# --- queue


def test_a_full_queue_says_when_to_come_again(address, inpainter):
    with ThreadPoolExecutor(3) as pool:
        with held(inpainter) as reached:
            waiting = [pool.submit(inpaint, address)]
            assert reached.wait(10)
            waiting += [pool.submit(inpaint, address) for _ in range(SMALL.queue_size)]
            until(lambda: figure(address, "facemend_queue_length") == SMALL.queue_size)
            answer = inpaint(address)
            assert code(answer) == (429, "busy")
            assert int(answer.headers["Retry-After"]) >= 1
        assert [job.result().status_code for job in waiting] == [200] * 3


@pytest.mark.parametrize("result", [Content(b"", "text/plain"), ValueError()])
def test_a_job_has_ended_when_its_result_is_told(result):
    told = []

    def work(job):
        job.tell = lambda news: told.append((news, job.ended.is_set()))
        if isinstance(result, Exception):
            raise result
        return result

    async def submit():
        worker.submit(work, pixels=1)

    worker = Worker(SMALL)
    worker.start()
    asyncio.run(submit())
    until(lambda: told)
    asyncio.run(worker.close())
    assert told == [(result, True)]


def test_photos_are_worked_on_together_as_far_as_memory_goes(tiny_model):
    width, height = soft_photo().size
    limits = Limits(max_pixels=2 * width * height, at_once=4)
    with serving(tiny_model, limits=limits) as (address, inpainter), ThreadPoolExecutor(3) as pool:
        with held(inpainter):
            jobs = [pool.submit(inpaint, address) for _ in range(3)]
            until(lambda: figure(address, "facemend_jobs_in_work") == 2 and figure(address, "facemend_queue_length") == 1)
        assert [job.result().status_code for job in jobs] == [200] * 3
        until(lambda: figure(address, "facemend_jobs_in_work") == 0)


def test_the_place_in_the_queue_is_told(address, inpainter):
    with ThreadPoolExecutor(3) as pool:
        with held(inpainter) as reached:
            first = pool.submit(inpaint, address)
            assert reached.wait(10)
            second = pool.submit(inpaint, address)
            until(lambda: figure(address, "facemend_queue_length") == 1)
            third = pool.submit(inpaint, address, headers={"Accept": "text/event-stream"})
            until(lambda: figure(address, "facemend_queue_length") == 2)
        told = [json.loads(data) for data in re.findall(r"^data: (.*)$", third.result().text, re.M)]
        assert [event["position"] for event in told if event.get("stage") == "queued"] == [2, 1]
        assert first.result().status_code == second.result().status_code == 200


@pytest.mark.parametrize("accept", ["image/png", "text/event-stream"])
def test_nothing_is_painted_for_who_has_gone(address, inpainter, accept):
    dropped = figure(address, "facemend_jobs_dropped")
    with ThreadPoolExecutor(1) as pool, held(inpainter) as reached:
        busy = pool.submit(inpaint, address)
        assert reached.wait(10)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{address}/api/v1/inpaint", files=FILES, headers={"Accept": accept}, timeout=0.5).read()
        until(lambda: figure(address, "facemend_jobs_dropped") == dropped + 1)
        assert figure(address, "facemend_queue_length") == 0
    assert busy.result().status_code == 200


@contextmanager
def asking(address, files=FILES, accept="*/*", **fields):
    """Ask for a restoration; at the end of the block who asked goes away, without an answer."""
    host, port = address.removeprefix("http://").split(":")
    request = httpx.Request("POST", f"{address}/api/v1/inpaint", files=files, data=fields, headers={"Accept": accept})
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"POST /api/v1/inpaint HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        yield


def test_who_goes_at_once_leaves_nothing_behind(address):
    for _ in range(20):
        with asking(address, accept="text/event-stream"):
            pass
    until(lambda: figure(address, "facemend_body_bytes") == 0)
    until(lambda: figure(address, "facemend_queue_length") == 0)


def test_painting_stops_between_variants_for_who_has_gone(address, inpainter):
    dropped, runs = figure(address, "facemend_jobs_dropped"), []
    with before_each_run(inpainter, lambda: runs.append(1)):
        with held(inpainter) as reached:
            with asking(address, accept="application/json", num_variants="8", box="0,0,80,96"):
                assert reached.wait(10)
            until(lambda: figure(address, "facemend_jobs_dropped") == dropped + 1)
        assert inpaint(address).status_code == 200
    assert len(runs) == 2  # one of the eight, which was held, and the one after it


def test_the_search_for_a_hidden_face_stops_for_who_has_gone(address, inpainter):
    dropped, runs = figure(address, "facemend_jobs_dropped"), []
    width, height = soft_photo().size
    nearly_all = np.ones((height, width), bool)
    nearly_all[:4] = False
    with before_each_run(inpainter, lambda: runs.append(1)):
        with held(inpainter) as reached:
            with asking(address, FILES | {"mask": encoded(mask_image(nearly_all))}):
                assert reached.wait(10)
            until(lambda: figure(address, "facemend_jobs_dropped") == dropped + 1)
        until(lambda: figure(address, "facemend_jobs_in_work") == 0)
    assert len(runs) == 1  # of the many that look for a face, or fill what is left


# --- who is let in


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com"])
def test_others_are_not_served_without_a_token(host):
    with pytest.raises(ConfigError, match="--token"):
        check_access(host, None)
    check_access(host, TOKEN)


def test_an_address_that_is_none_is_refused(facemend):
    done = facemend("serve", "--host", "a..b", "--token", TOKEN, "--no-open")
    assert (done.code, done.err.count("\n"), "'a..b' is no host name" in done.err) == (2, 1, True)


@pytest.mark.parametrize("token", ["", "short", "with a space in the token", "ünbekannte-zeichen-im-token"])
def test_a_token_must_be_one(token):
    with pytest.raises(ConfigError, match="16"):
        check_access("127.0.0.1", token)


def test_the_command_refuses_to_serve_others_without_a_token(facemend, monkeypatch):
    monkeypatch.delenv("FACEMEND_TOKEN", raising=False)
    outcome = facemend("serve", "--host", "0.0.0.0", "--no-open")
    assert outcome.code == 2
    assert "--token" in outcome.err
    assert outcome.err.count("\n") == 1


def test_the_command_names_a_port_that_is_taken(facemend, address):
    outcome = facemend("serve", "--port", address.rpartition(":")[2], "--no-open")
    assert outcome.code == 2
    assert "--port" in outcome.err


@pytest.fixture(scope="module")
def guarded(tiny_model):
    with serving(tiny_model, token=TOKEN) as (address, _):
        yield address


@pytest.mark.parametrize("authorization", [None, "Bearer wrong-token-of-some-length", f"Basic {TOKEN}", "Bearer", "Bearer \xfc"])
@pytest.mark.parametrize("path", ["/api/v1/models", "/metrics"])
def test_a_wrong_token_opens_nothing(guarded, path, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    answer = httpx.get(guarded + path, headers=headers)
    assert code(answer) == (401, "token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in answer.text


def test_a_refusal_reaches_those_too_who_send_all_before_they_listen(guarded):
    """As urllib does; closed with its body unread, the connection would be reset."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{guarded}/api/v1/inpaint", bytes(10_000_000), timeout=30)
    assert refused.value.code == 401


def test_the_token_opens_the_api(guarded):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert inpaint(guarded, headers=headers).status_code == 200
    assert httpx.get(f"{guarded}/metrics", headers=headers).status_code == 200
    assert inpaint(guarded).status_code == 401


def test_page_and_health_need_no_token(guarded):
    assert httpx.get(guarded).status_code == 200
    assert httpx.get(f"{guarded}/healthz").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost@evil", "[::1", ""])
def test_another_sites_name_for_this_computer_is_refused(address, host):
    assert code(httpx.get(f"{address}/healthz", headers={"Host": host})) == (400, "host")


def test_a_proxy_may_have_a_name_of_its_own_where_there_is_a_token(guarded):
    headers = {"Host": "studio.example", "Origin": "https://studio.example", "Authorization": f"Bearer {TOKEN}"}
    assert inpaint(guarded, headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_this_computers_names_are_answered_to(address, host):
    assert httpx.get(f"{address}/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_other_sites_pages_are_refused(address, origin):
    answer = inpaint(address, headers={"Origin": origin})
    assert code(answer) == (403, "origin")
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_own_page_is_answered(address):
    assert inpaint(address, headers={"Origin": address}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/api/v1/models", "/api/v1/nothing", "/nothing"])
def test_every_answer_is_strict_with_browsers(address, path):
    headers = httpx.get(address + path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == ("no-store" if path.startswith("/api") else "no-cache")


def test_the_page_is_not_sent_twice(address):
    first = httpx.get(address)
    again = httpx.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert first.status_code == 200
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/../app.py", "/%2e%2e/app.py", "/..%2f..%2fpipeline.py", "/css/../../app.py", "//etc/passwd"])
def test_no_file_but_the_pages_is_served(address, path):
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    assert talk(address, head).startswith(b"HTTP/1.1 404 ")


# --- wrong requests


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/inpaint", (405, "method")), ("POST", "/api/v1/nothing", (404, "route")),
        ("GET", "/api/v1/nothing", (404, "route")), ("DELETE", "/api/v1/models", (405, "method")),
        ("GET", "/nothing", (404, "route")),
    ],
)  # fmt: skip
def test_a_wrong_route(address, method, path, expected):
    assert code(httpx.request(method, address + path)) == expected


@pytest.mark.parametrize(
    ("content_type", "content", "expected"),
    [
        ("text/plain", b"hello", (415, "content")),
        ("application/json", b"{", (400, "request")),
        ("application/json", b"[" * 100_000, (400, "request")),
        ("application/json", b"[]", (422, "field")),
        ("application/json", b'{"photo": "no base64!"}', (422, "field")),
        ("application/json", b'{"photo": "\\ud800"}', (400, "request")),
        ("multipart/form-data", b"", (400, "request")),
        ("multipart/form-data; boundary=x", b"--y", (400, "request")),
        (
            "multipart/form-data; boundary=x; charset=idna",
            b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\xff\r\n--x--',
            (422, "field"),
        ),
        (
            "multipart/form-data; boundary=x; charset=unicode_escape",
            b'--x\r\nContent-Disposition: form-data; name="\\ud800"\r\n\r\n1\r\n--x--\r\n',
            (422, "field"),
        ),
    ],
)
def test_a_wrong_body(address, content_type, content, expected):
    answer = httpx.post(f"{address}/api/v1/inpaint", content=content, headers={"Content-Type": content_type})
    assert code(answer) == expected


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"num_variants": "0"}, "num_variants"), ({"num_variants": "9"}, "num_variants"), ({"seed": "-1"}, "seed"),
        ({"seed": "x"}, "seed"), ({"quality": "101"}, "quality"), ({"answer": "half"}, "answer"), ({"colour": "red"}, "colour"),
        ({"seed": ["1", "2"]}, "twice"), ({"box": "1,2,3"}, "box"), ({"format": "exe"}, "format"),
        ({"box": "nobody"}, "box"), ({"box": ["none", "0,0,40,40"]}, "box: none"),
    ],
)  # fmt: skip
def test_a_wrong_field(address, fields, word):
    answer = inpaint(address, data=fields)
    assert code(answer) == (422, "field")
    assert word in answer.json()["error"]["message"]


@pytest.mark.parametrize("field", ["photo", "mask", "layout", "patch"])
@pytest.mark.parametrize(
    "data", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", FILES["photo"][:200], b"GIF89a" + bytes(50)],
    ids=["empty", "text", "eps", "truncated", "gif"],
)  # fmt: skip
def test_what_is_no_picture(address, field, data):
    extra = {"patch_at": "0,0"} if field == "patch" else {}
    answer = httpx.post(f"{address}/api/v1/inpaint", files=FILES | {field: data}, data=extra)
    assert code(answer) == (422, field)


@pytest.mark.parametrize("field", ["photo", "mask", "layout", "patch"])
@pytest.mark.parametrize("mode", ["1", "F", "I", "I;16", "LAB", "YCbCr", "CMYK", "P", "LA"])
def test_a_picture_of_a_strange_kind_is_no_accident(address, field, mode):
    picture = Image.new(mode, (80, 96))
    data = {"box": "0,0,80,96"} | ({"patch_at": "0,0"} if field == "patch" else {})
    answer = httpx.post(f"{address}/api/v1/inpaint", files=FILES | {field: encoded(picture, "TIFF")}, data=data)
    assert answer.status_code in (200, 422), answer.text


def test_an_error_tells_nothing_about_the_server(address, inpainter):
    def fail():
        raise RuntimeError("secret of /etc/shadow")

    with before_each_run(inpainter, fail):
        for accept in ("image/png", "text/event-stream"):
            answer = inpaint(address, headers={"Accept": accept})
            assert "internal" in answer.text
            assert "secret" not in answer.text
            assert "Traceback" not in answer.text
    assert inpaint(address).status_code == 200


def test_nothing_is_written_to_disk(address, tmp_path, monkeypatch):
    import tempfile

    opened = []
    monkeypatch.setattr(tempfile, "_TemporaryFileWrapper", lambda *arguments, **_: opened.append(arguments))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *arguments, **_: opened.append(arguments))
    photo = encoded(make_photo(width=240, height=240), "BMP")  # 170 kB
    assert httpx.post(f"{address}/api/v1/export", files={"photo": photo}).status_code == 200
    assert not opened


def test_the_command_hands_each_limit_to_its_place(facemend, monkeypatch):
    made = []
    monkeypatch.setattr("facemend.backends.open_backend", lambda *_: None)
    monkeypatch.setattr("facemend.backends.BatchingBackend", lambda backend: backend)
    monkeypatch.setattr("facemend.web.app.create_app", lambda inpainter, **options: made.append(options["limits"]))
    monkeypatch.setattr(server, "Server", lambda app, _: SimpleNamespace(run=lambda sockets: sockets[0].close()))
    words = ("--max-bytes", 1, "--max-pixels", 2, "--queue-size", 3, "--time-limit", 4, "--at-once", 5)
    facemend("serve", "--port", 0, *words)
    assert made == [Limits(max_bytes=1, max_pixels=2, queue_size=3, time_limit=4, at_once=5)]


def test_health_is_denied_once_nobody_does_the_work():
    async def ask():
        app = create_app(Inpainter(SimpleNamespace(device="cpu")))  # whose worker was never started
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.get("/healthz")

    assert code(asyncio.run(ask())) == (503, "worker")


def test_limits_must_make_sense():
    with pytest.raises(ConfigError, match="--queue-size"):
        Limits(queue_size=0)
