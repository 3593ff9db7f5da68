"""Training: every adversary takes sound steps, a killed run goes on bit for bit, several processes equal one."""

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
import torch
from conftest import until
from PIL import Image
from safetensors.torch import load_file
from torch.distributed import TCPStore

from facemend.config import (
    JUDGES_STRIDE,
    MIN_SIDES,
    MODEL_PRESETS,
    DataConfig,
    LossConfig,
    PhaseConfig,
    SourceConfig,
    TrainConfig,
)
from facemend.data.dataset import IndexRow, write_index
from facemend.data.sampling import Batch, FaceStore, TrainingSamples, jitter, mirror
from facemend.errors import ConfigError, DataError, TrainingError, WeightsError
from facemend.face_classes import CLASS_NAMES
from facemend.models.features import AlexNetFeatures, Lpips, Vgg16Features
from facemend.models.inpainter import InpaintNet
from facemend.training.components import hidden_components, hidden_components_loss
from facemend.training.cutting import crop_corners, cut
from facemend.training.distributed import Group
from facemend.training.muon import Muon, orthogonalized
from facemend.training.objective import Objective, View, shaken
from facemend.training.state import TrainState
from facemend.training.tracking import Tracker
from facemend.training.trainer import multiplies_bfloat16, train
from facemend.weights import load_model

TINY = MODEL_PRESETS["tiny"]
PHASES = ("core", "head", "joint")
PATIENCE = 120  # seconds for a process, which may hang

# Runs in processes of their own are forked off one that has imported all they need, which takes longer than they do.
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["facemend.training.trainer", "torch._dynamo", "torch.utils.tensorboard"])


def recipe(faces: Path, *, images: int = 8, **changes: object) -> TrainConfig:
    """A run of all three phases that takes seconds; in float32, since bfloat16 takes several times as long on some processors."""
    loss = LossConfig(adversary="hinge-r1", perceptual=0, feature_matching=0, semantic=0.1)
    phases = tuple(PhaseConfig(phase=p, images=images, batch_size=4, crop=None if p == "core" else 64) for p in PHASES)
    data = DataConfig(sources=(SourceConfig(path=faces.name, skip_last=2),), size=96)
    values = {"model": TINY, "data": data, "loss": loss, "phases": phases, "checkpoint_every": 20, "log_every": 4}
    return TrainConfig.model_validate({"sample_every": 24, "warmup_images": 4, "bf16": False, **values, **changes})


def started(config: TrainConfig, faces: Path, run_dir: Path, **environment: str) -> BaseProcess:
    """The same run in a process of its own."""
    process = forks.Process(target=train_with, args=(environment, config, faces.parent, run_dir))
    process.start()
    return process


def train_with(environment: dict[str, str], config: TrainConfig, data_root: Path, run_dir: Path) -> None:
    os.environ.update(environment)
    train(config, data_root, run_dir)


def exit_code(process: BaseProcess) -> int | None:
    """Wait for a process to end; one that hangs is killed."""
    process.join(PATIENCE)
    process.kill()
    process.join()
    return process.exitcode


def images_saved(run_dir: Path) -> int:
    return max((int(path.stem) for path in (run_dir / "checkpoints").glob("*.pt")), default=0)


def weights(run_dir: Path) -> bytes:
    return (run_dir / "weights" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 12 drawn faces: an oval, two eyes and a mouth, each in its own colours."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    rows: list[IndexRow] = []
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    for i in range(12):
        labels = np.zeros((96, 96), np.uint8)
        cv2.ellipse(labels, (48, 52), (26, 38), 0, 0, 360, 1, -1)
        for class_id, x, y in ((4, 37, 45), (5, 59, 45), (10, 48, 70)):
            cv2.ellipse(labels, (x, y), (7, 4), 0, 0, 360, class_id, -1)
        Image.fromarray(rng.integers(0, 256, (19, 3), np.uint8)[labels]).save(folder / "images" / f"{i}.png")
        Image.fromarray(labels).save(folder / "labels" / f"{i}.png")
        rows.append(IndexRow(str(i), "drawn", 96, 96, None, 1, "hand"))
    write_index(folder / "index.csv", rows)
    return folder


@pytest.fixture(scope="module")
def whole_run(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    run_dir = tmp_path_factory.mktemp("whole")
    train(recipe(faces), faces.parent, run_dir)
    return run_dir


def make_batch(faces: Path, phase: str = "core", count: int = 4, seed: int = 0) -> Batch:
    config = recipe(faces)
    chosen = next(candidate for candidate in config.phases if candidate.phase == phase)
    store = FaceStore(config.data, faces.parent, config.data.size)
    samples = TrainingSamples([store], config.data, chosen, TINY.latent_size, seed=seed)
    return Batch(*map(torch.stack, zip(*(samples[i] for i in range(count)), strict=True)))


def test_a_run_leaves_weights_log_samples_and_two_checkpoints(whole_run: Path) -> None:
    assert load_model(str(whole_run / "weights")).config == TINY
    assert len((whole_run / "log.jsonl").read_text().splitlines()) == 6
    assert [path.name for path in sorted((whole_run / "checkpoints").iterdir())] == ["0000000020.pt", "0000000024.pt"]
    assert [path.name for path in (whole_run / "samples").iterdir()] == ["0000000024.png"]


def test_a_phase_takes_its_sizes_in_turn_and_leaves_out_faces_that_would_be_enlarged_too_much(
    faces: Path, tmp_path: Path
) -> None:
    sources = (SourceConfig(path=faces.name, skip_last=2), SourceConfig(path=faces.name, skip_last=9, max_size=96))
    data = DataConfig(sources=sources, size=96)
    small, large = (FaceStore(data, faces.parent, size) for size in (96, 128))
    assert (small.counts, large.counts) == ([10, 3], [10])
    phase = PhaseConfig(phase="joint", images=8, batch_size=2, sizes=(96, 128), crop=64)
    samples = TrainingSamples([small, large], data, phase, TINY.latent_size, seed=0)
    assert [samples[i][0].shape[1] for i in range(6)] == [96, 96, 128, 128, 96, 96]
    first = PhaseConfig(phase="core", images=3, batch_size=3)  # after which the batches of two begin at an odd number
    train(recipe(faces, phases=(first, phase), data=data, sample_every=8), faces.parent, tmp_path)
    assert images_saved(tmp_path) == 11


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_ends_bit_for_bit_the_same(faces: Path, tmp_path: Path, kills: int) -> None:
    config = recipe(faces, images=4 * kills, checkpoint_every=4)
    run_dir = tmp_path / "killed"
    for images in range(4, 4 * kills + 1, 4):  # each time once a new checkpoint is there, in the middle of whatever follows
        process = started(config, faces, run_dir)
        until(lambda images=images, process=process: images_saved(run_dir) >= images or not process.is_alive(), PATIENCE)
        process.kill()
        assert exit_code(process) == -signal.SIGKILL, "the run was over before it could be killed"
    # The run that nothing disturbs is in a process of its own as well: another test may have given this one other threads.
    for process in (started(config, faces, run_dir), started(config, faces, tmp_path / "whole")):
        assert exit_code(process) == 0
    assert weights(run_dir) == weights(tmp_path / "whole")
    seen = [json.loads(line)["images_seen"] for line in (run_dir / "log.jsonl").read_text().splitlines()]
    assert seen == list(range(4, 12 * kills + 1, 4)), "the log tells each step once"


def test_a_checkpoint_cut_in_half_costs_only_the_steps_since_the_one_before(
    faces: Path, whole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(whole_run, run_dir)
    last = sorted((run_dir / "checkpoints").glob("*.pt"))[-1]
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    train(recipe(faces), faces.parent, run_dir)
    told = "".join(capsys.readouterr().err.split())  # lines are broken anywhere
    assert f"{last}:damaged" in told and "at20images" in told
    assert weights(run_dir) == weights(whole_run)
    for path in (run_dir / "checkpoints").glob("*.pt"):
        path.write_bytes(b"")
    with pytest.raises(TrainingError, match="none of 2 checkpoints can be read"):
        train(recipe(faces), faces.parent, run_dir)


def test_time_up_saves_and_the_next_call_goes_on(faces: Path, whole_run: Path, tmp_path: Path) -> None:
    train(recipe(faces), faces.parent, tmp_path, max_minutes=1e-9)
    assert images_saved(tmp_path) == 4, "one step"
    train(recipe(faces), faces.parent, tmp_path)
    assert weights(tmp_path) == weights(whole_run)


def test_bfloat16_takes_sound_steps_too(faces: Path, tmp_path: Path) -> None:
    both = PhaseConfig(phase="joint", images=1, batch_size=1, crop=64)
    train(recipe(faces, phases=(both,), log_every=1, bf16=True), faces.parent, tmp_path)
    (log,) = (json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines())
    assert log["steps_skipped"] == 0 and np.isfinite(log["generator_grad_norm"])


@pytest.mark.parametrize(
    ("device", "capabilities", "expected"),
    [("cpu", {"avx2": True}, False), ("cpu", {"amx_bf16": True}, True), ("cpu", {"bf16": False}, False), ("cuda", {}, True)],
)
def test_unless_told_a_run_is_in_bfloat16_where_the_device_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, device: str, capabilities: dict[str, bool], expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert multiplies_bfloat16(torch.device(device)) == expected


def test_another_recipe_in_the_same_folder_is_refused(faces: Path, whole_run: Path) -> None:
    with pytest.raises(ConfigError, match="seed"):
        train(recipe(faces, seed=1), faces.parent, whole_run)


def test_a_run_without_its_data_leaves_nothing(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such data set"):
        train(recipe(faces), tmp_path / "elsewhere", tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_phase_that_cannot_be_trained_is_refused_before_the_first_begins(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(faces, phases=(PhaseConfig(phase="core", images=6, batch_size=6), *recipe(faces).phases[1:]))
    source = config.data.sources[0].model_copy(update={"phases": ("core", "head")})
    data = config.data.model_copy(update={"sources": (source,)})
    with pytest.raises(DataError, match="no source is used in phase 'joint'"):
        train(config.model_copy(update={"data": data}), faces.parent, tmp_path / "run")

    class ThreeProcesses(Group):
        def __init__(self, device: torch.device) -> None:
            self.size, self.rank, self.device = 3, 0, device

        def close(self) -> None:
            pass

    monkeypatch.setattr("facemend.training.trainer.Group", ThreeProcesses)
    with pytest.raises(TrainingError, match="batch_size 4 cannot be split over 3 processes"):
        train(config, faces.parent, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_faces_that_are_not_square_are_refused(faces: Path, tmp_path: Path) -> None:
    shutil.copytree(faces, tmp_path / faces.name)
    Image.new("RGB", (96, 80)).save(tmp_path / faces.name / "images" / "3.png")
    with pytest.raises(DataError, match=r"3\.png: is 96x80, not square"):
        train(recipe(faces), tmp_path, tmp_path / "run")


def test_a_run_that_ends_writes_its_weights_although_no_image_is_left(faces: Path, whole_run: Path, tmp_path: Path) -> None:
    """As after a kill between the last checkpoint and its weights."""
    shutil.copytree(whole_run, tmp_path / "run")
    (tmp_path / "run" / "weights" / "model.safetensors").write_bytes(b"of before")
    train(recipe(faces), faces.parent, tmp_path / "run")
    assert weights(tmp_path / "run") == weights(whole_run)


def test_a_run_begins_with_weights_of_its_own_network_and_goes_on_without_them(
    faces: Path, whole_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole_run / "weights", tmp_path / "start")
    config = recipe(faces, images=4, init_from=str(tmp_path / "start"))
    with pytest.raises(ConfigError, match="holds another network"):
        train(config.model_copy(update={"model": TINY.model_copy(update={"head_depth": 2})}), faces.parent, tmp_path / "run")
    with pytest.raises(WeightsError, match="init_from: no model or folder 'nowhere/weights'"):
        train(config.model_copy(update={"init_from": "nowhere/weights"}), faces.parent, tmp_path / "run")
    assert not (tmp_path / "run").exists()  # so that the recipe can be corrected
    train(config, faces.parent, tmp_path / "run")
    shutil.rmtree(tmp_path / "start")
    train(config, faces.parent, tmp_path / "run")


def test_a_phase_has_its_own_loss_but_the_run_s_judges(faces: Path) -> None:
    gentle = {"phase": "joint", "images": 4, "batch_size": 4, "loss": {**recipe(faces).loss.model_dump(), "l1_hole": 0.5}}
    assert TrainConfig.parse({**recipe(faces).model_dump(), "phases": [gentle]}, "recipe").phases[0].loss
    gentle["loss"]["adversary"] = "wgan-gp"
    with pytest.raises(ConfigError, match="phase 'joint' asks for other judging nets"):
        TrainConfig.parse({**recipe(faces).model_dump(), "phases": [gentle]}, "recipe")


def test_a_phase_has_its_own_loss_and_rate_and_lets_critics_in_when_it_says(faces: Path, tmp_path: Path) -> None:
    colourless = recipe(faces).loss.model_copy(update={"l1": 0})
    rates = {"learning_rate": 8e-4, "final_learning_rate": 4e-4}
    phase = PhaseConfig(phase="core", images=2, batch_size=1, adversary_after=0.5, loss=colourless, **rates)
    train(recipe(faces, phases=(phase,), log_every=1), faces.parent, tmp_path)
    first, second = (json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines())
    assert (first["l1"], second["l1"]) == (0, 0) and first["l1_hole"] > 0
    assert [{"adversarial", "texture_critic"} <= line.keys() for line in (first, second)] == [False, True]
    (last_step,) = torch.load(tmp_path / "checkpoints" / "0000000002.pt")["generator_optimizer"]["param_groups"]
    assert last_step["lr"] == pytest.approx(6e-4 / 2)  # half of the way to the last rate, and of the four images of warm-up


def test_the_averaged_copy_is_halfway_to_the_net_after_its_half_life() -> None:
    state = TrainState(Objective(TINY, recipe(Path("none")).loss, pretrained=False))
    parameter, average = next(state.objective.net.parameters()), next(state.ema.parameters())
    for images_seen, images in ((10_000, 300), (400, 200)):  # the second while the run is young: of half of what it has seen
        state.images_seen = images_seen
        parameter.data.fill_(1)
        average.data.zero_()
        state.update_ema(images, half_life=300)
        torch.testing.assert_close(average.data, torch.full_like(average, 0.5))


@pytest.mark.parametrize("net", [AlexNetFeatures, Vgg16Features])
def test_the_frozen_nets_take_pictures_down_to_their_smallest_side(net: type[AlexNetFeatures | Vgg16Features]) -> None:
    name = net.__name__.removesuffix("Features").lower()
    for num_maps, side in enumerate(MIN_SIDES[name], 1):
        features = net(num_maps)
        assert features(torch.zeros(1, 3, side, side))[-1].numel()
        with pytest.raises(RuntimeError):
            features(torch.zeros(1, 3, side - 1, side - 1))


@pytest.mark.parametrize(
    ("changes", "left", "needed"),
    [({"perceptual_net": "alexnet"}, 28, 31), ({"perceptual_maps": 5, "core_perceptual_stride": 4}, 14, 16)],
)
def test_a_core_too_small_for_the_perceptual_net_is_refused(
    faces: Path, changes: dict[str, object], left: int, needed: int
) -> None:
    loss = {"perceptual": 1.5, **changes}
    with pytest.raises(ConfigError, match=f"needs {needed} pixels: core_size 64 .* leaves it {left}"):
        TrainConfig.parse({**recipe(faces).model_dump(), "loss": loss, "phases": [recipe(faces).phases[0]]}, "recipe")
    recipe(faces, loss=LossConfig.model_validate({**loss, "core_perceptual_stride": 1}))  # is large enough


def test_losses_that_stay_non_finite_stop_the_run_and_tell_how_to_go_on(faces: Path, tmp_path: Path) -> None:
    one_by_one = PhaseConfig(phase="core", images=100, batch_size=1)
    config = recipe(faces, phases=(one_by_one,), checkpoint_every=15)
    broken = config.model_copy(update={"loss": config.loss.model_copy(update={"l1": float("inf")})})
    with pytest.raises(TrainingError, match="not finite for 20 steps in a row, at 20 images: begin another") as stopped:
        train(broken, faces.parent, tmp_path)
    (start,) = re.findall('init_from = "(.*?)"', str(stopped.value))
    assert load_model(start).config == config.model


def test_a_log_line_holds_means_over_the_steps_that_have_a_term(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, images_seen=0)
    tracker.add({"l1": torch.tensor(2.0)}, images=4)
    tracker.add({"l1": torch.tensor(4.0), "critics_grad_norm": 1.0}, images=4)
    line = tracker.write(images_seen=8)
    assert (line["l1"], line["critics_grad_norm"]) == (3, 1)
    assert tracker.write(images_seen=12).keys() == {"images_seen", "images_per_second", "memory_mb"}  # every step was skipped


def test_tensorboard_forgets_the_steps_that_a_resumed_run_does_anew(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for images_seen, then in ((0, (4, 8, 12)), (4, (8,))):
        tracker = Tracker(tmp_path, images_seen)
        for images in then:
            tracker.add({"l1": 1.0}, images=4)
            tracker.write(images_seen=images)
        tracker._board.close()
    board = events.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in board.Scalars("l1")] == [4, 8]


def test_a_log_that_cannot_be_shortened_loses_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(json.dumps({"images_seen": images}) + "\n" for images in (4, 8))
    (tmp_path / "log.jsonl").write_text(lines)
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(os, "fsync", lambda _: 1 / 0)
        Tracker(tmp_path, images_seen=4)
    assert (tmp_path / "log.jsonl").read_text() == lines
    Tracker(tmp_path, images_seen=4)
    assert (tmp_path / "log.jsonl").read_text() == lines.splitlines(keepends=True)[0]


def fork_two(config: TrainConfig, faces: Path, run_dir: Path) -> None:
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # at a port that is free; both meet there
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "WORLD_SIZE": "2"}
    group |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}  # as torchrun says that it has one
    processes = [started(config, faces, run_dir, RANK=rank, LOCAL_RANK=rank, **group) for rank in "01"]
    assert [exit_code(process) for process in processes] == [0, 0]


def torchrun_two(config: TrainConfig, faces: Path, run_dir: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from facemend.config import TrainConfig;"
        "from facemend.training.trainer import train;"
        "train(TrainConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))"
    )
    run = [sys.executable, "-c", code, config.model_dump_json(), str(faces.parent), str(run_dir)]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python"]
    subprocess.run([*torchrun, *run], check=True, capture_output=True)


def assert_learnt_the_same(config: TrainConfig, run_dirs: Sequence[Path]) -> None:
    one, two = (torch.load(max((run_dir / "checkpoints").glob("*.pt")))["ema"] for run_dir in run_dirs)
    torch.manual_seed(config.seed)
    first = InpaintNet(TINY).state_dict()
    moved = torch.cat([(one[name] - first[name]).flatten() for name in first])
    apart = torch.cat([(two[name] - one[name]).flatten() for name in first])
    # Adam makes much of gradients that are nearly zero, so single weights may part by rounding alone; the whole must not.
    assert apart.norm() < 0.02 * moved.norm()


@pytest.mark.parametrize("launch", [fork_two, pytest.param(torchrun_two, marks=pytest.mark.slow)])
def test_two_processes_equal_one_with_the_same_global_batch(
    faces: Path, whole_run: Path, tmp_path: Path, launch: Callable[[TrainConfig, Path, Path], None]
) -> None:
    launch(recipe(faces), faces, tmp_path)
    assert_learnt_the_same(recipe(faces), (whole_run, tmp_path))
    one, two = (json.loads((run_dir / "log.jsonl").read_text().splitlines()[0]) for run_dir in (whole_run, tmp_path))
    losses = one.keys() - {"phase", "images_per_second", "memory_mb"}
    assert {name: two[name] for name in losses} == pytest.approx({name: one[name] for name in losses}, rel=1e-3)


def test_two_processes_that_share_muon_s_work_equal_one_that_does_all(faces: Path, tmp_path: Path) -> None:
    config = recipe(faces, optimizer="muon", phases=recipe(faces).phases[:1])
    train(config, faces.parent, tmp_path / "one")
    fork_two(config, faces, tmp_path / "two")
    assert_learnt_the_same(config, (tmp_path / "one", tmp_path / "two"))


@pytest.mark.parametrize("adversary", ["projected", "hinge-r1", "wgan-gp", "none"])
@pytest.mark.parametrize("phase", PHASES)
def test_every_adversary_gives_gradients_to_what_its_phase_trains(faces: Path, adversary: str, phase: str) -> None:
    torch.manual_seed(0)
    config = LossConfig.model_validate({"adversary": adversary, "perceptual_maps": 1, "semantic": 0.1})
    objective = Objective(TINY, config, pretrained=False)
    stretch = PhaseConfig.model_validate({"phase": phase, "images": 4, "batch_size": 4, "crop": 64})
    result = objective.generator(make_batch(faces, phase), stretch, adversarial=True)
    result.loss.backward()
    terms = objective.critics(result.judged)
    assert all(value.isfinite() for value in (result.terms | terms).values())
    assert ("texture_critic" in terms) == (adversary != "none")
    assert ("layout_critic" in terms) == (phase != "head")

    def moved(name: str) -> bool:
        return any(p.grad is not None and bool(p.grad.any()) for p in objective.net.get_submodule(name).parameters())

    assert [moved("layout_net"), moved("texture_net"), moved("head")] == [phase != "head", phase != "head", phase != "core"]
    if terms:
        objective.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        assert all(p.grad is not None for p in objective.critic_parameters()) or phase == "head"
        assert not any(moved(name) for name in ("layout_net", "texture_net", "head"))


def test_a_head_learns_without_a_critic_of_texture(faces: Path, tmp_path: Path) -> None:
    loss = recipe(faces).loss.model_copy(update={"adversary": "none"})
    head = PhaseConfig(phase="head", images=1, batch_size=1)
    train(recipe(faces, loss=loss, phases=(head,)), faces.parent, tmp_path)
    assert images_saved(tmp_path) == 1


def test_half_the_samples_see_the_latent_of_their_truth_and_half_none(faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = Objective(TINY, recipe(faces).loss, pretrained=False)
    seen: list[torch.Tensor] = []
    core = objective.net.core
    monkeypatch.setattr(objective.net, "core", lambda image, mask, z: (seen.append(z), core(image, mask, z))[1])
    batch = make_batch(faces)._replace(share=torch.tensor([0.1, 0.6, 0.4, 0.9]))
    objective.generator(batch, recipe(faces).phases[0], adversarial=False)
    assert seen[0].any(dim=1).tolist() == [True, False, True, False]


@pytest.mark.parametrize("phase", PHASES)
def test_critics_judge_what_is_known_as_it_is(faces: Path, phase: str) -> None:
    objective = Objective(TINY, recipe(faces).loss, pretrained=False)
    stretch = PhaseConfig.model_validate({"phase": phase, "images": 4, "batch_size": 4, "crop": 64})
    judged = objective.generator(make_batch(faces, phase), stretch, adversarial=True).judged
    (real,), (fake,), known = judged.real, judged.fake, judged.mask == 0
    assert torch.equal(*(picture.where(known, 0) for picture in (real, fake)))
    assert not torch.equal(real, fake)


def test_a_core_learns_a_handful_of_faces(faces: Path) -> None:
    torch.manual_seed(0)
    objective = Objective(TINY, LossConfig(adversary="none", perceptual=0, feature_matching=0, layout_adversarial=0))
    optimizer = torch.optim.Adam(objective.generator_parameters(), lr=3e-3)
    batch, stretch = make_batch(faces), PhaseConfig(phase="core", images=4, batch_size=4)
    history: list[float] = []
    for _ in range(20):
        result = objective.generator(batch, stretch, adversarial=False)
        optimizer.zero_grad()
        result.loss.backward()
        optimizer.step()
        history.append(float(result.loss.detach()))
    assert history[-1] < history[0] / 2


def test_muon_orthogonalises_matrices_of_any_shape_and_keeps_their_directions() -> None:
    for shape in ((8, 8), (3, 200), (64, 9)):
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        values = left.T @ orthogonalized(matrix) @ right.T
        torch.testing.assert_close(values, values.diagonal().diag(), rtol=0, atol=1e-4)
        assert values.diagonal().min() > 0.5 and values.diagonal().max() < 1.3, shape


def test_muon_steps_vectors_as_adam_does_and_goes_on_from_a_saved_state() -> None:
    def descend(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, steps: range) -> None:
        for step in steps:
            parameter.grad = torch.full_like(parameter, 1.0 + step) * torch.linspace(-1, 1, parameter.numel()).view_as(parameter)
            optimizer.step()

    vector, same = (torch.nn.Parameter(torch.zeros(5)) for _ in range(2))
    descend(Muon([vector], lr=1e-2), vector, range(4))
    descend(torch.optim.Adam([same], lr=1e-2, betas=(0.5, 0.99)), same, range(4))
    torch.testing.assert_close(vector, same)

    kernel = torch.nn.Parameter(torch.zeros(4, 2, 3, 3))
    whole = Muon([kernel], lr=1e-2)
    descend(whole, kernel, range(2))
    resumed_kernel = torch.nn.Parameter(kernel.detach().clone())
    resumed = Muon([resumed_kernel])
    resumed.load_state_dict(deepcopy(whole.state_dict()))
    descend(whole, kernel, range(2, 4))
    descend(resumed, resumed_kernel, range(2, 4))
    assert torch.equal(kernel, resumed_kernel)
    # About Adam's stride, so that one learning rate suits both.
    assert kernel.detach().square().mean().sqrt() == pytest.approx(4 * 0.2e-2, rel=0.5)


def test_a_recipe_chooses_its_optimizer(faces: Path, tmp_path: Path) -> None:
    step = PhaseConfig(phase="joint", images=2, batch_size=2, crop=64)
    for optimizer in ("adam", "muon"):
        train(recipe(faces, optimizer=optimizer, phases=(step,)), faces.parent, tmp_path / optimizer)
    with_adam, with_muon = (load_model(tmp_path / optimizer / "weights").state_dict() for optimizer in ("adam", "muon"))
    assert not torch.equal(with_adam["layout_net.to_logits.weight"], with_muon["layout_net.to_logits.weight"])


def test_hidden_eyes_and_mouths_are_found_with_a_square_around_each() -> None:
    labels = torch.zeros(2, 64, 64, dtype=torch.long)
    labels[0, 20:24, 2:8], labels[0, 20:24, 40:48], labels[1, 40:50, 28:36] = 4, 5, 11  # eyes; a lip
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, :, :32] = 1  # the left eye alone
    mask[1, :, :44] = 1  # not quite half of the lip
    assert hidden_components(labels, mask, 16) == [(0, (14, 0))]
    mask[1, :, :46] = 1
    assert hidden_components(labels, mask, 16) == [(0, (14, 0)), (1, (36, 24))]


def test_a_hidden_eye_is_judged_by_itself_and_an_open_one_is_not(faces: Path) -> None:
    torch.manual_seed(0)
    config = LossConfig(components=1, adversary="none", feature_matching=0, layout_adversarial=0, perceptual_maps=1)
    objective = Objective(TINY, config, pretrained=False)
    batch, stretch = make_batch(faces), PhaseConfig(phase="core", images=4, batch_size=4)
    batch = batch._replace(mask=torch.full_like(batch.mask, 255))
    batch.labels[:, 30:40, 30:40] = CLASS_NAMES.index("left eye")
    terms = objective.generator(batch, stretch, adversarial=False).terms
    assert terms["components"] > 0
    open_eyed = objective.generator(batch._replace(mask=torch.zeros_like(batch.mask)), stretch, adversarial=False).terms
    assert open_eyed["components"] == 0


def test_a_hidden_eye_s_colours_count_beside_what_the_perceptual_net_sees() -> None:
    labels = torch.zeros(2, 64, 64, dtype=torch.long)
    labels[0, 20:24, 30:38] = CLASS_NAMES.index("left eye")
    image, mask = torch.zeros(2, 3, 64, 64), torch.ones(2, 1, 64, 64)
    blind = cast(Lpips, lambda fake, real: fake.new_zeros(len(fake)))
    assert hidden_components_loss(image + 0.5, image, labels, mask, blind).tolist() == [0.5, 0]


def test_samples_depend_on_seed_and_number_alone(faces: Path) -> None:
    first, again = make_batch(faces), make_batch(faces)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.mask[0], first.mask[1])
    assert not torch.equal(first.mask, make_batch(faces, seed=1).mask)


def test_a_mirrored_face_swaps_left_and_right() -> None:
    labels = torch.tensor([[4, 5, 6, 7, 8, 9, 13]], dtype=torch.uint8).numpy()
    assert mirror(labels[..., None], labels)[1].tolist() == [[13, 8, 9, 6, 7, 4, 5]]


def test_a_face_is_turned_together_with_its_labels() -> None:
    labels = np.zeros((96, 96), np.uint8)
    cv2.ellipse(labels, (40, 50), (26, 38), 20, 0, 360, 1, -1)
    image, moved = jitter(np.dstack([labels * 200] * 3), labels, np.random.default_rng(0))
    assert ((image[..., 0] > 100) == (moved == 1)).mean() > 0.99
    assert (moved != labels).mean() > 0.05


def test_crops_hold_a_hole_pixel_and_stay_inside() -> None:
    mask = torch.zeros(3, 1, 128, 128)
    mask[0, :, 0, 0] = mask[1, :, 127, 127] = mask[2, :, 60:70, 30] = 1
    corners = crop_corners(mask, torch.tensor([0.0, 0.5, 1.0]), 64)
    assert cut(mask, corners, 64).flatten(1).any(dim=1).all()
    assert all(y % 4 == 0 and x % 4 == 0 and min(y, x) >= 0 and max(y, x) <= 64 for y, x in corners)


def test_judges_meet_a_picture_moved_by_any_number_of_their_steps_pixels() -> None:
    places = torch.stack(torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")).expand(1000, -1, -1, -1)
    seen = shaken(View(places, places, places, places), torch.rand(1000, generator=torch.Generator().manual_seed(0)))
    corners = {tuple(sample[:, 0, 0].int().tolist()) for sample in seen.image}
    assert corners == {(y, x) for y in range(JUDGES_STRIDE) for x in range(JUDGES_STRIDE)}
    assert seen.image.shape[2:] == (32 - JUDGES_STRIDE, 32 - JUDGES_STRIDE)
    assert all(torch.equal(picture, seen.image) for picture in seen)  # truth and result alike


def test_the_head_phase_leaves_the_core_as_it_is(faces: Path, tmp_path: Path) -> None:
    phase = PhaseConfig(phase="head", images=8, batch_size=4)
    torch.manual_seed(0)
    before = InpaintNet(TINY).state_dict()
    train(recipe(faces, phases=(phase,)), faces.parent, tmp_path)
    after = load_file(tmp_path / "weights" / "model.safetensors")
    changed = {name.split(".")[0] for name, value in before.items() if not torch.equal(value.half(), after[name])}
    assert changed == {"head"}
