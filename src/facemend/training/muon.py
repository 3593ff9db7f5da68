"""Muon (Jordan et al. 2024): momentum whose every direction counts alike, for weights that are matrices.

`torch.optim.Muon` takes parameters of two axes alone, and so neither kernels nor, in one optimizer, the rest.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic that drives singular values towards 1 fastest, from that page
_ITERATIONS = 5
_UPDATE_RMS = 0.2  # about Adam's, so that both work at one learning rate (Liu et al. 2025, eq. 4)

MapTensors = Callable[[Callable[[Tensor], Tensor], Sequence[Tensor]], list[Tensor]]


def map_here(function: Callable[[Tensor], Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
    """Apply a function to every tensor in this process."""
    return [function(tensor) for tensor in tensors]


class Muon(torch.optim.Optimizer):
    """Steps matrices and kernels by their orthogonalised Nesterov momentum, all other parameters by Adam.

    Args:
        parameters: Those with two axes or more are matrices: [rows, everything else].
        lr: Learning rate of both.
        momentum: Of the matrices.
        betas: Adam's.
        map_tensors: Orthogonalises all matrices, which is most of the work; processes may share it.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-3,
        momentum: float = 0.9,
        betas: tuple[float, float] = (0.5, 0.99),
        map_tensors: MapTensors = map_here,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "betas": betas, "eps": 1e-8})
        self.map_tensors = map_tensors

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Step every parameter that has a gradient. A closure is not called."""
        for group in self.param_groups:
            moved = [(parameter, parameter.grad) for parameter in group["params"] if parameter.grad is not None]
            matrices = [(parameter, gradient) for parameter, gradient in moved if parameter.ndim >= 2]
            momenta = [_nesterov_momentum(gradient, self.state[matrix], group) for matrix, gradient in matrices]
            updates = self.map_tensors(orthogonalized, momenta)
            for (matrix, _), update in zip(matrices, updates, strict=True):
                scale = _UPDATE_RMS * max(update.shape) ** 0.5
                matrix.sub_(update.reshape(matrix.shape), alpha=group["lr"] * scale)
            for parameter, gradient in moved:
                if parameter.ndim < 2:
                    _step_adam(parameter, gradient, self.state[parameter], group)


def _nesterov_momentum(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """Of a matrix, or a kernel as one: [rows, everything else]."""
    if not state:
        state["momentum"] = torch.zeros_like(gradient)
    momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
    return gradient.lerp(momentum, group["momentum"]).flatten(1)


def _step_adam(parameter: nn.Parameter, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    if not state:
        state.update(step=0, mean=torch.zeros_like(gradient), square=torch.zeros_like(gradient))
    state["step"] += 1
    beta1, beta2 = group["betas"]
    mean, square = state["mean"].lerp_(gradient, 1 - beta1), state["square"].lerp_(gradient.square(), 1 - beta2)
    deviation = (square / (1 - beta2 ** state["step"])).sqrt_().add_(group["eps"])
    parameter.addcdiv_(mean, deviation, value=-group["lr"] / (1 - beta1 ** state["step"]))


def orthogonalized(matrix: Tensor) -> Tensor:
    """Bring the singular values of a matrix [rows, columns] near 1 by Newton-Schulz iteration, and keep its directions.

    Every iteration multiplies the matrix from the left by a polynomial of its Gram matrix; their product is gathered first, for
    kernels have nine times as many columns as rows.
    """
    a, b, c = _COEFFICIENTS
    wide = matrix.shape[0] <= matrix.shape[1]
    x: Tensor = matrix if wide else matrix.T
    x = x * x.square().sum().clamp_min(1e-24).rsqrt()
    gram = x @ x.T
    factor = torch.eye(len(x), dtype=x.dtype, device=x.device)
    for _ in range(_ITERATIONS):
        product = factor @ gram @ factor  # the Gram matrix of `factor @ x`
        factor = a * factor + (b * product + c * product @ product) @ factor
    x = factor @ x
    return x if wide else x.T
