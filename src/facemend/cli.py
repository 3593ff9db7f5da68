"""The verbs of the `facemend` command: parse, call, print. Results go to stdout, everything else to stderr.

Each verb imports what it needs when it runs, so that `facemend --help` does not wait for torch.
"""

import json
import re
import sys
import time
from pathlib import Path
from typing import Annotated, Any, cast

import typer

import facemend
from facemend.errors import ConfigError, FacemendError, OutputError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)
prepare_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Turn a public face set into one to train on.")
app.add_typer(prepare_app, name="prepare")

Model = Annotated[str, typer.Option(help="Name of a bundled model, a folder with weights, or a hub id owner/name.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
Source = Annotated[Path, typer.Argument(help="Folder that holds the set as it was downloaded.")]
Prepared = Annotated[Path, typer.Argument(help="Folder to write; the same command again goes on where it stopped.")]
Side = Annotated[int, typer.Option(help="Side of the pictures, a multiple of 16 from 64 to 1024; none is enlarged.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. A mistake of the user's is one line on stderr and exit code 2."""
    try:
        app(args=arguments, prog_name="facemend")
    except FacemendError as error:
        _note(f"facemend: {' '.join(str(error).split())}")
        sys.exit(2)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"facemend {facemend.__version__}")
        raise typer.Exit


@app.callback()
def _root(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Restore the missing or damaged part of a face in a photo, changing no other pixel.

    \b
    facemend mask mask.png --size 800x600 --family strokes
    facemend inpaint photo.jpg --mask mask.png --output restored.png

    Results are printed on stdout, notes and errors on stderr; a wrong input is one line and exit code 2.
    """


@app.command()
def inpaint(
    photo: Annotated[Path, typer.Argument(help="The photo: any size and colour mode.")],
    *,
    mask: Annotated[Path, typer.Option(help="Image of the photo's shape: white (128 and up) is repainted.")],
    output: Annotated[
        Path, typer.Option(help="Where to write: .png, .tif, .webp and .bmp keep known pixels identical, .jpg nearly.")
    ],
    model: Model = "default",
    device: Device = "auto",
    seed: Annotated[int, typer.Option(min=0, help="0 begins with the single most likely face; others draw one.")] = 0,
    num_variants: Annotated[
        int, typer.Option(min=1, help="Different faces to paint; further ones go to OUTPUT-2 and so on.")
    ] = 1,
    save_layout: Annotated[Path | None, typer.Option(help="PNG for the face's layout; pixel values are class ids 0-18.")] = None,
    layout: Annotated[
        Path | None, typer.Option(help="PNG of class ids, of the photo's size, to paint by (edit a saved one).")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Repaint what a mask covers, and nothing else.

    \b
    facemend inpaint photo.jpg --mask mask.png --output restored.png
    facemend inpaint photo.jpg --mask mask.png --output face.png --num-variants 3 --save-layout layout.png
    """
    from facemend import imaging

    image = imaging.load_photo(photo)
    outputs = [output] + [output.with_name(f"{output.stem}-{n}{output.suffix}") for n in range(2, num_variants + 1)]
    for path in outputs:
        imaging.check_output(path, image.mode, overwrite=overwrite)
    if save_layout is not None:
        if save_layout.resolve() in [path.resolve() for path in outputs]:
            raise OutputError(f"{save_layout}: is the place of a restored photo too: give --save-layout another name")
        imaging.check_output(save_layout, "P", overwrite=overwrite)
    hole = imaging.read_hole(imaging.load_mask(mask), image.size)
    given = None if layout is None else imaging.read_layout(imaging.load_layout(layout), image.size)

    from facemend.pipeline import Inpainter  # torch takes seconds: only now that the rest is in order

    inpainter = Inpainter.from_pretrained(model, device=device)
    started = time.perf_counter()
    result = inpainter(image, hole, seed=seed, num_variants=num_variants, layout=given)
    seconds = time.perf_counter() - started
    for restored, path in zip(result.images, outputs, strict=True):
        imaging.save_image(restored, path, overwrite=overwrite)
    if save_layout is not None:
        imaging.save_image(imaging.color_layout(result.layout), save_layout, overwrite=overwrite)
    if output.suffix.lower() in (".jpg", ".jpeg"):
        _note("note: JPEG changes every pixel a little; write .png to keep the known ones identical")
    if as_json:
        _print_json(
            images=[str(path) for path in outputs],
            layout=None if save_layout is None else str(save_layout),
            size=list(image.size),
            mode=image.mode,
            hole_area=round(float(hole.mean()), 6),
            model=model,
            device=str(inpainter.device),
            seed=seed,
            seconds=round(seconds, 4),
        )
    else:
        _note(f"repainted {hole.mean():.1%} of {image.width}x{image.height} pixels in {seconds:.2f} s on {inpainter.device}")
        for path in (*outputs, *([] if save_layout is None else [save_layout])):
            print(path)


@app.command()
def mask(
    output: Annotated[Path, typer.Argument(help="Where to write the mask: a PNG.")],
    *,
    size: Annotated[str | None, typer.Option(help="Side in pixels, or WIDTHxHEIGHT; else the layout's size, or 256.")] = None,
    family: Annotated[
        str, typer.Option(help="strokes, box, half, parts (of a face), scratches, dust, text, border, or mixed.")
    ] = "mixed",
    area: Annotated[float, typer.Option(help="Share of the picture to cover, 0.01 to 0.9.")] = 0.3,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same number draws the same mask; else a new one each time.")
    ] = None,
    layout: Annotated[Path | None, typer.Option(help="PNG of class ids: the face whose parts are covered.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Draw a random mask: white is to be repainted.

    \b
    facemend mask mask.png --size 320x240 --family scratches --area 0.1 --seed 1
    """
    from facemend import imaging
    from facemend.masks import mask_area, random_mask

    imaging.check_output(output, "L", overwrite=overwrite)
    ids = None
    width, height = _parse_size(size or "256")
    if layout is not None:
        labels = imaging.load_layout(layout)
        width, height = (width, height) if size else labels.size
        ids = imaging.read_layout(labels, (width, height))
    drawn = random_mask((height, width), family=cast(Any, family), area=area, seed=seed, layout=ids)
    imaging.save_image(imaging.mask_picture(drawn), output, overwrite=overwrite)
    if as_json:
        _print_json(mask=str(output), size=[width, height], family=family, area=round(mask_area(drawn), 6), seed=seed)
    else:
        _note(f"covers {mask_area(drawn):.1%} of {width}x{height} pixels")
        print(output)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the models that came with the package.

    \b
    facemend models --json
    """
    from facemend.weights import list_models

    infos = list_models()
    if as_json:
        _print_json(models=[vars(info) | {"path": str(info.path)} for info in infos])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "parameters", "size", "sha256", "folder")
    for info in infos:
        table.add_row(info.name, f"{info.parameters:,}", f"{info.bytes / 1e6:.1f} MB", info.sha256[:16], str(info.path))
    Console().print(table)


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder for the pictures; it is made where it is missing.")],
    model: Model = "default",
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Restore a portrait under several masks and write one picture to look at: photo, masked photo, layout, result.

    \b
    facemend demo --output demo/
    """
    from facemend.demo import check_demo_output, load_portrait, run_demo
    from facemend.pipeline import Inpainter

    portrait = load_portrait()
    check_demo_output(output, overwrite=overwrite)
    inpainter = Inpainter.from_pretrained(model, device=device)
    picture = run_demo(inpainter, portrait, output, overwrite=overwrite)
    if as_json:
        _print_json(picture=str(picture), model=model, device=str(inpainter.device))
    else:
        print(picture)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="TOML file that says what to train, on what, and how long.")],
    data: Annotated[Path, typer.Option(help="Folder that holds the recipe's data sets.")],
    run_dir: Annotated[Path, typer.Option(help="Folder for checkpoints, logs, sample pictures and weights.")],
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Stop cleanly after this long.")] = None,
    device: Device = "auto",
) -> None:
    """Train a model; the same command again goes on where it stopped.

    \b
    facemend train recipes/default.toml --data sets/ --run-dir runs/default --max-minutes 60
    torchrun --nproc-per-node 2 -m facemend train recipes/default.toml --data sets/ --run-dir runs/default
    """
    from facemend.config import load_train_config

    config = load_train_config(recipe)

    from facemend.pipeline import choose_device
    from facemend.training.trainer import train as run_training

    run_training(config, data, run_dir, max_minutes=max_minutes, device=str(choose_device(device)))


@prepare_app.command()
def celebahq(source: Source, output: Prepared, *, size: Side = 256, as_json: AsJson = False) -> None:
    """CelebAMask-HQ as it is distributed, with its hand-made labels and the official split.

    \b
    facemend prepare celebahq CelebAMask-HQ/ sets/celebahq --size 256
    """
    from facemend.data.prepare import prepare_celebahq

    _report_prepared(output, prepare_celebahq(source, output, size=size), as_json)


@prepare_app.command()
def ffhq(
    source: Source,
    output: Prepared,
    *,
    size: Side = 256,
    model: Model = "default",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """FFHQ as it is distributed: 60,000 faces to train, 10,000 to test; a model draws the labels.

    \b
    facemend prepare ffhq ffhq-dataset/ sets/ffhq --size 256
    """
    from facemend.data.prepare import prepare_ffhq
    from facemend.pipeline import choose_device

    counts = prepare_ffhq(source, output, size=size, model=model, device=str(choose_device(device)))
    _report_prepared(output, counts, as_json)


def _report_prepared(output: Path, counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        _print_json(output=str(output), faces=counts)
    else:
        _note(", ".join(f"{count:,} {split}" for split, count in counts.items()))
        print(output)


def _parse_size(text: str) -> tuple[int, int]:
    """Read '256' or '320x240' as (width, height)."""
    sides = re.fullmatch(r"([0-9]{1,6})(?:x([0-9]{1,6}))?", text.lower())
    if sides is None:
        raise ConfigError(f"--size {text!r} is no size: give a side, such as 256, or WIDTHxHEIGHT, such as 320x240")
    return int(sides[1]), int(sides[2] or sides[1])


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _print_json(**values: object) -> None:
    print(json.dumps(values))
