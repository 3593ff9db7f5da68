"""`facemend damage`: the damage of a photo, as a mask."""

from pathlib import Path
from typing import Annotated

import typer

from facemend.cli.options import AsJson, Overwrite, check_mask_suffix, check_places, note, print_json, progress_line, shown_share


def damage(
    photo: Annotated[Path, typer.Argument(help="The photo: any size and colour mode.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(help="Where to write the mask: a PNG, white is damaged. Else PHOTO-damage.png beside the photo."),
    ] = None,
    overlay: Annotated[Path | None, typer.Option(help="Where to write the photo with the damage marked in red.")] = None,
    strictness: Annotated[float, typer.Option(help="0 takes every suspicion, 1 only what is certain.")] = 0.5,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find scratches, tears, creases, dust, burnt-out spots, writing, and what is torn off a print.

    \b
    facemend damage scan.jpg
    facemend damage scan.jpg --output mask.png --overlay preview.jpg --strictness 0.8
    """
    from PIL import Image

    from facemend import imaging
    from facemend.damage import find_damage, mark_damage

    image = imaging.load_photo(photo)
    output = output or photo.with_name(f"{photo.stem}-damage.png")
    check_places([output, *([] if overlay is None else [overlay])], [photo])
    imaging.check_output(output, "L", overwrite=overwrite, size=image.size)
    check_mask_suffix(output)
    if overlay is not None:
        imaging.check_output(overlay, "RGB", overwrite=overwrite, size=image.size)
    rgb = imaging.to_rgb(image)
    with progress_line(quiet=as_json) as tell:
        tell("looking for damage")
        hole = find_damage(rgb, strictness=strictness)
        tell("writing")
        imaging.save_image(imaging.mask_picture(hole), output, overwrite=overwrite)
        if overlay is not None:
            imaging.save_image(Image.fromarray(mark_damage(rgb, hole)), overlay, overwrite=overwrite)
    if as_json:
        print_json(
            mask=str(output),
            overlay=None if overlay is None else str(overlay),
            size=list(image.size),
            strictness=strictness,
            area=round(float(hole.mean()), 6),
        )
        return
    if hole.any():
        note(f"found damage in {shown_share(hole.mean(), 2)} of {image.width}x{image.height} pixels")
    else:
        note("found no damage: the mask is black; a lower --strictness looks for fainter damage")
    for path in (output, *([] if overlay is None else [overlay])):
        print(path)
