"""What the worker does for each route: fields and an `Inpainter` in, the body of the answer out."""

import json
from collections.abc import Callable
from typing import Any

from facemend import imaging
from facemend.damage import find_damage
from facemend.errors import MaskError
from facemend.imaging import Hole
from facemend.photo.search import find_faces
from facemend.pipeline import Inpainter
from facemend.web.fields import DamageFields, ExportFields, InpaintFields, LayoutFields, PhotoFields, PreviewFields
from facemend.web.jobs import Content, Job
from facemend.web.pictures import (
    LEGEND,
    Photo,
    base64_text,
    check_format,
    cut_patch,
    encode,
    png,
    preview,
    read_hole,
    read_layout,
    read_photo,
)
from facemend.web.refusal import RefusalError, refusing

Work = Callable[[Job], Content]


def inpaint(inpainter: Inpainter, fields: InpaintFields, *, as_json: bool) -> Work:
    """Restore a photo; as an image only one variant of the whole."""
    if not as_json and (fields.num_variants > 1 or fields.answer == "patch"):
        message = "several variants, and patches, come as JSON alone: send Accept: application/json"
        raise RefusalError(422, "field", f"num_variants, answer: {message}")

    def work(job: Job) -> Content:
        job.enter("reading")
        photo = read_photo(fields, job)
        if fields.answer == "whole":
            check_format(photo, fields.quality)
        hole = _hole_of_alpha(photo) if fields.mask is None else read_hole(fields.mask, photo)
        layout = None if fields.layout is None else read_layout(fields.layout, photo)
        with refusing("photo"):
            result = inpainter(
                photo.image, hole, seed=fields.seed, num_variants=fields.num_variants, layout=layout, boxes=fields.faces,
                on_run=_telling(job, fields.num_variants),
            )  # fmt: skip
        job.enter("writing")
        if not as_json:
            return encode(result.image, photo.suffix, fields.quality)
        images: list[dict[str, Any]] = []
        for restored in result.images:
            job.check()
            if fields.answer == "patch":
                content, (left, top, right, bottom) = cut_patch(restored, hole)
            else:
                content, (left, top, right, bottom) = encode(restored, photo.suffix, fields.quality), (0, 0, *restored.size)
            images.append(
                {
                    "image": base64_text(content.body), "type": content.media_type,
                    "left": left, "top": top, "width": right - left, "height": bottom - top,
                }
            )  # fmt: skip
        picture = png(imaging.color_layout(result.layout))
        return _json(images=images, layout=base64_text(picture.body), notes=list(result.notes), seed=fields.seed)

    return work


def export(fields: ExportFields, *, as_json: bool) -> Work:
    """Write a photo with its patches."""

    def work(job: Job) -> Content:
        photo = read_photo(fields, job)
        content = encode(photo.image, photo.suffix, fields.quality)
        if not as_json:
            return content
        width, height = photo.image.size
        return _json(image=base64_text(content.body), type=content.media_type, width=width, height=height)

    return work


def show(fields: PreviewFields) -> Work:
    """Write a photo as browsers can show it."""
    return lambda job: preview(read_photo(fields, job).image, fields.max_side)


def parse(inpainter: Inpainter, fields: LayoutFields, *, as_json: bool) -> Work:
    """Find the layout of a photo."""

    def work(job: Job) -> Content:
        photo = read_photo(fields, job)
        hole = None if fields.mask is None else read_hole(fields.mask, photo)
        with refusing("photo"):
            layout = inpainter.parse(photo.image, hole, on_run=lambda variant: job.check())
        picture = png(imaging.color_layout(layout))
        return _json(layout=base64_text(picture.body), legend=LEGEND) if as_json else picture

    return work


def detect(fields: PhotoFields) -> Work:
    """Find the faces in a photo."""

    def work(job: Job) -> Content:
        faces = find_faces(imaging.to_rgb(read_photo(fields, job).image))
        return _json(
            faces=[
                {
                    "box": [round(float(edge), 2) for edge in face.box],
                    "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in face.landmarks],
                    "score": round(float(face.score), 4),
                }
                for face in faces
            ]
        )

    return work


def damage(fields: DamageFields, *, as_json: bool) -> Work:
    """Find scratches, cracks, spots, writing and torn corners."""

    def work(job: Job) -> Content:
        rgb = imaging.to_rgb(read_photo(fields, job).image)
        job.check()
        return _mask(find_damage(rgb, strictness=fields.strictness), as_json=as_json)

    return work


def _hole_of_alpha(photo: Photo) -> Hole:
    try:
        return imaging.read_hole(imaging.alpha_hole(photo.image), photo.image.size)
    except MaskError as error:
        raise RefusalError(422, "mask", f"mask: there is none, and {error}") from None


def _telling(job: Job, num_variants: int) -> Callable[[int], None]:
    """Say when faces are first looked for, and when each variant is begun; end the work of a job that nobody waits for."""
    last = -1

    def tell(variant: int) -> None:
        nonlocal last
        job.check()
        if variant > last:
            last = variant
            job.tell({"stage": "painting", "step": variant, "steps": num_variants} if variant else {"stage": "searching"})

    return tell


def _mask(hole: Hole, *, as_json: bool) -> Content:
    picture = png(imaging.mask_picture(hole))
    return _json(mask=base64_text(picture.body), area=round(float(hole.mean()), 6)) if as_json else picture


def _json(**values: Any) -> Content:
    return Content(json.dumps(values).encode(), "application/json")
