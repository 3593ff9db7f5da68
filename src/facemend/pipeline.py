"""`Inpainter`: a photo and a mask in, the restored photo out, of any size and colour mode."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from facemend import framing, imaging
from facemend.errors import ConfigError
from facemend.imaging import Layout
from facemend.models.inpainter import InpaintNet
from facemend.weights import load_model

MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class InpaintResult:
    """What `Inpainter` returns."""

    images: list[Image.Image]  # one per variant, each of the photo's size and mode; known pixels identical
    layout: Layout  # [H, W] class ids of the completed face: the first variant's, or the one that was given

    @property
    def image(self) -> Image.Image:
        """The first variant."""
        return self.images[0]


class Inpainter:
    """Restores faces in photos with one network.

    A photo is taken as a portrait of any size and shape. The network sees one square of it: as wide as the photo's short side
    and centred on the hole if the hole fits in, else the whole photo, with the rest of the square unknown. Squares of 256 to
    1024 pixels are seen as they are; smaller ones are enlarged to 256 and larger ones reduced to 1024, and what was painted is
    brought back to the photo's own size.
    """

    def __init__(self, net: InpaintNet, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.net = net.to(self.device).eval()

    @classmethod
    def from_pretrained(cls, name_or_dir: str | Path = "default", device: str = "auto") -> Self:
        """Load a model by bundled name, folder or hub id.

        Args:
            name_or_dir: see `load_model`.
            device: `auto` (the first there is of cuda, mps, cpu), or any device PyTorch knows, such as `cuda:1`.

        Raises:
            WeightsError: The model is missing, damaged, or another network's.
            ConfigError: There is no such device.
        """
        chosen = choose_device(device)
        return cls(load_model(name_or_dir, chosen), chosen)

    def __call__(
        self,
        image: Image.Image,
        mask: Image.Image | NDArray[Any],
        *,
        seed: int = 0,
        num_variants: int = 1,
        layout: Image.Image | NDArray[Any] | None = None,
    ) -> InpaintResult:
        """Repaint what the mask covers, and nothing else.

        Args:
            image: The photo, W x H, of any mode; palettes come back as RGB or RGBA, bilevel as grey.
            mask: Where to repaint: from 128 up, or True; of the photo's shape (`imaging.read_hole` has the rules).
            seed: With 0 the first variant is the single most likely completion (its latent is zero) and the further ones are
                drawn; with any other seed all of them are drawn. The same seed gives the same variants on the same machine,
                however many are asked for.
            num_variants: How many completions.
            layout: Class ids 0 to 18 for the whole photo, an image of mode L or P or an array [H, W], that replaces the
                network's own idea of where the face's parts are.

        Raises:
            ImageError: A photo or a layout that cannot be used.
            MaskError: A mask of another shape, that is empty, or that covers everything.
            ConfigError: A seed or number of variants out of range.
        """
        photo = imaging.check_photo(image)
        hole = imaging.read_hole(mask, photo.size)
        given = None if layout is None else imaging.read_layout(layout, photo.size)
        latents = self._latents(seed, num_variants)
        window = framing.choose_window(hole)
        view, view_mask = framing.view_photo(imaging.to_rgb(photo), hole, window)

        images: list[Image.Image] = []
        layouts: list[Layout] = []
        for z in latents:
            completed, ids = self._run(view, view_mask, z, None if given is None else framing.view_layout(given, window))
            images.append(imaging.paste(photo, framing.unview_photo(completed, window, photo.size), hole))
            layouts.append(framing.unview_layout(ids, window, photo.size))
        return InpaintResult(images, layouts[0] if given is None else given)

    def _latents(self, seed: int, num_variants: int) -> list[Tensor]:
        """Draw one latent [1, Z] per variant, on the CPU, so that every device gets the same ones."""
        if num_variants < 1:
            raise ConfigError(f"num_variants is {num_variants}: ask for 1 or more")
        if not 0 <= seed <= MAX_SEED:
            raise ConfigError(f"seed {seed} is out of range: take 0 to 2^63 - 1")
        generator = torch.Generator().manual_seed(seed)
        latents = [torch.zeros(1, self.net.config.latent_size)] if seed == 0 else []
        while len(latents) < num_variants:
            latents.append(torch.randn(1, self.net.config.latent_size, generator=generator))
        return latents

    @torch.inference_mode()
    def _run(
        self, view: NDArray[np.float32], mask: NDArray[np.float32], z: Tensor, layout: Layout | None
    ) -> tuple[NDArray[np.float32], Layout]:
        """Run the network on one view of S x S; returns its picture [3, S, S] in [-1, 1] and class ids [S, S]."""
        output = self.net(
            torch.as_tensor(view, device=self.device)[None],
            torch.as_tensor(mask, device=self.device)[None],
            z.to(self.device),
            None if layout is None else torch.as_tensor(layout, device=self.device)[None].long(),
        )
        probabilities = output.layout_logits.float().softmax(dim=1)
        enlarged = nn.functional.interpolate(probabilities, size=view.shape[1:], mode="bilinear", align_corners=False)
        ids = enlarged.argmax(dim=1)[0].to(torch.uint8)
        return output.completed[0].float().cpu().numpy(), ids.cpu().numpy()


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
