"""`facemend batch`: many photos."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facemend.cli.options import STOPPED, AsJson, Backend, Device, Model, note, print_json

if TYPE_CHECKING:
    from facemend.batch import Row, Summary


def batch(
    input_dir: Annotated[Path, typer.Argument(help="Folder of photos; folders in it are gone through too.")],
    output_dir: Annotated[Path, typer.Argument(help="Folder of results; made where it is missing.")],
    *,
    masks: Annotated[
        str, typer.Option(help="Folder of masks, each named as its photo; or a CSV file with the columns photo,mask; or auto.")
    ],
    strictness: Annotated[
        float, typer.Option(min=0, max=1, help="Of --masks auto: 0 takes every suspicion, 1 only what is certain.")
    ] = 0.5,
    output_format: Annotated[
        str | None, typer.Option("--format", help="Of the results: png, jpg, webp, tif, ...; else each photo's own.")
    ] = None,
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="Of JPEG, HEIC and WebP results.")] = None,
    provenance: Annotated[bool, typer.Option(help="Note in a result's metadata that it was restored.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="0 begins with the single most likely variant; others draw one.")] = 0,
    model: Model = "default",
    device: Device = "auto",
    backend: Backend = "auto",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes side by side; else one for each core.")] = None,
    ray: Annotated[str | None, typer.Option(help="Address of a Ray cluster to run on, or local to start one.")] = None,
    contact_sheet: Annotated[bool, typer.Option(help="Draw contact sheets: before, masked, after.")] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results made from something else, and files that no batch made.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Restore many photos; the same command again goes on where it stopped.

    \b
    facemend batch photos/ restored/ --masks masks/
    facemend batch scans/ restored/ --masks auto --format png
    facemend batch photos/ restored/ --masks list.csv --ray 10.0.0.1:6379

    Exit code 0: every photo has its result, or nothing to restore. 1: some could not be restored, each is named. 2: nothing
    could be begun.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from facemend.batch import plan_batch, run_batch

    suffix = None if output_format is None else f".{output_format.removeprefix('.').lower()}"
    plan = plan_batch(input_dir, output_dir, masks, suffix=suffix, seed=seed)
    for line in plan.notes:
        note(f"note: {line}")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    try:
        with ExitStack() as started:
            progress = Progress(*columns, console=Console(stderr=True))
            bar = progress.add_task("restoring", total=len(plan.items))

            def start() -> None:  # not before: beside a bar a wrong option would look like a failure
                started.enter_context(progress)

            def show(row: "Row") -> None:
                if row.status == "failed":
                    line = row.note if row.note.startswith(row.photo) else f"{row.photo}: {row.note}"
                    progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
                progress.advance(bar)

            summary = run_batch(
                plan,
                output_dir,
                model=model,
                device=device,
                backend=backend,
                strictness=strictness,
                quality=quality,
                provenance=provenance,
                num_workers=workers,
                ray=ray,
                overwrite=overwrite,
                contact_sheet=contact_sheet,
                on_start=start,
                on_row=show,
                on_stop=lambda: progress.update(bar, description="stopping, once the photos in work are done"),
                on_draw=lambda: progress.update(bar, description="drawing contact sheets"),
            )
            progress.update(bar, description="stopped" if summary.stopped else "done")
    except KeyboardInterrupt:  # a second time, or before the first photo
        note("stopped at once; the same command goes on")
        raise typer.Exit(STOPPED) from None
    _tell(summary, as_json=as_json)
    if summary.stopped:
        raise typer.Exit(STOPPED)
    if not summary.complete:
        raise typer.Exit(1)


def _tell(summary: "Summary", *, as_json: bool) -> None:
    """Say what became of a batch, and print what was written."""
    note(_describe(summary))
    if as_json:
        print_json(
            counts=summary.counts,
            seconds=round(summary.seconds, 1),
            workers=summary.num_workers,
            report=str(summary.report),
            contact_sheets=[str(path) for path in summary.contact_sheets],
            stopped=summary.stopped,
            failed=[{"photo": row.photo, "note": row.note} for row in summary.rows if row.status == "failed"],
            notes=[{"photo": row.photo, "note": row.note} for row in summary.rows if row.is_noted],
        )
    else:
        first_page = summary.contact_sheets[:1]  # of one for each 36 photos
        for path in (summary.report.with_suffix(".csv"), summary.report, *first_page):
            print(path)


def _describe(summary: "Summary") -> str:
    counts = summary.counts
    words = {
        "restored": "restored",
        "skipped": "done before",
        "clean": "with nothing to restore",
        "outdated": "made from something that changed since (pass --overwrite to make them again)",
        "failed": "failed",
        "pending": "not done yet (the same command goes on)",
    }
    told = ", ".join(f"{counts[status]:,} {words[status]}" for status in words if status in counts)
    noted = sum(row.is_noted for row in summary.rows)
    return f"{told}, in {summary.seconds:.1f} s" + (f"; {noted:,} with notes, see report.csv" if noted else "")
