import struct
import warnings
from threading import Event, Thread

import numpy as np
import pytest
from conftest import make_hole, make_photo, mask_image
from cv2.utils import logging
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageFilter
from skimage.data import astronaut

from facemend import imaging
from facemend.errors import ImageError, MaskError, OutputError
from facemend.imaging import writing

ALL_MODES = ("1", "L", "LA", "RGB", "RGBA", "CMYK", "P", "PA", "I;16")


def painted(image, hole, seed=1):
    """The photo as facemend sees it, and the same with random colours pasted into the hole."""
    photo = imaging.check_photo(image)
    colors = np.random.default_rng(seed).integers(0, 256, (*hole.shape, 3), dtype=np.uint8)
    return photo, imaging.paste(photo, colors, hole), colors


@settings(max_examples=80, deadline=None)
@given(
    mode=st.sampled_from(ALL_MODES),
    width=st.integers(16, 70),
    height=st.integers(16, 70),
    seed=st.integers(0, 2**32),
)
def test_known_pixels_are_identical_in_every_mode_and_size(mode, width, height, seed):
    hole = np.random.default_rng(seed).random((height, width)) < 0.3
    image = make_photo(mode, width, height, seed)
    photo, result, _ = painted(image, hole)
    assert result.size == image.size
    assert result.mode == photo.mode
    assert np.array_equal(np.asarray(result)[~hole], np.asarray(photo)[~hole])
    same_colors = np.asarray(image.convert(photo.mode)) if mode != "I;16" else np.asarray(image)
    assert np.array_equal(np.asarray(photo), same_colors)


@pytest.mark.parametrize(
    ("mode", "settled"),
    [("1", "L"), ("L", "L"), ("LA", "LA"), ("P", "RGB"), ("PA", "RGBA"), ("RGBA", "RGBA"), ("CMYK", "CMYK"), ("I;16", "I;16")],
)
def test_modes_stay_in_their_family(mode, settled):
    assert imaging.check_photo(make_photo(mode)).mode == settled


def test_colors_arrive_in_the_hole():
    hole = make_hole()
    _, result, colors = painted(make_photo("RGB"), hole)
    assert np.array_equal(np.asarray(result)[hole], colors[hole])
    _, result, colors = painted(make_photo("RGBA"), hole)
    assert np.array_equal(np.asarray(result)[hole][:, :3], colors[hole])
    assert (np.asarray(result)[hole][:, 3] == 255).all()
    _, result, colors = painted(make_photo("I;16"), hole)
    grey = np.asarray(Image.fromarray(colors).convert("L")).astype(int)
    assert np.array_equal(np.asarray(result)[hole], grey[hole] * 257)
    _, result, colors = painted(make_photo("CMYK"), hole)
    assert np.array_equal(imaging.to_rgb(result)[hole], colors[hole])


def test_sixteen_bits_are_seen_in_eight():
    photo = Image.fromarray(np.array([[0, 257, 65535, 32896] * 4] * 16, np.uint16))
    assert imaging.to_rgb(photo)[0, :4, 0].tolist() == [0, 1, 255, 128]


def test_other_depths_of_grey():
    values = np.arange(400, dtype=np.int32).reshape(20, 20)
    assert np.array_equal(np.asarray(imaging.check_photo(Image.fromarray(values))), values)
    assert imaging.check_photo(Image.fromarray(values)).mode == "I;16"
    with pytest.raises(ImageError, match="70000"):
        imaging.check_photo(Image.fromarray(np.full((20, 20), 70000, np.int32)))
    with pytest.raises(ImageError, match="colour mode F"):
        imaging.check_photo(Image.fromarray(np.zeros((20, 20), np.float32)))


@pytest.mark.parametrize(
    ("size", "word"), [((1, 1), "1x1"), ((15, 900), "15x900"), ((20000, 3), "20000x3"), ((1700, 16), "10:1")]
)
def test_photos_that_show_no_face_are_refused(size, word):
    with pytest.raises(ImageError, match=word):
        imaging.check_photo(Image.new("RGB", size))


def test_palette_with_transparency_keeps_it(tmp_path):
    image = make_photo("P")
    image.save(tmp_path / "p.png", transparency=bytes(range(256)))
    photo = imaging.load_photo(tmp_path / "p.png")
    assert photo.mode == "RGBA"
    assert np.array_equal(np.asarray(photo)[:, :, 3], np.asarray(image))


# --- files


STORED_AS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_photo_is_turned_upright_and_keeps_exif_icc_and_dpi(tmp_path, suffix, orientation):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Camera"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ISOSpeedRatings: 200}
    upright = Image.new("RGB", (40, 24), (200, 0, 0))
    upright.paste((0, 0, 200), (0, 0, 8, 8))
    stored = upright.transpose(STORED_AS[orientation]) if orientation > 1 else upright
    stored.save(tmp_path / f"in{suffix}", exif=exif.tobytes(), icc_profile=profile, dpi=(300, 300), quality=95)

    photo = imaging.load_photo(tmp_path / f"in{suffix}")
    assert photo.size == (40, 24)
    assert np.abs(np.asarray(photo).astype(int) - np.asarray(upright)).mean() < 3
    imaging.save_image(photo, tmp_path / f"out{suffix}")

    saved = Image.open(tmp_path / f"out{suffix}")
    assert saved.size == (40, 24)
    assert saved.info["icc_profile"] == profile
    assert saved.getexif().get(ExifTags.Base.Orientation, 1) == 1
    assert saved.getexif()[ExifTags.Base.Make] == "Camera"
    assert saved.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] == 200
    if suffix != ".webp":  # has no place for it
        assert saved.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_damaged_exif_does_not_cost_the_photo(tmp_path):
    make_photo().save(tmp_path / "in.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\x01" * 20)
    assert imaging.load_photo(tmp_path / "in.png").size == (80, 96)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "CMYK"])
def test_lossless_formats_keep_every_pixel(tmp_path, mode):
    photo = make_photo(mode)
    fitting = [s for s in (".png", ".tif", ".bmp", ".webp") if mode in writing.FORMATS[s].modes]
    assert fitting
    for suffix in fitting:
        imaging.save_image(photo, tmp_path / f"photo{suffix}")
        read = imaging.load_photo(tmp_path / f"photo{suffix}")
        assert np.array_equal(np.asarray(read.convert(mode)) if mode != read.mode else np.asarray(read), np.asarray(photo))


def black_ink_profile():
    """The smallest CMYK profile: it shows only black ink, and prints every colour with black ink alone."""

    def table(inputs, corners):
        outputs = len(corners[0])
        identity = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
        curves = bytes(range(256))
        sizes = bytes([inputs, outputs, 2, 0])
        return b"mft1\0\0\0\0" + sizes + identity + curves * inputs + b"".join(map(bytes, corners)) + curves * outputs

    shown = [(255 * (1 - corner % 2), 128, 128) for corner in range(16)]  # CMYK -> Lab, black varies fastest
    printed = [(0, 0, 0, 255 * (1 - corner // 4)) for corner in range(8)]  # Lab -> CMYK, lightness varies slowest
    tags = {b"A2B0": table(4, shown), b"B2A0": table(3, printed)}
    offset = 128 + 4 + 12 * len(tags)
    index, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        padded = content + b"\0" * (-len(content) % 4)
        index += name + struct.pack(">II", offset + len(body), len(content))
        body += padded
    header = struct.pack(">I4sI4s4s4s12x4s", offset + len(body), b"\0" * 4, 0x02100000, b"prtr", b"CMYK", b"Lab ", b"acsp")
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + index + body


def test_cmyk_is_filled_in_the_inks_of_its_profile():
    photo = Image.new("CMYK", (32, 32), (0, 0, 0, 128))
    photo.info["icc_profile"] = black_ink_profile()
    seen = imaging.to_rgb(photo)
    result = imaging.paste(photo, seen, np.ones((32, 32), bool))
    assert result.getpixel((0, 0)) == pytest.approx((0, 0, 0, 128), abs=2)  # plainly converted, it would take the other three


def test_cmyk_with_a_damaged_profile_is_converted_plainly():
    photo = Image.new("CMYK", (32, 32), (0, 0, 0, 128))
    photo.info["icc_profile"] = b"no profile"
    assert np.array_equal(imaging.to_rgb(photo), np.asarray(photo.convert("RGB")))


def test_unreadable_files_say_why(tmp_path):
    make_photo().save(tmp_path / "whole.jpg")
    (tmp_path / "half.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:1500])
    make_photo().save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").touch()
    for name, word in {
        "half.jpg": "truncated",
        "half.png": "truncated",
        "text.png": "not an image",
        "empty.png": "not an image",
        "none.png": "no such file",
        "": "is a folder",
    }.items():
        with pytest.raises(ImageError, match=word):
            imaging.load_photo(tmp_path / name)
        with pytest.raises(MaskError, match=word):
            imaging.load_mask(tmp_path / name)


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    make_photo().save(tmp_path / "in.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match="2,000 pixels"):
        imaging.load_photo(tmp_path / "in.png")


# --- masks


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "LA", "P", "I;16"])
def test_masks_of_every_mode(mode):
    hole = make_hole()
    grey = mask_image(hole)
    mask = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    assert np.array_equal(imaging.read_hole(mask, (80, 96)), hole)


def test_white_strokes_on_a_transparent_layer_are_a_mask():
    layer = np.zeros((96, 80, 4), np.uint8)
    layer[:, :, :3] = 255
    layer[:, :, 3] = make_hole() * 255
    assert np.array_equal(imaging.read_hole(Image.fromarray(layer), (80, 96)), make_hole())


def test_black_strokes_on_a_transparent_layer_are_no_mask_though_it_may_be_black():
    layer = np.zeros((96, 80, 4), np.uint8)
    layer[:, :, 3] = make_hole() * 255
    with pytest.raises(MaskError, match="is black, on a transparent ground: paint it white"):
        imaging.read_hole(Image.fromarray(layer), (80, 96), may_be_black=True)


def test_a_photo_taken_for_a_mask_looks_like_one_and_soft_strokes_do_not():
    portrait = Image.fromarray(astronaut())
    cut_out = portrait.copy()
    cut_out.putalpha(mask_image(~make_hole(512, 512)))
    strokes = mask_image(make_hole(512, 512)).filter(ImageFilter.GaussianBlur(20))
    looks = [imaging.looks_like_photo(mask) for mask in (portrait, cut_out, strokes, mask_image(make_hole()))]
    assert looks == [True, True, False, False]


def test_grey_levels_from_128_are_hole():
    mask = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(imaging.read_hole(mask, (16, 16)), mask >= 128)


@pytest.mark.parametrize(("kind", "suffix"), [(np.uint16, ".png"), (np.uint16, ".tif"), (np.int32, ".tif")])
def test_a_deep_mask_of_levels_up_to_255_is_one_of_eight_bits(tmp_path, kind, suffix):
    Image.fromarray(np.where(make_hole(), 255, 0).astype(kind)).save(tmp_path / f"mask{suffix}")
    assert np.array_equal(imaging.read_hole(imaging.load_mask(tmp_path / f"mask{suffix}"), (80, 96)), make_hole())


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (1, r"brightest level is 1\), .* white \(128 to 255\)"),
        (256, r"brightest level is 256\), .* white \(32768 to 65535\)"),
        (32767, r"brightest level is 32767\), .* white \(32768 to 65535\)"),
    ],
)
def test_the_brightest_level_of_a_dark_mask_is_one_that_is_in_it(level, words):
    with pytest.raises(MaskError, match=words):
        imaging.read_hole(Image.fromarray(np.where(make_hole(), level, 0).astype(np.uint16)), (80, 96))


def test_arrays_are_masks():
    assert np.array_equal(imaging.read_hole(make_hole(), (80, 96)), make_hole())
    with pytest.raises(MaskError, match="float64"):
        imaging.read_hole(make_hole().astype(float), (80, 96))
    with pytest.raises(MaskError, match=r"\[96, 80, 3\]"):
        imaging.read_hole(np.zeros((96, 80, 3), np.uint8), (80, 96))


def test_mask_of_the_same_aspect_is_scaled():
    hole = make_hole()
    twice = np.kron(hole, np.ones((2, 2), bool))
    assert np.array_equal(imaging.read_hole(twice, (80, 96)), hole)
    assert np.array_equal(imaging.read_hole(hole, (160, 192)), twice)
    assert imaging.read_hole(np.pad(hole, ((0, 1), (0, 0))), (160, 192)).shape == (192, 160)  # a pixel of rounding


@pytest.mark.parametrize("size", [(160, 107), (128, 85), (80, 53)])
def test_a_mask_of_the_photo_before_it_was_reduced_fits(size):
    assert imaging.read_hole(make_hole(600, 400), size).shape == size[::-1]


@pytest.mark.parametrize("size", [(50, 60), (66, 79), (80, 96)])
def test_every_pixel_that_a_smaller_mask_touches_is_hole(size):
    mask = np.random.default_rng(0).random((48, 40)) < 0.2
    (width, height), (rows, columns) = size, mask.shape
    touched = np.zeros((height, width), bool)
    for row, column in np.argwhere(mask):
        top, bottom = row * height // rows, -(-(row + 1) * height // rows)
        left, right = column * width // columns, -(-(column + 1) * width // columns)
        touched[top:bottom, left:right] = True
    assert np.array_equal(imaging.read_hole(mask, size), touched)


def test_no_hole_pixel_is_lost_when_a_mask_is_reduced():
    scratch = np.zeros((960, 800), bool)
    scratch[:, 333] = True
    assert imaging.read_hole(scratch, (80, 96))[:, 33].all()


@pytest.mark.parametrize(
    ("mask", "word"),
    [
        (np.zeros((96, 80), bool), "mask is empty, there is nothing"),
        (np.full((96, 80), 127, np.uint8), r"mask is empty \(its brightest level is 127\), there is nothing"),
        (np.ones((96, 80), bool), "whole photo"),
        (np.eye(80, dtype=bool), "80x80 but the photo 80x96"),
        (np.eye(80, 96, dtype=bool), "96x80 but the photo 80x96"),
        (np.zeros((0, 0), bool), r"mask is bool \[0, 0\]"),
        ("mask.png", "mask is of type str"),
    ],
)
def test_masks_that_cannot_be_meant(mask, word):
    with pytest.raises(MaskError, match=word):
        imaging.read_hole(mask, (80, 96))


@pytest.mark.parametrize(
    "layout",
    [
        np.zeros((96, 81), np.uint8),
        np.zeros((96, 80)),
        np.full((96, 80), 19),
        np.full((96, 80), -1),
        Image.new("RGB", (80, 96)),
        Image.new("L", (96, 80)),
        "layout.png",
        [[1, 2], [3]],
    ],
)
def test_layouts_that_do_not_fit(layout):
    with pytest.raises(ImageError, match="layout"):
        imaging.read_layout(layout, (80, 96))


def test_a_colored_layout_holds_the_ids(tmp_path):
    ids = np.random.default_rng(0).integers(0, 19, (96, 80), dtype=np.uint8)
    imaging.save_image(imaging.color_layout(ids), tmp_path / "layout.png")
    read = imaging.load_layout(tmp_path / "layout.png")
    assert np.array_equal(imaging.read_layout(read, (80, 96)), ids)
    assert len(read.convert("RGB").getcolors()) == 19


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(0, 19, (96, 80), dtype=np.uint8)


def shuffled(layout):
    """The same picture with its palette in another order, as an editor may save it."""
    order = np.random.default_rng(1).permutation(256).astype(np.uint8)
    picture = Image.fromarray(order[np.asarray(layout)]).convert("P")
    colors = np.zeros((256, 3), np.uint8)
    colors[order] = np.resize(layout.getpalette() + [0] * 768, (256, 3))
    picture.putpalette(colors.tobytes())
    return picture


@pytest.mark.parametrize(
    "edit",
    [
        lambda layout: layout.convert("RGB"),
        lambda layout: layout.convert("RGBA"),
        lambda layout: layout.convert("RGB").point(lambda level: level + 2),  # colour management
        lambda layout: layout.resize((160, 192), Image.Resampling.NEAREST),
        lambda layout: layout.convert("RGB").resize((160, 192), Image.Resampling.NEAREST),
        lambda layout: layout.convert("RGB").quantize(32, dither=Image.Dither.NONE),
        shuffled,
    ],
)
def test_a_layout_survives_editors(ids, edit):
    assert np.array_equal(imaging.read_layout(edit(imaging.color_layout(ids)), (80, 96)), ids)


def test_a_palette_of_another_program_holds_ids(ids):
    layout = Image.fromarray(ids).convert("P")
    layout.putpalette([channel for level in range(256) for channel in (level, 0, 255 - level)])
    assert np.array_equal(imaging.read_layout(layout, (80, 96)), ids)


@pytest.mark.parametrize(
    ("edit", "color", "words"),
    [
        (lambda layout: layout.convert("RGB"), (1, 2, 3), "#010203 at 5,7, and 1 more"),
        (lambda layout: layout.convert("RGBA"), (240, 198, 165, 100), "#f0c6a5 and transparent at 5,7, and 1 more"),
        (shuffled, (1, 2, 3), "#010203 at 5,7, and 1 more"),
    ],
)
def test_a_stray_color_is_shown_its_place(ids, edit, color, words):
    layout = edit(imaging.color_layout(ids))
    layout.putpixel((5, 7), color)
    layout.putpixel((6, 90), color)
    with pytest.raises(ImageError, match=words):
        imaging.read_layout(layout, (80, 96))


# --- writing


def test_output_is_checked_before_any_work(tmp_path):
    (tmp_path / "there.png").touch()
    for name, mode, word in [
        ("there.png", "RGB", "--overwrite"),
        ("photo.xyz", "RGB", "suffix '.xyz'"),
        ("photo", "RGB", "suffix ''"),
        ("photo.jpg", "RGBA", "JPEG cannot hold"),
        ("photo.png", "CMYK", ".jpg"),
        ("none/photo.png", "RGB", "create it first"),
        ("there.png/photo.png", "RGB", "create it first"),
    ]:
        with pytest.raises(OutputError, match=word):
            imaging.check_output(tmp_path / name, mode, overwrite=False)
    for name in ("folder.png", "folder"):
        (tmp_path / name).mkdir()
        with pytest.raises(OutputError, match="is a folder"):
            imaging.check_output(tmp_path / name, "RGB", overwrite=True)


def test_a_folder_that_refuses_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(OutputError, match="not writable"):
        imaging.check_output(tmp_path / "photo.png", "RGB", overwrite=False)


def test_saving_replaces_only_when_asked(tmp_path):
    path = tmp_path / "photo.png"
    imaging.save_image(make_photo(seed=1), path)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="--overwrite"):
        imaging.save_image(make_photo(seed=2), path)
    assert path.read_bytes() == before
    imaging.save_image(make_photo(seed=2), path, overwrite=True)
    assert path.read_bytes() != before


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "photo.png"
    path.write_text("old")

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OutputError, match="no space left"):
        imaging.save_image(make_photo(), path, overwrite=True)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["photo.png"]


def test_a_transparent_color_becomes_an_alpha_channel():
    photo = make_photo()
    photo.info["transparency"] = photo.getpixel((0, 0))
    settled = imaging.check_photo(photo)
    assert settled.mode == "RGBA"
    assert settled.getpixel((0, 0))[3] == 0


def test_other_libraries_stay_silent_until_the_last_thread_has_read_its_file():
    def state():
        return list(warnings.filters), logging.getLogLevel()

    def read_first():
        with imaging.silence:
            first_reads.set()
            second_reads.wait(10)

    before, first_reads, second_reads = state(), Event(), Event()
    first = Thread(target=read_first)
    first.start()
    first_reads.wait(10)
    with imaging.silence:
        second_reads.set()
        first.join()
        assert state() != before
    assert state() == before


@pytest.mark.parametrize("quarters", range(4))
def test_a_hole_spans_the_rows_and_columns_that_it_touches(quarters):
    hole = np.zeros((9, 12), bool)
    hole[3, 5] = hole[6, 2:4] = True
    turned = np.rot90(hole, quarters)  # however it lies in memory
    rows, columns = np.nonzero(turned)
    assert imaging.extent(turned) == (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    assert turned[imaging.extent(np.zeros_like(turned))].size == 0
