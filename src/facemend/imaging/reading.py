"""Files into pictures: opened, checked, decoded, turned upright."""

import warnings
from contextlib import suppress
from pathlib import Path

from PIL import ExifTags, Image, ImageOps

from facemend.errors import FacemendError, ImageError, MaskError
from facemend.imaging.modes import check_photo

_KEPT_EXIF = {  # camera, time, author, place; not the layout of the old file, its orientation or its thumbnail
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Software, ExifTags.Base.DateTime,
    ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo,
}  # fmt: skip


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
