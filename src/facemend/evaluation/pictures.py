"""The pictures of the report: which cases are shown, and how. The worst are always among them."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facemend import imaging
from facemend.evaluation.faces import Face
from facemend.evaluation.holes import Case
from facemend.evaluation.judge import Figures
from facemend.evaluation.methods import Restored
from facemend.evaluation.summary import MeasuredFace
from facemend.imaging import Pixels

RANKED_BY = ("lpips", "l1")  # the first of these that was measured ranks the cases, best first

KINDS = ("worst", "typical", "best")

_PER_KIND = 6
_MAX_SIDE = 256


@dataclass(frozen=True)
class ChosenCase:
    """A case to show, and why."""

    kind: str  # of `KINDS`
    index: int
    case: str
    figures: dict[str, Figures]  # by method


@dataclass(frozen=True)
class PictureRow:
    """One case, method by method."""

    kind: str
    caption: str
    cells: list[tuple[str, str]]  # heading, picture as a data URI; an empty one where a method has no result
    figures: dict[str, Figures]  # by method


def choose_cases(faces: Sequence[MeasuredFace], method: str) -> list[ChosenCase]:
    """Choose the worst, the middling and the best cases of a method, from each bin in turn, large holes first, each face once."""
    by_bin: dict[str, list[tuple[float, MeasuredFace, str]]] = {}
    for face in faces:
        for name, figures in face.cases[method].items():
            score = next(figures[key] for key in RANKED_BY if key in figures)
            by_bin.setdefault(name, []).append((score, face, name))
    by_area = sorted(by_bin.values(), key=lambda cases: cases[0][1].cases[method][cases[0][2]]["area"], reverse=True)
    ranked = [sorted(cases, key=lambda case: case[0], reverse=True) for cases in by_area]
    shown: set[str] = set()
    chosen: list[ChosenCase] = []
    for kind in ("worst", "best", "typical"):  # a middling case is easily replaced by another
        for n in range(min(_PER_KIND, max(1, len(faces) // 3)) if ranked else 0):
            cases = ranked[n % len(ranked)]
            wanted = {"worst": 0, "typical": len(cases) // 2, "best": len(cases)}[kind]
            nearest = sorted(range(len(cases)), key=lambda rank: abs(rank - wanted))
            fresh = next(((face, name) for _, face, name in map(cases.__getitem__, nearest) if face.name not in shown), None)
            if fresh is not None:
                face, name = fresh
                shown.add(face.name)
                figures = {key: of_face[name] for key, of_face in face.cases.items() if name in of_face}
                chosen.append(ChosenCase(kind, face.index, name, figures))
    return sorted(chosen, key=lambda case: KINDS.index(case.kind))


def draw_row(chosen: ChosenCase, face: Face, case: Case, results: Mapping[str, Restored]) -> PictureRow:
    """Lay out the photo, what is left of it, the layout of the first method that has one, each result, and the truth."""
    layout = next((result.layout for result in results.values() if result.layout is not None), None)
    cells = [("photo", _to_uri(face.truth)), ("masked", _to_uri(imaging.cover_hole(face.truth, case.hole)))]
    if layout is not None:
        cells.append(("layout", _to_uri(np.asarray(imaging.color_layout(layout).convert("RGB")))))
    cells += [(name, _to_uri(result.picture)) for name, result in results.items()]
    cells.append(("truth", cells[0][1]))
    return PictureRow(chosen.kind, f"{face.name}, hole {case.area:.0%}", cells, chosen.figures)


def _to_uri(picture: Pixels) -> str:
    image = Image.fromarray(picture)
    image.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=93, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
