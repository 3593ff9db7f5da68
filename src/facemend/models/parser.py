"""Which part of the face each pixel belongs to, by a net that is not ours: a judge of results and of our own layouts."""

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from facemend.errors import WeightsError
from facemend.face_classes import NUM_CLASSES
from facemend.feature_cache import load_feature_weights

_FILE_NAME = "bisenet_celebamaskhq"
_SIZE = 512  # it was trained at this size, and takes nothing else well
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The net's channel of each of our class ids (`face_classes.CLASS_NAMES`): it counts brows, eyes, glasses, ears, ...
_CHANNELS = (0, 1, 10, 6, 4, 5, 2, 3, 7, 8, 11, 12, 13, 17, 18, 9, 15, 14, 16)


class ParserNet(nn.Module):
    """BiSeNet (Yu et al. 2018) on a ResNet-18 as zllrunning trained it on CelebAMask-HQ, random until loaded.

    Takes faces float32 [N, 3, S, S] in [-1, 1] and returns class ids uint8 [N, S, S]. Layers carry the names of the published
    weights; the two heads that only its training used are left out.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.cp = _ContextPath()
        self.ffm = _FeatureFusion()
        self.conv_out = _Output()
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def load(cls) -> "ParserNet":
        """Build the net with its trained weights. Raises WeightsError when they are damaged or not to be had."""
        net, state = cls(), load_feature_weights(_FILE_NAME)
        wanted = [name for name in net.state_dict() if not name.endswith("num_batches_tracked")]
        try:
            net.load_state_dict({name: state[name] for name in wanted}, strict=False)
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"{_FILE_NAME}.safetensors: does not fit the net ({error}); delete it") from None
        return net

    def forward(self, image: Tensor) -> Tensor:
        """Return class ids, uint8 [N, S, S], of faces [N, 3, S, S] in [-1, 1]."""
        x = functional.interpolate(image, (_SIZE, _SIZE), mode="bilinear", align_corners=False, antialias=True)
        fine, coarse = cast(tuple[Tensor, Tensor], self.cp(((x + 1) / 2 - self.mean) / self.std))
        logits = cast(Tensor, self.conv_out(self.ffm(torch.cat([fine, coarse], dim=1))))
        logits = functional.interpolate(logits, image.shape[2:], mode="bilinear", align_corners=True)
        return logits[:, list(_CHANNELS)].argmax(dim=1).byte()

    if TYPE_CHECKING:

        def __call__(self, image: Tensor) -> Tensor:
            """Typed: see `forward`."""
            ...


class _ConvNorm(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)))


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)) if stride > 1 else None
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class _ResNet18(nn.Module):
    """ResNet-18 (He et al. 2016) without its classifier: the maps at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        for i, (channels, width) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), 1):
            first = _ResidualBlock(channels, width, 1 if i == 1 else 2)
            self.add_module(f"layer{i}", nn.Sequential(first, _ResidualBlock(width, width, 1)))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)
        maps: list[Tensor] = []
        for i in range(1, 5):
            x = cast(Tensor, self.get_submodule(f"layer{i}")(x))
            maps.append(x)
        return maps[1:]


class _AttentionRefinement(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = _ConvNorm(channels, 128, 3)
        self.conv_atten = nn.Conv2d(128, 128, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(128)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * self.bn_atten(self.conv_atten(x.mean((2, 3), keepdim=True))).sigmoid()


class _ContextPath(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.resnet = _ResNet18()
        self.arm16, self.arm32 = _AttentionRefinement(256), _AttentionRefinement(512)
        self.conv_head32, self.conv_head16 = _ConvNorm(128, 128, 3), _ConvNorm(128, 128, 3)
        self.conv_avg = _ConvNorm(512, 128, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        map8, map16, map32 = cast(list[Tensor], self.resnet(x))
        coarse = self.arm32(map32) + self.conv_avg(map32.mean((2, 3), keepdim=True))
        coarse = self.conv_head32(functional.interpolate(coarse, map16.shape[2:]))
        coarse = self.arm16(map16) + coarse
        return map8, self.conv_head16(functional.interpolate(coarse, map8.shape[2:]))


class _FeatureFusion(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convblk = _ConvNorm(256, 256, 1)
        self.conv1 = nn.Conv2d(256, 64, 1, bias=False)
        self.conv2 = nn.Conv2d(64, 256, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.convblk(x)
        return x * self.conv2(functional.relu(self.conv1(x.mean((2, 3), keepdim=True)))).sigmoid() + x


class _Output(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = _ConvNorm(256, 256, 3)
        self.conv_out = nn.Conv2d(256, NUM_CLASSES, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))
