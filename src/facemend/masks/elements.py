"""Families of many elements: strokes, boxes, scratches, dust, writing. Each function adds one element, or prepares to."""

import math

import cv2
import numpy as np

from facemend.masks.areas import HOLE, AddElement, Mask, Rng
from facemend.morphology import disk

_WORDS = ("SAMPLE", "proof", "1987", "Copyright", "FAMILY", "preview", "do not copy", "Anna", "archive 04", "summer", "photo")


def add_stroke(mask: Mask, area: float, rng: Rng) -> None:
    """Add one free-form stroke of a brush: a random walk that turns, after DeepFill v2 (Yu et al. 2019), narrow or wide."""
    height, width = mask.shape
    side = min(height, width)
    num_points = int(rng.integers(3, 9))
    turns = rng.normal(0, 1.0, num_points)
    turns[::2] *= rng.random() * 1.5  # between a wide arc and a scribble
    heading = rng.uniform(0, 2 * math.pi) + np.cumsum(turns)
    steps = side * rng.uniform(0.06, 0.14 + 0.12 * area, num_points)
    start = rng.random(2) * (width, height)
    points = start + np.stack([np.cumsum(steps * np.cos(heading)), np.cumsum(steps * np.sin(heading))], axis=1)
    brush = side * rng.uniform(0.015, 0.05 + 0.2 * area)
    cv2.polylines(mask, [points.astype(np.int32)], False, HOLE, max(1, round(brush)))


def box_adder(area: float, rng: Rng) -> AddElement:
    """Prepare to add rectangles: a few that share the area, or one that takes it all."""
    count = int(rng.integers(1, 5 if area < 0.4 else 2))

    def add(mask: Mask) -> None:
        height, width = mask.shape
        share = area if count == 1 else area / count * rng.uniform(0.4, 1.6)
        tallness = min(1.0, max(share, float(share ** rng.uniform(0.3, 0.7))))  # of the picture's height
        box_height = math.ceil(tallness * height)
        box_width = min(width, math.ceil(share * mask.size / box_height))
        top = rng.integers(height - box_height + 1)
        left = rng.integers(width - box_width + 1)
        mask[top : top + box_height, left : left + box_width] = HOLE

    return add


def add_scratch(mask: Mask, area: float, rng: Rng) -> None:
    """Add one long thin line, straight or bent; 1 to 6 pixels wide at 256, wider where a large area is asked for."""
    height, width = mask.shape
    start, bend, end = rng.uniform(-0.1, 1.1, (3, 2)) * (width, height)
    bend = (start + end) / 2 + (bend - (start + end) / 2) * rng.choice([0.0, 0.2, 0.8])
    t = np.linspace(0, 1, 14)[:, None]
    points = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end  # a quadratic Bezier curve
    widest = 6 + 40 * max(0.0, area - 0.1)
    thickness = rng.uniform(1, widest) * min(height, width) / 256
    cv2.polylines(mask, [points.astype(np.int32)], False, HOLE, max(1, round(thickness)))


def add_dust(mask: Mask, area: float, rng: Rng) -> None:
    """Add a handful of specks of one size; larger ones where a large area is asked for."""
    height, width = mask.shape
    radius = max(0, round(rng.uniform(0, 2.5 + 8 * area) * min(height, width) / 256))
    speck_area = math.pi * (radius + 0.5) ** 2 / mask.size
    count = max(1, round(rng.uniform(0.1, 0.3) * area / speck_area))
    specks: Mask = np.zeros_like(mask)
    specks[rng.integers(height, size=count), rng.integers(width, size=count)] = HOLE
    if radius:
        cv2.dilate(specks, disk(radius), dst=specks)
    cv2.bitwise_or(mask, specks, dst=mask)


def add_text(mask: Mask, area: float, rng: Rng) -> None:
    """Add one line of writing; larger and bolder where a large area is asked for."""
    height, width = mask.shape
    scale = rng.uniform(0.5, 0.8 + 3 * area) * min(height, width) / 256
    origin = (int(rng.uniform(-0.2, 0.8) * width), int(rng.uniform(0.05, 1.05) * height))
    thickness = max(1, round(scale * rng.uniform(1.5, 3 + 6 * area)))
    cv2.putText(mask, _WORDS[rng.integers(len(_WORDS))], origin, cv2.FONT_HERSHEY_DUPLEX, scale, HOLE, thickness)
    cv2.threshold(mask, HOLE // 2, HOLE, cv2.THRESH_BINARY, dst=mask)  # OpenCV 5 draws letters with soft edges
