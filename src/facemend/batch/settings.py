"""What is the same for all photos of a batch, checked before the first of them is begun."""

from dataclasses import dataclass
from pathlib import Path, PurePath

from facemend.backends import BackendName, open_backend
from facemend.batch.plan import Plan
from facemend.damage import check_strictness
from facemend.errors import ConfigError
from facemend.imaging.writing import FORMATS
from facemend.model_folders import CONFIG_FILE, GRAPH_FILE, WEIGHTS_FILE, resolve
from facemend.whole_files import sha256_of


@dataclass(frozen=True)
class Settings:
    """What is the same for all photos of a batch. Plain values only, as in `Item`."""

    output_dir: str
    model: str
    weights_sha256: str
    device: str
    backend: BackendName
    strictness: float
    quality: int | None
    provenance: bool
    overwrite: bool


def settle(
    plan: Plan,
    output_dir: Path,
    *,
    model: str,
    device: str,
    backend: BackendName,
    strictness: float,
    quality: int | None,
    provenance: bool,
    overwrite: bool,
    on_cluster: bool,
) -> Settings:
    """Check what is asked of a batch, and decide what is left to it. Arguments and errors are those of `run_batch`."""
    check_strictness(strictness)
    if quality is not None:
        _check_quality(quality, plan)
    model, weights_sha256, own_device = _check_model(model, "auto" if on_cluster else device, backend)
    if on_cluster:  # which has other devices
        used_device = "cpu" if device == "auto" else device
    else:
        used_device = own_device
    return Settings(
        output_dir=str(output_dir.absolute()),
        model=model,
        weights_sha256=weights_sha256,
        device=used_device,
        backend=_choose_backend(model, used_device) if backend == "auto" else backend,
        strictness=strictness,
        quality=quality,
        provenance=provenance,
        overwrite=overwrite,
    )


def _check_quality(quality: int, plan: Plan) -> None:
    if not 1 <= quality <= 100:
        raise ConfigError(f"quality {quality} is out of range: take 1 to 100")
    formats = [FORMATS[PurePath(item.output).suffix.lower()] for item in plan.items]
    if not any(each.has_quality for each in formats):
        names = ", ".join(sorted({each.name for each in formats}))
        raise ConfigError(f"quality {quality} is for no result of this batch (all are {names}): leave it out")


def _check_model(model: str, device: str, name: BackendName) -> tuple[str, str, str]:
    """Load a model once, to complain here and not in every process.

    Returns:
        Its name for them, what its files hash to, and the device it runs on.
    """
    folder = resolve(model)
    backend = open_backend(folder, device, name)
    digest = "-".join(sha256_of(folder / name) for name in (WEIGHTS_FILE, CONFIG_FILE))
    return (str(folder) if folder == Path(model).absolute() else model), digest, backend.device


def _choose_backend(model: str, device: str) -> BackendName:
    """Settle once what `auto` is, as `open_backend` would, so that the records can name it."""
    return "onnx" if device == "cpu" and (resolve(model) / GRAPH_FILE).is_file() else "torch"
