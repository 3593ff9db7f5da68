"""Hidden eyes and mouths, looked at one by one, as in the facial component loss of GFPGAN (Wang et al. 2021, section 3.4)."""

import torch
from torch import Tensor
from torch.nn import functional

from facemend import losses
from facemend.face_classes import CLASS_NAMES
from facemend.models.features import Lpips
from facemend.training.cutting import cut

COMPONENTS = (("left eye",), ("right eye",), ("mouth", "upper lip", "lower lip"))
SQUARE_SHARE = 1 / 4  # of the picture's side: the square around one of them


def hidden_components_loss(completed: Tensor, image: Tensor, labels: Tensor, mask: Tensor, perceptual: Lpips) -> Tensor:
    """Add up, for each sample, perceptual distance and L1 of its hidden components, enlarged to twice their size.

    Args:
        completed: [N, 3, H, W] in [-1, 1].
        image: the truth, alike.
        labels: [N, H, W] class ids.
        mask: [N, 1, H, W], 1 = hole.
        perceptual: what compares them.

    Returns:
        [N]; 0 where nothing of the kind is hidden.
    """
    distance = image.new_zeros(len(labels))
    side = int(labels.shape[1] * SQUARE_SHARE)
    found = hidden_components(labels, mask, side)
    if not found:
        return distance
    samples, corners = torch.tensor([sample for sample, _ in found], device=labels.device), [corner for _, corner in found]
    fake, real = (_enlarged(cut(x[samples], corners, side)) for x in (completed, image))
    return distance.index_add(0, samples, perceptual(fake, real) + losses.l1(fake, real))


def hidden_components(labels: Tensor, mask: Tensor, side: int) -> list[tuple[int, tuple[int, int]]]:
    """Find what the hole takes half or more of: the sample, and the corner (y, x) of the square around it.

    Args:
        labels: [N, H, W] class ids.
        mask: [N, 1, H, W], 1 = hole.
        side: of the squares, which lie within the picture.
    """
    limit = labels.shape[1] - side
    found: list[tuple[int, tuple[int, int]]] = []
    for classes in COMPONENTS:
        there = torch.isin(labels, torch.tensor([CLASS_NAMES.index(name) for name in classes], device=labels.device))
        for sample, (part, hole) in enumerate(zip(there, mask[:, 0], strict=True)):
            places = part.nonzero()
            if len(places) and hole[part].mean() >= 0.5:
                y, x = (places.float().mean(dim=0).round().long() - side // 2).clamp(0, limit)
                found.append((sample, (int(y), int(x))))
    return found


def _enlarged(x: Tensor) -> Tensor:
    return functional.interpolate(x.float(), scale_factor=2, mode="bilinear", align_corners=False)
