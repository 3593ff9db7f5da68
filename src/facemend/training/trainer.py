"""The training loop: images are its unit, and running the same command again goes on where it stopped."""

import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from rich.console import Console
from torch.utils.data import DataLoader

from facemend.config import PhaseConfig, TrainConfig
from facemend.data.sampling import Batch, FaceStore, TrainingSamples
from facemend.errors import ConfigError, TrainingError, WeightsError
from facemend.models.inpainter import InpaintNet
from facemend.training.distributed import Group
from facemend.training.objective import Objective
from facemend.training.schedule import is_adversarial, learning_rate, length, phases_left
from facemend.training.state import TrainState, clip_and_check, list_checkpoints, load_latest, save_checkpoint
from facemend.training.tracking import Tracker, sample_grid
from facemend.weights import load_model, save_model
from facemend.whole_files import write_whole

CONFIG_NAME = "config.json"
CHECKPOINTS = "checkpoints"
NUM_SAMPLED_FACES = 8
MAX_STEPS_SKIPPED_IN_A_ROW = 20


def train(config: TrainConfig, data_root: Path, run_dir: Path, *, max_minutes: float | None = None, device: str = "cpu") -> None:
    """Train until the recipe's phases are done or the time is up; a checkpoint is written either way.

    Args:
        config: The recipe.
        data_root: Folder that the sources' paths start from.
        run_dir: Checkpoints, log, sample pictures and the averaged weights go here; an earlier run there is resumed.
        max_minutes: Stop cleanly after this long.
        device: A torch device.

    Raises:
        ConfigError: `run_dir` holds a run of another recipe, or `init_from` another network.
        DataError: A source cannot be read, or a phase has none.
        WeightsError: The weights that `init_from` names are missing or damaged.
        TrainingError: A batch cannot be split over the processes, losses stay non-finite, or no checkpoint of a run that has some
            can be read.
    """
    started = time.monotonic()
    group = Group(torch.device(device))
    try:
        _Run(config, data_root, run_dir, group).go(started, max_minutes)
    finally:
        group.close()


class _Run:
    def __init__(self, config: TrainConfig, data_root: Path, run_dir: Path, group: Group) -> None:
        self.config, self.run_dir, self.group = config, run_dir, group
        self.device = device = group.device
        self.console = Console(stderr=True, quiet=not group.is_first)
        recipe = run_dir / CONFIG_NAME
        if group.is_first and recipe.exists():
            _check_same(recipe, config)
        start = None if list_checkpoints(run_dir / CHECKPOINTS) else _load_start(config)  # which hold all that was begun with
        self.console.print(f"decoding faces from {data_root} ...")
        sizes = sorted({size for phase in config.phases for size in _sizes(phase, config)})
        self.stores = {size: FaceStore(config.data, data_root, size) for size in sizes}
        for size, store in self.stores.items():
            self.console.print(f"{sum(store.counts):,} faces of {size} x {size} in {len(store.counts)} sources")
        for phase in config.phases:  # now: the last may begin days from here
            group.local_batch_size(phase.batch_size)
            for size in _sizes(phase, config):
                self.stores[size].shares(phase.phase)

        torch.manual_seed(config.seed)  # the same first weights in every process
        objective = Objective(config.model, config.loss)
        if start is not None:
            objective.net.load_state_dict(start.state_dict())
        self.objective = objective.to(device)
        self.objective.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - not in torch's overloads
        self.state = TrainState(self.objective, config.optimizer, group.map_tensors)
        for line in load_latest(self.state, run_dir / CHECKPOINTS, device):
            self.console.print(line)
        self.bf16 = multiplies_bfloat16(device) if config.bf16 is None else config.bf16
        self.console.print(f"computing on {device} in {'bfloat16' if self.bf16 else 'float32'}")
        if group.is_first and not recipe.exists():  # only now: a recipe that cannot begin leaves nothing
            run_dir.mkdir(parents=True, exist_ok=True)
            write_whole(recipe, (config.model_dump_json(indent=2) + "\n").encode())
        self.tracker = Tracker(run_dir, self.state.images_seen) if group.is_first else None
        self.skipped_in_a_row = 0

    def go(self, started: float, max_minutes: float | None) -> None:
        last_saved = self.state.images_seen
        for phase, start in phases_left(self.config.phases, self.state.images_seen):
            self.objective.config = phase.loss or self.config.loss
            for batch in self._batches(phase, start):
                before = self.state.images_seen
                self._step(phase, start, batch)
                after = self.state.images_seen
                if _passed(before, after, self.config.log_every):
                    self._log(phase)
                if _passed(before, after, self.config.sample_every):
                    self._draw_samples(phase)
                out_of_time = max_minutes is not None and time.monotonic() - started > max_minutes * 60
                stop = self.group.agree(out_of_time)
                if stop or _passed(before, after, self.config.checkpoint_every):
                    self._save()
                    last_saved = after
                if stop:
                    self.console.print(f"time is up at {after:,} images; the same command goes on")
                    return
        if last_saved != self.state.images_seen:
            self._save()
        else:  # a run that was killed between its last checkpoint and its weights
            self._save_weights()
        self.console.print(f"done: {self.state.images_seen:,} images; weights in {self.run_dir / 'weights'}")

    def _step(self, phase: PhaseConfig, start: int, batch: Batch) -> None:
        state, config = self.state, self.config
        rate = learning_rate(phase, start, state.images_seen, config.warmup_images)
        adversarial = is_adversarial(phase, start, state.images_seen)

        with self._autocast():
            result = self.objective.generator(batch, phase, adversarial=adversarial)
        norm = self._descend(state.generator_optimizer, self.objective.generator_parameters(), result.loss, rate)
        norms, terms = {"generator_grad_norm": norm}, result.terms
        if math.isfinite(norm) and adversarial and state.critic_optimizer is not None:
            with self._autocast():
                critic_terms = self.objective.critics(result.judged)
            if critic_terms:  # in phase `head` there are none without a critic of texture
                loss = torch.stack(list(critic_terms.values())).sum()
                norms["critics_grad_norm"] = self._descend(state.critic_optimizer, self.objective.critic_parameters(), loss, rate)
                terms |= critic_terms

        state.images_seen += phase.batch_size
        if math.isfinite(norm):
            state.update_ema(phase.batch_size, config.ema_half_life)
        if not all(map(math.isfinite, norms.values())):
            self._skip()
            return
        self.skipped_in_a_row = 0
        terms = self.group.average(terms)
        if self.tracker:
            self.tracker.add({**norms, **terms}, phase.batch_size)

    def _descend(
        self, optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter], loss: torch.Tensor, rate: float
    ) -> float:
        """One optimizer step; returns the gradient's norm before clipping. Nothing changes where that is not finite."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.group.average_gradients(parameters)
        norm = clip_and_check(parameters, self.config.max_grad_norm)
        if math.isfinite(norm):
            for param_group in optimizer.param_groups:
                param_group["lr"] = rate
            optimizer.step()
        return norm

    def _skip(self) -> None:
        self.state.steps_skipped += 1
        self.skipped_in_a_row += 1
        if self.skipped_in_a_row >= MAX_STEPS_SKIPPED_IN_A_ROW:
            weights = self.run_dir / "weights"  # of the last checkpoint
            start = f' with init_from = "{weights.as_posix()}" and the images that are left' if weights.exists() else ""
            raise TrainingError(
                f"gradients were not finite for {self.skipped_in_a_row} steps in a row, at {self.state.images_seen:,} images: "
                f"begin another --run-dir{start}, and lower learning_rate or the adversarial weight, or set bf16 = false"
            )

    def _batches(self, phase: PhaseConfig, start: int) -> Iterator[Batch]:
        """This process's part of every global batch that is left of the phase."""
        samples = self._samples(phase, _sizes(phase, self.config), self.config.seed, start)
        local = self.group.local_batch_size(phase.batch_size)
        numbers = range(self.state.images_seen + self.group.rank, start + length(phase), self.group.size)
        loader = DataLoader(samples, batch_size=local, sampler=numbers, num_workers=self.config.data.num_workers)
        for values in loader:
            yield Batch(*(value.to(self.device, non_blocking=True) for value in values))

    def _samples(self, phase: PhaseConfig, sizes: Sequence[int], seed: int, start: int = 0) -> TrainingSamples:
        stores = [self.stores[size] for size in sizes]
        return TrainingSamples(stores, self.config.data, phase, self.config.model.latent_size, seed, start=start)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def _log(self, phase: PhaseConfig) -> None:
        if not self.tracker:
            return
        line = self.tracker.write(images_seen=self.state.images_seen, phase=phase.phase, steps_skipped=self.state.steps_skipped)
        self.console.print(" ".join(f"{key}={value}" for key, value in line.items()), highlight=False, soft_wrap=True)

    def _draw_samples(self, phase: PhaseConfig) -> None:
        if not self.group.is_first:
            return
        samples = self._samples(phase, _sizes(phase, self.config)[-1:], self.config.seed + 1)
        drawn = zip(*(samples[i] for i in range(NUM_SAMPLED_FACES)), strict=True)
        batch = Batch(*(torch.stack(values).to(self.device) for values in drawn))
        folder = self.run_dir / "samples"
        folder.mkdir(exist_ok=True)
        sample_grid(self.state.ema, batch).save(folder / f"{self.state.images_seen:010d}.png")

    def _save(self) -> None:
        if self.group.is_first:
            save_checkpoint(self.state, self.run_dir / CHECKPOINTS)
        self._save_weights()

    def _save_weights(self) -> None:
        if self.group.is_first:
            save_model(self.state.ema, self.run_dir / "weights")


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself; a CPU that cannot widens every number first, and is faster in float32."""
    if device.type != "cpu":
        return True
    capabilities = cast(dict[str, Any], getattr(torch.cpu, "get_capabilities", dict)())  # older ones of PyTorch cannot tell
    return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def _check_same(path: Path, config: TrainConfig) -> None:
    """Check that the run in a folder, whose recipe lies at `path`, follows this one."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path}: is no recipe ({error}); give another --run-dir") from None
    there = TrainConfig.parse(values, str(path))
    changed = [name for name in TrainConfig.model_fields if getattr(there, name) != getattr(config, name)]
    if changed:
        raise ConfigError(
            f"{path.parent}: holds a run whose {', '.join(changed)} differ from this recipe's; give another --run-dir, "
            "or take the old recipe"
        )


def _load_start(config: TrainConfig) -> InpaintNet | None:
    """Load the network that a run begins with, if its recipe names one."""
    if not config.init_from:
        return None
    try:
        start = load_model(config.init_from)
    except WeightsError as error:
        raise WeightsError(f"init_from: {error}") from None
    if start.config != config.model:
        raise ConfigError(f"init_from: {config.init_from} holds another network than [model]: give the same widths and parts")
    return start


def _sizes(phase: PhaseConfig, config: TrainConfig) -> tuple[int, ...]:
    """Sides of the images that a phase trains on."""
    return phase.sizes or (config.data.size,)


def _passed(before: int, after: int, every: int) -> bool:
    return before // every != after // every
