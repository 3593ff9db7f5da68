"""Where facemend keeps what it fetched once."""

import os
from pathlib import Path

from platformdirs import user_cache_dir


def cache_dir() -> Path:
    """Return `FACEMEND_CACHE`, or the platform's cache folder."""
    return Path(os.environ.get("FACEMEND_CACHE") or user_cache_dir("facemend"))
