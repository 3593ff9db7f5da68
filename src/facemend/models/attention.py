"""Dynamic attention: it follows what is known and what is not, so no net is tied to a family of masks.

Each token carries a validity in [0, 1], at first the share of known pixels under it. Keys are biased by a learnt multiple
of log-validity, and after each block a token's validity rises by what it attended to: holes fill from their border inwards
within one forward pass.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from facemend.models.blocks import PixelNorm, conv, to_map, to_tokens

_SMALLEST_VALIDITY = 1e-3  # a wholly unknown key keeps a finite bias


class DynamicAttention(nn.Module):
    """Multi-head self-attention over tokens [N, T, C] with validity [N, T]; returns both, updated."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.num_heads = num_heads = width // head_width
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.validity_scale = nn.Parameter(torch.ones(num_heads))
        self.validity_rate = nn.Parameter(torch.zeros(()))

    def forward(self, tokens: Tensor, validity: Tensor) -> tuple[Tensor, Tensor]:
        n, t, width = tokens.shape
        q, k, v = self.qkv(tokens).reshape(n, t, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)  # each [N, heads, T, d]
        bias = self.validity_scale[:, None, None] * validity.clamp_min(_SMALLEST_VALIDITY).log()[:, None, None, :]
        # The validity rides along as one more value channel: attention then also says how much of what it read was known.
        v = torch.cat([v, validity[:, None, :, None].expand(n, self.num_heads, t, 1).to(v.dtype)], dim=-1)
        read = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(-1, -1, t, -1).to(q.dtype))
        read_validity = read[..., -1].mean(dim=1)  # [N, T]
        mixed = read[..., :-1].transpose(1, 2).reshape(n, t, width)
        validity = validity + (1 - validity) * self.validity_rate.sigmoid() * read_validity
        return self.out(mixed), validity

    if TYPE_CHECKING:

        def __call__(self, tokens: Tensor, validity: Tensor) -> tuple[Tensor, Tensor]: ...


class DynamicBlock(nn.Module):
    """A transformer block (pre-norm) around `DynamicAttention`."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = DynamicAttention(width, head_width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, tokens: Tensor, validity: Tensor) -> tuple[Tensor, Tensor]:
        mixed, validity = self.attention(self.norm1(tokens), validity)
        tokens = tokens + mixed
        return tokens + self.mlp(self.norm2(tokens)), validity

    if TYPE_CHECKING:

        def __call__(self, tokens: Tensor, validity: Tensor) -> tuple[Tensor, Tensor]: ...


class ContextualAttention(nn.Module):
    """Every place draws on the known places that resemble it; the scores [N, heads, T, T] are handed on to finer maps.

    Contextual attention: Yu et al. 2018, section 4.1. Scores shared upwards: contextual residual aggregation, Yi et al.
    2020, section 3.2.
    """

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = PixelNorm(channels)
        self.query_key = conv(channels, 2 * channels, 1)
        self.value = conv(channels, channels, 1)
        self.out = conv(channels, channels, 1)
        self.validity_scale = nn.Parameter(torch.ones(num_heads))

    def forward(self, x: Tensor, validity: Tensor) -> tuple[Tensor, Tensor]:
        n = x.shape[0]
        h = self.norm(x)
        q, k = (
            self.query_key(h).flatten(2).reshape(n, 2, self.num_heads, -1, x.shape[2] * x.shape[3]).unbind(1)
        )  # [N, heads, d, T]
        bias = self.validity_scale[:, None, None] * validity.clamp_min(_SMALLEST_VALIDITY).log()[:, None, None, :]
        scores = (q.transpose(2, 3) @ k / q.shape[2] ** 0.5 + bias).softmax(dim=-1)
        read = attend(scores, to_tokens(self.value(h)))
        return x + self.out(to_map(read, x)), scores

    if TYPE_CHECKING:

        def __call__(self, x: Tensor, validity: Tensor) -> tuple[Tensor, Tensor]: ...


def attend(scores: Tensor, values: Tensor) -> Tensor:
    """Read `values` [N, T, C] with `scores` [N, heads, Q, T]; each head reads its own part of the channels. [N, Q, C]."""
    n, heads, queries, t = scores.shape
    channels = values.shape[2]
    parts = values.reshape(n, t, heads, channels // heads).transpose(1, 2)
    return (scores.to(values.dtype) @ parts).transpose(1, 2).reshape(n, queries, channels)


def attend_map(scores: Tensor, x: Tensor, factor: int) -> Tensor:
    """Read a map `factor` times finer than the scores' grid: each token carries its factor x factor patch of `x`.

    Args:
        scores: [N, heads, rows, columns, T] of the places that are wanted; each head reads its own part of the channels.
        x: [N, C, H, W].
        factor: side of a patch.

    Returns:
        [N, C, rows * factor, columns * factor].
    """
    n, heads, rows, columns, t = scores.shape
    patches = nn.functional.pixel_unshuffle(x, factor).reshape(n, heads, -1, t)
    read = patches @ scores.to(x.dtype).flatten(2, 3).transpose(2, 3)
    return nn.functional.pixel_shuffle(read.reshape(n, -1, rows, columns), factor)


def token_validity(mask: Tensor, patch_size: int) -> Tensor:
    """Share of known pixels under each patch of a mask [N, 1, H, W] (1 = hole, in-between = partly). [N, T]."""
    return 1 - nn.functional.avg_pool2d(mask, patch_size).flatten(1)
