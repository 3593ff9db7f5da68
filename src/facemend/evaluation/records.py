"""What has been measured so far, on disk: one line of JSON for each face and method, so that a killed run goes on."""

import json
import os
from pathlib import Path
from typing import Any, cast

from facemend.errors import DataError, OutputError
from facemend.evaluation.judge import Figures
from facemend.whole_files import write_whole

RUN_NAME, RECORDS_NAME = "run.json", "records.jsonl"

Cases = dict[str, Figures]  # of one face and method, by case

_SAID = {
    "tool": "version", "data": "DATA", "faces": "faces in DATA", "left_out": "--without", "masks": "--masks", "size": "--size",
    "bins": "bins of --protocol", "seed": "--seed",
}  # fmt: skip
"""What the user calls a setting."""


class Records:
    """The records of a run in a folder.

    Args:
        folder: made where missing.
        settings: what the figures depend on, methods apart, by the keys of `_SAID`. A folder keeps the records of one run only.

    Raises:
        OutputError: The folder cannot be written, or holds something else.
        DataError: The folder holds a run with other settings.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._path = folder / RECORDS_NAME
        self._cases: dict[tuple[str, str, str], Cases] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            run = folder / RUN_NAME
            if run.exists():
                _check_same(run, settings)
            elif any(folder.iterdir()):
                raise OutputError(f"{folder}: holds other files; give --output a new folder")
            else:
                write_whole(run, (json.dumps(settings, indent=1) + "\n").encode())
            self._read()
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written ({error})") from None

    def get(self, face: str, method: str, key: str) -> Cases | None:
        """Return what was measured of a face, or None."""
        return self._cases.get((face, method, key))

    def add(self, face: str, method: str, key: str, cases: Cases) -> None:
        """Keep what was measured of a face, at once and on disk. Raises OutputError."""
        line = json.dumps({"face": face, "method": method, "key": key, "cases": cases}) + "\n"
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written ({error}); free some space, the same command goes on") from None
        self._cases[face, method, key] = cases

    def _read(self) -> None:
        """Read all whole lines, and cut off one that a killed run left unfinished."""
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)
        try:
            for text in content[:whole].splitlines():
                line = json.loads(text)
                self._cases[line["face"], line["method"], line["key"]] = line["cases"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self._path}: is damaged ({error}); delete it to measure anew") from None


def _check_same(run: Path, settings: dict[str, Any]) -> None:
    try:
        begun: dict[str, Any] = json.loads(run.read_text(encoding="utf-8"))
        changed = [key for key in settings if begun.get(key) != settings[key]]
    except (ValueError, AttributeError) as error:
        raise DataError(f"{run}: is damaged ({error}); give --output a new folder") from None
    if changed:
        told = "; ".join(f"{_SAID[key]} {_as_said(begun.get(key))}, not {_as_said(settings[key])}" for key in changed)
        raise DataError(f"{run}: was begun with {told}; give --output a new folder")


def _as_said(value: Any) -> str:
    """Write a setting much as the command line takes it."""
    if isinstance(value, dict):  # masks: their kind, and which of that
        return " ".join(map(_as_said, cast(dict[str, Any], value).values()))
    if isinstance(value, list):
        return ",".join(map(str, cast(list[Any], value))) or "nothing"
    return str(value)
