"""Photos of 16 bits per colour, which Pillow would silently cut to 8: held, read and written in full depth."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin

from facemend.errors import ImageError
from facemend.imaging.silence import silence

Samples = NDArray[np.uint16]  # [H, W, 3] RGB or [H, W, 4] RGBA, 0 to 65535


class DeepPhoto(Image.Image):
    """A photo of 16 bits per colour: `samples` holds it; to Pillow, whose modes have no room, it shows itself in 8.

    Pillow's own methods (crop, resize, convert, ...) return plain images of 8 bits, as they would of the file. Those that would
    change it in place (paste, putalpha, thumbnail, ImageDraw, ...) would change what is shown alone, and raise ImageError.
    """

    def __init__(self, samples: Samples) -> None:
        super().__init__()
        shown = Image.fromarray(to_eight_bits(samples))
        self.im, self._mode, self._size = shown.im, shown.mode, shown.size
        self.samples = samples
        self.readonly = 1  # so that Pillow calls `_copy` before it changes anything

    def _copy(self) -> None:
        raise ImageError(
            "a photo of 16 bits per colour cannot be changed in place: change its `samples` and make a DeepPhoto of them, or "
            "take a copy of 8 bits, Image.fromarray(np.asarray(photo))"
        )

    def thumbnail(self, *_: Any, **__: Any) -> None:
        """Raise ImageError: unlike Pillow's other methods it would not ask."""
        self._copy()

    def copy(self) -> "DeepPhoto":
        """Copy it in its full depth."""
        return _with_info(self.samples.copy(), self.info)

    __copy__ = copy

    def __reduce__(self) -> tuple[Any, ...]:
        """Tell `pickle` and `deepcopy` how to make it anew: Pillow's own state holds 8 bits."""
        return _with_info, (self.samples, self.info)


def _with_info(samples: Samples, info: dict[str | tuple[int, int], Any]) -> DeepPhoto:
    photo = DeepPhoto(samples)
    photo.info = dict(info)
    return photo


def file_mode(image: Image.Image) -> str:
    """Name what a file must be able to hold: the image's mode, or `RGB;16` or `RGBA;16`."""
    return f"{image.mode};16" if isinstance(image, DeepPhoto) else image.mode


def to_eight_bits(samples: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Round 0 to 65535 to 0 to 255."""
    return np.asarray(cv2.convertScaleAbs(samples, alpha=1 / 257), np.uint8)


def is_deep(image: Image.Image) -> bool:
    """Tell whether a file, opened but not decoded yet, holds more bits per colour than Pillow will give."""
    if image.mode.startswith(("I", "F")):
        return False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))) > 8
    return image.format == "PNG" and ";16" in str(getattr(image, "tile", ""))


def read_deep(file: BinaryIO, shown: Image.Image, orientation: int, name: str) -> DeepPhoto:
    """Decode a file of 16 bits per colour.

    Args:
        file: PNG or TIFF.
        shown: The same, decoded by Pillow and turned upright: two decoders have to agree on what the pixels are.
        orientation: How the file is to be turned, 1 to 8 as in EXIF; 1 for a TIFF, which OpenCV turns by itself.
        name: For errors.

    Raises:
        ImageError: A kind of 16-bit file that cannot be read in full depth.
    """
    if shown.mode in ("RGB", "RGBA"):
        file.seek(0)
        with silence:  # OpenCV tells every tag it does not know
            decoded = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
        if decoded is not None and decoded.dtype == np.uint16 and decoded.ndim == 3:
            order = cv2.COLOR_BGR2RGB if decoded.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
            samples = np.ascontiguousarray(_turn(cv2.cvtColor(decoded, order), orientation), np.uint16)
            if np.array_equal(samples >> 8, np.asarray(shown)):
                return DeepPhoto(samples)
        remedy = "without a transparent colour and with interleaved channels"
    else:
        remedy = "as RGB with 16 bits"
    raise ImageError(
        f"{name}: has 16 bits per channel in {shown.mode}, which would be cut to 8: save it {remedy}, or with 8 bits"
    )


def _turn(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an array [H, W, C] upright: orientations 5 to 8 are 1 to 4 of the transposed picture."""
    if orientation >= 5:
        pixels, orientation = pixels.swapaxes(0, 1), orientation - 4
    return {1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1]}[orientation]


def write_deep_png(photo: DeepPhoto, file: BinaryIO, **metadata: Any) -> None:
    """Write a PNG of 16 bits: OpenCV knows how to write the pixels, Pillow the rest."""
    order = cv2.COLOR_RGB2BGR if photo.mode == "RGB" else cv2.COLOR_RGBA2BGRA
    _, encoded = cv2.imencode(".png", cv2.cvtColor(photo.samples, order))
    pixels = memoryview(encoded.tobytes())
    small = BytesIO()
    Image.new("RGB", (1, 1)).save(small, "PNG", **metadata)
    start = 8 + 25  # signature and IHDR come first in every PNG
    file.write(pixels[:start])
    for kind, content in _chunks(small.getvalue()):
        if kind not in (b"IHDR", b"IDAT", b"IEND"):
            file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))
    file.write(pixels[start:])


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += 12 + length


def write_deep_tiff(photo: DeepPhoto, file: BinaryIO, exif: Image.Exif, **metadata: Any) -> None:
    """Write an uncompressed TIFF of 16 bits: the directory by Pillow, then the samples as they are."""
    height, width, channels = photo.samples.shape
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in exif:
        directory[tag] = exif.get_ifd(tag) if tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo) else exif[tag]
    directory[TiffImagePlugin.IMAGEWIDTH], directory[TiffImagePlugin.IMAGELENGTH] = width, height
    directory[TiffImagePlugin.BITSPERSAMPLE] = (16,) * channels
    directory[TiffImagePlugin.SAMPLESPERPIXEL] = channels
    directory[TiffImagePlugin.COMPRESSION] = 1
    directory[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = 2
    directory[TiffImagePlugin.PLANAR_CONFIGURATION] = 1
    if channels == 4:
        directory[TiffImagePlugin.EXTRASAMPLES] = 2  # alpha, the colours not multiplied by it
    if dpi := metadata.get("dpi"):
        directory[TiffImagePlugin.RESOLUTION_UNIT] = 2
        directory[TiffImagePlugin.X_RESOLUTION], directory[TiffImagePlugin.Y_RESOLUTION] = dpi
    if profile := metadata.get("icc_profile"):
        directory[TiffImagePlugin.ICCPROFILE] = profile
    directory[TiffImagePlugin.ROWSPERSTRIP] = height
    directory[TiffImagePlugin.STRIPBYTECOUNTS] = photo.samples.nbytes
    directory[TiffImagePlugin.STRIPOFFSETS] = 0  # from the end of the directory: Pillow adds where that is
    directory.save(file)
    file.write(photo.samples.astype("<u2", copy=False).tobytes())
