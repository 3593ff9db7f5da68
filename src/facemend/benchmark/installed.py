"""How much of the disk an installation takes."""

import re
from importlib import metadata
from pathlib import Path

import facemend


def installed_mb(packages: tuple[str, ...]) -> float:
    """Add up the files of distributions and of all that they require, each once, in MB; what is not installed is left out."""
    sizes: dict[str, float] = {}
    waiting = list(packages)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in sizes:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # for another system, or a choice
            sizes[name] = 0
            continue
        sizes[name] = _own_size() if name == "facemend" else sum(file.size or 0 for file in distribution.files or ()) / 1e6
        required = (line for line in distribution.requires or () if "extra ==" not in line)
        waiting += [match[0] for match in (re.match(r"[\w.-]+", line) for line in required) if match]
    return sum(sizes.values())


def _own_size() -> float:
    """Size of this package, which may be installed in place and then lists no files."""
    return sum(path.stat().st_size for path in Path(facemend.__file__).parent.rglob("*") if path.is_file()) / 1e6
