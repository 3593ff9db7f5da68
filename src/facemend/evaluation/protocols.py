"""What an evaluation measures on, as data: which faces, which holes, at which size. The known ones are in `protocols.toml`."""

import tomllib
from functools import lru_cache
from importlib import resources
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facemend.config import Config, MaskFamily, Share
from facemend.errors import ConfigError

TENTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


class FileMasks(Config):
    """Masks from a folder or zip, as they are published."""

    kind: Literal["files"] = "files"
    path: str


class FamilyMasks(Config):
    """Masks drawn by `random_mask`; face i takes family i, over and over."""

    kind: Literal["families"] = "families"
    families: Annotated[tuple[MaskFamily, ...], Field(min_length=1)]


class CentreBox(Config):
    """The same square in the middle of each picture."""

    kind: Literal["centre-box"] = "centre-box"
    side: Annotated[float, Field(gt=0, lt=1)] = 0.5  # share of the picture's


class BoxesAndStrokes(Config):
    """Boxes and brush strokes in one mask, drawn anew until the hole's area fits: after CoModGAN and MAT."""

    kind: Literal["boxes-and-strokes"] = "boxes-and-strokes"
    max_small_boxes: int  # of up to half the picture's side
    max_large_boxes: int  # of up to the whole
    max_strokes: int


MaskSource = Annotated[FileMasks | FamilyMasks | CentreBox | BoxesAndStrokes, Field(discriminator="kind")]


class Protocol(Config):
    """One evaluation. Each face gets one mask of each bin of hole area, or the one mask there is for it."""

    about: str = ""
    data: str | None = None  # folder or zip of faces, from where the command is given
    masks: MaskSource
    size: Annotated[int, Field(ge=64, le=1024, multiple_of=16)] = 256
    bins: Annotated[tuple[Share, ...], Field(min_length=2)] = TENTHS  # edges of hole area
    coarse_bins: tuple[Share, ...] = ()  # edges of further, wider rows of the tables
    seed: int = 0

    @model_validator(mode="after")
    def _check_edges(self) -> Self:
        for edges in (self.bins, self.coarse_bins):
            if list(edges) != sorted(set(edges)):
                raise ValueError(f"edges of hole area must rise: {list(edges)}")
        return self


@lru_cache(maxsize=1)
def protocols() -> dict[str, Protocol]:
    """Return the protocols that come with the package, by name."""
    text = resources.files("facemend.evaluation").joinpath("protocols.toml").read_text(encoding="utf-8")
    return {name: Protocol.parse(values, f"protocols.toml, {name}") for name, values in tomllib.loads(text).items()}


def load_protocol(name: str) -> Protocol:
    """Find a protocol by name. Raises ConfigError when there is none."""
    known = protocols()
    if name not in known:
        raise ConfigError(f"--protocol {name}: is not known; take one of {', '.join(known)}")
    return known[name]


def span_name(low: float, high: float) -> str:
    """Name a range of hole area as the tables and folders do: 0.1, 0.2 -> "10-20"."""
    return f"{round(100 * low)}-{round(100 * high)}"
