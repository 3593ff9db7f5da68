"""Files into pictures: opened, checked, decoded, turned upright."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from facemend.errors import FacemendError, ImageError, MaskError
from facemend.imaging.deep import is_deep, read_deep
from facemend.imaging.heic import is_heic, teach_pillow_heic
from facemend.imaging.metadata import read_metadata, read_orientation, turn_upright
from facemend.imaging.modes import check_photo, check_size
from facemend.imaging.silence import silence

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF")  # not all of Pillow's: some start other programs
_MAX_PREVIEWS = 8  # in a TIFF: each half as large as the one before, they are enough for any photo
_WHITE_IS_ZERO = 0  # in TIFF tag 262
_FAX = (2, 3, 4)  # in TIFF tag 259: CCITT's compressions, whose white is zero
_MULTIPLIED = 1  # in TIFF tag 338: alpha by which the colours were multiplied


def load_photo(path: Path) -> Image.Image:
    """Read a photo, turned upright by its EXIF orientation, in one of `PHOTO_MODES`.

    The result's `info` carries what `save_image` writes again: `icc_profile`, `dpi`, `xmp`, `exif` without orientation and
    thumbnail, and how coarsely a JPEG was stored. A photo of 16 bits per colour comes as a `DeepPhoto`.

    Raises:
        ImageError: The file is missing, no image, truncated, holds several pictures, has more pixels than Pillow's limit against
            decompression bombs, or is a photo that cannot be restored (see `check_photo`).
    """
    with _opened(path, str(path), ImageError) as (file, image):
        return _decode(file, image, str(path))


def decode_photo(data: bytes, name: str) -> Image.Image:
    """Read a photo that is in memory, as `load_photo` does, with the same checks; `name` is for errors."""
    with _opened(data, name, ImageError) as (file, image):
        return _decode(file, image, name)


def load_mask(path: Path) -> Image.Image:
    """Read a mask file, turned upright; `read_hole` says what it covers.

    Raises:
        MaskError: It is missing, no image, or truncated, or holds several pictures.
    """
    with _opened(path, str(path), MaskError) as (_, image):
        return _decode_picture(image, str(path), MaskError)


def load_layout(path: Path) -> Image.Image:
    """Read a layout file; `read_layout` checks it. Raises ImageError as `load_mask` raises MaskError."""
    with _opened(path, str(path), ImageError) as (_, image):
        return _decode_picture(image, str(path), ImageError)


def decode_picture(data: bytes, name: str) -> Image.Image:
    """Read a mask or a layout that is in memory, as it is read from a file; `name` is for errors, which are ImageErrors."""
    with _opened(data, name, ImageError) as (_, image):
        return _decode_picture(image, name, ImageError)


def open_image(file: BinaryIO, name: str, kind: type[FacemendError]) -> Image.Image:
    """Read a picture's header, not its pixels, if it is of a kind that photos may be of.

    Raises:
        FacemendError: Of the given kind, where HEIC needs what is not installed.
        Exception: Whatever Pillow raises for a file that is no picture, damaged, or too large.
    """
    if is_heic(file.read(12)):
        teach_pillow_heic(name, kind)
    Image.init()
    return Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])


def _open_file(source: Path | bytes) -> BinaryIO:
    """Open what can be read twice; a pipe cannot, and is read whole."""
    if isinstance(source, bytes):
        return BytesIO(source)
    return source.open("rb") if source.is_file() else BytesIO(source.read_bytes())


@contextmanager
def _opened(source: Path | bytes, name: str, kind: type[FacemendError]) -> Generator[tuple[BinaryIO, Image.Image]]:
    """Open an image; whatever is wrong with it, now or while it is decoded, becomes one error of the given kind."""
    try:
        with (
            silence,  # large is fine; Pillow's hard limit stays
            _open_file(source) as file,
        ):
            yield file, open_image(file, name, kind)
    except FacemendError:
        raise
    except FileNotFoundError:
        raise kind(f"{name}: no such file") from None
    except IsADirectoryError:
        raise kind(f"{name}: is a folder, not an image file") from None
    except PermissionError:
        raise kind(f"{name}: reading it is not allowed: change its permissions") from None
    except Image.UnidentifiedImageError:
        raise kind(f"{name}: is not an image (or of none of the kinds {', '.join(_FORMATS)})") from None
    except Image.DecompressionBombError:
        raise kind(f"{name}: has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels: reduce it first") from None
    except Exception as error:  # a damaged file can break a decoder anywhere
        raise kind(f"{name}: cannot be decoded, the file is damaged or truncated ({error})") from None


def _decode(file: BinaryIO, image: Image.Image, name: str) -> Image.Image:
    """Decode a photo that has been opened, once its header has passed every check."""
    check_size(image.size, name)
    _check_single(image, name, ImageError)
    _check_channels(image, name)
    deep = is_deep(image)
    orientation = read_orientation(image)
    image.load()
    metadata = read_metadata(image, orientation)
    upright = _upright(image, name, ImageError)
    photo = read_deep(file, upright, orientation if image.format == "PNG" else 1, name) if deep else check_photo(upright, name)
    photo.info = metadata
    return photo


def _decode_picture(image: Image.Image, name: str, kind: type[FacemendError]) -> Image.Image:
    """Decode a mask or a layout that has been opened."""
    _check_single(image, name, kind)
    return _upright(image, name, kind)


def _upright(image: Image.Image, name: str, kind: type[FacemendError]) -> Image.Image:
    """Decode an image and turn it upright, with the grey levels that are meant: Pillow does not always give a TIFF's so."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return turn_upright(image)
    if image.mode in ("1", "L") and _lacks_polarity(image):
        return ImageOps.invert(turn_upright(image))
    if not image.mode.startswith("I"):
        return turn_upright(image)
    bits = max(image.tag_v2[TiffImagePlugin.BITSPERSAMPLE])
    if bits < 16:
        raise kind(f"{name}: has grey levels of {bits} bits, which are not supported: save it with 8 or 16 bits")
    upright = turn_upright(image)
    if image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO:
        return Image.fromarray(65535 - np.asarray(upright))
    return upright


def _check_single(image: Image.Image, name: str, kind: type[FacemendError]) -> None:
    """Refuse a file of several pictures: to take one would lose the others in silence."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if _says_preview(image):
            raise kind(f"{name}: is a raw photo of which only a preview could be read: develop it to JPEG or TIFF first")
        width, height = image.size
        info = dict(image.info)  # another page's would be added to it
        with suppress(EOFError):
            for number in count(1):
                image.seek(number)  # to count the pages would take a second for every few thousand
                is_small = 2 * image.width <= width + 1 and 2 * image.height <= height + 1
                if number > _MAX_PREVIEWS or not (is_small or _says_preview(image)):
                    raise kind(f"{name}: has several pages: save the one that is meant as a file of its own")
        image.seek(0)
        image.info = info
    elif image.format in ("GIF", "PNG", "WEBP", "AVIF", "HEIF") and getattr(image, "is_animated", False):
        what = "has several pictures" if image.format == "HEIF" else "is an animation"
        raise kind(f"{name}: {what}: save the one that is meant as a file of its own")


def _check_channels(image: Image.Image, name: str) -> None:
    """Refuse a TIFF of which Pillow would leave channels out, or one of 16 bits whose colours it would divide by their alpha."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return
    further = image.tag_v2.get(TiffImagePlugin.SAMPLESPERPIXEL, 1) - len(image.getbands())
    if further > 0:
        raise ImageError(f"{name}: has more channels than its colours, {further} of which would be lost: save it without them")
    if is_deep(image) and _MULTIPLIED in image.tag_v2.get(TiffImagePlugin.EXTRASAMPLES, ()):
        raise ImageError(f"{name}: has 16 bits per channel multiplied by its alpha: save it with straight alpha, or with 8 bits")


def _lacks_polarity(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Tell whether a TIFF of grey does not say what zero is: black, for libtiff and what reads by it; for Pillow it is white."""
    tags = image.tag_v2
    return TiffImagePlugin.PHOTOMETRIC_INTERPRETATION not in tags and tags.get(TiffImagePlugin.COMPRESSION, 1) not in _FAX


def _says_preview(page: TiffImagePlugin.TiffImageFile) -> bool:
    return bool(int(page.tag_v2.get(254, 0)) & 1)
