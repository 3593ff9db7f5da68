"""Files that are written whole or not at all, and what they hash to."""

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

UNFINISHED = ".*.part"  # what a kill may leave beside a file


@contextmanager
def written_whole(path: Path) -> Generator[BinaryIO]:
    """Open a file that becomes `path`, in place of one that is there, once all of it is on the disk; an error leaves nothing.

    Raises:
        OSError: The disk refuses.
    """
    unfinished = path.with_name(f".{uuid4().hex}.part")  # no longer than the name itself may be
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises OSError where the disk refuses."""
    with written_whole(path) as file:
        file.write(content)


def sha256_of(path: Path) -> str:
    """Hash a file, in pieces. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
