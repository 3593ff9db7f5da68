"""Photos, masks and layouts are read and written as by Python."""

import io
import struct

import cv2
import numpy as np
import pytest
from conftest import make_photo
from PIL import ExifTags, Image, ImageCms
from serving import encoded
from skimage import data

from facemend.imaging import LAYOUT_COLORS, decode_photo, jpeg_coding, read_hole
from facemend.photo.compression import match_compression

from .page import soft_face
from .twins import picture, run


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_webp_is_turned_upright_as_in_python(modules, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = encoded(make_photo(width=40, height=24), "WEBP", lossless=True, exif=exif)
    script = """const { readPhoto } = await load('photos');
      const { rgba, width, height } = await readPhoto({ file: new Blob([given.file]), patches: [] });
      return [width, height, rgba];"""
    width, height, rgba = run(modules, script, file=np.frombuffer(file, np.uint8))
    there = decode_photo(file, "photo.webp")
    assert (width, height) == there.size
    assert (rgba.reshape(height, width, 4)[..., :3] == np.asarray(there.convert("RGB"))).all()


def with_metadata(modules, **told):
    """A PNG file as it is written for a photo whose JPEG file tells so much."""
    files = encoded(soft_face(0), "JPEG", **told), encoded(soft_face(0), "PNG")
    photo, written = (np.frombuffer(file, np.uint8) for file in files)
    body = """
      const { copyMetadata } = await load('metadata');
      const copied = await copyMetadata(new Blob([given.photo]), new Blob([given.written], { type: 'image/png' }));
      return new Uint8Array(await copied.arrayBuffer());"""
    return run(modules, body, photo=photo, written=written).tobytes()


@pytest.mark.parametrize(("colors", "is_kept"), [(b"RGB ", True), (b"GRAY", False), (b"CMYK", False)])
def test_a_profile_is_kept_for_the_colors_it_is_about(modules, colors, is_kept):
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = colors
    copied = Image.open(io.BytesIO(with_metadata(modules, icc_profile=bytes(profile))))
    assert copied.info.get("icc_profile") == (bytes(profile) if is_kept else None)


@pytest.mark.parametrize(("mark", "order"), [(b"II*\0", "<"), (b"MM\0*", ">")], ids=["little endian", "big endian"])
def test_the_thumbnail_of_the_old_face_is_left_out(modules, mark, order):
    thumbnail = b"the old face"
    first = struct.pack(order + "HHHIHHI", 1, ExifTags.Base.Orientation, 3, 1, 6, 0, 26)
    second = struct.pack(order + "HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    exif = b"Exif\0\0" + mark + struct.pack(order + "I", 8) + first + second + thumbnail
    copied = with_metadata(modules, exif=exif)
    kept = Image.open(io.BytesIO(copied)).getexif()
    assert (kept[ExifTags.Base.Orientation], dict(kept.get_ifd(ExifTags.IFD.IFD1))) == (1, {})
    assert thumbnail not in copied


def test_transparency_is_not_written_as_black(modules):
    refused = """const { writePhoto } = await load('photos');
      const photo = { rgba: new Uint8ClampedArray(1024).fill(254), width: 16, height: 16 };
      return writePhoto(photo, new Blob(), 'jpeg').catch(({ code, message }) => [code, message]);"""
    assert run(modules, refused) == ["format", "JPEG holds no transparency: take PNG or WebP"]


def test_a_photo_read_in_bands_is_the_one_read_at_once(modules):
    photo = np.frombuffer(encoded(make_photo("RGBA", width=90, height=70)), np.uint8)
    script = """const { rgbaOf } = await import('/js/pixels.js');
      const bitmap = await createImageBitmap(new Blob([given.photo]));
      return [rgbaOf(bitmap), rgbaOf(bitmap, 1000), rgbaOf(bitmap, 1)];"""
    whole, bands, rows = run(modules, script, photo=photo)
    assert len(whole) == 90 * 70 * 4
    assert (whole == bands).all()
    assert (whole == rows).all()


def test_a_photo_too_large_for_a_canvas_is_not_written_blank(modules):
    refused = """const { writePhoto } = await load('photos');
      const { prototype } = OffscreenCanvasRenderingContext2D;
      const { getImageData } = prototype;
      prototype.getImageData = (left, top, width, height) => new ImageData(width, height);
      const photo = { rgba: new Uint8ClampedArray(1024).fill(255), width: 16, height: 16 };
      const told = await writePhoto(photo, new Blob(), 'webp').catch(({ code, message }) => [code, message]);
      Object.assign(prototype, { getImageData });
      return told;"""
    assert run(modules, refused) == ["format", "this browser cannot write so large a photo as image/webp: take PNG"]


@pytest.mark.parametrize("size", [(40, 30), (33, 25), (17, 12), (140, 105)], ids=["smaller", "odd", "tiny", "larger"])
def test_a_mask_of_another_size_touches_pythons_pixels(modules, size):
    mask = Image.fromarray(((np.random.default_rng(0).random((75, 100)) < 0.01) * 255).astype(np.uint8))
    script = """const { readMask } = await import('/js/pixels.js');
      return readMask(new Blob([given.file]), { width: given.size[0], height: given.size[1] });"""
    here = run(modules, script, file=np.frombuffer(encoded(mask), np.uint8), size=list(size))
    assert (here.reshape(size[::-1]) == 255 * read_hole(mask, size)).all()


def test_a_layout_is_read_though_the_browser_adds_noise_to_colors(modules):
    ids = np.arange(len(LAYOUT_COLORS), dtype=np.uint8)
    colors = np.array([*LAYOUT_COLORS.values(), (255, 255, 255)], np.uint8)
    noisy = np.clip(colors + np.random.default_rng(0).integers(-3, 4, (16, *colors.shape)), 0, 255).astype(np.uint8)
    legend = [{"id": i, "color": list(color)} for i, color in enumerate(LAYOUT_COLORS.values())]
    script = """const { readLayout } = await import('/js/pixels.js');
      const layout = new Blob([given.file]);
      const refused = await readLayout(layout, given.legend, { width: 16, height: given.width }).catch(({ message }) => message);
      return [refused, await readLayout(layout, given.legend, { width: given.width, height: 16 })];"""
    file = np.frombuffer(encoded(Image.fromarray(noisy)), np.uint8)
    refused, here = run(modules, script, file=file, legend=legend, width=len(colors))
    assert refused == f"the layout is {len(colors)}x16 pixels, the photo 16x{len(colors)}"
    assert (here.reshape(16, -1) == [*ids, 0]).all()  # what is near no class's colour is background


@pytest.mark.parametrize(
    ("mode", "subsampling", "orientation"), [("RGB", "4:2:0", 1), ("RGB", "4:2:2", 1), ("RGB", "4:4:4", 6), ("L", None, 1)]
)
def test_what_is_painted_into_a_jpeg_gets_its_squares(modules, mode, subsampling, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    Image.fromarray(data.astronaut()[:208, 60:331]).convert(mode).save(
        file, "JPEG", quality=25, subsampling=subsampling or -1, exif=exif
    )
    image = decode_photo(file.getvalue(), "photo.jpg")
    photo = np.asarray(image.convert("RGB"))
    hole = np.zeros(photo.shape[:2], bool)
    hole[60:120, 80:150] = hole[-6:, -30:] = True
    painted = np.where(hole[..., None], cv2.GaussianBlur(photo, (0, 0), 3), photo)
    script = f"""const [coding, {{ matchCompression }}] = [await load('coding'), await load('compression')];
      const stored = await coding.readCoding(new Blob([given.file]));
      return matchCompression({picture("painted")}, {picture("photo")}, {picture("hole")}, stored).data;"""
    stored = run(modules, script, painted=painted, photo=photo, hole=hole, file=np.frombuffer(file.getvalue(), np.uint8))
    stored = stored.reshape(photo.shape).astype(int)
    expected = match_compression(painted, photo, hole, jpeg_coding(image), mode)
    assert (expected != painted).any()
    assert (stored[~hole] == photo[~hole]).all()
    assert (stored != expected)[hole].mean() < 0.1  # where a wave lies half-way between two steps
    assert np.abs(stored - expected)[hole].mean() < 0.2


def test_a_jpegs_tables_are_those_of_its_components_however_numbered(modules):
    stored = io.BytesIO()
    Image.fromarray(data.astronaut()).save(stored, "JPEG", quality=25, subsampling=2)
    renumbered = stored.getvalue()
    for ours, theirs in (
        (b"\xff\xdb\0\x43\0", b"\xff\xdb\0\x43\3"),
        (b"\xff\xdb\0\x43\1", b"\xff\xdb\0\x43\0"),
        (b"\1\x22\0\2\x11\1\3\x11\1", b"\1\x22\3\2\x11\0\3\x11\0"),
    ):
        assert renumbered.count(ours) == 1
        renumbered = renumbered.replace(ours, theirs)
    files = {name: np.frombuffer(file, np.uint8) for name, file in (("usual", stored.getvalue()), ("other", renumbered))}
    script = """const { readCoding } = await load('coding');
      const [usual, other] = [await readCoding(new Blob([given.usual])), await readCoding(new Blob([given.other]))];
      return [...usual.tables.flat(), ...other.tables.flat()];"""
    usual, other = np.split(np.array(run(modules, script, **files)), 2)
    assert (usual == other).all()
    assert jpeg_coding(Image.open(stored)) == jpeg_coding(Image.open(io.BytesIO(renumbered)))


@pytest.mark.parametrize("ids", [b"RGB", b"\1\2\3"])
def test_a_jpeg_of_red_green_and_blue_is_known_by_adobes_word_however_its_components_are_called(modules, ids):
    file = io.BytesIO()
    Image.fromarray(data.astronaut()).save(file, "JPEG", keep_rgb=True)
    stored = file.getvalue()
    for header in (b"R\x11\0G\x11\0B\x11\0", b"\3R\0G\0B\0"):  # the frame's, and the scan's
        assert stored.count(header) == 1
        stored = stored.replace(header, header.translate(bytes.maketrans(b"RGB", ids)))
    assert jpeg_coding(decode_photo(stored, "photo.jpg"))["keep_rgb"]
    script = "return [Number((await (await load('coding')).readCoding(new Blob([given.file]))) === null)];"
    assert run(modules, script, file=np.frombuffer(stored, np.uint8)) == [1]
