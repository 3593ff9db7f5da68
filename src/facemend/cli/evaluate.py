"""`facemend evaluate`: how good, measured beside others on the same pixels."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

from facemend.cli.options import AsJson, Device, note, print_json
from facemend.errors import ConfigError

if TYPE_CHECKING:
    from facemend.evaluation.judge import Part
    from facemend.evaluation.protocols import Protocol


def evaluate(
    data: Annotated[
        Path | None, typer.Argument(help="Face set (folder or zip), or a folder of square pictures; else the protocol's.")
    ] = None,
    *,
    protocol: Annotated[str | None, typer.Option(help="A known evaluation by name; further options change it.")] = None,
    masks: Annotated[str | None, typer.Option(help="Folder or zip of masks, white = hole, or a mask family.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Bundled name, weights folder or hub id, or NAME=one of them; may be repeated.")
    ] = None,
    baseline: Annotated[str, typer.Option(help="Classical methods: telea,ns,biharmonic.")] = "",
    results: Annotated[
        list[str] | None, typer.Option(help="NAME=DIR of another system's pictures: CASE/FACE.png; may be repeated.")
    ] = None,
    onnx: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE,range=0..1,mask=1-is-hole[,output=..,size=..,inputs=..]; may be repeated.")
    ] = None,
    torchscript: Annotated[list[str] | None, typer.Option(help="As --onnx, for a TorchScript file.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the report; else reports/PROTOCOL.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures in pixels; else the protocol's, or 256.")] = None,
    first: Annotated[int | None, typer.Option(min=1, help="Only N of those chosen, spread evenly over them.")] = None,
    select: Annotated[str, typer.Option(help="START:STOP of the faces; -50: takes the last 50.")] = ":",
    seed: Annotated[int | None, typer.Option(min=0, help="Of drawn masks and of the intervals.")] = None,
    people: Annotated[
        Path | None, typer.Option(help="CSV with the column name and others such as age, sex: groups to compare.")
    ] = None,
    without: Annotated[str, typer.Option(help="Leave out slow figures: lpips,lpips-vgg,identity,layout.")] = "",
    export_inputs: Annotated[
        Path | None, typer.Option(help="Only write each case's photo and mask there, for another system to restore.")
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure methods side by side on the same faces and holes, and write report.json, report.md and report.html.

    \b
    facemend evaluate --protocol celebahq256-nvidia --model default --baseline telea,ns
    facemend evaluate faces/ --masks strokes --model default --results lama=lama-out/ --output reports/mine

    A killed run goes on when called again. Exit code 1: the report is there, but some files could not be used.
    """
    from facemend.evaluation import run
    from facemend.evaluation.faces import open_faces, read_people

    chosen = _choose_protocol(protocol, masks, size, seed)
    path = data or (Path(chosen.data) if chosen.data else None)
    if path is None:
        raise ConfigError("which faces? Give DATA, a face set or a folder of pictures, or a --protocol that names one")
    faces = open_faces(path)
    subject = run.Subject(
        path,
        faces,
        _choose_faces(len(faces.names), select, first),
        chosen,
        protocol or "own",
        {} if people is None else read_people(people),
        _choose_parts(without),
    )
    if export_inputs is not None:
        _finish(run.export_inputs(subject, export_inputs), export_inputs, as_json)

    from facemend.backends.on_torch import choose_device
    from facemend.evaluation.exported import open_exported
    from facemend.evaluation.methods import ResultsMethod, open_baseline, open_model, split_named
    from facemend.evaluation.tables import overall_lines, overall_rows

    where = choose_device(device)
    methods = [
        *(open_model(text, str(where)) for text in model or ()),
        *(open_baseline(name) for name in baseline.split(",") if name),
        *(ResultsMethod(name, Path(folder)) for name, folder in (split_named(text, "--results") for text in results or ())),
        *(open_exported(text, "--onnx", where) for text in onnx or ()),
        *(open_exported(text, "--torchscript", where) for text in torchscript or ()),
    ]
    folder = output or Path("reports") / (protocol or "own")
    outcome = run.evaluate(subject, methods or [open_model("default", str(where))], folder, where)
    figures = {row["method"]: row["figures"] for row in overall_rows(outcome.report)}
    for line in overall_lines(outcome.report):
        note(line)
    for gap in outcome.report["gaps"]:
        if gap["method"] == outcome.report["methods"][0]["name"]:
            values = "{value:+.3f} ({low:+.3f} to {high:+.3f})".format(**gap["gap"])
            note(f"{gap['metric']} by {gap['kind']}: {gap['best']} is served best, {gap['worst']} worst, by {values}")
    if strangers := sorted(set(subject.people) - set(faces.names)):
        note(f"note: --people: {len(strangers)} of its names belong to no face, such as {strangers[0]}")
    _finish(outcome.problems, folder / "report.html", as_json, **outcome.report["faces"], figures=figures)


def _finish(problems: list[str], written: Path, as_json: bool, **facts: object) -> NoReturn:
    """Tell what could not be used, print what was written, and end."""
    for problem in problems:
        note(f"not used: {problem}")
    if problems:
        note(f"{len(problems)} files could not be used")
    if as_json:
        print_json(written=str(written), problems=len(problems), **facts)
    else:
        print(written)
    raise typer.Exit(1 if problems else 0)


def _choose_protocol(name: str | None, masks: str | None, size: int | None, seed: int | None) -> "Protocol":
    from facemend.evaluation.protocols import FamilyMasks, FileMasks, Protocol, load_protocol
    from facemend.masks import FAMILIES

    changes: dict[str, object] = {key: value for key, value in (("size", size), ("seed", seed)) if value is not None}
    if masks is not None:
        source = FamilyMasks(families=(masks,)) if masks in FAMILIES else FileMasks(path=masks)
        changes["masks"] = source.model_dump()
    if name is None and masks is None:
        raise ConfigError("which holes? Give --masks, a folder, a zip or a mask family, or a --protocol")
    begun = {} if name is None else load_protocol(name).model_dump()
    return Protocol.parse(begun | changes, "evaluate")


def _choose_faces(count: int, select: str, first: int | None) -> range | list[int]:
    from facemend.evaluation.faces import spread

    try:
        start, stop = (int(part) if part else None for part in select.split(":"))
    except ValueError:
        raise ConfigError(f"--select {select}: give START:STOP, such as -50: for the last 50 faces") from None
    indices = range(count)[start:stop]
    return indices if first is None else spread(indices, first)


def _choose_parts(without: str) -> "frozenset[Part]":
    from facemend.evaluation.judge import PARTS

    named = frozenset(part for part in without.split(",") if part)
    if not named <= set(PARTS):
        raise ConfigError(f"--without {without}: take {', '.join(PARTS)}")
    return cast("frozenset[Part]", named)
