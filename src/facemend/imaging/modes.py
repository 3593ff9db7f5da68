"""Colour modes of photos: which there are, how they are seen in RGB, and how colours get into their holes."""

import io
from contextlib import suppress
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from facemend.errors import ImageError
from facemend.imaging.deep import DeepPhoto, to_eight_bits

MIN_SIDE = 16  # a photo with a shorter side shows no face
MAX_ASPECT = 10

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # how bright red, green and blue look (ITU-R BT.601)

Hole = NDArray[np.bool_]  # [H, W], True = repaint
Pixels = NDArray[np.uint8]  # [H, W, 3] RGB
Layout = NDArray[np.uint8]  # [H, W] class ids
Floats = NDArray[np.float32]  # of any shape
Region = tuple[slice, slice]  # rows and columns of a photo

PHOTO_MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "I;16")
_CONVERTED_MODES = {"1": "L", "La": "LA", "P": "RGB", "PA": "RGBA", "RGBX": "RGB", "RGBa": "RGBA", "YCbCr": "RGB"}


def check_size(size: tuple[int, int], name: str) -> None:
    """Refuse a (width, height) that shows no face. Raises ImageError."""
    width, height = size
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{name}: {width}x{height} pixels are too few to show a face: each side needs {MIN_SIDE} or more")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(f"{name}: {width}x{height} pixels are longer than {MAX_ASPECT}:1: crop it to the face first")


def same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two pictures, each (width, height), have one aspect, to a pixel of rounding of either."""
    return abs(size[0] * other[1] - size[1] * other[0]) <= max(*size, *other)


def check_photo(image: Image.Image, name: str = "photo") -> Image.Image:
    """Bring an image into one of `PHOTO_MODES` without changing a colour.

    Palettes become RGB (RGBA where they hold transparency), bilevel becomes grey.

    Raises:
        ImageError: No image of PIL's, a side below 16 pixels, a shape longer than 10:1, a mode that holds no photo, or grey of
            16 bits with a transparent colour.
    """
    if not isinstance(image, Image.Image):  # pyright: ignore[reportUnnecessaryIsInstance] - arrays are often tried
        raise ImageError(f"{name} is of type {type(image).__name__}: give an image of PIL's, such as Image.fromarray(array)")
    check_size(image.size, name)
    if image.mode.startswith("I"):
        if "transparency" in image.info:
            raise ImageError(f"{name}: has 16-bit grey with a transparent colour: save it without one, or with 8 bits")
        return sixteen_bit_grey(image, name)
    if "transparency" in image.info:
        return image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    if image.mode in PHOTO_MODES:
        return image
    if image.mode not in _CONVERTED_MODES:
        raise ImageError(f"{name}: colour mode {image.mode} is not supported: convert it to RGB first")
    return image.convert(_CONVERTED_MODES[image.mode])


def sixteen_bit_grey(image: Image.Image, name: str) -> Image.Image:
    """Bring 16-bit grey of either byte order, or 32-bit grey that holds no more, to I;16."""
    if image.mode == "I;16":
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{name}: 32-bit grey levels up to {values.max()} are not supported: convert it to 8 or 16 bits first")
    converted = Image.fromarray(values.astype(np.uint16))
    converted.info = dict(image.info)
    return converted


def to_rgb(photo: Image.Image) -> Pixels:
    """Show a photo of one of `PHOTO_MODES` as RGB, uint8 [H, W, 3]; alpha is left aside, 16 bits are cut to 8."""
    if photo.mode == "I;16":
        return np.repeat(to_eight_bits(np.asarray(photo))[:, :, None], 3, axis=2)
    if photo.mode == "CMYK":
        return np.asarray(_between_cmyk_and_rgb(photo, photo.info.get("icc_profile"), "RGB"))
    return np.asarray(photo if photo.mode == "RGB" else photo.convert("RGB"))


def paste(photo: Image.Image, rgb: Pixels, hole: Hole) -> Image.Image:
    """Put colours into the hole of a photo, in the photo's own mode; every other pixel stays what it is.

    The result's `info` is the photo's, and says that it was restored.

    Args:
        photo: of one of `PHOTO_MODES`, W x H.
        rgb: uint8 [H, W, 3]; read inside the hole only. An alpha channel becomes opaque there.
        hole: bool [H, W], True = take `rgb`.
    """
    box = Image.fromarray(hole).getbbox() or (0, 0, 1, 1)  # large photos have small holes
    region = (slice(box[1], box[3]), slice(box[0], box[2]))
    filled, inside = Image.fromarray(rgb[region]), hole[region]
    if photo.mode == "I;16":
        values = np.array(photo)
        values[region][inside] = np.asarray(filled.convert("L"))[inside].astype(np.uint16) * 257
        result = Image.fromarray(values)
    elif isinstance(photo, DeepPhoto):
        samples = photo.samples.copy()
        samples[region][inside] = 65535  # alpha, where there is one
        samples[region][inside, :3] = rgb[region][inside].astype(np.uint16) * 257
        result = DeepPhoto(samples)
    else:
        if photo.mode == "CMYK":
            filled = _between_cmyk_and_rgb(filled, photo.info.get("icc_profile"), "CMYK")
        result = photo.copy()
        result.paste(filled.convert(photo.mode), box, Image.fromarray(inside))
    result.info = photo.info | {"restored": True}
    return result


def _between_cmyk_and_rgb(image: Image.Image, icc_profile: bytes | None, target: str) -> Image.Image:
    """Convert by the photo's profile, which alone knows its inks; plainly where it has none that works."""
    if icc_profile:
        with suppress(ImageCms.PyCMSError, OSError):
            inks = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            screen = cast(Any, ImageCms).createProfile("sRGB")
            profiles = (inks, screen) if target == "RGB" else (screen, inks)
            converted = ImageCms.profileToProfile(image, *profiles, outputMode=target)
            if converted is not None:
                return converted
    return image.convert(target)
