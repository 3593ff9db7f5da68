"""The run: contenders in turn, round after round, so that whatever else the machine does falls on all of them."""

import statistics
import time
from dataclasses import dataclass

from rich.console import Console
from rich.progress import track

from facemend.benchmark import fresh
from facemend.benchmark.contenders import Contender, Fill, all_contenders, draw_case
from facemend.errors import ConfigError

ENOUGH_SECONDS = 20.0  # a contender that has been timed for so long sits out the further rounds
MAX_STARTS = 3  # fresh processes of a contender
REST_SECONDS = 0.05  # between two runs: the threads of the last one may still look for work


@dataclass(frozen=True)
class Options:
    """What is measured."""

    model: str = "default"
    sizes: tuple[int, ...] = (256, 512, 1024)
    areas: tuple[float, ...] = (0.02, 0.3)  # shares of the picture that are a hole
    rounds: int = 7
    num_threads: int = 2
    peers: bool = False  # also those that spandrel builds
    only: tuple[str, ...] = ()  # names of contenders; all, if none is named

    def __post_init__(self) -> None:
        names = [contender.name for contender in all_contenders(self.model, peers=self.peers)]
        for name in self.only:
            if name not in names:
                raise ConfigError(
                    f"--only {name}: take some of {', '.join(names)}{'' if self.peers else ', or others with --peers'}"
                )
        for size in self.sizes:
            if size < 64 or size % 16:
                raise ConfigError(f"--sizes {size}: take multiples of 16 from 64")
        for area in self.areas:
            if not 0 < area < 1:
                raise ConfigError(f"--areas {area}: a share is more than 0 and less than 1")

    def contenders(self) -> list[Contender]:
        """List who takes part."""
        everyone = all_contenders(self.model, peers=self.peers)
        return [contender for contender in everyone if not self.only or contender.name in self.only]


@dataclass(frozen=True)
class Row:
    """One contender on one picture."""

    name: str
    size: int
    area: float
    seconds: tuple[float, ...]  # of each round
    start_seconds: float  # from a cold start to the first result, of the middle one of a few fresh processes
    peak_mb: float | None  # the most that one of them held; None where the system does not tell

    @property
    def median(self) -> float:
        """Seconds of the middle round."""
        return statistics.median(self.seconds)


def run_benchmark(options: Options) -> list[Row]:
    """Time every contender on every picture.

    Raises:
        ConfigError: A contender cannot be loaded or fails.
    """
    contenders = options.contenders()
    console = Console(stderr=True)
    ready: dict[str, Fill] = {}
    for contender in track(contenders, "Loading", console=console, transient=True):
        ready[contender.name] = contender.load(options.num_threads)
    cases = [(size, area) for size in options.sizes for area in options.areas]
    rows: list[Row] = []
    for size, area in track(cases, "Measuring", console=console, transient=True):
        there = [contender for contender in contenders if contender.sizes is None or size in contender.sizes]
        seconds = _time_in_turn({contender.name: ready[contender.name] for contender in there}, size, area, options.rounds)
        starts = _start_in_turn(list(seconds), size, area, options)
        for name, times in seconds.items():
            start_seconds = statistics.median(start["start_seconds"] for start in starts[name])
            peak_mb = max((start["peak_mb"] for start in starts[name] if "peak_mb" in start), default=None)
            rows.append(Row(name, size, area, times, start_seconds, peak_mb))
    return rows


def _time_in_turn(fills: dict[str, Fill], size: int, area: float, rounds: int) -> dict[str, tuple[float, ...]]:
    picture, hole = draw_case(size, area)
    for fill in fills.values():
        fill(picture, hole)  # not counted: buffers are allotted, code is compiled
    seconds: dict[str, list[float]] = {name: [] for name in fills}
    for _ in range(rounds):
        for name, fill in fills.items():
            if sum(seconds[name]) > ENOUGH_SECONDS:
                continue
            time.sleep(REST_SECONDS)
            started = time.perf_counter()
            fill(picture, hole)
            seconds[name].append(time.perf_counter() - started)
    return {name: tuple(times) for name, times in seconds.items()}


def _start_in_turn(names: list[str], size: int, area: float, options: Options) -> dict[str, list[dict[str, float]]]:
    starts: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(min(options.rounds, MAX_STARTS)):
        for name in names:
            starts[name].append(fresh.measure(options.model, name, size, area, options.num_threads))
    return starts
