"""Pictures into files: checked beforehand, written whole or not at all."""

import os
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, PngImagePlugin

from facemend.errors import OutputError
from facemend.imaging import heic
from facemend.imaging.deep import DeepPhoto, file_mode, write_deep_png, write_deep_tiff
from facemend.imaging.metadata import mark_restored, parse_exif, shorten_exif
from facemend.whole_files import written_whole

MAX_JPEG_EXIF = 65_533  # bytes
MAX_JPEG_XMP = 64_000  # bytes; a marker holds 65,502, and the note of the restoration needs some


@dataclass(frozen=True)
class Format:
    """What a kind of file can hold, and how it is written."""

    name: str  # as Pillow calls it
    modes: tuple[str, ...]  # as `deep.file_mode` calls them
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    has_quality: bool = False
    keeps_pixels: bool = True  # unless a quality is asked for
    max_side: int | None = None  # pixels, where photos may exceed it


_PNG = Format("PNG", ("L", "LA", "RGB", "RGBA", "I;16", "P", "RGB;16", "RGBA;16"))
_JPEG = Format("JPEG", ("L", "RGB", "CMYK"), {"quality": 95, "subsampling": 0}, has_quality=True, keeps_pixels=False)
_TIFF = Format("TIFF", ("L", "LA", "RGB", "RGBA", "CMYK", "I;16", "RGB;16", "RGBA;16"))  # compressed, Pillow loses the EXIF
_HEIC = Format("HEIF", ("L", "RGB", "RGBA"), {"quality": 90}, has_quality=True, keeps_pixels=False)
_WEBP = Format("WEBP", ("L", "LA", "RGB", "RGBA"), {"lossless": True, "exact": True}, has_quality=True, max_side=16_383)
FORMATS = {
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": _WEBP,
    ".bmp": Format("BMP", ("L", "RGB")),
    ".heic": _HEIC,
    ".heif": _HEIC,
}


def check_output(path: Path, mode: str, *, overwrite: bool, quality: int | None = None, size: tuple[int, int] = (1, 1)) -> None:
    """Refuse, before any work is done, a path that an image of this mode (see `file_mode`) and size could not be written to.

    Raises:
        OutputError: An existing file without `overwrite`, a folder that is missing or not writable, a suffix of no known
            format, or of one that cannot hold the image or has no quality to choose, or a quality beyond 1 to 100.
    """
    if os.path.isdir(path):  # os.path, unlike pathlib, takes a place it may not look into for one that is not there
        raise OutputError(f"{path}: is a folder: name a file in it")
    check_format(path.suffix, mode, quality=quality, size=size, name=str(path))
    if os.path.lexists(path) and not overwrite:
        raise OutputError(f"{path}: exists; pass --overwrite to replace it")
    check_folder(path.parent)


def check_format(
    suffix: str, mode: str, *, quality: int | None = None, size: tuple[int, int] = (1, 1), name: str | None = None
) -> Format:
    """Find the format that a suffix names, and refuse one that cannot hold an image of this mode (see `file_mode`) and size.

    Args:
        suffix: such as `.png`.
        mode: of the image.
        quality: 1 to 100, if one is asked for.
        size: (width, height) of the image.
        name: of the file, for errors; else the suffix.

    Raises:
        OutputError: A suffix of no known format, or of one that cannot hold the image or has no quality to choose, or a quality
            beyond 1 to 100.
    """
    name = name or suffix
    image_format = FORMATS.get(suffix.lower())
    if image_format is None:
        raise OutputError(f"{name}: no image format has the suffix {suffix!r}: take one of {', '.join(FORMATS)}")
    if mode not in image_format.modes:
        fitting = ", ".join(suffix for suffix, other in FORMATS.items() if mode in other.modes)
        raise OutputError(f"{name}: {image_format.name} cannot hold a picture of mode {mode}: take one of {fitting}")
    if image_format.max_side is not None and max(size) > image_format.max_side:
        raise OutputError(f"{name}: {image_format.name} holds {image_format.max_side:,} pixels a side at most: take .png or .tif")
    if quality is not None and not image_format.has_quality:
        lossy = ", ".join(suffix for suffix, other in FORMATS.items() if other.has_quality)
        raise OutputError(f"{name}: {image_format.name} has no quality, it keeps every pixel: quality is for {lossy}")
    if quality is not None and not 1 <= quality <= 100:
        raise OutputError(f"{name}: quality {quality} is out of range: take 1 to 100")
    if suffix.lower() in heic.SUFFIXES:
        heic.teach_pillow_heic(name, OutputError)
    return image_format


def check_folder(folder: Path) -> None:
    """Refuse a folder that files could not be written to. Raises OutputError."""
    if not os.path.isdir(folder):
        raise OutputError(f"{folder}: there is no such folder: create it first")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder}: the folder is not writable: choose another")


def fitting_suffix(suffix: str, mode: str) -> str:
    """Take a photo's own suffix for its result if that format can be written and holds the mode, else the first that does."""
    image_format = FORMATS.get(suffix.lower())
    if image_format is not None and mode in image_format.modes:
        return suffix
    return next(other for other, holding in FORMATS.items() if mode in holding.modes)


def keeps_pixels(path: Path, quality: int | None = None) -> bool:
    """Tell whether a file of this name will hold every known pixel identically."""
    return FORMATS[path.suffix.lower()].keeps_pixels and quality is None


def save_image(
    image: Image.Image, path: Path, *, overwrite: bool = False, quality: int | None = None, provenance: bool = True
) -> None:
    """Write an image in the format its suffix names, whole or not at all, with the metadata in its `info`.

    PNG, TIFF, BMP and WebP keep every pixel. A photo that was a JPEG is stored as coarsely as it was before, which changes it
    least; other photos are written as JPEG of quality 95 and HEIC of quality 90.

    Args:
        image: of a mode that the format can hold.
        path: where to write.
        overwrite: replace a file that exists.
        quality: 1 to 100, for JPEG, HEIC and WebP, which with a quality loses pixels too.
        provenance: note in the metadata of a restored photo that it was restored (see `metadata.mark_restored`).

    Raises:
        OutputError: As `check_output`, or the disk refuses.
    """
    check_output(path, file_mode(image), overwrite=overwrite, quality=quality, size=image.size)
    try:
        with written_whole(path) as file:
            _write(image, file, FORMATS[path.suffix.lower()], quality, provenance)
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be written: {error}") from None


def encode_image(image: Image.Image, suffix: str, *, quality: int | None = None, provenance: bool = True) -> bytes:
    """Encode an image in memory as `save_image` would write it.

    Args:
        image: of a mode that the format can hold.
        suffix: names the format, such as `.png`.
        quality: as for `save_image`.
        provenance: as for `save_image`.

    Raises:
        OutputError: A suffix of no known format, or of one that cannot hold the mode, or a quality it does not have.
    """
    image_format = check_format(suffix, file_mode(image), quality=quality, size=image.size)
    encoded = BytesIO()
    try:
        _write(image, encoded, image_format, quality, provenance)
    except (OSError, ValueError) as error:
        raise OutputError(f"{suffix}: cannot be encoded: {error}") from None
    return encoded.getvalue()


def _write(image: Image.Image, file: BinaryIO, image_format: Format, quality: int | None, provenance: bool) -> None:
    info = dict(image.info)
    if image_format is _JPEG and len(info.get("xmp") or b"") > MAX_JPEG_XMP:
        del info["xmp"]
    if provenance and info.get("restored"):
        info = mark_restored(info)
    metadata = {key: info[key] for key in ("icc_profile", "exif", "dpi", "xmp") if info.get(key)}
    if image_format is _JPEG and len(metadata.get("exif", b"")) > MAX_JPEG_EXIF:
        metadata["exif"] = shorten_exif(metadata["exif"], MAX_JPEG_EXIF)
    options = image_format.options
    if quality is not None:
        options = {"quality": quality}
    elif image_format is _JPEG and "jpeg_coding" in info:
        options = info["jpeg_coding"]

    xmp = metadata.get("xmp", b"")
    if image_format is _PNG and xmp:
        metadata["pnginfo"] = PngImagePlugin.PngInfo()
        metadata["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", errors="replace"))
    elif image_format is _TIFF:
        metadata["exif"] = parse_exif(metadata.get("exif", b""))
        if xmp:
            metadata["exif"][700] = xmp

    if not isinstance(image, DeepPhoto):
        image.save(file, image_format.name, **options, **metadata)
    elif image_format is _PNG:
        write_deep_png(image, file, **metadata)
    else:
        write_deep_tiff(image, file, **metadata)
