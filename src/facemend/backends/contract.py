"""What whoever runs the network takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from facemend.imaging import Floats, Layout


@dataclass(frozen=True)
class MaskedView:
    """What the network is asked to repaint."""

    image: Floats  # [3, S, S] in [-1, 1], S a multiple of 16 from 64 on
    mask: Floats  # [1, S, S] in {0, 1}, 1 = repaint
    latent: Floats  # [Z]; zeros for the single most likely completion
    layout: Layout | None = None  # class ids [S, S] to paint by


@dataclass(frozen=True)
class Painted:
    """What the network makes of one view."""

    completed: Floats  # [3, S, S] in [-1, 1]: the view, repainted under its mask and nowhere else
    layout: Floats  # [K, C, C], probabilities of the face's parts at the core's size
    scores: Floats  # [heads, T, T], attention of stage 2 over a square grid of T places


class Backend(Protocol):
    """A network, ready to run."""

    @property
    def device(self) -> str:
        """Where it runs: `cpu`, `cuda:1`, ..."""
        ...

    @property
    def latent_size(self) -> int:
        """Numbers in a latent."""
        ...

    def __call__(self, views: Sequence[MaskedView]) -> list[Painted]:
        """Repaint views of one size, all with a layout or all without, in one run of the network."""
        ...
