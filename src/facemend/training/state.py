"""What a run is at a moment, and how it survives being killed at that moment."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from facemend.config import OptimizerName
from facemend.errors import TrainingError
from facemend.training.muon import MapTensors, Muon, map_here
from facemend.training.objective import Objective
from facemend.whole_files import UNFINISHED, written_whole

KEPT = 2  # the last one, and one in reserve should it be damaged


class TrainState:
    """The nets, their averaged copy, both optimizers, and how many images they have seen."""

    def __init__(self, objective: Objective, optimizer: OptimizerName = "adam", map_tensors: MapTensors = map_here) -> None:
        self.objective = objective
        self.ema = deepcopy(objective.net).requires_grad_(False).eval()
        parameters = objective.generator_parameters()
        self.generator_optimizer = (
            Muon(parameters, map_tensors=map_tensors)
            if optimizer == "muon"
            else torch.optim.Adam(parameters, betas=(0.5, 0.99), fused=True)
        )
        critic_parameters = objective.critic_parameters()
        self.critic_optimizer = torch.optim.Adam(critic_parameters, betas=(0.0, 0.99), fused=True) if critic_parameters else None
        self.images_seen = 0
        self.steps_skipped = 0

    @torch.no_grad()
    def update_ema(self, images: int, half_life: float) -> None:
        """Move the averaged copy towards the net; `images` seen in this step, half-life in images."""
        keep = 0.5 ** (images / min(half_life, max(self.images_seen, 1) / 2))  # a short memory while the run is young
        for average, parameter in zip(self.ema.parameters(), self.objective.net.parameters(), strict=True):
            average.lerp_(parameter, 1 - keep)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "modules": {name: module.state_dict() for name, module in self.objective.trained().items()},
            "ema": self.ema.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict() if self.critic_optimizer else None,
            "images_seen": self.images_seen,
            "steps_skipped": self.steps_skipped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a saved moment."""
        for name, module in self.objective.trained().items():
            module.load_state_dict(state["modules"][name])
        self.ema.load_state_dict(state["ema"])
        self.generator_optimizer.load_state_dict(state["generator_optimizer"])
        if self.critic_optimizer:
            self.critic_optimizer.load_state_dict(state["critic_optimizer"])
        self.images_seen = state["images_seen"]
        self.steps_skipped = state["steps_skipped"]


def save_checkpoint(state: TrainState, folder: Path) -> Path:
    """Write a checkpoint so that a kill at any moment leaves the older ones whole; keep the last two."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{state.images_seen:010d}.pt"
    with written_whole(path) as file:
        torch.save(state.state_dict(), file)
    for old in [*list_checkpoints(folder)[:-KEPT], *folder.glob(UNFINISHED)]:
        old.unlink()
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first."""
    return sorted(folder.glob("*.pt"))


def load_latest(state: TrainState, folder: Path, device: torch.device) -> list[str]:
    """Load the newest checkpoint that can be read, if there is any; return a line for each thing worth telling.

    Raises TrainingError when checkpoints are there but none can be read.
    """
    paths = list_checkpoints(folder)
    notes: list[str] = []
    for path in reversed(paths):
        try:
            values = torch.load(path, map_location=device, weights_only=True)
        except Exception as error:  # torch.load has no one error for a damaged file
            reason = str(error).split("\n", maxsplit=1)[0]
            notes.append(f"{path}: damaged ({reason}); the checkpoint before it is used")
            continue
        state.load_state_dict(values)
        return [*notes, f"resumed from {path} at {state.images_seen:,} images"]
    if paths:
        raise TrainingError(f"{folder}: none of {len(paths)} checkpoints can be read; move the folder away to start anew")
    return notes


def clip_and_check(parameters: list[nn.Parameter], max_norm: float) -> float:
    """Clip the gradients' norm; return what it was (not finite when a gradient is not)."""
    return float(nn.utils.clip_grad_norm_(parameters, max_norm))
