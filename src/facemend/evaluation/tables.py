"""The report's tables as rows of text, and the report in Markdown."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from facemend.evaluation.figures import BY_KEY, METRICS, Metric
from facemend.face_classes import CLASS_NAMES

WHOLE = tuple(metric.key for metric in METRICS if not metric.key.startswith("hole_") and metric.key != "own_layout")
HOLE = tuple(metric.key for metric in METRICS if metric.key not in WHOLE)

Json = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One figure: its text, half the width of its 95 % interval, the interval, and whether it is the best of its group."""

    text: str
    margin: str = ""
    interval: str = ""
    is_best: bool = False


@dataclass(frozen=True)
class Table:
    """Headings and rows of cells."""

    title: str
    headings: list[str]
    rows: list[list[Cell]]


def figure_tables(report: Json) -> list[Table]:
    """Lay out the main tables: by hole area, whole pictures and holes alone, then by set and each other group."""
    by_area, *others = report["tables"].items()
    kinds = [("By hole area", *by_area, WHOLE), ("By hole area, in the hole alone", *by_area, HOLE)]
    kinds += [(f"By {kind}, all holes", kind, rows, WHOLE) for kind, rows in others]
    tables: list[Table] = []
    for title, kind, rows, keys in kinds:
        there = [BY_KEY[key] for key in keys if any(key in row["figures"] for row in rows)]
        if rows and there:
            headings = [kind, "method", "cases", *(metric.label for metric in there)]
            tables.append(Table(title, headings, [_figure_row(row, rows, there) for row in rows]))
    return tables


def overall_rows(report: Json) -> list[Json]:
    """Find the rows of the report over all holes, one for each method."""
    rows = next(iter(report["tables"].values()))
    return [row for row in rows if row["group"] == rows[-1]["group"]]


def overall_lines(report: Json) -> list[str]:
    """Set each method's main figures over all holes in columns, for a terminal."""
    rows = overall_rows(report)
    there = [BY_KEY[key] for key in WHOLE if any(key in row["figures"] for row in rows)]
    columns = [["all holes", "cases", *(metric.label for metric in there)]]
    for row in rows:
        figures = [_cell(row["figures"].get(metric.key), metric.digits).text for metric in there]
        columns.append([row["method"], str(row["cases"]), *figures])
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join([label.ljust(widths[0]), *(text.rjust(width) for text, width in zip(texts, widths[1:], strict=True))])
        for label, *texts in zip(*columns, strict=True)
    ]


def _figure_row(row: Json, rows: Sequence[Json], metrics: Iterable[Metric]) -> list[Cell]:
    rivals = [other for other in rows if other["group"] == row["group"] and other["cases"] == row["cases"]]
    cells = [Cell(row["group"]), Cell(row["method"]), Cell(str(row["cases"]))]
    for metric in metrics:
        there = [other["figures"][metric.key]["value"] for other in rivals if metric.key in other["figures"]]
        figure = row["figures"].get(metric.key)
        cells.append(_cell(figure, metric.digits, figure is not None and len(there) > 1 and _is_best(figure, there, metric)))
    return cells


def _is_best(figure: Json, there: list[float], metric: Metric) -> bool:
    def badness(value: float) -> float:
        if metric.better == "one":
            return abs(math.log(value)) if value > 0 else math.inf
        return value if metric.better == "low" else -value

    return badness(figure["value"]) == min(map(badness, there))


def _cell(figure: Json | None, digits: int, is_best: bool = False, sign: str = "") -> Cell:
    if figure is None:
        return Cell("")
    low, high = figure["low"], figure["high"]
    return Cell(
        f"{figure['value']:{sign}.{digits}f}",
        f"±{(high - low) / 2:.{digits}f}",
        f"95 %: {low:{sign}.{digits}f} to {high:{sign}.{digits}f}",
        is_best,
    )


def difference_tables(report: Json) -> list[Table]:
    """Lay out the first method's lead over each other one, on the cases that both have."""
    tables: list[Table] = []
    for other in dict.fromkeys(row["minus"] for row in report["differences"]):
        rows = [row for row in report["differences"] if row["minus"] == other and row["cases"]]
        there = [metric for metric in METRICS if any(metric.key in row["figures"] for row in rows)]
        if rows:
            headings = ["hole area, %", "cases", *(metric.label for metric in there)]
            cells = [
                [Cell(row["group"]), Cell(str(row["cases"]))]
                + [_cell(row["figures"].get(metric.key), metric.digits, sign="+") for metric in there]
                for row in rows
            ]
            tables.append(Table(f"{rows[0]['method']} minus {other}, case by case", headings, cells))
    return tables


def further_tables(report: Json) -> list[Table]:
    """Lay out gaps between groups, distances of sets, and the parts of the face."""
    tables: list[Table] = []
    if report["gaps"]:
        rows = [
            [
                Cell(gap["kind"]), Cell(gap["method"]), Cell(BY_KEY[gap["metric"]].label), Cell(gap["best"]),
                Cell(gap["worst"]), _cell(gap["gap"], BY_KEY[gap["metric"]].digits, sign="+"),
            ]
            for gap in report["gaps"]
        ]  # fmt: skip
        tables.append(Table("Gaps between groups", ["kind", "method", "figure", "best served", "worst served", "gap"], rows))
    if report["distances"]:
        rows = [
            [
                Cell(row["group"]), Cell(row["method"]), Cell(row["net"]), Cell(str(row["pictures"])),
                Cell(f"{row['frechet']:.4g}"), _cell({key: 1000 * value for key, value in row["kernel"].items()}, 3),
            ]
            for row in report["distances"]
        ]  # fmt: skip
        headings = ["hole area, %", "method", "features", "pictures", "Frechet distance", "kernel distance × 1000"]
        tables.append(Table("Distance of the set of results from the set of truths", headings, rows))
    if report["parts"]:
        names = [name for name in CLASS_NAMES if any(row["iou"][name] is not None for row in report["parts"])]
        rows = [
            [Cell(row["method"])] + [Cell("" if (iou := row["iou"][name]) is None else f"{iou:.2f}") for name in names]
            for row in report["parts"]
        ]
        tables.append(Table("Layout IoU of each part, in the hole, all cases", ["method", *names], rows))
    return tables


def describe(report: Json) -> list[str]:
    """Say in sentences what was measured."""
    faces, settings = report["faces"], report["settings"]
    kept = {key.replace("_", " "): str(value) for key, value in settings["masks"].items() if key != "kind"}
    masks = ", ".join(f"{key} {value.strip('[]')}" for key, value in kept.items())
    sentences = [settings["about"]] if settings.get("about") else []
    sentences.append(
        f"{faces['measured']} of {faces['chosen']} faces of {report['data']} at {settings['size']} pixels; "
        f"masks: {masks}; seed {settings['seed']}; {report['tool']}."
    )
    if report["problems"]:
        sentences.append(f"{len(report['problems'])} files could not be used; they are listed at the end.")
    return sentences


NOTES = (
    "Every result is put into the hole of the photo, which stays its own elsewhere, rounded to 8 bits, and then measured.",
    "± is half the width of the 95 % bootstrap interval over faces, 1,000 resamples. The best of a group is bold. Means; medians "
    "for detail and seam; layout IoU is pooled over all cases.",
    "Methods meet the same faces: where intervals overlap, the table of differences, case by case, decides.",
    "Frechet and kernel distance are taken on the features that are named, and compare with no FID or KID. The Frechet distance "
    "is too high where there are few pictures.",
    "Skin tone is what the photo shows, light included: the individual typology angle, above 41° light, above 10° medium. "
    "Gaps compare the best served group with the worst, picked afterwards.",
)


def glossary(report: Json) -> list[tuple[str, str]]:
    """Explain the figures that occur."""
    there = {key for rows in report["tables"].values() for row in rows for key in row["figures"]}
    return [(metric.label, metric.about) for metric in METRICS if metric.key in there]


def to_markdown(report: Json) -> str:
    """Write the report in Markdown."""
    lines = [f"# Evaluation: {report['protocol']}", "", *describe(report), ""]
    lines += [f"- `{method['name']}`: {method['about']} ({method['cases']} cases)" for method in report["methods"]]
    for table in (*figure_tables(report), *difference_tables(report), *further_tables(report)):
        lines += ["", f"## {table.title}", "", _markdown_row(table.headings), _markdown_row(["---"] * len(table.headings))]
        lines += [_markdown_row([_markdown_cell(cell) for cell in row]) for row in table.rows]
    lines += ["", "## How to read it", "", *(f"- {note}" for note in NOTES)]
    lines += [f"- **{label}**: {about}" for label, about in glossary(report)]
    if report["problems"]:
        lines += ["", "## What could not be used", "", *(f"- {problem}" for problem in report["problems"])]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown_cell(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.is_best else cell.text
    return f"{text} {cell.margin}".strip()
