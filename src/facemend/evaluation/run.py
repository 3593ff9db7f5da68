"""One evaluation: methods side by side on the same pixels, face by face, and the report of it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import track

import facemend
from facemend import imaging
from facemend.errors import DataError, FacemendError, OutputError
from facemend.evaluation.faces import Face, Faces, Groups
from facemend.evaluation.holes import Case, FindCases, open_holes
from facemend.evaluation.judge import Judge, Part
from facemend.evaluation.methods import Method, Restored, ResultsMethod, check_names, mask_out, restore
from facemend.evaluation.page import to_html
from facemend.evaluation.pictures import ChosenCase, PictureRow, choose_cases, draw_row
from facemend.evaluation.protocols import Protocol
from facemend.evaluation.records import Records
from facemend.evaluation.summary import MeasuredFace, summarize
from facemend.evaluation.tables import to_markdown
from facemend.whole_files import write_whole

REPORT_JSON, REPORT_MARKDOWN, REPORT_HTML = "report.json", "report.md", "report.html"

_TRUTH = "truth"  # stands in the records where a method's name does, for what is kept of the true face


@dataclass(frozen=True)
class Subject:
    """What is measured, and by which judges."""

    data: Path
    faces: Faces
    chosen: Sequence[int]  # of the faces, by index
    protocol: Protocol
    protocol_name: str = "own"
    people: dict[str, Groups] = field(default_factory=lambda: {})  # further groups, by name of the face
    without: frozenset[Part] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """What an evaluation found."""

    report: dict[str, Any]  # as in report.json
    problems: list[str]  # one line for each file that could not be used, or that belongs to nothing


def evaluate(subject: Subject, methods: Sequence[Method], output: Path, device: torch.device) -> Outcome:
    """Measure, and write `report.json`, `report.md` and `report.html`; the same call again goes on where it stopped.

    A file that cannot be used costs its own cases and is told in the outcome.

    Args:
        subject: What is measured.
        methods: What fills the holes; the first is compared with each of the others.
        output: Folder of the report and of the records, made where missing.
        device: Where the judging networks run.

    Raises:
        ConfigError: Two methods of one name.
        DataError: Fewer than two faces, no masks, people of whom none is among the faces, or an output folder of another run.
        OutputError: The output cannot be written.
        WeightsError: A judging network's weights are damaged or not to be had.
    """
    check_names(methods)
    if len(subject.chosen) < 2:
        raise DataError(f"{subject.data}: {len(subject.chosen)} face is too few to judge by; give two or more")
    if subject.people and not subject.people.keys() & set(subject.faces.names):
        raise DataError(f"--people: none of its names, such as {min(subject.people)}, is of a face in {subject.data}: mend them")
    find_cases, problems = open_holes(subject.protocol, subject.faces.names)
    for method in methods:
        if isinstance(method, ResultsMethod):
            problems += method.extra_files(set(subject.faces.names))
    judge = Judge(device, subject.without)
    records = Records(output, _settings(subject))
    bench = _Bench(subject, methods, find_cases, records, judge, problems)
    progress = track(subject.chosen, "Measuring", console=Console(stderr=True))
    measured = [face for index in progress if (face := bench.measure(index)) is not None and any(face.cases.values())]
    if len(measured) < 2:
        trouble = f"first trouble: {problems[0]}" if problems else "all holes are larger than the methods take"
        raise DataError(f"{subject.data}: {len(measured)} face could be measured, two are needed; {trouble}")

    report = _report(subject, methods, measured, problems)
    rows = [row for chosen in choose_cases(measured, methods[0].name) if (row := bench.redraw(chosen)) is not None]
    try:
        write_whole(output / REPORT_JSON, (json.dumps(report, indent=1) + "\n").encode())
        write_whole(output / REPORT_MARKDOWN, to_markdown(report).encode())
        write_whole(output / REPORT_HTML, to_html(report, rows).encode())
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error})") from None
    return Outcome(report, problems)


def _report(subject: Subject, methods: Sequence[Method], measured: Sequence[MeasuredFace], problems: list[str]) -> dict[str, Any]:
    """Say what was measured, how, and what came out."""
    return {
        "tool": f"facemend {facemend.__version__}",
        "protocol": subject.protocol_name,
        "settings": subject.protocol.model_dump(mode="json", exclude={"data"}, exclude_none=True),
        "data": str(subject.data),
        "faces": {"chosen": len(subject.chosen), "measured": len(measured)},
        "methods": [
            {"name": method.name, "about": method.about, "cases": sum(len(face.cases[method.name]) for face in measured)}
            for method in methods
        ],
        "problems": problems,
        **summarize(measured, [method.name for method in methods], subject.protocol),
    }


def _settings(subject: Subject) -> dict[str, Any]:
    """Tell what all records of a folder have in common: not the methods, which have keys, nor how many faces are chosen."""
    return {
        "tool": f"facemend {facemend.__version__}",
        "data": str(subject.data),
        "faces": len(subject.faces.names),
        "left_out": sorted(subject.without),
        **subject.protocol.model_dump(mode="json", include={"masks", "size", "bins", "seed"}, exclude_none=True),
    }


@dataclass(frozen=True)
class _Bench:
    """Where faces are restored and measured; what goes wrong with single files is added to `problems`."""

    subject: Subject
    methods: Sequence[Method]
    find_cases: FindCases
    records: Records
    judge: Judge
    problems: list[str]

    def measure(self, index: int) -> MeasuredFace | None:
        """Measure what is not in the records yet; None for a face without picture or mask."""
        name, records = self.subject.faces.names[index], self.records
        try:
            face = self.subject.faces.read(index, self.subject.protocol.size)
            cases = self.find_cases(index, name)
        except FacemendError as error:
            self.problems.append(str(error))
            return None
        pixels = _digest(face, cases)
        of_truth = records.get(name, _TRUTH, pixels)
        done = {method.name: records.get(name, method.name, f"{method.key} {pixels}") for method in self.methods}
        if of_truth is None or None in done.values():
            view = self.judge.look(face.truth)
            if of_truth is None:
                of_truth = {_TRUTH: {"features": self.judge.keep(view)}}
                records.add(name, _TRUTH, pixels, of_truth)
            for method in self.methods:
                if done[method.name] is None:
                    fitting = [case for case in cases if case.area <= method.max_area]
                    filled = self._fill(method, face, fitting)
                    figures = self.judge.measure(face, view, filled)
                    done[method.name] = figures
                    if len(filled) == len(fitting):  # what is missing now may be there the next time
                        records.add(name, method.name, f"{method.key} {pixels}", figures)
        groups = {**face.groups, **self.subject.people.get(name, {})}
        cases_by_method = {key: cases or {} for key, cases in done.items()}
        return MeasuredFace(index, name, groups, of_truth[_TRUTH]["features"], cases_by_method)

    def redraw(self, chosen: ChosenCase) -> PictureRow | None:
        """Restore a case once more, for the eye; None where its files are gone since it was measured."""
        try:
            face = self.subject.faces.read(chosen.index, self.subject.protocol.size)
            case = next(case for case in self.find_cases(chosen.index, face.name) if case.name == chosen.case)
            fitting = [method for method in self.methods if method.name in chosen.figures]
            results = {method.name: restore(method, face.truth, case, face.name) for method in fitting}
        except FacemendError:
            return None
        return draw_row(chosen, face, case, results)

    def _fill(self, method: Method, face: Face, cases: Sequence[Case]) -> list[tuple[Case, Restored]]:
        """Let a method fill the cases it can."""
        filled: list[tuple[Case, Restored]] = []
        for case in cases:
            try:
                filled.append((case, restore(method, face.truth, case, face.name)))
            except FacemendError as error:
                self.problems.append(str(error))
        return filled


def _digest(face: Face, cases: Sequence[Case]) -> str:
    """Digest a face, its labels and its holes: once one of them is replaced, what was measured holds no more."""
    arrays = [face.truth, *([] if face.labels is None else [face.labels]), *(np.packbits(case.hole) for case in cases)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def export_inputs(subject: Subject, folder: Path) -> list[str]:
    """Write what another system needs to take part: FOLDER/photo/CASE/FACE.png, black in the hole, and FOLDER/mask/CASE/FACE.png.

    Returns:
        What could not be used, one line for each file.

    Raises:
        OutputError: The folder exists with files in it, or cannot be written.
    """
    find_cases, problems = open_holes(subject.protocol, subject.faces.names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(f"{folder}: holds other files; give --export-inputs a new folder")
        for index in track(subject.chosen, "Writing", console=Console(stderr=True)):
            try:
                face = subject.faces.read(index, subject.protocol.size)
                cases = find_cases(index, face.name)
            except FacemendError as error:
                problems.append(str(error))
                continue
            for case in cases:
                for kind, picture in (
                    ("photo", Image.fromarray(mask_out(face.truth, case.hole))),
                    ("mask", imaging.mask_picture(case.hole)),
                ):
                    place = folder / kind / case.name
                    place.mkdir(parents=True, exist_ok=True)
                    imaging.save_image(picture, place / f"{face.name}.png")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error})") from None
    return problems
