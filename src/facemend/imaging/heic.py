"""HEIC photos, as phones take them, through an extra."""

from importlib import import_module
from typing import Any, cast

from facemend.errors import FacemendError, how_to_install

SUFFIXES = (".heic", ".heif")
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def is_heic(start: bytes) -> bool:
    """Tell a HEIC file by its first twelve bytes."""
    return start[4:8] == b"ftyp" and start[8:12] in _BRANDS


def teach_pillow_heic(name: str, kind: type[FacemendError]) -> None:
    """Let Pillow read and write HEIC. Raises an error of the given kind, that names the extra, when it is not installed."""
    try:
        heif = cast(Any, import_module("pillow_heif"))
    except ImportError:
        raise kind(f"{name}: is a HEIC photo, and what reads and writes them is missing: {how_to_install('heic')}") from None
    heif.register_heif_opener()
