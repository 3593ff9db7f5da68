"""What a file keeps on its way through: pixels, orientation, metadata, and how it was stored."""

import copy
import io
import pickle
import re
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import tifffile
from conftest import make_hole, make_photo
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageDraw, ImageOps
from PIL.TiffImagePlugin import IFDRational

from facemend import __version__, imaging
from facemend.errors import ImageError, MaskError, OutputError
from facemend.imaging import heic, writing
from facemend.imaging.metadata import shorten_exif

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RIGHTS = '<dc:rights xmlns:dc="http://purl.org/dc/elements/1.1/">mine</dc:rights>'
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description rdf:about="">{RIGHTS}</rdf:Description></rdf:RDF></x:xmpmeta>'
).encode()
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def restored(photo, hole=None, seed=1):
    """The photo with random colours pasted into a hole, as `Inpainter` returns it."""
    hole = make_hole(*photo.size) if hole is None else hole
    colors = np.random.default_rng(seed).integers(0, 256, (*hole.shape, 3), dtype=np.uint8)
    return imaging.paste(photo, colors, hole)


def samples(seed, channels=3, width=80, height=96):
    return np.random.default_rng(seed).integers(0, 65536, (height, width, channels), dtype=np.uint16)


def write_deep(path, pixels):
    """Write 16 bits per colour by another program than facemend."""
    if path.suffix == ".png":
        cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA))
    else:
        alpha = ["unassalpha"] if pixels.shape[2] == 4 else None
        tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=alpha)


def chunk(kind, content):
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


# --- sixteen bits per colour


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(16, 60), st.integers(16, 60)),
    channels=st.sampled_from([3, 4]),
    suffixes=st.tuples(st.sampled_from([".png", ".tif"]), st.sampled_from([".png", ".tif", ".tiff"])),
    seed=st.integers(0, 2**32),
)
def test_known_samples_of_sixteen_bits_stay_identical(tmp_path_factory, size, channels, suffixes, seed):
    folder = tmp_path_factory.mktemp("deep")
    (width, height), (source, target) = size, suffixes
    pixels = samples(seed, channels, width, height)
    write_deep(folder / f"in{source}", pixels)
    hole = np.random.default_rng(seed).random((height, width)) < 0.3
    imaging.save_image(restored(imaging.load_photo(folder / f"in{source}"), hole), folder / f"out{target}")
    read = cv2.cvtColor(
        cv2.imread(str(folder / f"out{target}"), cv2.IMREAD_UNCHANGED),
        cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGRA2RGBA,
    )
    assert read.dtype == np.uint16
    assert np.array_equal(read[~hole], pixels[~hole])
    assert (read[hole][:, :3] % 257 == 0).all()
    assert (read[hole][:, 3:] == 65535).all()
    if target != ".png":
        assert np.array_equal(tifffile.imread(folder / f"out{target}"), read)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bits_are_turned_upright(tmp_path, orientation, suffix):
    pixels = samples(orientation)
    stored = imaging.DeepPhoto(pixels)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored.info["exif"] = exif.tobytes()
    imaging.save_image(stored, tmp_path / f"in{suffix}")
    photo = imaging.load_photo(tmp_path / f"in{suffix}")
    for shift in (0, 8):  # Pillow turns each half of the bits
        half = Image.fromarray((pixels >> shift & 255).astype(np.uint8))
        half.getexif()[ExifTags.Base.Orientation] = orientation
        assert np.array_equal(photo.samples >> shift & 255, np.asarray(ImageOps.exif_transpose(half)))


@pytest.mark.parametrize("target", [".png", ".tif"])
def test_sixteen_bits_keep_their_metadata(tmp_path, target):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Scanner"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ISOSpeedRatings: 200}
    photo = imaging.DeepPhoto(samples(0))
    photo.info = {"icc_profile": PROFILE, "dpi": (300, 300), "exif": exif.tobytes(), "xmp": XMP}
    imaging.save_image(restored(photo), tmp_path / f"out{target}")
    read = imaging.load_photo(tmp_path / f"out{target}").info
    assert read["icc_profile"] == PROFILE
    assert read["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert RIGHTS.encode() in read["xmp"]
    kept = Image.open(tmp_path / f"out{target}").getexif()
    assert (kept[ExifTags.Base.Make], kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings]) == ("Scanner", 200)


def test_the_network_sees_sixteen_bits_rounded_to_eight(tmp_path):
    write_deep(tmp_path / "in.png", np.broadcast_to(np.array([[[257, 65535, 32896]]], np.uint16), (16, 16, 3)).copy())
    photo = imaging.load_photo(tmp_path / "in.png")
    assert imaging.to_rgb(photo)[3, 5].tolist() == [1, 255, 128]
    assert (photo.mode, imaging.file_mode(photo)) == ("RGB", "RGB;16")


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda photo: pickle.loads(pickle.dumps(photo))])
def test_copies_keep_sixteen_bits(duplicate):
    photo = imaging.DeepPhoto(samples(0))
    photo.info["dpi"] = (300, 300)
    copied = duplicate(photo)
    assert np.array_equal(copied.samples, photo.samples) and copied.info == photo.info
    assert copied.tobytes() == photo.tobytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda photo: photo.paste("red", (0, 0, 8, 8)),
        lambda photo: photo.putalpha(128),
        lambda photo: photo.putpixel((0, 0), (1, 2, 3)),
        lambda photo: photo.thumbnail((16, 16)),
        ImageDraw.Draw,
    ],
)
def test_sixteen_bits_are_not_changed_in_place_where_only_eight_would_be(change):
    photo = imaging.DeepPhoto(samples(0))
    before = photo.tobytes()
    with pytest.raises(ImageError, match=r"cannot be changed in place: change its `samples`"):
        change(photo)
    assert photo.tobytes() == before


@pytest.mark.parametrize("bits", [8, 16])
def test_in_a_tiff_that_does_not_say_so_zero_is_black(tmp_path, bits):
    grey = samples(0, 1)[:, :, 0] >> 16 - bits
    height, width = grey.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 273: 0, 277: 1, 278: height, 279: grey.size * bits // 8}
    tags[273] = 8 + 2 + 12 * len(tags) + 4  # the pixels come after the directory
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    start = b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4)
    (tmp_path / "in.tif").write_bytes(start + grey.astype(f"<u{bits // 8}").tobytes())
    assert np.array_equal(np.asarray(imaging.load_photo(tmp_path / "in.tif")), grey)
    assert np.array_equal(np.asarray(imaging.load_mask(tmp_path / "in.tif")), grey)


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png", ".webp"])
def test_masks_and_layouts_of_several_pictures_are_refused(tmp_path, suffix):
    path = tmp_path / f"several{suffix}"
    Image.new("L", (48, 32)).save(path, save_all=True, append_images=[Image.new("L", (48, 32), 255)])
    message = "(has several pages|is an animation): save the one that is meant as a file of its own"
    with pytest.raises(MaskError, match=message):
        imaging.load_mask(path)
    with pytest.raises(ImageError, match=message):
        imaging.load_layout(path)
    with pytest.raises(ImageError, match=message):
        imaging.decode_picture(path.read_bytes(), "mask")


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ".heic"])
def test_sixteen_bits_are_not_cut_in_silence(tmp_path, suffix):
    with pytest.raises(OutputError, match=r"RGB;16: take one of \.png, \.tif"):
        imaging.save_image(imaging.DeepPhoto(samples(0)), tmp_path / f"out{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("layout", [{"photometric": "separated"}, {"photometric": "rgb", "planarconfig": "separate"}])
def test_kinds_of_sixteen_bits_that_are_read_wholly_or_refused(tmp_path, layout):
    pixels = samples(0, 4 if layout["photometric"] == "separated" else 3)
    stored = pixels.transpose(2, 0, 1) if "planarconfig" in layout else pixels
    tifffile.imwrite(tmp_path / "in.tif", stored, **layout)
    try:
        photo = imaging.load_photo(tmp_path / "in.tif")
    except ImageError as error:
        assert "16 bits" in str(error)
    else:
        assert np.array_equal(photo.samples, pixels)


def test_sixteen_bits_that_cannot_be_read_are_told_what_is_in_the_way():
    planar, (_, png) = io.BytesIO(), cv2.imencode(".png", samples(0))
    tifffile.imwrite(planar, samples(0).transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    end = 33  # of signature and IHDR
    transparent = png.tobytes()[:end] + chunk(b"tRNS", bytes(6)) + png.tobytes()[end:]
    for data in (planar.getvalue(), transparent):
        with pytest.raises(
            ImageError, match="save it without a transparent colour and with interleaved channels, or with 8 bits"
        ):
            imaging.decode_photo(data, "photo")


@pytest.mark.parametrize(
    ("photometric", "channels", "kinds", "depth"),
    [
        ("rgb", 4, [0], np.uint8),
        ("rgb", 4, [0], np.uint16),
        ("rgb", 5, [2, 0], np.uint8),
        ("separated", 5, [0], np.uint8),
        ("minisblack", 2, [0], np.uint8),
    ],
)
def test_channels_beside_the_colours_are_not_lost_in_silence(tmp_path, photometric, channels, kinds, depth):
    tifffile.imwrite(tmp_path / "in.tif", samples(0, channels).astype(depth), photometric=photometric, extrasamples=kinds)
    with pytest.raises(ImageError, match="has more channels than its colours, 1 of which would be lost: save it without"):
        imaging.load_photo(tmp_path / "in.tif")


def test_colours_of_sixteen_bits_multiplied_by_their_alpha_are_told_so(tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", samples(0, 4), photometric="rgb", extrasamples=[1])
    with pytest.raises(ImageError, match="multiplied by its alpha: save it with straight alpha, or with 8 bits"):
        imaging.load_photo(tmp_path / "in.tif")


def test_grey_of_sixteen_bits_does_not_lose_its_transparent_colour_in_silence():
    source = io.BytesIO()
    make_photo("I;16").save(source, "PNG", transparency=3)
    with pytest.raises(ImageError, match="16-bit grey with a transparent colour: save it without one, or with 8 bits"):
        imaging.decode_photo(source.getvalue(), "photo")


def test_grey_whose_white_is_stored_as_zero_is_no_negative(tmp_path):
    grey = samples(0, 1)[:, :, 0]
    tifffile.imwrite(tmp_path / "in.tif", 65535 - grey, photometric="miniswhite")
    assert np.array_equal(np.asarray(imaging.load_photo(tmp_path / "in.tif")), grey)
    assert np.array_equal(imaging.read_hole(imaging.load_mask(tmp_path / "in.tif"), (80, 96)), grey >= 32768)


def test_grey_of_twelve_bits_is_not_taken_for_black(tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", samples(0, 1)[:, :, 0], photometric="minisblack")
    bits = struct.pack("<HHIH", 258, 3, 1, 16), struct.pack("<HHIH", 258, 3, 1, 12)
    (tmp_path / "in.tif").write_bytes((tmp_path / "in.tif").read_bytes().replace(*bits))
    for load, kind in ((imaging.load_photo, ImageError), (imaging.load_mask, MaskError)):
        with pytest.raises(kind, match="12 bits"):
            load(tmp_path / "in.tif")


# --- JPEG


@pytest.fixture
def jpeg(tmp_path):
    astronaut = pytest.importorskip("skimage.data").astronaut()[:240, 100:340]

    def write(**options):
        Image.fromarray(astronaut).save(tmp_path / "in.jpg", **options)
        return tmp_path / "in.jpg"

    return write


def known_change(before, after):
    """Mean change of the known pixels, in grey levels; blocks that the hole touches are left aside."""
    known = ~cv2.dilate(make_hole(240, 240).astype(np.uint8), np.ones((33, 33), np.uint8)).astype(bool)
    return np.abs(np.asarray(Image.open(before)).astype(int) - np.asarray(Image.open(after)))[known].mean()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [60, 90])
def test_jpeg_is_stored_as_coarsely_as_before(tmp_path, jpeg, quality, subsampling):
    source = jpeg(quality=quality, subsampling=subsampling)
    result = restored(imaging.load_photo(source))
    imaging.save_image(result, tmp_path / "out.jpg")
    assert Image.open(tmp_path / "out.jpg").quantization == Image.open(source).quantization
    change = known_change(source, tmp_path / "out.jpg")
    assert change < 0.3
    imaging.save_image(result, tmp_path / "finer.jpg", quality=95)
    assert change < known_change(source, tmp_path / "finer.jpg") / 2


@pytest.mark.parametrize("quality", [75, 95])
def test_a_jpeg_of_red_green_and_blue_stays_one(tmp_path, jpeg, quality):
    source = jpeg(quality=quality, keep_rgb=True)
    imaging.save_image(restored(imaging.load_photo(source)), tmp_path / "out.jpg")
    assert known_change(source, tmp_path / "out.jpg") < 0.3


@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_jpeg_whose_components_are_only_called_so_stays_as_it_was(tmp_path, jpeg, subsampling):
    source = jpeg(quality=75, subsampling=subsampling)
    content, size = source.read_bytes(), b"\x22" if subsampling else b"\x11"
    for numbered, lettered in (
        (b"\x01" + size + b"\x00\x02\x11\x01\x03\x11\x01", b"R" + size + b"\x00G\x11\x01B\x11\x01"),  # of the frame
        (b"\x03\x01\x00\x02\x11\x03\x11", b"\x03R\x00G\x11B\x11"),  # of the scan
    ):
        assert content.count(numbered) == 1
        content = content.replace(numbered, lettered)
    source.write_bytes(content)
    imaging.save_image(restored(imaging.load_photo(source)), tmp_path / "out.jpg")
    assert known_change(source, tmp_path / "out.jpg") < 0.3


def test_a_turned_jpeg_is_stored_as_coarsely_as_before(tmp_path, jpeg):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    skewed = [[1 + row * 9 + column for row in range(8) for column in range(8)]] * 2
    source = jpeg(qtables=skewed, subsampling=0, exif=exif)
    imaging.save_image(restored(imaging.load_photo(source)), tmp_path / "out.jpg")
    ImageOps.exif_transpose(Image.open(source)).save(tmp_path / "upright.png")
    assert known_change(tmp_path / "upright.png", tmp_path / "out.jpg") < 0.3


def ink_jpeg(astronaut, transform):
    """A CMYK JPEG, coarse in the middle two of its channels: 0 has four inks, 2 brightness, two of colour, and black."""
    stored = io.BytesIO()
    fine, coarse = [4] * 64, [60] * 64
    astronaut.convert("CMYK").save(stored, "JPEG", qtables=[fine, coarse, coarse, fine], subsampling=0)
    adobe = stored.getvalue().index(b"Adobe") + 11
    return stored.getvalue()[:adobe] + bytes([transform]) + stored.getvalue()[adobe + 1 :]


def test_inks_stored_as_brightness_and_colours_are_not_stored_as_coarsely_as_colours(jpeg):
    source = ink_jpeg(Image.open(jpeg()), transform=2)
    photo = imaging.decode_photo(source, "photo")
    stored = Image.open(io.BytesIO(imaging.encode_image(photo, ".jpg")))
    assert np.abs(np.asarray(stored).astype(int) - np.asarray(photo)).mean((0, 1)).max() < 1


def test_inks_keep_their_own_quantisation_tables(jpeg):
    source = ink_jpeg(Image.open(jpeg()), transform=0)
    stored = imaging.encode_image(imaging.decode_photo(source, "photo"), ".jpg")
    tables = [Image.open(io.BytesIO(data)).quantization for data in (source, stored)]
    assert tables[0] == tables[1]


# --- quality


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".heic"])
def test_quality_is_a_matter_of_size(suffix):
    photo = Image.fromarray(cv2.GaussianBlur(np.asarray(make_photo()), (0, 0), 1.5))
    small, large = (len(imaging.encode_image(photo, suffix, quality=quality)) for quality in (20, 90))
    assert small < large


@pytest.mark.parametrize(
    ("suffix", "quality", "words"),
    [
        (".png", 80, "PNG has no quality"),
        (".tif", 80, "TIFF has no quality"),
        (".jpg", 0, "1 to 100"),
        (".webp", 101, "1 to 100"),
    ],
)
def test_quality_that_cannot_be(suffix, quality, words):
    with pytest.raises(OutputError, match=words):
        imaging.encode_image(make_photo(), suffix, quality=quality)


def test_formats_that_keep_pixels_are_told_from_those_that_do_not(tmp_path):
    keeping = [
        suffix for suffix in (".png", ".tif", ".webp", ".bmp", ".jpg", ".heic") if imaging.keeps_pixels(tmp_path / f"a{suffix}")
    ]
    for suffix in (".png", ".tif", ".webp", ".bmp", ".jpg", ".heic"):
        read = imaging.decode_photo(imaging.encode_image(make_photo(), suffix), f"a{suffix}")
        assert np.array_equal(np.asarray(read), np.asarray(make_photo())) == (suffix in keeping)
    assert not imaging.keeps_pixels(tmp_path / "a.webp", quality=80)


# --- memory


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp", ".jpg", ".heic"])
def test_memory_and_disk_are_the_same(tmp_path, suffix):
    photo = restored(make_photo())
    imaging.save_image(photo, tmp_path / f"a{suffix}")
    assert imaging.encode_image(photo, suffix) == (tmp_path / f"a{suffix}").read_bytes()
    from_disk, from_memory = (
        imaging.load_photo(tmp_path / f"a{suffix}"),
        imaging.decode_photo((tmp_path / f"a{suffix}").read_bytes(), "upload"),
    )
    assert np.array_equal(np.asarray(from_disk), np.asarray(from_memory))
    assert from_disk.info == from_memory.info


def test_memory_is_checked_as_files_are(monkeypatch):
    data = imaging.encode_image(make_photo(), ".png")
    for content, words in [(b"", "upload: is not an image"), (data[:3000], "upload: .* truncated")]:
        with pytest.raises(ImageError, match=words):
            imaging.decode_photo(content, "upload")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match="upload: has more than 2,000 pixels"):
        imaging.decode_photo(data, "upload")


# --- metadata


def holding(suffix, **metadata):
    encoded = io.BytesIO(imaging.encode_image(make_photo(), suffix))
    image = imaging.decode_photo(encoded.getvalue(), "photo")
    image.info |= metadata
    return image


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".heic"])
def test_xmp_is_kept(suffix):
    kept = imaging.decode_photo(imaging.encode_image(holding(suffix, xmp=XMP), suffix), "photo")
    assert kept.info["xmp"] == XMP


def test_xmp_too_large_for_a_jpeg_does_not_cost_the_photo():
    photo = restored(holding(".jpg", xmp=XMP.replace(b"mine", b"mine" * 20_000)))
    assert SOURCE_TYPE.encode() in imaging.decode_photo(imaging.encode_image(photo, ".jpg"), "photo").info["xmp"]


ABOUT_OTHER_PICTURES = {
    "thumbnail": "<xmp:Thumbnails><rdf:Alt><rdf:li><g:image>OLD</g:image></rdf:li></rdf:Alt></xmp:Thumbnails>",
    "gain map": "<hdrgm:GainMapMax><rdf:Seq><rdf:li>OLD</rdf:li></rdf:Seq></hdrgm:GainMapMax><hdrgm:Gamma>OLD</hdrgm:Gamma>",
    "directory": "<Container:Directory><rdf:Seq><rdf:li><Container:Item g:a='OLD'/></rdf:li></rdf:Seq></Container:Directory>",
    "attributes": "<rdf:Description hdrgm:Version='OLD' Camera:MotionPhoto=\"OLD\"\n xmpNote:HasExtendedXMP='OLD'/>",
    "alone": "<hdrgm:Old rdf:resource='OLD' />",
}


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("said", ABOUT_OTHER_PICTURES.values(), ids=ABOUT_OTHER_PICTURES)
def test_xmp_loses_the_old_face_and_what_it_says_of_pictures_that_are_not_written(suffix, said):
    prefixes = "".join(f' xmlns:{each}="about:{each}"' for each in ("xmp", "g", "hdrgm", "Container", "Camera", "xmpNote"))
    xmp = XMP.replace(b"<dc:rights", said.encode() + b"<dc:rights").replace(b' rdf:about=""', prefixes.encode())
    kept = imaging.decode_photo(imaging.encode_image(holding(suffix, xmp=xmp), suffix), "photo").info["xmp"]
    assert b"OLD" not in kept
    assert "mine" in [node.text for node in ElementTree.fromstring(kept).iter()]


@pytest.mark.parametrize("broken", [b"<xmp:Thumbnails>", b"<xmp:Thumbnails", b" hdrgm:a='", b"<hdrgm:a><hdrgm:b>", b"</hdrgm:a>"])
def test_xmp_that_is_no_xml_costs_neither_time_nor_the_photo(broken):
    xmp = broken * 100_000
    photo = imaging.decode_photo(imaging.encode_image(holding(".png", xmp=xmp), ".png"), "photo")
    assert set(photo.info["xmp"]) <= set(xmp)


def test_exif_too_large_for_a_jpeg_loses_the_cameras_own_notes():
    source, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Make] = "Nikon"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.MakerNote: bytes(65_440), ExifTags.Base.ISOSpeedRatings: 400}
    make_photo().save(source, "JPEG", exif=exif)
    photo = restored(imaging.decode_photo(source.getvalue(), "photo"))
    kept = imaging.decode_photo(imaging.encode_image(photo, ".jpg"), "photo").getexif()
    details = kept.get_ifd(ExifTags.IFD.Exif)
    assert (kept[ExifTags.Base.Make], details[ExifTags.Base.ISOSpeedRatings]) == ("Nikon", 400)
    assert ExifTags.Base.MakerNote not in details
    exif[ExifTags.Base.ImageDescription] = "A long story. " * 5_000
    photo.info["exif"] = exif.tobytes()
    assert not imaging.decode_photo(imaging.encode_image(photo, ".jpg", provenance=False), "photo").getexif()


@pytest.mark.parametrize(
    ("image", "suffix"),
    [(make_photo(), suffix) for suffix in (".jpg", ".png", ".webp", ".tif", ".heic")]
    + [(imaging.DeepPhoto(samples(0)), suffix) for suffix in (".png", ".tif")],
)
def test_names_that_are_not_ascii_keep_every_byte(image, suffix):
    artist, lens = "Jürgen Müller, Łódź".encode(), "für Großaufnahmen".encode("latin-1")
    exif, source = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Artist] = "x" * len(artist)  # Pillow itself would write "?"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.LensModel: "y" * len(lens)}
    told = exif.tobytes().replace(b"x" * len(artist), artist).replace(b"y" * len(lens), lens)
    make_photo().save(source, "JPEG", exif=told)
    read = imaging.decode_photo(source.getvalue(), "photo").info["exif"]
    photo = image.copy()
    photo.info = {"exif": shorten_exif(read, most=10_000)}
    written = imaging.encode_image(restored(photo), suffix)
    assert artist + b"\0" in written
    assert lens + b"\0" in written
    again = Image.open(io.BytesIO(written)).getexif().get_ifd(ExifTags.IFD.Exif)
    assert again[ExifTags.Base.LensModel] == lens.decode("latin-1")  # text still, no row of numbers


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".heic"])
def test_what_an_archive_or_windows_notes_in_exif_is_kept(suffix):
    exif, source, base = Image.Exif(), io.BytesIO(), ExifTags.Base
    notes = dict.fromkeys((base.DocumentName, base.PageName, base.HostComputer), "INV-1932/17") | {
        base.Rating: 5,
        base.RatingPercent: 99,
    }
    windows = (base.XPTitle, base.XPComment, base.XPAuthor, base.XPKeywords, base.XPSubject)
    notes |= dict.fromkeys(windows, "Großmutter\0".encode("utf-16-le"))
    exif.update(notes)
    make_photo().save(source, "JPEG", exif=exif)
    result = restored(imaging.decode_photo(source.getvalue(), "photo"))
    kept = Image.open(io.BytesIO(imaging.encode_image(result, suffix))).getexif()
    assert {tag: kept.get(tag) for tag in notes} == notes


def test_a_turned_photo_says_so_nowhere():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ExifImageWidth: 80, ExifTags.Base.ExifImageHeight: 96}
    source = io.BytesIO()
    turned = XMP.replace(b"<dc:rights", b"<tiff:Orientation>6</tiff:Orientation><dc:rights")
    make_photo().save(source, "JPEG", exif=exif, xmp=turned, dpi=(200, 100))
    read = Image.open(io.BytesIO(imaging.encode_image(imaging.decode_photo(source.getvalue(), "photo"), ".jpg")))
    details = read.getexif().get_ifd(ExifTags.IFD.Exif)
    assert read.size == (details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight]) == (96, 80)
    assert b"<tiff:Orientation>1<" in read.info["xmp"]
    assert read.info["dpi"] == (100, 200)


def test_a_png_whose_exif_comes_after_its_pixels_is_turned_and_keeps_it():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = 6, "Camera"
    data, end = imaging.encode_image(make_photo(), ".png"), chunk(b"IEND", b"")
    late = data.removesuffix(end) + chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) + end
    photo = imaging.decode_photo(late, "photo")
    assert np.array_equal(np.asarray(photo), np.asarray(make_photo().transpose(Image.Transpose.ROTATE_270)))
    assert np.array_equal(np.asarray(imaging.decode_picture(late, "mask")), np.asarray(photo))
    assert Image.open(io.BytesIO(imaging.encode_image(photo, ".png"))).getexif()[ExifTags.Base.Make] == "Camera"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_what_xmp_alone_says_turns_no_photo(suffix):
    """No browser or viewer turns it either, and there the mask was drawn."""
    turned = XMP.replace(b"<dc:rights", b"<tiff:Orientation>6</tiff:Orientation><dc:rights")
    read = imaging.decode_photo(imaging.encode_image(holding(suffix, xmp=turned), suffix), "photo")
    assert (read.size, read.info["xmp"]) == (make_photo().size, turned)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".heic"])
def test_a_restored_photo_says_so(suffix):
    photo = restored(holding(suffix, xmp=XMP))
    said = Image.open(io.BytesIO(imaging.encode_image(photo, suffix)))
    assert said.getexif()[ExifTags.Base.Software] == f"facemend {__version__}"
    packet = ElementTree.fromstring(said.info["xmp"])
    assert SOURCE_TYPE in [node.get(f"{{{IPTC}}}DigitalSourceType") for node in packet.iter()]
    assert "mine" in [node.text for node in packet.iter()]
    silent = Image.open(io.BytesIO(imaging.encode_image(photo, suffix, provenance=False)))
    assert ExifTags.Base.Software not in silent.getexif()
    assert silent.info["xmp"] == XMP


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".heic", ".bmp"])
def test_a_photo_that_pillow_opened_says_so_too(suffix):
    photo = Image.open(io.BytesIO(imaging.encode_image(make_photo(), suffix)))
    said = imaging.encode_image(restored(imaging.check_photo(photo)), suffix)
    assert (b"facemend" in said) == (suffix != ".bmp")


@pytest.mark.parametrize("resolution", [IFDRational(0, 0), IFDRational(0, 1), IFDRational(2**31, 1)])
def test_a_resolution_that_cannot_be_does_not_cost_the_photo(resolution):
    source = io.BytesIO()
    make_photo().save(source, "TIFF", tiffinfo={282: resolution, 283: resolution, 296: 2})
    photo = imaging.decode_photo(source.getvalue(), "photo")
    for suffix in (".jpg", ".png", ".tif", ".bmp"):
        assert imaging.encode_image(photo, suffix)


@settings(max_examples=40, deadline=None)
@given(
    suffix=st.sampled_from([".jpg", ".png", ".tif", ".webp", ".heic", ".bmp"]),
    changes=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_damaged_file_is_refused_or_a_photo_that_can_be_written(suffix, changes):
    exif = Image.Exif()
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ISOSpeedRatings: 200}
    data = bytearray(imaging.encode_image(holding(suffix, xmp=XMP, dpi=(300, 300), exif=exif.tobytes()), suffix))
    for place, value in changes:
        data[place] = value
    try:
        photo = imaging.decode_photo(bytes(data), "upload")
    except ImageError as error:
        assert str(error).startswith("upload: ")
    else:
        for target in (".jpg", ".png", ".tif", ".webp"):
            if photo.mode in writing.FORMATS[target].modes:
                assert imaging.encode_image(restored(photo), target)


def test_a_mask_claims_no_restoration():
    assert b"facemend" not in imaging.encode_image(imaging.mask_picture(make_hole()), ".png")


def test_a_photo_restored_twice_says_so_once():
    once = imaging.decode_photo(imaging.encode_image(restored(make_photo()), ".png"), "photo")
    twice = imaging.decode_photo(imaging.encode_image(restored(once), ".png"), "photo")
    assert twice.info["xmp"].count(b"DigitalSourceType") == 1
    assert twice.info["xmp"].count(b"AISystemUsed") == 1


def test_an_older_word_on_where_the_picture_is_from_is_replaced():
    photo = make_photo()
    photo.info["xmp"] = re.sub(
        b"<dc:rights", b"<Iptc4xmpExt:DigitalSourceType>film</Iptc4xmpExt:DigitalSourceType><dc:rights", XMP
    )
    said = imaging.decode_photo(imaging.encode_image(restored(photo), ".png"), "photo").info["xmp"]
    assert b"film" not in said
    assert said.count(b"DigitalSourceType") == 1


# --- several pictures in a file


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
def test_an_animation_is_refused(tmp_path, suffix):
    make_photo().save(tmp_path / f"a{suffix}", save_all=True, append_images=[make_photo(seed=1)])
    with pytest.raises(ImageError, match="is an animation"):
        imaging.load_photo(tmp_path / f"a{suffix}")


def test_heic_of_several_pictures_is_refused(tmp_path):
    heic.teach_pillow_heic("photo", ImageError)
    make_photo().save(tmp_path / "two.heic", save_all=True, append_images=[make_photo(seed=1)])
    with pytest.raises(ImageError, match="has several pictures: save the one"):
        imaging.load_photo(tmp_path / "two.heic")


def test_heic_with_a_preview_is_a_photo(tmp_path):
    heic.teach_pillow_heic("photo", ImageError)
    make_photo(width=640, height=800).save(tmp_path / "one.heic", thumbnails=[256])
    assert Image.open(tmp_path / "one.heic").info["thumbnails"] == [256]
    assert imaging.load_photo(tmp_path / "one.heic").size == (640, 800)


def test_a_still_gif_is_a_photo(tmp_path):
    make_photo("P").save(tmp_path / "a.gif")
    assert np.array_equal(np.asarray(imaging.load_photo(tmp_path / "a.gif")), np.asarray(make_photo("P").convert("RGB")))


def write_pages(path, *sizes, flag=0):
    """A TIFF of several pages; `flag` is tag 254 of all but the first."""
    with tifffile.TiffWriter(path) as file:
        for number, (width, height) in enumerate(sizes):
            page = np.asarray(make_photo(width=width, height=height))
            file.write(page, photometric="rgb", subfiletype=flag if number else 0, metadata=None)


@pytest.mark.parametrize("sizes", [[(80, 96)], [(96, 80)], [(60, 72)], [(40, 48), (90, 100)], [(2, 2)] * 9])
def test_pages_are_refused(tmp_path, monkeypatch, sizes):
    monkeypatch.setattr("PIL.TiffImagePlugin.TiffImageFile.n_frames", property(lambda image: 1 / 0))  # takes long
    write_pages(tmp_path / "pages.tif", (80, 96), *sizes)
    with pytest.raises(ImageError, match="has several pages: save"):
        imaging.load_photo(tmp_path / "pages.tif")


@pytest.mark.parametrize(("sizes", "flag"), [([(40, 48), (20, 24)], 0), ([(60, 72)], 1)])
def test_previews_are_passed_over(tmp_path, sizes, flag):
    write_pages(tmp_path / "preview.tif", (80, 96), *sizes, flag=flag)
    assert np.array_equal(np.asarray(imaging.load_photo(tmp_path / "preview.tif")), np.asarray(make_photo()))


def test_a_photo_does_not_take_the_profile_of_its_preview(tmp_path):
    for name in ("alone.tif", "preview.tif"):
        write_pages(tmp_path / name, (80, 96))
    tifffile.imwrite(tmp_path / "preview.tif", np.asarray(make_photo(width=40, height=48)), append=True, iccprofile=PROFILE)
    assert imaging.load_photo(tmp_path / "preview.tif").info == imaging.load_photo(tmp_path / "alone.tif").info


def test_a_raw_photo_is_not_taken_for_its_preview(tmp_path):
    make_photo().save(tmp_path / "raw.dng", "TIFF", tiffinfo={254: 1})
    with pytest.raises(ImageError, match="develop it"):
        imaging.load_photo(tmp_path / "raw.dng")


def test_heic_without_its_extra_says_what_to_install(tmp_path, monkeypatch):
    imaging.save_image(make_photo(), tmp_path / "a.heic")
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r'pip install .* "\.\[heic\]"'):
        imaging.load_photo(tmp_path / "a.heic")
    with pytest.raises(OutputError, match=r'pip install .* "\.\[heic\]"'):
        imaging.check_output(tmp_path / "b.heic", "RGB", overwrite=False)


# --- the page


def documented():
    """The rows of the table in docs/formats.md, by the name of the format."""
    page = (Path(__file__).parent.parent / "docs" / "formats.md").read_text(encoding="utf-8")
    table = page[: page.index("\n\nGIF")].splitlines()
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table if line.startswith("|")]
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_the_page_names_every_format_that_is_written():
    suffixes = [suffix.strip("` ") for row in documented().values() for suffix in row["suffix"].split(",")]
    assert sorted(suffixes) == sorted(writing.FORMATS)


@pytest.mark.parametrize("row", documented().values(), ids=documented())
def test_the_page_says_what_a_format_keeps(row):
    suffix = row["suffix"].split(",")[0].strip("`")
    assert row["modes"] == ", ".join(writing.FORMATS[suffix].modes)
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    photo = make_photo()
    photo.info = {"exif": exif.tobytes(), "xmp": XMP, "icc_profile": PROFILE, "dpi": (300, 300)}
    read = imaging.decode_photo(imaging.encode_image(photo, suffix), "photo")
    assert (row["known pixels"] == "identical") == np.array_equal(np.asarray(read), np.asarray(photo))
    for name, key in {"EXIF": "exif", "XMP": "xmp", "ICC": "icc_profile", "DPI": "dpi"}.items():
        assert row[name] == ("kept" if key in read.info else "no place"), name
    assert read.info.get("dpi", (300, 300)) == pytest.approx((300, 300), abs=0.1)
