"""The one place that knows files, colour modes, EXIF, ICC, alpha and palettes.

A photo is a PIL image of any size in one of the `PHOTO_MODES`, and a hole is bool [H, W]. Nothing but hole pixels is ever written
into a photo. Needs no torch.
"""

from facemend.imaging.deep import DeepPhoto, file_mode
from facemend.imaging.layouts import LAYOUT_COLORS, color_layout, read_layout
from facemend.imaging.masks import HOLE_COLOR, MUCH, cover_hole, extent, looks_like_photo, mask_picture, read_hole
from facemend.imaging.metadata import JpegCoding, jpeg_coding
from facemend.imaging.modes import LUMA, PHOTO_MODES, Floats, Hole, Layout, Pixels, Region, check_photo, paste, to_rgb
from facemend.imaging.reading import decode_photo, decode_picture, load_layout, load_mask, load_photo, open_image
from facemend.imaging.selections import FACE_PARTS, alpha_hole, box_hole, color_hole, find_part, is_face_part, part_hole
from facemend.imaging.silence import silence
from facemend.imaging.writing import (
    check_folder,
    check_format,
    check_output,
    encode_image,
    fitting_suffix,
    keeps_pixels,
    save_image,
)

__all__ = [
    "FACE_PARTS",
    "HOLE_COLOR",
    "LAYOUT_COLORS",
    "LUMA",
    "MUCH",
    "PHOTO_MODES",
    "DeepPhoto",
    "Floats",
    "Hole",
    "JpegCoding",
    "Layout",
    "Pixels",
    "Region",
    "alpha_hole",
    "box_hole",
    "check_folder",
    "check_format",
    "check_output",
    "check_photo",
    "color_hole",
    "color_layout",
    "cover_hole",
    "decode_photo",
    "decode_picture",
    "encode_image",
    "extent",
    "file_mode",
    "find_part",
    "fitting_suffix",
    "is_face_part",
    "jpeg_coding",
    "keeps_pixels",
    "load_layout",
    "load_mask",
    "load_photo",
    "looks_like_photo",
    "mask_picture",
    "open_image",
    "part_hole",
    "paste",
    "read_hole",
    "read_layout",
    "save_image",
    "silence",
    "to_rgb",
]
