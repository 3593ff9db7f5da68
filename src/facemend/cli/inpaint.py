"""`facemend inpaint`: one photo."""

import time
from pathlib import Path
from typing import Annotated

import typer

from facemend.cli.options import AsJson, Device, Model, Overwrite, note, print_json
from facemend.errors import OutputError


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
        note("note: JPEG changes every pixel a little; write .png to keep the known ones identical")
    if as_json:
        print_json(
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
        note(f"repainted {hole.mean():.1%} of {image.width}x{image.height} pixels in {seconds:.2f} s on {inpainter.device}")
        for path in (*outputs, *([] if save_layout is None else [save_layout])):
            print(path)
