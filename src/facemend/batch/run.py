"""A batch from beginning to end."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePath
from types import FrameType

from facemend.backends import BackendName, open_backend
from facemend.batch.cluster import check_ray, connected, restore_on_ray
from facemend.batch.plan import Plan
from facemend.batch.pool import restore_in_processes
from facemend.batch.records import Records, Row
from facemend.batch.report import Summary, write_contact_sheets, write_report
from facemend.batch.restoring import Settings, failed_row, pending_row
from facemend.damage import check_strictness
from facemend.errors import ConfigError, OutputError
from facemend.imaging.writing import FORMATS
from facemend.model_folders import CONFIG_FILE, GRAPH_FILE, WEIGHTS_FILE, resolve
from facemend.whole_files import sha256_of

MAX_GPU_WORKERS = 4  # each holds a network and a CUDA context of its own
MAX_WINDOWS_WORKERS = 61  # ProcessPoolExecutor takes no more there


def run_batch(
    plan: Plan,
    output_dir: Path,
    *,
    model: str = "default",
    device: str = "auto",
    backend: BackendName = "auto",
    strictness: float = 0.5,
    quality: int | None = None,
    provenance: bool = True,
    num_workers: int | None = None,
    ray: str | None = None,
    overwrite: bool = False,
    contact_sheet: bool = True,
    on_start: Callable[[], None] = lambda: None,
    on_row: Callable[[Row], None] = lambda row: None,
    on_stop: Callable[[], None] = lambda: None,
    on_draw: Callable[[], None] = lambda: None,
) -> Summary:
    """Restore many photos, and go on where an earlier call stopped.

    What is done already, from the same photo, mask, weights and options, is not done again. A photo that cannot be restored
    keeps no other from it. The results do not depend on how many processes make them, nor on the order.

    The first Ctrl-C, or SIGTERM, lets the photos in work be finished and reports; the second stops at once. On a cluster the
    photos in work are given up, and those that other machines have finished meanwhile may be `pending` in the report.

    Args:
        plan: What to do (`plan_batch`).
        output_dir: Folder of results; it is made where it is missing. `_facemend` in it gets report and contact sheets.
        model: See `load_model`.
        device: See `Inpainter.from_pretrained`. On a Ray cluster `auto` is the CPU, and `cuda` gives each photo a GPU.
        backend: See `Inpainter.from_pretrained`.
        strictness: Of the search for damage, where the plan leaves the mask to it.
        quality: Of lossy formats; None for the default.
        provenance: Whether results say in their metadata that they were restored.
        num_workers: Processes, each on one thread; None for as many as there are cores (`default_num_workers`).
        ray: Address of a Ray cluster, or `local` to start one; None for processes of this machine.
        overwrite: Replace results that were made from something else, and files that no batch made.
        contact_sheet: Draw contact sheets.
        on_start: Told when nothing stands in the way any more, before the first photo is begun.
        on_row: Told of every photo as soon as it is settled.
        on_stop: Told when the user asks to stop, before the photos in work are finished.
        on_draw: Told when all is done but the contact sheets.

    Raises:
        ConfigError: No such device, no such cluster, a number of workers below 1, a strictness beyond 0 to 1, a quality beyond 1
            to 100, or where no result has one.
        WeightsError: The model is missing or damaged.
        OutputError: The folder cannot be written.
    """
    if num_workers is not None and num_workers < 1:
        raise ConfigError(f"{num_workers} workers restore nothing: ask for 1 or more")
    check_strictness(strictness)
    if quality is not None and not 1 <= quality <= 100:
        raise ConfigError(f"quality {quality} is out of range: take 1 to 100")
    formats = [FORMATS[PurePath(item.output).suffix.lower()] for item in plan.items]
    if quality is not None and not any(each.has_quality for each in formats):
        names = ", ".join(sorted({each.name for each in formats}))
        raise ConfigError(f"quality {quality} is for no result of this batch (all are {names}): leave it out")
    if ray is not None:
        check_ray()
    model, weights_sha256, own_device = _check_model(model, "auto" if ray is not None else device, backend)
    used_device = own_device if ray is None else "cpu" if device == "auto" else device  # a cluster has other devices
    settings = Settings(
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
    records = Records(output_dir.absolute())

    started = time.perf_counter()
    sound = [item for item in plan.items if item.problem is None]
    by_output = {item.output: item for item in sound}
    settled = {item: failed_row(item, item.problem) for item in plan.items if item.problem is not None}
    cluster = nullcontext() if ray is None else connected(ray, num_workers)
    with cluster, _stop_on_request(on_stop) as stop:
        with _refusals_told(records.folder):
            records.folder.mkdir(parents=True, exist_ok=True)
            records.sweep()
        on_start()
        for row in settled.values():
            on_row(row)
        if ray is None:
            num_workers = min(num_workers or default_num_workers(settings.device), len(sound) or 1)
            if sys.platform == "win32":
                num_workers = min(num_workers, MAX_WINDOWS_WORKERS)
            rows = restore_in_processes(settings, sound, num_workers, stop)
        else:
            rows = restore_on_ray(settings, sound, num_workers, stop)
        for row in rows:
            settled[by_output[row.output]] = row
            on_row(row)
        report = [settled.get(item) or pending_row(item) for item in plan.items]
        seconds = time.perf_counter() - started
        with _refusals_told(records.folder):  # still in here, so that a first Ctrl-C does not cut the report short
            place = write_report(records, report, seconds, stopped=stop.is_set())
            pages: list[Path] = []
            if contact_sheet:
                on_draw()
                pages = write_contact_sheets(records, report)
        return Summary(report, seconds, num_workers, place, pages, stop.is_set())


def default_num_workers(device: str) -> int:
    """Number of processes that suits this machine: one for each core this process may use; on a GPU at most 4."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if device == "cpu" else min(cores, MAX_GPU_WORKERS)


@contextmanager
def _refusals_told(folder: Path) -> Generator[None]:
    """Turn what the disk refuses into an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from None


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


@contextmanager
def _stop_on_request(on_stop: Callable[[], None]) -> Generator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into an event; the second has its usual effect."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may say what a signal does
        return
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()
        restore()
        on_stop()

    for number in usual:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        restore()
