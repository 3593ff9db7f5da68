"""Pictures into files: checked beforehand, written whole or not at all."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from facemend.errors import OutputError


@dataclass(frozen=True)
class Format:
    """What a kind of file can hold, and how it is written."""

    name: str  # as Pillow calls it
    modes: tuple[str, ...]
    options: dict[str, Any]


_PNG = Format("PNG", ("L", "LA", "RGB", "RGBA", "I;16", "P"), {})
_JPEG = Format("JPEG", ("L", "RGB", "CMYK"), {"quality": 95, "subsampling": 0})
_TIFF = Format("TIFF", ("L", "LA", "RGB", "RGBA", "CMYK", "I;16"), {})  # compressed, Pillow loses the EXIF
FORMATS = {
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": Format("WEBP", ("L", "LA", "RGB", "RGBA"), {"lossless": True, "exact": True}),
    ".bmp": Format("BMP", ("L", "RGB"), {}),
}


def check_output(path: Path, mode: str, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a path that an image of this mode could not be written to.

    Raises:
        OutputError: An existing file without `overwrite`, a folder that is missing or not writable, a suffix of no known
            format, or of one that cannot hold the mode.
    """
    image_format = FORMATS.get(path.suffix.lower())
    if image_format is None:
        raise OutputError(f"{path}: no image format has the suffix {path.suffix!r}: take one of {', '.join(FORMATS)}")
    if mode not in image_format.modes:
        fitting = ", ".join(suffix for suffix, other in FORMATS.items() if mode in other.modes)
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
    image_format = FORMATS[path.suffix.lower()]
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
