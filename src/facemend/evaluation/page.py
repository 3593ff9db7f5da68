"""The report as one self-contained HTML page."""

from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import Any

from facemend.evaluation.figures import BY_KEY
from facemend.evaluation.pictures import PictureRow
from facemend.evaluation.plots import COLORS, plot
from facemend.evaluation.tables import (
    HOLE,
    NOTES,
    WHOLE,
    Cell,
    Table,
    describe,
    difference_tables,
    figure_tables,
    further_tables,
    glossary,
)
from facemend.imaging.layouts import LAYOUT_COLORS

_SHOWN = ("lpips", "psnr", "identity")  # under each picture, of these what was measured
_KINDS = {
    "worst": "Worst cases",
    "typical": "Middling cases",
    "best": "Best cases",
}


def to_html(report: dict[str, Any], rows: Sequence[PictureRow]) -> str:
    """Write the report as a page that needs no other file."""
    colors = {method["name"]: COLORS[i % len(COLORS)] for i, method in enumerate(report["methods"])}
    style = resources.files("facemend.evaluation").joinpath("page.css").read_text(encoding="utf-8")
    main, hole, *groups = figure_tables(report)
    parts = [
        f"<h1>Evaluation: {escape(report['protocol'])}</h1>",
        *(f"<p>{escape(sentence)}</p>" for sentence in describe(report)),
        _legend(report, colors),
        "<h2>Over hole area</h2>",
        _plots(report, colors, WHOLE),
        _folded("The same in the hole alone", [_plots(report, colors, HOLE)]),
        _table(main, colors),
        *(_folded(table.title, [_table(table, colors)]) for table in (hole, *difference_tables(report))),
        *(_table(table, colors) for table in (*groups, *further_tables(report))),
        *_pictures(report, rows),
        "<h2>How to read it</h2><ul>",
        *(f"<li>{escape(note)}</li>" for note in NOTES),
        *(f"<li><b>{escape(label)}</b>: {escape(about)}</li>" for label, about in glossary(report)),
        "</ul>",
    ]
    if report["problems"]:
        parts += ["<h2>What could not be used</h2><ul>", *(f"<li>{escape(text)}</li>" for text in report["problems"]), "</ul>"]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation: {escape(report['protocol'])}</title><style>\n{style}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _legend(report: dict[str, Any], colors: dict[str, str]) -> str:
    items = [
        f"<li>{_swatch(colors[method['name']])}<b>{escape(method['name'])}</b> "
        f"{escape(method['about'])}; {method['cases']} cases</li>"
        for method in report["methods"]
    ]
    return f'<ul class="legend">{"".join(items)}</ul>'


def _swatch(color: str) -> str:
    return f'<i style="background:{color}"></i>'


def _plots(report: dict[str, Any], colors: dict[str, str], keys: Sequence[str]) -> str:
    drawn = [plot(BY_KEY[key], curves, colors) for key, curves in report["curves"].items() if key in keys]
    return f'<div class="plots">{"".join(drawn)}</div>'


def _folded(title: str, content: list[str]) -> str:
    return f"<details><summary>{escape(title)}</summary>{''.join(content)}</details>"


def _table(table: Table, colors: dict[str, str]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in table.headings)
    body: list[str] = []
    for i, row in enumerate(table.rows):
        ruled = ' class="first"' if i > 0 and row[0].text != table.rows[i - 1][0].text else ""
        cells = "".join(_cell(cell, colors) for cell in row)
        body.append(f"<tr{ruled}>{cells}</tr>")
    return (
        f'<h2>{escape(table.title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(cell: Cell, colors: dict[str, str]) -> str:
    text = f"<b>{escape(cell.text)}</b>" if cell.is_best else escape(cell.text)
    swatch = _swatch(colors[cell.text]) if cell.text in colors else ""
    margin = f"<small>{escape(cell.margin)}</small>" if cell.margin else ""
    title = f' title="{escape(cell.interval)}"' if cell.interval else ""
    return f"<td{title}>{swatch}{text}{margin}</td>"


def _pictures(report: dict[str, Any], rows: Sequence[PictureRow]) -> list[str]:
    first = report["methods"][0]["name"]
    parts: list[str] = []
    for kind, title in _KINDS.items():
        of_kind = [row for row in rows if row.kind == kind]
        if of_kind:
            parts.append(f"<h2>{title} of {escape(first)}</h2>")
            parts += [_picture_row(row) for row in of_kind]
    if any(heading == "layout" for row in rows for heading, _ in row.cells):
        swatches = "".join(f"<li>{_swatch(f'rgb{color}')}{escape(name)}</li>" for name, color in LAYOUT_COLORS.items())
        parts.append(f'<p>The colours of the layout:</p><ul class="legend parts">{swatches}</ul>')
    return parts


def _picture_row(row: PictureRow) -> str:
    figures = [
        f'<figure><img src="{uri}" alt=""><figcaption><b>{escape(heading)}</b>{_shown(row, heading)}</figcaption></figure>'
        for heading, uri in row.cells
    ]
    return f'<section><h3>{escape(row.caption)}</h3><div class="row">{"".join(figures)}</div></section>'


def _shown(row: PictureRow, method: str) -> str:
    of_case = row.figures.get(method, {})
    return "".join(
        f"<br>{escape(BY_KEY[key].label)} {of_case[key]:.{BY_KEY[key].digits}f}" for key in _SHOWN if of_case.get(key) is not None
    )
