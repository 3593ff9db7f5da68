"""The report of a batch: a table for people, the same for programs, and contact sheets."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
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
        table.writerows(vars(row) for row in rows)
    place = records.folder / "report.json"
    with records.writing(place) as path, path.open("w", encoding="utf-8") as file:
        counts = Counter(row.status for row in rows)
        file.write(json.dumps({"counts": counts, "seconds": round(seconds, 1), "stopped": stopped}).removesuffix("}"))
        file.write(', "files": [')  # one by one, for there may be a million
        for number, row in enumerate(rows):
            file.write((",\n" if number else "\n") + json.dumps(vars(row)))
        file.write("\n]}\n")
    return place


def write_contact_sheets(records: Records, rows: Sequence[Row]) -> list[Path]:
    """Draw every settled photo with its thumbnails, or with what kept it from being restored.

    A page that shows the same already is left as it is; other pages of earlier runs are replaced.
    """
    settled = [row for row in rows if row.status != "pending"]
    pages: list[Path] = []
    for start in range(0, len(settled), PER_PAGE):
        shown = settled[start : start + PER_PAGE]
        place = records.folder / f"contact-sheet-{start // PER_PAGE + 1:03d}.jpg"
        mark = _mark(shown)
        if not _is_marked(place, mark):
            with records.writing(place) as path:
                draw_page([(_caption(row), _content(records, row)) for row in shown]).save(path, quality=88, comment=mark)
        pages.append(place)
    for old in set(records.folder.glob("contact-sheet-*.jpg")) - set(pages):
        old.unlink()
    return pages


def _mark(rows: Sequence[Row]) -> bytes:
    """Hash all that a page depends on; the page carries it as its comment."""
    shown = [(_caption(row), row.output_sha256 if _is_there(row) else row.note or row.status) for row in rows]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest().encode()


def _is_marked(page: Path, mark: bytes) -> bool:
    try:
        with Image.open(page) as image:
            return image.info.get("comment") == mark
    except OSError:
        return False


def _is_there(row: Row) -> bool:
    """Whether its result is in its place, with thumbnails."""
    return row.output_sha256 is not None and row.status in ("restored", "skipped")


def _caption(row: Row) -> str:
    return f"{row.output} (see its note in report.csv)" if row.is_noted else row.output


def _content(records: Records, row: Row) -> Image.Image | str:
    if _is_there(row):
        try:
            with Image.open(records.thumbnails(row.output)) as thumbnails:
                return thumbnails.convert("RGB")
        except OSError:
            return "the thumbnails are lost"
    return row.note or row.status
