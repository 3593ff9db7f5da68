"""What a recipe asks for at a moment of a run, which is told by the number of images it has seen."""

import itertools
import math
from collections.abc import Iterator, Sequence

from facemend.config import PhaseConfig


def length(phase: PhaseConfig) -> int:
    """Count the images of a phase: those it asks for, and what fills its last batch."""
    return math.ceil(phase.images / phase.batch_size) * phase.batch_size


def phases_left(phases: Sequence[PhaseConfig], images_seen: int) -> Iterator[tuple[PhaseConfig, int]]:
    """Yield the phases that are not over yet, each with the image count at which it starts."""
    for phase, end in zip(phases, itertools.accumulate(map(length, phases)), strict=True):
        if images_seen < end:
            yield phase, end - length(phase)


def learning_rate(phase: PhaseConfig, start: int, images_seen: int, warmup_images: int) -> float:
    """Let the rate run from a phase's first to its last one, in a straight line; a run's first images warm up to it."""
    rate = phase.learning_rate + (phase.final_learning_rate - phase.learning_rate) * _progress(phase, start, images_seen)
    return rate * min(1.0, (images_seen + phase.batch_size) / max(warmup_images, 1))


def is_adversarial(phase: PhaseConfig, start: int, images_seen: int) -> bool:
    """Tell whether critics have a say yet."""
    return _progress(phase, start, images_seen) >= phase.adversary_after


def _progress(phase: PhaseConfig, start: int, images_seen: int) -> float:
    return (images_seen - start) / phase.images
