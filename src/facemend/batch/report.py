"""The report of a batch: a table for people, the same for programs, and contact sheets."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from PIL import Image

from facemend.batch.records import Records, Row, Status
from facemend.batch.sheet import PER_PAGE, draw_page


@dataclass(frozen=True)
class Summary:
    """What became of a batch."""

    rows: list[Row]  # in the order of the plan
    seconds: float
    num_workers: int | None  # None: as many as a Ray cluster had CPUs
    report: Path
    contact_sheets: list[Path]
    stopped: bool  # by the user, before all was done

    @property
    def counts(self) -> dict[Status, int]:
        """Number of photos by status."""
        return dict(Counter(row.status for row in self.rows))

    @property
    def complete(self) -> bool:
        """Whether every photo has the result that was asked for."""
        return set(self.counts) <= {"restored", "skipped", "clean"}


def write_report(records: Records, rows: Sequence[Row], seconds: float, *, stopped: bool) -> Path:
    """Write `report.csv` and `report.json`; returns the latter's path."""
    names = [field.name for field in fields(Row)]
    # A file's name may hold bytes that are no text: they are written as they are.
    with (
        records.writing(records.folder / "report.csv") as path,
        path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(asdict(row) for row in rows)
    counts = Counter(row.status for row in rows)
    report = {"counts": counts, "seconds": round(seconds, 1), "stopped": stopped, "files": [asdict(row) for row in rows]}
    place = records.folder / "report.json"
    with records.writing(place) as path:
        path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return place


def write_contact_sheets(records: Records, rows: Sequence[Row]) -> list[Path]:
    """Draw every photo with its thumbnails, or with what kept it from being restored; earlier pages are replaced."""
    pages: list[Path] = []
    for start in range(0, len(rows), PER_PAGE):
        place = records.folder / f"contact-sheet-{start // PER_PAGE + 1:03d}.jpg"
        with records.writing(place) as path:
            draw_page([(_caption(row), _content(records, row)) for row in rows[start : start + PER_PAGE]]).save(path, quality=88)
        pages.append(place)
    for old in set(records.folder.glob("contact-sheet-*.jpg")) - set(pages):
        old.unlink()
    return pages


def _caption(row: Row) -> str:
    return f"{row.output} (see its note in report.csv)" if row.is_noted else row.output


def _content(records: Records, row: Row) -> Image.Image | str:
    if row.output_sha256 is not None and row.status in ("restored", "skipped"):
        try:
            with Image.open(records.thumbnails(row.output)) as thumbnails:
                return thumbnails.convert("RGB")
        except OSError:
            return "the thumbnails are lost"
    return row.note or row.status
