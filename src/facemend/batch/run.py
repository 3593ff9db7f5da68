"""A batch from beginning to end."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from facemend.backends import BackendName
from facemend.batch.cluster import check_ray, connected, restore_on_ray
from facemend.batch.plan import Item, Plan
from facemend.batch.pool import choose_num_workers, restore_in_processes
from facemend.batch.records import Records, Row
from facemend.batch.report import Summary, write_contact_sheets, write_report
from facemend.batch.restoring import failed_row, pending_row
from facemend.batch.settings import settle
from facemend.batch.stopping import stop_on_request
from facemend.errors import ConfigError, OutputError


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
    if ray is not None:
        check_ray()
    settings = settle(
        plan,
        output_dir,
        model=model,
        device=device,
        backend=backend,
        strictness=strictness,
        quality=quality,
        provenance=provenance,
        overwrite=overwrite,
        on_cluster=ray is not None,
    )
    sound = [item for item in plan.items if item.problem is None]
    if ray is None:
        num_workers = choose_num_workers(num_workers, settings.device, len(sound))
        cluster, restore = nullcontext(), partial(restore_in_processes, settings, sound, num_workers)
    else:
        cluster, restore = connected(ray, num_workers), partial(restore_on_ray, settings, sound, num_workers)
    records = Records(output_dir.absolute())

    started = time.perf_counter()
    with cluster, stop_on_request(on_stop) as stop:
        with _refusals_told(records.folder):
            records.folder.mkdir(parents=True, exist_ok=True)
            records.sweep()
        on_start()
        settled: dict[Item, Row] = {}
        for item, row in _settle_photos(plan.items, restore(stop)):
            settled[item] = row
            on_row(row)
        rows = [settled.get(item) or pending_row(item) for item in plan.items]
        seconds = time.perf_counter() - started
        with _refusals_told(records.folder):  # still in here, so that a first Ctrl-C does not cut the report short
            report = write_report(records, rows, seconds, stopped=stop.is_set())
            pages: list[Path] = []
            if contact_sheet:
                on_draw()
                pages = write_contact_sheets(records, rows)
        return Summary(rows, seconds, num_workers, report, pages, stop.is_set())


def _settle_photos(items: Sequence[Item], restored: Iterable[Row]) -> Iterator[tuple[Item, Row]]:
    """Pair each photo with its row as soon as that is known: first those that cannot even begin, then as they are restored."""
    for item in items:
        if item.problem is not None:
            yield item, failed_row(item, item.problem)
    sound = {item.output: item for item in items if item.problem is None}
    for row in restored:
        yield sound[row.output], row


@contextmanager
def _refusals_told(folder: Path) -> Generator[None]:
    """Turn what the disk refuses into an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from None
