"""What was done, kept beside the results: one small file for each, so that a batch goes on after any end, on any machine.

    RESULTS/_facemend/records/a/b.jpg.json     what a/b.jpg was made from, its sha256, and its row of the report
    RESULTS/_facemend/thumbnails/a/b.jpg.png   before, masked, after, side by side, for the contact sheet
    RESULTS/_facemend/unfinished/              files being written

A record is written before its result is put in place and names the result's sha256: whenever a process is killed, a result
either is the one that its record describes, or is not there, or is somebody else's.
"""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from facemend.batch.plan import OWN_FOLDER

_TRIES = ".tries"
_ABANDONED_SECONDS = 3600.0  # without a change

Status = Literal["restored", "skipped", "clean", "outdated", "failed", "pending"]


@dataclass(frozen=True)
class Row:
    """One photo in the report."""

    photo: str
    mask: str | None  # None: the damage was looked for
    output: str
    status: Status
    note: str = ""  # what the user should know; why it failed
    seconds: float = 0.0
    width: int | None = None
    height: int | None = None
    hole_area: float | None = None  # share of the photo, 0 to 1
    seed: int = 0
    photo_sha256: str | None = None
    mask_sha256: str | None = None
    output_sha256: str | None = None  # None: nothing was written

    @property
    def is_noted(self) -> bool:
        """Whether there is a result, and something about it that the user should know."""
        return self.status in ("restored", "skipped") and bool(self.note)


@dataclass(frozen=True)
class Record:
    """What a result was made from, and its row."""

    made_from: dict[str, Any]
    row: Row


class Records:
    """The records of one folder of results."""

    def __init__(self, output_dir: Path) -> None:
        self.folder = output_dir / OWN_FOLDER

    def thumbnails(self, output: str) -> Path:
        """Where a result's three thumbnails are."""
        return self.folder / "thumbnails" / f"{output}.png"

    def read(self, output: str) -> Record | None:
        """Read a result's record; None where there is none, or one that cannot be understood."""
        try:
            values = json.loads(self._record(output).read_text(encoding="utf-8"))
            return Record(values["made_from"], Row(**values["row"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, record: Record) -> None:
        """Write a record."""
        with self.writing(self._record(record.row.output)) as path, path.open("w", encoding="utf-8") as file:
            json.dump(asdict(record), file, indent=1)
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def writing(self, place: Path) -> Generator[Path]:
        """Lend a path, used by no other process, to write to; what is there in the end is put in `place`, whole."""
        path = self.folder / "unfinished" / f"{uuid.uuid4().hex}{place.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield path
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def trying(self, output: str) -> Generator[int]:
        """Count how often this photo has been tried in this batch; it stays counted when the process is killed meanwhile."""
        tries = self.folder / "unfinished" / f"{hashlib.sha256(os.fsencode(output)).hexdigest()}{_TRIES}"
        tries.parent.mkdir(parents=True, exist_ok=True)
        with tries.open("a") as file:
            file.write(".")
        yield tries.stat().st_size
        tries.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what killed processes left half written; younger files may be another batch's, which still writes them."""
        for path in (self.folder / "unfinished").glob("*"):
            with suppress(FileNotFoundError):  # the other batch has put it in its place
                if path.suffix == _TRIES or time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()

    def _record(self, output: str) -> Path:
        return self.folder / "records" / f"{output}.json"
