"""Who a face looks like to a frozen net: a judge of results, never a part of the restoring network."""

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from facemend.errors import WeightsError
from facemend.feature_cache import load_feature_weights

SAME_PERSON = 0.6  # dlib takes two photos for one person's where their descriptors are nearer than this

_FILE_NAME = "dlib_face_resnet"
_CHIP_SIZE = 150
# Where dlib's five-landmark template, padded by a quarter, has the middle of the eyes: share of the chip's side. FFHQ has them
# at (0.38, 0.47) and (0.62, 0.47). The similarity that carries one pair to the other is this square of the FFHQ frame.
_CHIP_EYES = ((0.3182, 0.3143), (0.6685, 0.3143))
_FFHQ_EYES = ((0.38, 0.47), (0.62, 0.47))
_CHIP_SIDE = (_FFHQ_EYES[1][0] - _FFHQ_EYES[0][0]) / (_CHIP_EYES[1][0] - _CHIP_EYES[0][0])
_CHIP_LEFT, _CHIP_TOP = (_FFHQ_EYES[0][i] - _CHIP_EYES[0][i] * _CHIP_SIDE for i in (0, 1))

_MEAN = (122.782, 117.001, 104.298)  # grey levels of R, G and B; dlib divides what is left by 256
_GROUPS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))  # width, number of residual blocks; all but the first group halve


class IdentityNet(nn.Module):
    """dlib's face recognition ResNet (King 2017, `dlib_face_recognition_resnet_model_v1`), random until loaded.

    Takes faces in the FFHQ frame, float32 [N, 3, S, S] in [-1, 1], and returns descriptors [N, 128]; two photos of one person
    have descriptors less than `SAME_PERSON` apart. dlib finds five landmarks in each photo; here the frame stands in for them,
    so that both pictures of a pair are cut alike whatever a restoration did to the eyes.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        channels = 32
        for group, (width, num_blocks) in enumerate(_GROUPS):
            for i in range(num_blocks):
                blocks.append(_Block(channels, width, halves=group > 0 and i == 0))
                channels = width
        # dlib halves with a convolution without padding, and pools likewise.
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2))
        self.blocks = nn.Sequential(*blocks)
        self.descriptor = nn.Linear(256, 128, bias=False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def load(cls) -> "IdentityNet":
        """Build the net with its trained weights. Raises WeightsError when they are damaged or not to be had."""
        net, state = cls(), load_feature_weights(_FILE_NAME)
        convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
        try:
            for i, conv in enumerate(convs):
                weight, bias, scale, shift = (state[f"conv{i:02d}.{part}"] for part in ("weight", "bias", "scale", "shift"))
                conv.load_state_dict({"weight": weight * scale.view(-1, 1, 1, 1), "bias": bias * scale + shift})
            net.descriptor.load_state_dict({"weight": state["fc.weight"].T.contiguous()})
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"{_FILE_NAME}.safetensors: does not fit the net ({error}); delete it") from None
        return net

    def forward(self, image: Tensor) -> Tensor:
        """Return descriptors [N, 128] of faces [N, 3, S, S] in [-1, 1], framed as in FFHQ."""
        chip = (cut_chip(image) * 127.5 + 127.5 - self.mean) / 256
        maps = cast(Tensor, self.blocks(self.stem(chip)))
        return cast(Tensor, self.descriptor(maps.mean((2, 3))))

    if TYPE_CHECKING:

        def __call__(self, image: Tensor) -> Tensor:
            """Typed: see `forward`."""
            ...


def cut_chip(image: Tensor) -> Tensor:
    """Cut the square that dlib wants, [N, 3, 150, 150], out of faces [N, 3, S, S] in the FFHQ frame."""
    side = image.shape[-1]
    top, left, bottom = (round(x * side) for x in (_CHIP_TOP, _CHIP_LEFT, _CHIP_TOP + _CHIP_SIDE))
    cut = image[..., top:bottom, left : left + bottom - top]
    return functional.interpolate(cut, (_CHIP_SIZE, _CHIP_SIZE), mode="bilinear", align_corners=False, antialias=True)


class _Block(nn.Module):
    """Two convolutions beside a shortcut; what the shortcut lacks in channels or pixels counts as zero, as in dlib."""

    def __init__(self, channels: int, width: int, *, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        stride, padding = (2, 0) if halves else (1, 1)
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = cast(Tensor, self.conv2(functional.relu(self.conv1(x))))
        shortcut = functional.avg_pool2d(x, 2) if self.halves else x
        size = (max(x.shape[1], y.shape[1]), *(max(a, b) for a, b in zip(shortcut.shape[2:], y.shape[2:], strict=True)))
        return functional.relu(_pad(shortcut, size) + _pad(y, size))


def _pad(x: Tensor, size: tuple[int, ...]) -> Tensor:
    channels, height, width = (wanted - there for wanted, there in zip(size, x.shape[1:], strict=True))
    return functional.pad(x, (0, width, 0, height, 0, channels))
