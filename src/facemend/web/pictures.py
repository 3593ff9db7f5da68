"""Pictures in requests and answers: looked at before they are decoded, decoded in the worker, encoded for the client."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facemend import imaging
from facemend.errors import ImageError
from facemend.imaging import Hole, Layout
from facemend.web.fields import ExportFields, InpaintFields, PhotoFields
from facemend.web.jobs import Content, Job
from facemend.web.limits import VARIANTS_HELD, Limits
from facemend.web.refusal import RefusalError, refusing

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "HEIF": ".heic"}
LEGEND = [{"id": i, "name": name, "color": list(color)} for i, (name, color) in enumerate(imaging.LAYOUT_COLORS.items())]
_PICTURE_FIELDS = ("photo", "patch", "mask", "layout")


@dataclass(frozen=True)
class Photo:
    """A photo as it was sent, with its patches."""

    image: Image.Image  # in one of `imaging.PHOTO_MODES`
    suffix: str  # of the format that it comes back in


# --- reading ------------------------------------------------------------------------------------------------------------


def check_pictures(fields: PhotoFields, limits: Limits) -> int:
    """Refuse, by their headers alone, pictures of another kind or with too many pixels.

    Returns:
        How many pixels the largest has, all variants of it together.
    """
    variants = fields.num_variants if isinstance(fields, InpaintFields) else 1
    largest = 0
    for name in _PICTURE_FIELDS:
        value: bytes | list[bytes] | None = getattr(fields, name, None)
        for data in value if isinstance(value, list) else [value] if value is not None else []:
            image = _look_at(data, name)
            size, pixels = f"{image.width}x{image.height} pixels", image.width * image.height
            if pixels > limits.max_pixels:
                raise RefusalError(413, "pixels", f"{name}: {size} are more than {limits.max_pixels:,}: reduce it")
            if pixels * variants > VARIANTS_HELD * limits.max_pixels:
                raise RefusalError(413, "pixels", f"{name}: {size} are too many for {variants} variants")
            largest = max(largest, pixels * variants)
    return largest


def read_photo(fields: PhotoFields, job: Job) -> Photo:
    """Decode a photo and paste its patches on it. Raises RefusalError."""
    with refusing("photo"):
        image = imaging.decode_photo(fields.photo, "photo")
    if fields.patch:
        image = _paste_patches(image, fields, job)
    if isinstance(fields, ExportFields) and fields.format is not None:
        return Photo(image, _SUFFIXES[fields.format.upper()])
    own = _SUFFIXES.get(_look_at(fields.photo, "photo").format or "", "")
    return Photo(image, imaging.fitting_suffix(own, imaging.file_mode(image)))


def read_hole(data: bytes, photo: Photo) -> Hole:
    """Decode a mask for a photo. Raises RefusalError."""
    with refusing("mask"):
        return imaging.read_hole(imaging.decode_picture(data, "mask"), photo.image.size)


def read_layout(data: bytes, photo: Photo) -> Layout:
    """Decode a layout for a photo. Raises RefusalError."""
    with refusing("layout"):
        return imaging.read_layout(imaging.decode_picture(data, "layout"), photo.image.size)


def _look_at(data: bytes, name: str) -> Image.Image:
    """Read a picture's header, not its pixels. Raises RefusalError."""
    try:
        with (
            refusing(name),
            imaging.silence,  # many pixels are refused by their number, in `check_pictures`
        ):
            return imaging.open_image(io.BytesIO(data), name, ImageError)
    except RefusalError:
        raise
    except Image.DecompressionBombError:
        raise RefusalError(413, "pixels", f"{name}: has far too many pixels: reduce it") from None
    except Exception:  # a damaged file can break a parser anywhere
        kinds = "PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC"
        raise RefusalError(422, name, f"{name}: is not a picture that can be read: send {kinds}") from None


def _read_patch(data: bytes) -> Image.Image:
    with refusing("patch"):
        patch = imaging.decode_picture(data, "patch")
    try:
        return patch.convert("RGBA")
    except ValueError:
        raise RefusalError(422, "patch", f"patch: colour mode {patch.mode} is not supported: send it as RGBA") from None


def _paste_patches(image: Image.Image, fields: PhotoFields, job: Job) -> Image.Image:
    colors = np.zeros((image.height, image.width, 3), np.uint8)
    hole = np.zeros((image.height, image.width), bool)
    for data, (left, top) in zip(fields.patch, fields.patch_at, strict=True):
        job.check()
        patch = _read_patch(data)
        if min(left, top) < 0 or left + patch.width > image.width or top + patch.height > image.height:
            place = f"{patch.width}x{patch.height} at {left},{top}"
            raise RefusalError(422, "patch", f"patch: {place} reaches beyond the photo of {image.width}x{image.height} pixels")
        part = slice(top, top + patch.height), slice(left, left + patch.width)
        pixels = np.asarray(patch)
        shown = pixels[:, :, 3] >= 128
        colors[part][shown] = pixels[:, :, :3][shown]
        hole[part] |= shown
    return imaging.paste(image, colors, hole)


# --- writing ------------------------------------------------------------------------------------------------------------


def check_format(photo: Photo, quality: int | None) -> None:
    """Refuse, before any work, a format that could not hold the photo restored, or that has no quality. Raises RefusalError."""
    with refusing("format"):
        imaging.check_format(photo.suffix, imaging.file_mode(photo.image), quality=quality, size=photo.image.size)


def encode(photo: Image.Image, suffix: str, quality: int | None = None) -> Content:
    """Write a photo in a format. Raises RefusalError where the format cannot hold it, or has no quality."""
    with refusing("format"):
        return Content(imaging.encode_image(photo, suffix, quality=quality), media_type(suffix))


def media_type(suffix: str) -> str:
    """Name a format as HTTP does."""
    return {".jpg": "image/jpeg", ".tif": "image/tiff"}.get(suffix, f"image/{suffix[1:]}")


def png(picture: Image.Image) -> Content:
    """Write a mask or a layout."""
    return encode(picture, ".png")


def cut_patch(restored: Image.Image, hole: Hole) -> tuple[Content, tuple[int, int, int, int]]:
    """Cut out what was repainted: an RGBA PNG, transparent outside the hole, and its place (left, top, right, bottom)."""
    rows, columns = region = imaging.extent(hole)
    box = columns.start, rows.start, columns.stop, rows.stop
    part, shown = restored.crop(box), hole[region]
    patch = Image.fromarray(imaging.to_rgb(part) * shown[..., None]).convert("RGBA")  # what is not shown need not be sent
    patch.putalpha(imaging.mask_picture(shown))
    if part.mode in ("RGB", "RGBA") and "icc_profile" in restored.info:  # its numbers mean the photo's colours
        patch.info["icc_profile"] = restored.info["icc_profile"]
    return png(patch), box


def preview(photo: Image.Image, max_side: int | None) -> Content:
    """Show any photo as browsers can: 8 bits, RGB."""
    picture = Image.fromarray(imaging.to_rgb(photo))
    if "A" in photo.mode:
        picture.putalpha(photo.getchannel("A"))
    if photo.mode in ("RGB", "RGBA") and "icc_profile" in photo.info:
        picture.info["icc_profile"] = photo.info["icc_profile"]
    if max_side is not None:
        picture.thumbnail((max_side, max_side))
    return encode(picture, ".png") if "A" in photo.mode else encode(picture, ".jpg", 90)


def base64_text(data: bytes) -> str:
    """Carry bytes in JSON."""
    return base64.b64encode(data).decode()
