"""Frozen feature nets: what a picture looks like to a network that was trained to name its content.

They judge results (LPIPS), guide training (perceptual loss) and feed the projected adversary. None of them is part of
the restoring network. Each takes images float32 [N, 3, H, W] in [-1, 1] and normalises them itself.
"""

from typing import TYPE_CHECKING, Literal, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from facemend.errors import WeightsError
from facemend.feature_cache import State, load_feature_weights

FeatureName = Literal["alexnet", "vgg16", "efficientnet_lite0"]
LpipsName = Literal["alexnet", "vgg16"]

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_BATCH_NORM_EPSILON = 1e-3  # of the TensorFlow original of EfficientNet-Lite
_NORM_EPSILON = 1e-10


class FeatureNet(nn.Module):
    """A frozen net that turns an image into feature maps, fine to coarse.

    Subclasses set `channels` (one number per map) and fill `stages`: map i is stage i applied to map i - 1. Gradients
    flow to the image; no parameter ever asks for one, and `train()` changes nothing.
    """

    channels: tuple[int, ...]
    shift: Tensor
    scale: Tensor

    def __init__(self, stages: list[nn.Sequential], mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        # x in [-1, 1] to ((x + 1) / 2 - mean) / std, as one multiplication and one addition
        std_ = torch.tensor(std).view(1, 3, 1, 1)
        self.register_buffer("scale", 0.5 / std_, persistent=False)
        self.register_buffer("shift", (0.5 - torch.tensor(mean).view(1, 3, 1, 1)) / std_, persistent=False)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode."""
        return super().train(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the feature maps of `image` [N, 3, H, W] in [-1, 1], one per entry of `channels`."""
        x = image * self.scale + self.shift
        maps: list[Tensor] = []
        for stage in self.stages:
            x = cast(Tensor, stage(x))
            maps.append(x)
        return maps

    if TYPE_CHECKING:

        def __call__(self, image: Tensor) -> list[Tensor]:
            """Typed: see `forward`."""
            ...


class AlexNetFeatures(FeatureNet):
    """The five ReLU maps of torchvision's AlexNet (Krizhevsky 2014, "One weird trick"), random until loaded.

    Args:
        num_maps: 1 to 5; the layers after the last map asked for are left out.
    """

    def __init__(self, num_maps: int = 5) -> None:
        stages = [
            nn.Sequential(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU()),
            nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU()),
            nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
        ]
        super().__init__(stages[:num_maps], _IMAGENET_MEAN, _IMAGENET_STD)
        self.channels = (64, 192, 384, 256, 256)[:num_maps]


class Vgg16Features(FeatureNet):
    """The maps relu1_2, 2_2, 3_3, 4_3 and 5_3 of torchvision's VGG16 (Simonyan & Zisserman 2015), random until loaded.

    Args:
        num_maps: 1 to 5; the layers after the last map asked for are left out.
    """

    def __init__(self, num_maps: int = 5) -> None:
        widths = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
        stages: list[nn.Sequential] = []
        channels = 3
        for stage_widths in widths[:num_maps]:
            layers: list[nn.Module] = [nn.MaxPool2d(2)] if stages else []
            for width in stage_widths:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            stages.append(nn.Sequential(*layers))
        super().__init__(stages, _IMAGENET_MEAN, _IMAGENET_STD)
        self.channels = tuple(stage_widths[-1] for stage_widths in widths[:num_maps])


class EfficientNetLite0Features(FeatureNet):
    """EfficientNet-Lite0 (Tan & Le 2019, the Lite variant) at strides 4, 8, 16 and 32, random until loaded.

    Batch norm is folded into the convolutions, so that there is none.

    Args:
        num_maps: 1 to 4; the layers after the last map asked for are left out.
    """

    def __init__(self, num_maps: int = 4) -> None:
        # width, number of blocks, stride, kernel size; the expansion is 1 in the first row and 6 in the others
        rows = ((16, 1, 1, 3), (24, 2, 2, 3), (40, 2, 2, 5), (80, 3, 2, 3), (112, 3, 1, 5), (192, 4, 2, 5), (320, 1, 1, 3))
        rows_of_maps = (rows[0:2], rows[2:3], rows[3:5], rows[5:7])
        stages: list[nn.Sequential] = []
        channels = 32
        for stage_rows in rows_of_maps[:num_maps]:
            layers: list[nn.Module] = [] if stages else [_SameConv(3, channels, 3, stride=2), nn.ReLU6()]
            for width, num_blocks, stride, kernel_size in stage_rows:
                for i in range(num_blocks):
                    expansion = 1 if width == 16 else 6
                    layers.append(_InvertedResidual(channels, width, expansion, kernel_size, stride if i == 0 else 1))
                    channels = width
            stages.append(nn.Sequential(*layers))
        super().__init__(stages, (127 / 255,) * 3, (128 / 255,) * 3)
        self.channels = tuple(stage_rows[-1][0] for stage_rows in rows_of_maps[:num_maps])


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow does: with stride 2 and an even size, one pixel less before than after."""

    def __init__(self, channels: int, out_channels: int, kernel_size: int, *, stride: int, groups: int = 1) -> None:
        padding = kernel_size // 2 if stride == 1 else 0
        super().__init__(channels, out_channels, kernel_size, stride, padding, groups=groups)  # pyright: ignore[reportUnknownMemberType]

    def forward(self, input: Tensor) -> Tensor:
        if self.stride[0] > 1:
            bottom, right = (_same_padding(size, self.kernel_size[0], self.stride[0]) for size in input.shape[2:])
            input = functional.pad(input, (right // 2, right - right // 2, bottom // 2, bottom - bottom // 2))
        return super().forward(input)


def _same_padding(size: int, kernel_size: int, stride: int) -> int:
    return max((-(-size // stride) - 1) * stride + kernel_size - size, 0)


class _InvertedResidual(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, expansion: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        expand = [nn.Conv2d(in_channels, hidden, 1), nn.ReLU6()] if expansion > 1 else []
        depthwise = _SameConv(hidden, hidden, kernel_size, stride=stride, groups=hidden)
        self.layers = nn.Sequential(*expand, depthwise, nn.ReLU6(), nn.Conv2d(hidden, out_channels, 1))
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = cast(Tensor, self.layers(x))
        return x + y if self.is_residual else y


def load_features(name: FeatureName, num_maps: int | None = None) -> FeatureNet:
    """Build a feature net with its trained weights, from the cache or from their official address.

    Args:
        name: "alexnet", "vgg16" or "efficientnet_lite0".
        num_maps: How many maps to compute; all by default.

    Raises:
        WeightsError: The weights are damaged, or neither in the cache nor to be had.
    """
    nets: dict[FeatureName, tuple[type[AlexNetFeatures | Vgg16Features | EfficientNetLite0Features], str]] = {
        "alexnet": (AlexNetFeatures, "alexnet_features"),
        "vgg16": (Vgg16Features, "vgg16_features"),
        "efficientnet_lite0": (EfficientNetLite0Features, "efficientnet_lite0"),
    }
    net_type, file_name = nets[name]
    net = net_type() if num_maps is None else net_type(num_maps)
    state = load_feature_weights(file_name)
    try:
        _fill(net, _folded_efficientnet(state) if name == "efficientnet_lite0" else _numbered_convs(state))
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{file_name}.safetensors: does not fit {name} ({error}); delete it to have it fetched anew") from None
    return net


def _numbered_convs(state: State) -> list[tuple[Tensor, Tensor]]:
    """List weight and bias of torchvision's `features.N` in order."""
    numbers = sorted({int(name.split(".")[1]) for name in state})
    return [(state[f"features.{i}.weight"], state[f"features.{i}.bias"]) for i in numbers]


def _folded_efficientnet(state: State) -> list[tuple[Tensor, Tensor]]:
    """List weight and bias of each convolution in order, with its batch norm folded in."""
    names = [("_conv_stem", "_bn0")]
    for i in range(16):
        expand = [("_expand_conv", "_bn0")] if f"_blocks.{i}._expand_conv.weight" in state else []
        layers = [*expand, ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        names += [(f"_blocks.{i}.{conv}", f"_blocks.{i}.{norm}") for conv, norm in layers]
    folded: list[tuple[Tensor, Tensor]] = []
    for conv, norm in names:
        gain = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + _BATCH_NORM_EPSILON).sqrt()
        bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
        folded.append((state[f"{conv}.weight"] * gain.view(-1, 1, 1, 1), bias))
    return folded


def _fill(net: FeatureNet, values: list[tuple[Tensor, Tensor]]) -> None:
    """Copy weights and biases into the convolutions of `net`; a net cut short takes only the first ones."""
    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    if len(values) < len(convs):
        raise KeyError(f"{len(values)} convolutions instead of {len(convs)}")
    for conv, (weight, bias) in zip(convs, values, strict=False):
        conv.load_state_dict({"weight": weight, "bias": bias})


class Lpips(nn.Module):
    """Learned perceptual distance, version 0.1 (Zhang et al. 2018): 0 = identical; about 0.5 = nothing in common.

    Args:
        name: The feature net. "alexnet" is the metric of the literature, "vgg16" is the usual loss.
        num_maps: Use only the first maps, 1 to 5: cheaper, and no longer the published figure.
        pretrained: Load the trained weights; without them features and heads are random, for tests.

    Raises:
        WeightsError: The weights are damaged, or neither in the cache nor to be had.
    """

    def __init__(self, name: LpipsName = "alexnet", num_maps: int = 5, *, pretrained: bool = True) -> None:
        super().__init__()
        nets = {"alexnet": AlexNetFeatures, "vgg16": Vgg16Features}
        self.net: FeatureNet = load_features(name, num_maps) if pretrained else nets[name](num_maps)
        file_name = {"alexnet": "lpips_alex", "vgg16": "lpips_vgg"}[name]
        state = load_feature_weights(file_name) if pretrained else {}
        for i, channels in enumerate(self.net.channels):
            head = state.get(f"lin{i}.weight", torch.rand(1, channels, 1, 1) / channels)
            if head.shape != (1, channels, 1, 1):
                raise WeightsError(f"{file_name}.safetensors: does not fit {name}; delete it to have it fetched anew")
            self.register_buffer(f"head{i}", head, persistent=False)
        self.requires_grad_(False)

    def features(self, image: Tensor) -> list[Tensor]:
        """Return the maps of `image` [N, 3, H, W] in [-1, 1], each scaled to length 1 at every pixel."""
        return self.unit_features(self.net(image))

    def unit_features(self, maps: list[Tensor]) -> list[Tensor]:
        """Turn maps of `net` into `features`."""
        return [_unit(x) for x in maps]

    def distance(self, features_a: list[Tensor], features_b: list[Tensor]) -> Tensor:
        """Return the distance [N] of two images whose `features` these are."""
        return torch.stack([term.mean((1, 2, 3)) for term in self._terms(features_a, features_b)]).sum(0)

    def distance_map(self, features_a: list[Tensor], features_b: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Return the distance at every pixel, [N, H, W] for a size of (H, W), as lpips 0.1.4 does with `spatial=True`."""
        terms = [
            functional.interpolate(term, size, mode="bilinear", align_corners=False)
            for term in self._terms(features_a, features_b)
        ]
        return torch.stack(terms).sum(0)[:, 0]

    def _terms(self, features_a: list[Tensor], features_b: list[Tensor]) -> list[Tensor]:
        """Weigh the squared difference of each map over its channels, [N, 1, h, w]."""
        return [
            functional.conv2d((a - b).square(), self.get_buffer(f"head{i}")).float()
            for i, (a, b) in enumerate(zip(features_a, features_b, strict=True))
        ]

    def forward(self, image_a: Tensor, image_b: Tensor) -> Tensor:
        """Return the distance [N] of two batches of images [N, 3, H, W] in [-1, 1]; gradients flow to both."""
        return self.distance(self.features(image_a), self.features(image_b))

    if TYPE_CHECKING:

        def __call__(self, image_a: Tensor, image_b: Tensor) -> Tensor:
            """Typed: see `forward`."""
            ...


def _unit(x: Tensor) -> Tensor:
    """Scale each pixel of `x` [N, C, H, W] to length 1 over its channels; a pixel of zeros stays one."""
    # A sum over channels, but as a convolution: on a CPU three times as fast. The small number stands under the root,
    # not beside it, because the root's gradient at 0 is infinite.
    squared_length = functional.conv2d(x.square(), x.new_ones(1, x.shape[1], 1, 1))
    return x * (squared_length + _NORM_EPSILON).rsqrt()
