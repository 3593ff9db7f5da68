"""What a photo file says beside its pixels: EXIF, XMP, colour profile, resolution; and the note that it was restored.

A photo's `info` carries it from `reading` to `writing`: `icc_profile`, `dpi`, `exif`, `xmp` as Pillow names them, `jpeg_coding`
of a JPEG, and `restored` once something was painted.
"""

import re
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin

from facemend import __version__
from facemend.imaging.silence import silence

Info = dict[str | tuple[int, int], Any]  # as Pillow types it
JpegCoding = dict[str, Any]  # Pillow's options: quantisation tables, 64 steps each, chroma subsampling, RGB as it is

MAX_DPI = 65_536  # what JPEG has room for

_KEPT_EXIF = {  # camera, time, author, place, title, rating; not the layout of the old file, its orientation or its thumbnail
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Software, ExifTags.Base.DateTime,
    ExifTags.Base.Artist, ExifTags.Base.HostComputer, ExifTags.Base.Copyright, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo,
    ExifTags.Base.DocumentName, ExifTags.Base.PageName, ExifTags.Base.Rating, ExifTags.Base.RatingPercent,
    ExifTags.Base.XPTitle, ExifTags.Base.XPComment, ExifTags.Base.XPAuthor, ExifTags.Base.XPKeywords, ExifTags.Base.XPSubject,
}  # fmt: skip

_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)  # tags of EXIF that hold tags

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip

# IPTC Photo Metadata Standard 2025.1: what the picture is, and what made it so.
_NAMESPACE = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_PROPERTIES = {"DigitalSourceType": _SOURCE_TYPE, "AISystemUsed": "facemend", "AISystemVersionUsed": __version__}
# What XMP holds or says of other pictures in the file: a thumbnail, which shows the old face, and what is not written again, such
# as a gain map or a video. Removed as text, since an XML parser would write all the rest in another way too.
_OTHER = (
    rb"(?:(?:xmp|xap):Thumbnails|hdrgm:\w+|G?Container:Directory|G?Camera:(?:MotionPhoto|MicroVideo)\w*|xmpNote:HasExtendedXMP)"
)
_ATTRIBUTE = rb"\s" + _OTHER + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"
_CONTENT = rb"[^<]*(?:<(?!/?" + _OTHER + rb"[\s/>])[^<]*)*"  # in one way only: the time it takes grows with the length alone
_ELEMENT = rb"<(" + _OTHER + rb")(?:\s[^<>]*)?(?:(?<=/)>|(?<!/)>" + _CONTENT + rb"</\1\s*>)"
_OTHER_PICTURES = re.compile(_ATTRIBUTE + rb"|" + _ELEMENT)
_EMPTY_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
).encode()


def read_orientation(image: Image.Image) -> int:
    """Read how a file is to be turned, 1 to 8 (EXIF tag 274); 1, as it is, where damaged EXIF does not say.

    What XMP may say of it counts for Pillow, but not for browsers and viewers, in which masks are drawn.
    """
    if image.format == "PNG":
        image.load()  # its EXIF may come after the pixels, where Pillow would miss it in what is set aside here
    everything = image.info
    image.info = {key: value for key, value in everything.items() if key not in ("xmp", "XML:com.adobe.xmp")}
    try:
        with suppress(Exception), silence:
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            return orientation if orientation in range(1, 9) else 1
        return 1
    finally:
        image.info = everything


def turn_upright(image: Image.Image) -> Image.Image:
    """Decode an image and turn it as its EXIF orientation says."""
    image.load()
    turn = _TURNS.get(read_orientation(image))
    return image if turn is None else image.transpose(turn)


def read_metadata(image: Image.Image, orientation: int) -> Info:
    """Gather what is to be written again from a file that is still open, for its picture turned upright."""
    kept: Info = {}
    if profile := image.info.get("icc_profile"):
        kept["icc_profile"] = profile
    turned = orientation >= 5  # width and height change places
    dpi = tuple(float(number) for number in image.info.get("dpi", ()))
    if len(dpi) == 2 and all(0 < number < MAX_DPI for number in dpi):  # a damaged file may say 0, or no number at all
        kept["dpi"] = dpi[::-1] if turned else dpi
    if exif := _remaining_exif(image, turned):
        kept["exif"] = exif
    if isinstance(xmp := image.info.get("xmp"), bytes):
        upright = xmp if orientation == 1 else re.sub(rb"(tiff:Orientation(?:=[\"']|>))[2-8]", rb"\g<1>1", xmp)
        kept["xmp"] = _OTHER_PICTURES.sub(b"", upright)
    if coding := _jpeg_coding(image, turned):
        kept["jpeg_coding"] = coding
    return kept


def jpeg_coding(photo: Image.Image) -> JpegCoding | None:
    """Tell how coarsely a photo was stored, if it was a JPEG: see `_jpeg_coding`. Pillow's own JPEGs will do."""
    return photo.info.get("jpeg_coding") or _jpeg_coding(photo, turned=False)


def mark_restored(info: Info) -> Info:
    """Add to a photo's metadata that facemend painted a part of it.

    EXIF `Software` names the program; XMP says `compositeWithTrainedAlgorithmicMedia`, IPTC's word for a picture of which a part
    was made by a trained model. Everything else in the XMP stays.
    """
    exif = parse_exif(info.get("exif") or b"")
    exif[ExifTags.Base.Software] = f"facemend {__version__}"
    xmp = info.get("xmp") or b""
    if b"</rdf:RDF>" not in xmp:
        xmp = _EMPTY_XMP
    for name in _PROPERTIES:  # of an earlier restoration: a property may be there once only
        tag = b"Iptc4xmpExt:" + name.encode()
        xmp = re.sub(rb"\s" + tag + rb"=(\"[^\"]*\"|'[^']*')|<" + tag + rb">[^<]*</" + tag + rb">", b"", xmp)
    values = "".join(f' Iptc4xmpExt:{name}="{value}"' for name, value in _PROPERTIES.items())
    description = f'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{_NAMESPACE}"{values}/>'.encode()
    before, _, after = xmp.rpartition(b"</rdf:RDF>")
    return info | {"exif": exif.tobytes(), "xmp": before + description + b"</rdf:RDF>" + after}


class _RawText(str):
    """Text of EXIF as Pillow reads it, a letter for each byte: written as these bytes, not as ASCII and question marks."""

    def encode(self, encoding: str = "latin-1", errors: str = "strict") -> bytes:
        return super().encode("latin-1", errors)


def parse_exif(exif: bytes) -> Image.Exif:
    """Read EXIF so that its text, which by now is mostly UTF-8, is written again byte by byte."""
    parsed = Image.Exif()
    parsed.load(exif)
    for tags in (parsed, *(parsed.get_ifd(tag) for tag in _DIRECTORIES if tag in parsed)):
        _keep_text(tags)
    return parsed


def _keep_text(tags: MutableMapping[int, Any]) -> None:
    for tag in list(tags):
        if isinstance(text := tags[tag], str):
            tags[tag] = _RawText(text)  # bytes would become a tag of another type


def shorten_exif(exif: bytes, most: int) -> bytes:
    """Leave out the camera maker's notes and the comment, which are what makes EXIF long; all, if that is not enough."""
    kept = parse_exif(exif)
    for tag in (ExifTags.Base.MakerNote, ExifTags.Base.UserComment):
        kept.get_ifd(ExifTags.IFD.Exif).pop(tag, None)
    shorter = kept.tobytes()
    return shorter if len(shorter) <= most else b""


def _remaining_exif(image: Image.Image, turned: bool) -> bytes:
    """Copy what still holds of a file's EXIF; nothing where it is damaged, which is not worth losing a photo for."""
    with suppress(Exception), silence:
        exif = image.getexif()
        kept = Image.Exif()
        for tag in set(exif) & _KEPT_EXIF:
            kept[tag] = exif.get_ifd(tag) if tag in _DIRECTORIES else exif[tag]
        details = kept.get(ExifTags.IFD.Exif, {})
        details.pop(ExifTags.IFD.Interop, None)  # a place in the old file
        width, height = ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight
        if turned and {width, height} <= set(details):
            details[width], details[height] = details[height], details[width]
        for tags in (kept, *(kept[tag] for tag in _DIRECTORIES if tag in kept)):
            _keep_text(tags)
        if kept:
            return kept.tobytes()
    return b""


def _is_stored_as_rgb(image: JpegImagePlugin.JpegImageFile) -> bool:
    """Tell a JPEG of red, green and blue from one of brightness and colours, as nearly all are: libjpeg's own rules."""
    if image.mode != "RGB" or "jfif" in image.info:
        return False
    transform = image.info.get("adobe_transform")
    return transform == 0 if transform is not None else [component[0] for component in image.layer] == [*b"RGB"]


def _jpeg_coding(image: Image.Image, turned: bool) -> JpegCoding | None:
    """Read how coarsely a JPEG was stored, for it to be stored so again; None of another file."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    numbers = [component[3] for component in image.layer]
    if not set(numbers) <= set(image.quantization):  # they come later than Pillow looks
        return None
    if image.info.get("adobe_transform") == 2 and len(numbers) == 4:
        numbers = numbers[:1]  # of brightness, colours and black, which Pillow writes as four inks: none is as coarse as colours
    while len(numbers) > 1 and numbers[-1] == numbers[-2]:
        numbers.pop()  # Pillow takes the last for all that follow
    tables = [np.reshape(image.quantization[number], (8, 8)) for number in numbers]
    subsampling = JpegImagePlugin.get_sampling(image)
    if turned:
        tables = [table.T for table in tables]
        subsampling = 0 if subsampling == 1 else subsampling  # halved across only: Pillow cannot halve along only
    coding: JpegCoding = {
        "qtables": [[int(step) for step in table.ravel()] for table in tables],
        "subsampling": max(subsampling, 0),
    }
    if subsampling == 0 and _is_stored_as_rgb(image):
        coding["keep_rgb"] = True
    return coding
