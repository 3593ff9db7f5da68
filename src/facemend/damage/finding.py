"""Finds scratches, tears, creases, dust, burnt-out spots and writing in a photo.

Needs no torch: OpenCV runs a small net over tiles. The net knows damage from one to a dozen pixels wide, so it looks at the
photo at several sizes, each half of the one before.
"""

import math
from itertools import product
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.damage.prints import judge_print
from facemend.errors import ConfigError
from facemend.imaging import Hole, Pixels
from facemend.morphology import disk

NET_PATH = Path(__file__).parent / "damage.onnx"
TILE_SIZE = 512  # what the net takes; scripts/train_damage.py exports it so
MARGIN = 64  # at a tile's sides within a picture, where the net lacks sight of its surroundings
MEDIAN_SIDES = (5, 17)  # pixels
MAX_VIEW_PIXELS = 6_000_000  # larger photos are looked at reduced: this bounds time and memory
MIN_VIEW_SIDE = 384  # below it a face is so small that its features look like specks
MIN_PIXELS = 4  # of the largest view: smaller finds are noise
LOWEST_CERTAIN, HIGHEST_CERTAIN = 150, 250  # of 255: what is certain at strictness 0 and 1
LIKELY_SHARE = 0.8  # of that: what is likely
GROWTH = 1  # pixels of the largest view, so that the soft edge of the damage is covered too

Chances = NDArray[np.uint8]  # [H, W], 255 = certainly damaged


def find_damage(rgb: Pixels, *, strictness: float = 0.5) -> Hole:
    """Find scratches, tears, creases, dust, burnt-out spots, writing, and what is torn off a print that has paper all round.

    Args:
        rgb: uint8 [H, W, 3]; grey photos have three equal channels.
        strictness: 0 takes every suspicion, 1 only what is certain. What a stricter search finds, a laxer one finds too.

    Returns:
        Bool [H, W], True = damaged, a little wider than the damage itself. It may be empty.

    Raises:
        ConfigError: `strictness` is not within 0 to 1.
    """
    check_strictness(strictness)
    found = choose_damage(judge_damage(rgb), (rgb.shape[1], rgb.shape[0]), strictness)
    return found if (damage := judge_print(rgb)) is None else damage.correct(found)


def check_strictness(strictness: float) -> None:
    """Raise ConfigError for a strictness that is not within 0 to 1."""
    if not 0 <= strictness <= 1:
        raise ConfigError(f"strictness {strictness:g} is out of range: take 0 (every suspicion) to 1 (only what is certain)")


def choose_damage(chances: Chances, size: tuple[int, int], strictness: float) -> Hole:
    """Decide what is damage, given what `judge_damage` says of a photo of this (width, height), at a strictness of 0 to 1."""
    # Where the damage is certain it is followed to where it is likely. Each step from here keeps a stricter search's finds
    # within those of a laxer one.
    certain = round(LOWEST_CERTAIN + (HIGHEST_CERTAIN - LOWEST_CERTAIN) * strictness)
    found = _touching(chances >= LIKELY_SHARE * certain, chances >= certain)
    grown = cv2.dilate(found, disk(GROWTH))
    return cv2.resize(grown * np.uint8(255), size, interpolation=cv2.INTER_LINEAR) > 127


def judge_damage(rgb: Pixels) -> Chances:
    """Run the net at every size; returns the highest chances, at the largest of these sizes: [h, w], at most the photo's."""
    net = cv2.dnn.readNetFromONNX(str(NET_PATH))  # anew for each photo: a net that threads share would mix their tiles up
    height, width = rgb.shape[:2]
    shrink = max(1.0, math.sqrt(height * width / MAX_VIEW_PIXELS))
    view = _shrunk(np.ascontiguousarray(rgb), round(width / shrink), round(height / shrink))
    size = (view.shape[1], view.shape[0])
    chances = _run(net, view)
    while min(view.shape[:2]) // 2 >= MIN_VIEW_SIDE:
        view = _shrunk(view, view.shape[1] // 2, view.shape[0] // 2)
        cv2.max(chances, cv2.resize(_run(net, view), size, interpolation=cv2.INTER_LINEAR), dst=chances)
    return chances


def _shrunk(rgb: Pixels, width: int, height: int) -> Pixels:
    return (
        rgb if rgb.shape[:2] == (height, width) else cast(Pixels, cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA))
    )


def _run(net: Any, view: Pixels) -> Chances:
    """Run the net over a picture, tile by tile; near an edge that is not the picture's the next tile knows better."""
    height, width = view.shape[:2]
    padded = cv2.copyMakeBorder(view, 0, max(0, TILE_SIZE - height), 0, max(0, TILE_SIZE - width), cv2.BORDER_REFLECT_101)
    chances: Chances = np.empty((height, width), np.uint8)
    for (top, first_row), (left, first_column) in product(_tile_starts(height), _tile_starts(width)):
        tile = cast(Pixels, padded[top : top + TILE_SIZE, left : left + TILE_SIZE])
        net.setInput(net_input(tile)[None])
        part = chances[first_row : top + TILE_SIZE, first_column : left + TILE_SIZE]
        rows, columns = first_row - top, first_column - left
        part[:] = np.rint(255 * net.forward()[0, 0, rows : rows + part.shape[0], columns : columns + part.shape[1]])
    return chances


def _tile_starts(length: int) -> list[tuple[int, int]]:
    """Lay tiles along a side; returns where each begins, and where what is taken from it does."""
    last = max(0, length - TILE_SIZE)
    starts = [*range(0, last, TILE_SIZE - 2 * MARGIN), last]
    return [(start, start + MARGIN if start else 0) for start in starts]


def net_input(rgb: Pixels) -> NDArray[np.float32]:
    """Prepare a picture [H, W, 3] for the net: [5, H, W].

    Three channels are its colours in [-1, 1], two by how much each pixel is brighter than the median of its surroundings.
    """
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    colors = [channel.astype(np.float32) / 127.5 - 1 for channel in cv2.split(rgb)]
    excess = [(luma.astype(np.float32) - cv2.medianBlur(luma, side)) / 64 for side in MEDIAN_SIDES]
    return np.stack([*colors, *excess]).astype(np.float32, copy=False)


def _touching(likely: Hole, certain: Hole) -> NDArray[np.uint8]:
    """Keep the connected parts of `likely` that hold something certain and are no mere noise; returns 0 and 1."""
    num, labels = cast(tuple[int, NDArray[np.int32]], cv2.connectedComponents(likely.astype(np.uint8)))
    kept = np.bincount(labels.ravel(), minlength=num) >= MIN_PIXELS
    kept &= np.bincount(labels[certain], minlength=num) > 0
    kept[0] = False  # what is not likely
    return kept.astype(np.uint8)[labels]


def mark_damage(rgb: Pixels, hole: Hole) -> Pixels:
    """Show where the damage is: the photo in pale grey, the hole in red."""
    pale = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)[..., None] // 2 + 96  # [H, W, 1]
    return np.where(hole[..., None], np.array([225, 20, 20], np.uint8), pale).astype(np.uint8)
