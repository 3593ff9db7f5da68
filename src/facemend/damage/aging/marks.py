"""Draws what is not written: scratches, tears, creases, dust and spots."""

import math
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.damage.aging.sheet import Points, Sheet, Values, blob, draw_line, fill, fray, mark_color, paper, walk, wavering
from facemend.morphology import disk


def draw_scratches(sheet: Sheet) -> None:
    """Draw some, each of a film or of a print."""
    for _ in range(sheet.count(1, 7)):
        if sheet.rng.random() < 0.4:
            _film_scratches(sheet)
        else:
            _print_scratch(sheet)


def _film_scratches(sheet: Sheet) -> None:
    """Draw one to four parallel upright lines, as transport scratches a film; most run through."""
    rng, layer = sheet.rng, sheet.layer()
    x, heading = rng.uniform(0, sheet.width), math.pi / 2 + rng.normal(0, 0.02)
    through = rng.random() < 0.6
    for _ in range(rng.integers(1, 5) if rng.random() < 0.4 else 1):
        top = -5.0 if through else rng.uniform(-0.2, 0.8) * sheet.height
        length = 1.1 * sheet.height if through else rng.uniform(0.2, 0.8) * sheet.height
        points = walk(sheet, np.array([x, top]), heading, length, bend=0.03, jag=0.01)
        num = len(points) - 1
        width = sheet.unit * rng.uniform(0.6, 3) * np.exp(0.2 * wavering(num, 8, rng))
        faint = rng.uniform(0.45, 1) * np.clip(1 + rng.uniform(0, 0.6) * wavering(num, 12, rng), 0, 1)
        draw_line(layer, points, width, faint)
        x += rng.normal(0, 8) * sheet.unit
    sheet.cover(layer, mark_color(rng), softness=sheet.unit * rng.uniform(0, 0.6))


def _print_scratch(sheet: Sheet) -> None:
    """Draw one scratch of any direction that tapers at its ends; some are doubled, broken, or have a dark rim."""
    rng, layer = sheet.rng, sheet.layer()
    length = float(np.exp(rng.uniform(math.log(30), math.log(600)))) * sheet.unit
    start, heading = sheet.anywhere(), rng.uniform(0, 2 * math.pi)
    points = walk(sheet, start, heading, length, bend=rng.choice([0.1, 0.6, 3]), jag=rng.choice([0.02, 0.1]))
    num = len(points) - 1
    taper = np.minimum(1, 4 * np.sin(np.linspace(0.05, math.pi - 0.05, num)))
    width = sheet.unit * float(np.exp(rng.uniform(math.log(0.7), math.log(6)))) * taper * np.exp(0.3 * wavering(num, 5, rng))
    strength = rng.uniform(0.5, 1) * np.clip(1 + rng.uniform(0, 0.7) * wavering(num, 6, rng), 0, 1)
    if rng.random() < 0.25:
        strength = strength * (wavering(num, rng.uniform(3, 15), rng) > -0.3)
    color, softness = mark_color(rng), sheet.unit * rng.uniform(0, 0.8)
    if rng.random() < 0.25:
        rim = sheet.layer()
        draw_line(rim, points + rng.normal(0, 1, 2) * sheet.unit, width + 2 * sheet.unit, strength * rng.uniform(0.2, 0.6))
        sheet.cover(rim, 255 - color, softness=sheet.unit)
    draw_line(layer, points, width, strength)
    sheet.cover(layer, color, softness=softness)


def draw_tears(sheet: Sheet) -> None:
    """Draw one to three, a few of them corners torn off."""
    for _ in range(sheet.count(0.6, 2.6)):
        if sheet.rng.random() < 0.1:
            _torn_corner(sheet)
        else:
            _tear(sheet)


def _tear(sheet: Sheet) -> None:
    """Tear the paper from an edge inwards: a ragged white gap that narrows, with a shadow along one side."""
    rng, gap, shadow = sheet.rng, sheet.layer(), sheet.layer()
    side, along = rng.integers(4), rng.uniform(0.05, 0.95)
    start = np.array([(along, 0), (along, 1), (0, along), (1, along)][side]) * (sheet.width, sheet.height)
    heading = (math.pi / 2, -math.pi / 2, 0, math.pi)[side] + rng.normal(0, 0.4)
    points = walk(sheet, start, heading, rng.uniform(60, 420) * sheet.unit, bend=1.5, jag=rng.uniform(0.15, 0.5))
    num = len(points) - 1
    width = sheet.unit * rng.uniform(2.5, 12) * np.linspace(1, 0.15, num) * np.exp(0.35 * wavering(num, 2, rng))
    aside = rng.normal(0, 1.5, 2) * sheet.unit
    draw_line(shadow, points + aside, width + 2.5 * sheet.unit, rng.uniform(0.2, 0.7))
    sheet.cover(shadow, np.full(3, 30, np.float32), softness=1.2 * sheet.unit)
    draw_line(gap, points, width, rng.uniform(0.8, 1))
    sheet.cover(fray(gap, sheet), paper(rng), softness=0.3 * sheet.unit)


def _torn_corner(sheet: Sheet) -> None:
    """Take a corner or a piece of the edge away: what lies behind shows, framed by white fibres."""
    rng, missing = sheet.rng, sheet.layer()
    corner = np.array([sheet.width, sheet.height]) * rng.integers(0, 2, 2).astype(np.float64)
    if rng.random() < 0.4:
        corner = np.where(rng.random(2) < 0.5, corner, sheet.anywhere())  # or a piece of the edge, or a hole
    radius = min(rng.uniform(20, 80) * sheet.unit, 0.25 * min(sheet.height, sheet.width))
    outline = blob(corner, radius, 0.25, rng)
    fill(missing, outline, 1)
    fibres = cast(NDArray[np.uint8], cv2.dilate(missing, disk(max(1, round(rng.uniform(1, 5) * sheet.unit)))))
    sheet.cover(fray(fibres, sheet), paper(rng), softness=0.3 * sheet.unit)
    behind = paper(rng) if rng.random() < 0.6 else np.full(3, rng.uniform(0, 60), np.float32)
    sheet.cover(fray(missing, sheet), behind, softness=0.3 * sheet.unit)


def draw_creases(sheet: Sheet) -> None:
    """Fold the photo up to three times, right across or at a corner."""
    for _ in range(sheet.count(0.6, 3)):
        rng = sheet.rng
        direction = rng.choice([0, math.pi / 2, rng.uniform(0, math.pi)], p=[0.35, 0.35, 0.3]) + rng.normal(0, 0.02)
        through = np.array([sheet.width, sheet.height]) * rng.normal(0.5, 0.18, 2)
        length = math.hypot(sheet.width, sheet.height)
        if rng.random() < 0.3:  # across a corner only
            corner = rng.integers(0, 2, 2)
            through = np.array([sheet.width, sheet.height]) * (corner + (1 - 2 * corner) * rng.uniform(0.05, 0.2, 2))
            direction = math.pi / 4 * (1 if corner[0] != corner[1] else 3) + rng.normal(0, 0.2)
            length *= 0.6
        start = through - length / 2 * np.array([math.cos(direction), math.sin(direction)])
        _crease(sheet, walk(sheet, start, direction, length, bend=0.05, jag=0.04), direction)


def _crease(sheet: Sheet, points: Points, direction: float) -> None:
    """Fold the paper along a line: light on one side, shadow on the other, and emulsion broken off along the ridge."""
    rng, num = sheet.rng, len(points) - 1
    across = np.array([-math.sin(direction), math.cos(direction)])
    reach = sheet.unit * rng.uniform(1.2, 5)
    relief = rng.uniform(0, 38) * rng.choice([-1, 1])
    if abs(relief) > 6:
        for side in (-1, 1):
            flank = sheet.layer()
            draw_line(flank, points + side * 0.7 * reach * across, 1.2 * reach, 1.0)
            sheet.shade(side * relief * cast(Values, cv2.GaussianBlur(flank, (0, 0), 0.6 * reach)).astype(np.float32) / 255)
    cracks = sheet.layer()
    width = sheet.unit * rng.uniform(0.8, 4) * np.exp(0.45 * wavering(num, 2, rng))
    strength = rng.uniform(0.55, 1) * np.clip(rng.uniform(0.3, 1.2) + 0.7 * wavering(num, 1.5, rng), 0, 1)
    draw_line(cracks, points, width, strength)
    sheet.cover(fray(cracks, sheet), paper(rng), softness=sheet.unit * rng.uniform(0.2, 0.5))


def draw_dust(sheet: Sheet) -> None:
    """Strew specks, and mostly hairs."""
    num_colors = int(sheet.rng.integers(1, 4))
    for _ in range(num_colors):
        _specks(sheet, sheet.count(4, 60) // num_colors + 1)
    if sheet.rng.random() < 0.8:
        _hairs(sheet)


def _specks(sheet: Sheet, count: int) -> None:
    """Strew specks of like colour and very unlike size, evenly or in a cloud."""
    rng, layer = sheet.rng, sheet.layer()
    middle, spread = sheet.anywhere(), rng.choice([0.08, 0.25, 3])
    for _ in range(count):
        center = sheet.anywhere() if spread == 3 else rng.normal(middle, spread * min(sheet.width, sheet.height))
        radius = sheet.unit * float(np.exp(rng.normal(math.log(1.3), 0.55)))
        strength = rng.uniform(0.5, 1) * min(1.0, (2 * radius) ** 2)
        fill(layer, blob(center, max(0.6, radius), 0.3, rng), strength)
    sheet.cover(layer, mark_color(rng), softness=sheet.unit * rng.uniform(0, 0.5))


def _hairs(sheet: Sheet) -> None:
    """Lay curled lint on the photo."""
    rng, layer = sheet.rng, sheet.layer()
    for _ in range(sheet.count(0.5, 4)):
        heading, length = rng.uniform(0, 7), rng.uniform(15, 120) * sheet.unit
        points = walk(sheet, sheet.anywhere(), heading, length, bend=rng.uniform(2, 14), jag=0.1)
        draw_line(layer, points, sheet.unit * rng.uniform(0.7, 1.8), rng.uniform(0.5, 1))
    sheet.cover(layer, mark_color(rng), softness=sheet.unit * rng.uniform(0, 0.4))


def draw_spots(sheet: Sheet) -> None:
    """Bleach or stain roundish areas: burnt out to white, foxed brown or dark, some with a tide line."""
    rng = sheet.rng
    for _ in range(sheet.count(0.8, 5)):
        layer = sheet.layer()
        center, radius = sheet.anywhere(), sheet.unit * float(np.exp(rng.uniform(math.log(4), math.log(45))))
        radius = min(radius, 0.2 * min(sheet.height, sheet.width))
        outline = blob(center, radius, 0.35, rng)
        kind = rng.random()
        if kind < 0.6:
            color, strength = paper(rng), rng.uniform(0.8, 1)
        elif kind < 0.75:
            color, strength = np.array([150, 105, 60], np.float32) * np.float32(rng.uniform(0.5, 1.3)), rng.uniform(0.5, 0.9)
        else:
            color, strength = np.full(3, rng.uniform(0, 40), np.float32), rng.uniform(0.8, 1)
        fill(layer, outline, strength)
        if rng.random() < 0.2:
            rim = sheet.layer()
            draw_line(rim, np.concatenate([outline, outline[:1]]), sheet.unit * rng.uniform(1, 3), rng.uniform(0.3, 0.8))
            sheet.cover(rim, 0.5 * color, softness=sheet.unit)
        sheet.cover(layer, color, softness=radius * rng.choice([0.02, 0.05, 0.1]))
