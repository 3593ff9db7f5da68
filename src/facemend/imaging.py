"""The one place that knows files, colour modes, EXIF, ICC, alpha and palettes.

A photo is a PIL image of any size in one of the `PHOTO_MODES`, and a hole is bool [H, W]. Nothing but hole pixels is ever written
into a photo. Needs no torch.
"""

import io
import os
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps

from facemend.config import NUM_CLASSES
from facemend.errors import FacemendError, ImageError, MaskError, OutputError

MIN_SIDE = 16  # a photo with a shorter side shows no face
MAX_ASPECT = 10
THRESHOLD = 128  # a mask's grey level from which a pixel is repainted

Hole = NDArray[np.bool_]  # [H, W], True = repaint
Pixels = NDArray[np.uint8]  # [H, W, 3] RGB
Layout = NDArray[np.uint8]  # [H, W] class ids

PHOTO_MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "I;16")
_CONVERTED_MODES = {"1": "L", "La": "LA", "P": "RGB", "PA": "RGBA", "RGBX": "RGB", "RGBa": "RGBA", "YCbCr": "RGB"}
_KEPT_EXIF = {  # camera, time, author, place; not the layout of the old file, its orientation or its thumbnail
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Software, ExifTags.Base.DateTime,
    ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo,
}  # fmt: skip
_PALETTE = (
    (38, 42, 50), (240, 198, 165), (226, 150, 122), (72, 78, 96), (64, 140, 220), (96, 176, 244), (122, 82, 52),
    (146, 104, 70), (232, 172, 148), (220, 158, 134), (140, 32, 52), (206, 74, 92), (226, 102, 116), (112, 78, 140),
    (92, 164, 124), (255, 214, 64), (238, 180, 44), (214, 166, 134), (72, 122, 172),
)  # fmt: skip


@dataclass(frozen=True)
class _Format:
    name: str  # as Pillow calls it
    modes: tuple[str, ...]
    options: dict[str, Any]


_PNG = _Format("PNG", ("L", "LA", "RGB", "RGBA", "I;16", "P"), {})
_JPEG = _Format("JPEG", ("L", "RGB", "CMYK"), {"quality": 95, "subsampling": 0})
_TIFF = _Format("TIFF", ("L", "LA", "RGB", "RGBA", "CMYK", "I;16"), {})  # compressed, Pillow loses the EXIF
_FORMATS = {
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": _Format("WEBP", ("L", "LA", "RGB", "RGBA"), {"lossless": True, "exact": True}),
    ".bmp": _Format("BMP", ("L", "RGB"), {}),
}


# --- reading ------------------------------------------------------------------------------------------------------------


def load_photo(path: Path) -> Image.Image:
    """Read a photo, turned upright by its EXIF orientation, in one of `PHOTO_MODES`.

    The result's `info` carries what `save_image` writes again: `icc_profile`, `dpi`, and `exif` without orientation and
    thumbnail. Of an animation the first picture is read.

    Raises:
        ImageError: The file is missing, no image, truncated, or a photo that cannot be restored (see `check_photo`).
    """
    opened = _open(path, ImageError, whole_colors=True)
    photo = check_photo(_upright(opened), str(path))
    exif = _remaining_exif(opened)
    photo.info = {key: photo.info[key] for key in ("icc_profile", "dpi") if photo.info.get(key)}
    if exif:
        photo.info["exif"] = exif
    return photo


def load_mask(path: Path) -> Image.Image:
    """Read a mask file; `read_hole` says what it covers. Raises MaskError when it is missing, no image, or truncated."""
    return _upright(_open(path, MaskError))


def load_layout(path: Path) -> Image.Image:
    """Read a file of class ids; `read_layout` checks them. Raises ImageError when it is missing, no image, or truncated."""
    return _upright(_open(path, ImageError))


def check_photo(image: Image.Image, name: str = "photo") -> Image.Image:
    """Bring an image into one of `PHOTO_MODES` without changing a colour.

    Palettes become RGB (RGBA where they hold transparency), bilevel becomes grey.

    Raises:
        ImageError: A side below 16 pixels, a shape longer than 10:1, or a mode that holds no photo.
    """
    width, height = image.size
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{name}: {width}x{height} pixels are too few to show a face: each side needs {MIN_SIDE} or more")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(f"{name}: {width}x{height} pixels are longer than {MAX_ASPECT}:1: crop it to the face first")
    if image.mode.startswith("I"):
        return _sixteen_bit(image, name)
    if "transparency" in image.info:
        return image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    if image.mode in PHOTO_MODES:
        return image
    if image.mode not in _CONVERTED_MODES:
        raise ImageError(f"{name}: colour mode {image.mode} is not supported: convert it to RGB first")
    return image.convert(_CONVERTED_MODES[image.mode])


def read_hole(mask: Image.Image | NDArray[Any], size: tuple[int, int]) -> Hole:
    """Find the pixels a mask asks to repaint.

    Grey levels from 128 up are hole; colours count by their brightness, transparent pixels as black. A mask of the photo's
    aspect but another size is brought to it, so that every pixel touched by the hole belongs to it.

    Args:
        mask: a PIL image, or an array [H, W] of bool or of uint8.
        size: the photo's (width, height).

    Returns:
        Bool [H, W], True = repaint.

    Raises:
        MaskError: Another aspect, another kind of array, an empty mask or one that covers the whole photo.
    """
    hole = _grey(mask) >= THRESHOLD
    if (hole.shape[1], hole.shape[0]) != size:
        hole = _fit_hole(hole, size)
    if not hole.any():
        raise MaskError("the mask is empty, there is nothing to repaint: paint the hole white (128 to 255) on black")
    if hole.all():
        raise MaskError("the mask covers the whole photo: leave the part that is to be kept black (0 to 127)")
    return hole


def read_layout(layout: Image.Image | NDArray[Any], size: tuple[int, int]) -> Layout:
    """Check a layout given by the user.

    Args:
        layout: a PIL image of mode L or P whose pixel values are class ids, or an integer array [H, W].
        size: the photo's (width, height).

    Returns:
        Class ids, uint8 [H, W].

    Raises:
        ImageError: Another mode or size than the photo's, or ids that no class has.
    """
    if isinstance(layout, Image.Image) and layout.mode not in ("L", "P"):
        raise ImageError(f"layout has mode {layout.mode}: its pixel values must be class ids, as --save-layout writes them")
    ids = np.asarray(layout)
    if ids.ndim != 2 or (ids.shape[1], ids.shape[0]) != size or not np.issubdtype(ids.dtype, np.integer):
        raise ImageError(f"layout is {ids.dtype} {list(ids.shape)}: give class ids of shape [{size[1]}, {size[0]}], as the photo")
    if ids.min() < 0 or ids.max() >= NUM_CLASSES:
        raise ImageError(
            f"layout holds class {ids.max() if ids.max() >= NUM_CLASSES else ids.min()}: ids are 0 to {NUM_CLASSES - 1}"
        )
    return ids.astype(np.uint8)


def _open(path: Path, kind: type[FacemendError], *, whole_colors: bool = False) -> Image.Image:
    """Open and decode an image file; whatever is wrong with it becomes one error of the given kind.

    With `whole_colors` a file of 16 bits per colour, which Pillow would silently cut to 8, is refused.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # large is fine; Pillow's hard limit stays
            image = Image.open(path)
            cut = not image.mode.startswith("I") and ";16" in str(getattr(image, "tile", ""))
            image.load()
    except FileNotFoundError:
        raise kind(f"{path}: no such file") from None
    except IsADirectoryError:
        raise kind(f"{path}: is a folder, not an image file") from None
    except PermissionError:
        raise kind(f"{path}: reading it is not allowed: change its permissions") from None
    except Image.UnidentifiedImageError:
        raise kind(f"{path}: is not an image (or of a kind Pillow cannot read)") from None
    except Image.DecompressionBombError:
        raise kind(f"{path}: has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels: reduce it first") from None
    except Exception as error:  # a damaged file can break a decoder anywhere
        raise kind(f"{path}: cannot be decoded, the file is damaged or truncated ({error})") from None
    if cut and whole_colors:
        raise kind(f"{path}: has 16 bits per colour, which would be cut to 8: save it with 8 bits per channel first")
    return image


def _upright(image: Image.Image) -> Image.Image:
    """Turn an image as its EXIF orientation says; damaged EXIF says nothing, and is not worth losing a photo for."""
    with suppress(Exception), warnings.catch_warnings(action="ignore"):
        return ImageOps.exif_transpose(image)
    return image


def _remaining_exif(image: Image.Image) -> bytes:
    with suppress(Exception), warnings.catch_warnings(action="ignore"):
        exif = image.getexif()
        for tag in set(exif) - _KEPT_EXIF:
            del exif[tag]
        if exif:
            return exif.tobytes()
    return b""


def _sixteen_bit(image: Image.Image, name: str) -> Image.Image:
    """Bring 16-bit grey of either byte order, or 32-bit grey that holds no more, to I;16."""
    if image.mode == "I;16":
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{name}: 32-bit grey levels up to {values.max()} are not supported: convert it to 8 or 16 bits first")
    converted = Image.fromarray(values.astype(np.uint16))
    converted.info = dict(image.info)
    return converted


def _grey(mask: Image.Image | NDArray[Any]) -> Pixels:
    """Bring a mask to grey levels, uint8 [H, W]."""
    if not isinstance(mask, Image.Image):
        if mask.ndim != 2 or mask.dtype.name not in ("bool", "uint8"):
            raise MaskError(f"mask is {mask.dtype} {list(mask.shape)}: give bool or uint8 (255 = repaint) of shape [H, W]")
        return mask.astype(np.uint8) * 255 if mask.dtype == np.bool_ else mask
    if mask.mode.startswith("I"):
        return (_sixteen_bit_mask(mask) >> 8).astype(np.uint8)
    if mask.mode in ("F", "LAB", "HSV"):
        raise MaskError(f"mask of colour mode {mask.mode} is not supported: save it as 8-bit grey")
    if mask.has_transparency_data:
        painted = mask.convert("RGBA")
        mask = Image.new("RGBA", mask.size, (0, 0, 0, 255))
        mask.alpha_composite(painted)
    return np.asarray(mask.convert("L"))


def _sixteen_bit_mask(mask: Image.Image) -> NDArray[Any]:
    try:
        return np.asarray(_sixteen_bit(mask, "mask"))
    except ImageError as error:
        raise MaskError(str(error)) from None


def _fit_hole(hole: Hole, size: tuple[int, int]) -> Hole:
    """Bring a hole of the same aspect (to a pixel) to the photo's size."""
    width, height = size
    mask_height, mask_width = hole.shape
    if abs(mask_width * height - mask_height * width) > max(width, height):
        raise MaskError(
            f"the mask is {mask_width}x{mask_height} but the photo {width}x{height} pixels (as seen upright): "
            "draw the mask on the photo, or scale it without changing its shape"
        )
    if mask_width * mask_height < width * height:
        return cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT) > 0
    return cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0


# --- colours ------------------------------------------------------------------------------------------------------------


def to_rgb(photo: Image.Image) -> Pixels:
    """Show a photo of one of `PHOTO_MODES` as RGB, uint8 [H, W, 3]; alpha is left aside, 16 bits are cut to 8."""
    if photo.mode == "I;16":
        grey = np.round(np.asarray(photo) / 257).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if photo.mode == "CMYK":
        return np.asarray(_between_cmyk_and_rgb(photo, photo.info.get("icc_profile"), "RGB"))
    return np.asarray(photo.convert("RGB"))


def paste(photo: Image.Image, rgb: Pixels, hole: Hole) -> Image.Image:
    """Put colours into the hole of a photo, in the photo's own mode; every other pixel stays what it is.

    Args:
        photo: of one of `PHOTO_MODES`, W x H.
        rgb: uint8 [H, W, 3]; read inside the hole only. An alpha channel becomes opaque there.
        hole: bool [H, W], True = take `rgb`.
    """
    filled = Image.fromarray(rgb)
    if photo.mode == "I;16":  # by hand: Pillow before 11 pastes nothing into 16 bits
        grey = np.asarray(filled.convert("L")).astype(np.uint16) * 257
        result = Image.fromarray(np.where(hole, grey, np.asarray(photo)))
        result.info = dict(photo.info)
        return result
    if photo.mode == "CMYK":
        filled = _between_cmyk_and_rgb(filled, photo.info.get("icc_profile"), "CMYK")
    else:
        filled = filled.convert(photo.mode)
    result = photo.copy()
    result.paste(filled, mask=Image.fromarray(hole))
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


def mask_picture(hole: NDArray[Any]) -> Image.Image:
    """Turn a mask [H, W], bool or 0 and 255, into a grey image: 255 = repaint."""
    return Image.fromarray((hole > 0).astype(np.uint8) * 255)


def color_layout(layout: Layout) -> Image.Image:
    """Turn class ids [H, W] into a palette image: its pixel values are the ids, its colours tell them apart."""
    picture = Image.fromarray(layout).convert("P")
    picture.putpalette([channel for color in _PALETTE for channel in color])
    return picture


# --- writing ------------------------------------------------------------------------------------------------------------


def check_output(path: Path, mode: str, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a path that an image of this mode could not be written to.

    Raises:
        OutputError: An existing file without `overwrite`, a folder that is missing or not writable, a suffix of no known
            format, or of one that cannot hold the mode.
    """
    image_format = _FORMATS.get(path.suffix.lower())
    if image_format is None:
        raise OutputError(f"{path}: no image format has the suffix {path.suffix!r}: take one of {', '.join(_FORMATS)}")
    if mode not in image_format.modes:
        fitting = ", ".join(suffix for suffix, other in _FORMATS.items() if mode in other.modes)
        raise OutputError(f"{path}: {image_format.name} cannot hold a picture of mode {mode}: take one of {fitting}")
    if os.path.isdir(path):  # os.path, unlike pathlib, takes a place it may not look into for one that is not there
        raise OutputError(f"{path}: is a folder: name a file in it")
    if os.path.lexists(path) and not overwrite:
        raise OutputError(f"{path}: exists; pass --overwrite to replace it")
    check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Refuse a folder that files could not be written to. Raises OutputError."""
    if not os.path.isdir(folder):
        raise OutputError(f"{folder}: there is no such folder: create it first")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder}: the folder is not writable: choose another")


def save_image(image: Image.Image, path: Path, *, overwrite: bool = False) -> None:
    """Write an image in the format its suffix names, whole or not at all, with the ICC profile, EXIF and DPI in its `info`.

    PNG, TIFF, BMP and WebP (lossless) keep every pixel; JPEG is written at quality 95.

    Raises:
        OutputError: As `check_output`, or the disk refuses.
    """
    check_output(path, image.mode, overwrite=overwrite)
    image_format = _FORMATS[path.suffix.lower()]
    kept = {key: image.info[key] for key in ("icc_profile", "exif", "dpi") if image.info.get(key)}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            image.save(file, image_format.name, **image_format.options, **kept)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be written: {error}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
