"""What is written, and handed out."""

import json

import httpx
import pytest

from facemend.web.runtime_package import PACKAGE

MAX_MODEL_BYTES = 16_000_000


def test_an_export_says_on_which_terms_its_networks_may_be_used(exported):
    for card in ("model", "damage"):
        assert "non-commercial research" in (exported.folder / "cards" / f"{card}.md").read_text(encoding="utf-8")


def test_the_network_is_small_enough_to_be_fetched_by_a_page(exported):
    assert exported.model_bytes <= MAX_MODEL_BYTES
    described = json.loads((exported.folder / "backend.json").read_text())["networks"]
    assert {name: (exported.folder / name).stat().st_size for name in described} == {
        name: network["bytes"] for name, network in described.items()
    }


def test_a_folder_with_something_in_it_is_left_alone(package, tmp_path, facemend):
    (tmp_path / "letter.txt").write_text("dear")
    refused = facemend("web-export", tmp_path, "--runtime", package)
    assert (refused.code, "is not empty: pass --overwrite" in refused.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]

    done = facemend("web-export", tmp_path, "--runtime", package, "--overwrite", "--json")
    assert json.loads(done.out)["model_bytes"] <= MAX_MODEL_BYTES
    assert (tmp_path / "letter.txt").read_text() == "dear"
    assert (tmp_path / "onnxruntime" / "LICENSE").is_file()
    assert not [path.name for path in tmp_path.parent.iterdir() if path.suffix == ".part"]


def test_a_runtime_that_is_not_to_be_had_is_one_line(tmp_path, facemend, monkeypatch):
    wrong = tmp_path / PACKAGE
    wrong.write_bytes(b"something else")
    refused = facemend("web-export", tmp_path / "site", "--runtime", wrong)
    assert (refused.code, refused.err.count("\n"), "its sha256 begins with" in refused.err) == (2, 1, True)

    monkeypatch.setenv("FACEMEND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "")
    refused = facemend("web-export", tmp_path / "site")
    assert (refused.code, refused.err.count("\n"), "install Node.js, or get" in refused.err) == (2, 1, True)
    assert not (tmp_path / "site").exists()


def test_a_model_without_a_graph_is_not_exported(tiny_model, tmp_path, facemend):
    refused = facemend("web-export", tmp_path / "site", "--model", tiny_model)
    assert (refused.code, "has no graph.onnx" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("description", "said"), [(None, "is no exported studio"), ("{}", "is no exported studio"), ('{"format": 7}', "of format 7")]
)
def test_serve_static_takes_nothing_but_an_export(tmp_path, facemend, description, said):
    if description is not None:
        (tmp_path / "backend.json").write_text(description)
    refused = facemend("serve", "--static", tmp_path, "--no-open")
    assert (refused.code, said in refused.err, refused.err.count("\n")) == (2, True, 1)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html"),
        ("onnxruntime/ort.wasm.min.mjs", "text/javascript"),
        ("onnxruntime/ort-wasm-simd-threaded.wasm", "application/wasm"),
        ("model/graph.onnx", "application/octet-stream"),
    ],
)
def test_files_come_with_what_threads_and_a_strict_policy_need(address, path, kind):
    answer = httpx.get(f"{address}/{path}")
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    assert "script-src 'self' 'wasm-unsafe-eval';" in answer.headers["content-security-policy"]


def test_nothing_but_the_folder_is_handed_out(address):
    assert httpx.get(f"{address}/%2e%2e/%2e%2e/etc/passwd").status_code == 404
    assert httpx.get(f"{address}/nothing").status_code == 404
    assert httpx.post(address).status_code == 405
