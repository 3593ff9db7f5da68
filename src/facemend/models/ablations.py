"""What each part of the network is worth: networks that do without one of them.

A part is put out of action from outside, by a hook, so that the network itself knows nothing of it and keeps its parameters.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from facemend.config import Part
from facemend.models.attention import ContextualAttention, DynamicAttention
from facemend.models.blocks import ModulatedResBlock
from facemend.models.layout import CnnBranch, ViTBranch
from facemend.models.texture import TextureNet

Tensors = tuple[Tensor, ...]


def do_without(net: nn.Module, part: Part) -> None:
    """Put a part of an `InpaintNet` out of action for good."""
    kinds, hook = _HOOKS[part]
    for module in net.modules():
        if isinstance(module, kinds):
            hook(module)


def _before(change: Callable[[Tensors], Tensors]) -> Callable[[nn.Module], object]:
    """Change what a module is given."""
    return lambda module: module.register_forward_pre_hook(lambda _, inputs: change(inputs))


def _after(change: Callable[[Tensors, Any], Any]) -> Callable[[nn.Module], object]:
    """Change what a module returns, knowing what it was given."""

    def hook(_: nn.Module, inputs: Tensors, result: Any) -> Any:
        return change(inputs, result)

    return lambda module: module.register_forward_hook(hook)


def _forget_stage_1(inputs: Tensors) -> Tensors:
    image, mask, layout, encoding, z = inputs
    return image, mask, 0 * layout, 0 * encoding, z


def _choose_likeliest(inputs: Tensors) -> Tensors:
    image, mask, layout, encoding, z = inputs
    likeliest = nn.functional.one_hot(layout.argmax(dim=1), layout.shape[1]).permute(0, 3, 1, 2)
    return image, mask, likeliest.to(layout.dtype), encoding, z


def _forget_layout(inputs: Tensors) -> Tensors:
    x, layout_features, z = inputs
    return x, 0 * layout_features, z


def _take_all_for_known(inputs: Tensors) -> Tensors:
    x, validity = inputs
    return x, torch.ones_like(validity)


def _read_nothing(inputs: Tensors, result: Tensors) -> Tensors:
    return inputs[0], 0 * result[1]


def _see_no_maps(_: Tensors, maps: Tensors) -> Tensors:
    return tuple(0 * x for x in maps)


def _see_no_map(_: Tensors, x: Tensor) -> Tensor:
    return 0 * x


_HOOKS: dict[Part, tuple[type[nn.Module] | tuple[type[nn.Module], ...], Callable[[nn.Module], object]]] = {
    # Stage 2 hears nothing of stage 1, neither its layout nor its encoding.
    "layout stage": (TextureNet, _before(_forget_stage_1)),
    # It hears of the likeliest class alone, and its losses do not reach stage 1 through the layout.
    "soft layout": (TextureNet, _before(_choose_likeliest)),
    # The layout is one more input of stage 2's encoder, and no more.
    "layout modulation": (ModulatedResBlock, _before(_forget_layout)),
    "cnn branch": (CnnBranch, _after(_see_no_maps)),  # its skip connections included
    "vit branch": (ViTBranch, _after(_see_no_map)),
    "contextual attention": (ContextualAttention, _after(_read_nothing)),  # nor is detail carried
    "token validity": ((DynamicAttention, ContextualAttention), _before(_take_all_for_known)),
}
