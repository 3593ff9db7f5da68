"""Several processes as one: each takes its share of every global batch, and gradients are averaged by hand.

`DistributedDataParallel` would tie us to one backward pass a step; adversaries with penalties need several.
"""

import os
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, distributed, nn

from facemend.errors import TrainingError


class Group:
    """The processes of this run, as `torchrun` started them; alone when it did not."""

    def __init__(self, device: torch.device) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = device
        if self.size > 1 and device.type == "cuda":  # each process has a GPU of its own
            self.device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(self.device)
        if self.size > 1:
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def local_batch_size(self, batch_size: int) -> int:
        """This process's part of a global batch. Raises TrainingError when it cannot be split evenly."""
        if batch_size % self.size:
            raise TrainingError(f"batch_size {batch_size} cannot be split over {self.size} processes: make it a multiple")
        return batch_size // self.size

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        for gradient, total in zip(gradients, self._sum(gradients), strict=True):
            torch.div(total, self.size, out=gradient)

    def average(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Means of numbers over the processes, each of which has the same names."""
        if self.size == 1:
            return values
        return dict(zip(values, self._sum([value.detach() / self.size for value in values.values()]), strict=True))

    def map_tensors(self, function: Callable[[Tensor], Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
        """Apply a function that keeps shapes to every tensor, each process to its share of them; all get all results."""
        if self.size == 1:
            return [function(tensor) for tensor in tensors]
        return self._sum([function(x) if i % self.size == self.rank else torch.zeros_like(x) for i, x in enumerate(tensors)])

    def _sum(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Sums of tensors over the processes, all in one message."""
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def agree(self, flag: bool) -> bool:
        """Take the first process's word, so that all stop at the same step."""
        if self.size == 1:
            return flag
        word = torch.tensor([int(flag)], device=self.device)
        distributed.broadcast(word, src=0)
        return bool(word.item())

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1:
            distributed.destroy_process_group()
