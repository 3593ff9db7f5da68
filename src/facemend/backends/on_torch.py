"""The network in PyTorch, on whatever device there is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from facemend.backends.contract import MaskedView, Painted
from facemend.errors import ConfigError
from facemend.imaging import Floats
from facemend.models.inpainter import InpaintNet
from facemend.weights import load_model


class TorchBackend:
    """An `InpaintNet` as a `Backend`.

    Args:
        net: The network.
        device: Where it runs.
    """

    def __init__(self, net: InpaintNet, device: str | torch.device = "cpu") -> None:
        self._device = torch.device(device)
        self.net = net.to(self._device).eval()

    @classmethod
    def open(cls, name_or_dir: str | Path, device: str, num_threads: int | None = None) -> Self:
        """Load a model by name, folder or hub id, onto a device that `choose_device` knows."""
        if num_threads is not None:
            torch.set_num_threads(num_threads)
        chosen = choose_device(device)
        return cls(load_model(name_or_dir, chosen), chosen)

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self._device)

    @property
    def latent_size(self) -> int:
        """Numbers in a latent."""
        return self.net.config.latent_size

    @torch.inference_mode()
    def __call__(self, views: Sequence[MaskedView]) -> list[Painted]:
        """Repaint views; see `Backend`."""
        image, mask, latent = (
            torch.as_tensor(np.stack(parts), device=self._device)
            for parts in zip(*((view.image, view.mask, view.latent) for view in views), strict=True)
        )
        ids = [view.layout for view in views if view.layout is not None]
        layout = torch.as_tensor(np.stack(ids), device=self._device).long() if ids else None
        output = self.net(image, mask, latent, layout)
        probabilities = output.layout_logits.float().softmax(dim=1)
        return [
            Painted(*parts)
            for parts in zip(_arrays(output.completed), _arrays(probabilities), _arrays(output.scores), strict=True)
        ]


def _arrays(x: Tensor) -> Floats:
    return x.float().cpu().numpy()


def choose_device(name: str) -> torch.device:
    """Find a device by name; `auto` takes the first there is of cuda, mps, cpu. Raises ConfigError when it is not there."""
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        there = ["auto", "cpu", *(["cuda"] if has_cuda else []), *(["mps"] if has_mps else [])]
        raise ConfigError(f"device {name!r} is not to be had here: take one of {', '.join(there)}") from None
    return device
