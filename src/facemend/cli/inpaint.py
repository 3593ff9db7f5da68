"""`facemend inpaint`: one photo."""

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from facemend.cli.holes import STRICTNESS, count_parts, find_covered_faces, find_hole, names_parts, read_box
from facemend.cli.options import note, print_json, progress_line, shown_share
from facemend.cli.written_files import WrittenFiles
from facemend.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_HOLE, _PAINT, _FILES, _MODEL = "What to repaint", "How to paint it", "Where to write", "The model"


def inpaint(
    photo: Annotated[Path, typer.Argument(help="The photo: JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIC, of any size.")],
    *,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            rich_help_panel=_HOLE,
            help="An image of the photo's shape (white, 128 and up, is repainted); alpha: what is transparent; auto: damage "
            "found by itself; LEFT,TOP,RIGHT,BOTTOM: a rectangle in pixels; or parts of faces, such as eyes,mouth or hair. "
            "Given several times, all of it is repainted.",
        ),
    ] = None,
    mask_color: Annotated[
        str | None,
        typer.Option(
            metavar="COLOR",
            rich_help_panel=_HOLE,
            help='What is painted over in a colour, red or "#00ff00", in the photo or in a painted copy given as --mask.',
        ),
    ] = None,
    strictness: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_HOLE,
            help=f"Of --mask auto: 0 takes every suspicion, 1 only what is certain; else {STRICTNESS}.",
        ),
    ] = None,
    invert_mask: Annotated[
        bool, typer.Option("--invert-mask", rich_help_panel=_HOLE, help="Repaint all the rest instead.")
    ] = False,
    save_mask: Annotated[
        Path | None, typer.Option(rich_help_panel=_HOLE, help="PNG for the mask that was used, white on black.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, rich_help_panel=_PAINT, help="0 begins with the single most likely variant; others draw one.")
    ] = 0,
    num_variants: Annotated[
        int,
        typer.Option(
            min=1, max=1000, rich_help_panel=_PAINT, help="Variants to choose from; further ones go to OUTPUT-2 and so on."
        ),
    ] = 1,
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEFT,TOP,RIGHT,BOTTOM",
            rich_help_panel=_PAINT,
            help="Where a face is, if it is not found by itself, forehead to chin; once for each face. none: there is no face.",
        ),
    ] = None,
    layout: Annotated[
        Path | None,
        typer.Option(rich_help_panel=_PAINT, help="A layout to paint by: one of --save-layout, changed in any editor."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_FILES,
            help="A .png, .tif, .webp or .bmp keeps known pixels identical, .jpg and .heic nearly. "
            "Else PHOTO-restored beside the photo, in the photo's format.",
        ),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=_FILES,
            help="1 to 100, of .jpg, .heic and .webp. Else a JPEG is stored as coarsely as it was, and .webp loses nothing.",
        ),
    ] = None,
    provenance: Annotated[
        bool, typer.Option(rich_help_panel=_FILES, help="Note in the metadata that the photo was restored with facemend.")
    ] = True,
    save_layout: Annotated[
        Path | None, typer.Option(rich_help_panel=_FILES, help="PNG for the faces' layout, a colour for each part.")
    ] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(rich_help_panel=_FILES, help="One picture of photo, mask and all variants, to choose from.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", rich_help_panel=_FILES, help="Replace files that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", rich_help_panel=_FILES, help="Print one JSON object.")] = False,
    model: Annotated[
        str, typer.Option(rich_help_panel=_MODEL, help="Name of a bundled model, a folder with weights, or a hub id owner/name.")
    ] = "default",
    device: Annotated[str, typer.Option(rich_help_panel=_MODEL, help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    backend: Annotated[
        Literal["auto", "torch", "onnx", "onnx-int8"],
        typer.Option(
            rich_help_panel=_MODEL,
            help="What runs the network; auto is PyTorch on a GPU or without graph.onnx, else ONNX Runtime.",
        ),
    ] = "auto",
) -> None:
    """Repaint a part of a photo, and nothing else.

    \b
    facemend inpaint photo.jpg --mask mask.png
    facemend inpaint photo.jpg --mask eyes,mouth --output other.png
    facemend inpaint scan.tif --mask auto --save-mask damage.png
    facemend inpaint painted.png --mask-color red
    facemend inpaint cutout.png --mask alpha
    facemend inpaint photo.jpg --mask 120,80,300,260 --num-variants 4 --contact-sheet choice.png

    \b
    To change a face by its layout: save it, paint in it with its own colours, and hand it back.
    facemend inpaint photo.jpg --mask mask.png --output first.png --save-layout layout.png
    facemend inpaint photo.jpg --mask mask.png --output second.png --layout layout.png
    """
    from facemend import imaging

    image = imaging.load_photo(photo)
    mode = imaging.file_mode(image)
    output = output or photo.with_name(f"{photo.stem}-restored{imaging.fitting_suffix(photo.suffix, mode)}")
    files = WrittenFiles(
        [output, *(output.parent / f"{output.stem}-{n}{output.suffix}" for n in range(2, num_variants + 1))],
        layout=save_layout,
        mask=save_mask,
        contact_sheet=contact_sheet,
        overwrite=overwrite,
        quality=quality,
        provenance=provenance,
    )
    files.check(photo, image, [*(mask or []), *([] if layout is None else [layout])])
    boxes = None if box is None else [] if box == ["none"] else [_read_face_box(text) for text in box]
    wanted = None if layout is None else imaging.read_layout(imaging.load_layout(layout), image.size)

    @cache
    def load_inpainter():  # torch takes seconds: only once the rest is in order
        from facemend.pipeline import Inpainter

        return Inpainter.from_pretrained(model, device=device, backend=backend)

    parsed: list[NDArray[np.uint8]] = []  # the class ids of each face
    with progress_line(quiet=as_json) as tell:
        tell("looking for damage" if "auto" in (mask or []) else "looking for faces")
        hole = find_hole(
            image,
            mask or [],
            color=mask_color,
            strictness=strictness,
            invert=invert_mask,
            parse=lambda damaged: load_inpainter().parse(image, damaged, on_face=parsed.append),
        )
        if hole.mean() > imaging.MUCH and not invert_mask:
            note(f"note: the mask covers {hole.mean():.0%} of the photo; if that is the part to keep, pass --invert-mask")
        tell("looking for faces")
        if boxes is None and mask and names_parts(mask):
            boxes = find_covered_faces(image, mask, hole)
        inpainter = load_inpainter()

        def tell_run(variant: int) -> None:
            if variant:
                tell(f"painting variant {variant} of {num_variants}" if num_variants > 1 else "painting")

        started = time.perf_counter()
        result = inpainter(image, hole, seed=seed, num_variants=num_variants, layout=wanted, boxes=boxes, on_run=tell_run)
        seconds = time.perf_counter() - started
        tell("writing")
        files.write(image, hole, result)

    notes = [*count_parts(mask or [], parsed), *result.notes]
    for line in notes:
        note(f"note: {line}")
    _tell_changes(image, output, quality)
    if as_json:
        print_json(
            images=[str(path) for path in files.variants],
            layout=None if save_layout is None else str(save_layout),
            mask=None if save_mask is None else str(save_mask),
            contact_sheet=None if contact_sheet is None else str(contact_sheet),
            size=list(image.size),
            mode=mode,
            hole_area=round(float(hole.mean()), 6),
            model=model,
            device=inpainter.backend.device,
            seed=seed,
            seconds=round(seconds, 4),
            notes=notes,
        )
    else:
        share = shown_share(hole.mean())
        note(f"repainted {share} of {image.width}x{image.height} pixels in {seconds:.2f} s on {inpainter.backend.device}")
        for path in (*files.variants, *files.beside):
            print(path)


def _tell_changes(image: "Image", output: Path, quality: int | None) -> None:
    """Say where a file's format changes pixels that were known."""
    from facemend import imaging

    if not imaging.keeps_pixels(output, quality):
        kept = quality is None and "jpeg_coding" in image.info and output.suffix.lower() in (".jpg", ".jpeg")
        how = "hardly, being stored as coarsely as before" if kept else "a little"
        note(f"note: in {output.suffix} known pixels change {how}; write .png to keep them identical")


def _read_face_box(text: str) -> tuple[int, int, int, int]:
    box = read_box(text)
    if text == "none":
        raise ConfigError("--box none says that there is no face: give it alone, or the faces' boxes without it")
    if box is None:
        raise ConfigError(f"--box {text!r} is no box: give LEFT,TOP,RIGHT,BOTTOM in pixels, such as 120,80,300,260, or none")
    return box
