"""Draws what people and cameras write onto photos: notes in longhand, lines of a pen, rubber stamps, the date."""

import math
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.damage.aging.sheet import Points, Profile, Rng, Sheet, Values, draw_line, noise, walk, wavering

PENS = ((28, 42, 140), (20, 20, 24), (185, 28, 36), (20, 110, 60), (90, 40, 130))
PAINTS = ((240, 240, 235), (210, 180, 90))  # white and gold, which cover
STAMPS = ((50, 40, 120), (150, 30, 45), (25, 25, 30))
DATES = ((255, 140, 40), (255, 90, 60), (255, 210, 90))  # light that a camera's back burns into the film
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_HEIGHT = 22  # pixels of a capital at scale 1


def draw_writing(sheet: Sheet) -> None:
    """Draw one to a few pieces of it, each anywhere."""
    for _ in range(sheet.count(0.6, 2.6)):
        kind = sheet.rng.random()
        if kind < 0.4:
            _note(sheet)
        elif kind < 0.75:
            _pen_lines(sheet)
        elif kind < 0.9:
            _stamp(sheet)
        else:
            _date(sheet)


def _note(sheet: Sheet) -> None:
    """Write a line or two in longhand."""
    rng, layer = sheet.rng, sheet.layer()
    size, slope = rng.uniform(8, 30) * sheet.unit, rng.normal(0, 0.25)
    width = sheet.unit * rng.uniform(0.8, 2.6)
    along, down = np.array([math.cos(slope), math.sin(slope)]), np.array([-math.sin(slope), math.cos(slope)])
    start = sheet.anywhere() - along * rng.uniform(0, 5) * size
    for row in range(rng.integers(1, 3)):
        pen = start + 2.2 * row * size * down
        for _ in range(rng.integers(1, 4)):
            word = _word(int(rng.integers(2, 9)), size, rng)
            points = pen + word[:, :1] * along + word[:, 1:] * down
            pressure = np.clip(0.85 + 0.25 * wavering(len(points) - 1, 12, rng), 0.3, 1)
            draw_line(layer, points, width * pressure, pressure)
            pen = pen + along * (word[:, 0].max() + 0.7 * size)
    _ink(sheet, layer)


def _word(num_letters: int, size: float, rng: Rng) -> Points:
    """Write a word [N, 2] that begins at the origin: loops of a cycloid, one a letter, some of them tall, some below the line."""
    steps = 14
    turns = np.linspace(0, num_letters, num_letters * steps, endpoint=False)
    letter = turns.astype(int)
    heights = rng.choice([1, 2, -1], num_letters, p=[0.65, 0.23, 0.12]) * rng.uniform(0.75, 1.1, num_letters)
    advances = rng.uniform(0.35, 0.75, num_letters)
    loops = rng.uniform(0.05, 0.4, num_letters)  # how far a loop swings back
    x = np.cumsum(advances[letter]) / steps - loops[letter] * np.sin(2 * math.pi * turns)
    y = -0.5 * heights[letter] * (1 - np.cos(2 * math.pi * turns))
    slant = rng.uniform(-0.1, 0.5)
    return size * np.stack([x - slant * y, y], axis=1)


def _pen_lines(sheet: Sheet) -> None:
    """Draw lines of a pen: strokes and crosses, a zigzag to strike something out, or a ring round it."""
    rng, layer = sheet.rng, sheet.layer()
    center, reach = sheet.anywhere(), rng.uniform(15, 130) * sheet.unit
    width = sheet.unit * float(np.exp(rng.uniform(math.log(1), math.log(7))))
    kind = rng.random()
    if kind < 0.5:
        lines = [_stroke(sheet, center, reach) for _ in range(rng.integers(1, 4))]
    else:
        lines = [center + (_zigzag if kind < 0.8 else _ring)(reach, rng)]
    for points in lines:
        pressure = np.clip(0.9 + 0.2 * wavering(len(points) - 1, 8, rng), 0.3, 1)
        draw_line(layer, points, width, pressure * rng.uniform(0.7, 1))
    _ink(sheet, layer)


def _stroke(sheet: Sheet, center: Points, reach: float) -> Points:
    rng = sheet.rng
    start, heading = center + rng.normal(0, 0.4 * reach, 2), rng.uniform(0, 2 * math.pi)
    return walk(sheet, start, heading, reach * rng.uniform(0.5, 3), bend=rng.choice([0.2, 1.5, 4]), jag=0.03)


def _zigzag(reach: float, rng: Rng) -> Points:
    swings = np.linspace(0, rng.integers(2, 7), 60)
    return _shaken(np.linspace(-reach, reach, 60), 0.4 * reach * np.sin(2 * math.pi * swings), rng)


def _ring(reach: float, rng: Rng) -> Points:
    angles = 2 * math.pi * np.linspace(0, rng.uniform(1, 1.2), 60)
    return _shaken(reach * np.cos(angles), rng.uniform(0.5, 1) * reach * np.sin(angles), rng)


def _shaken(x: Profile, y: Profile, rng: Rng) -> Points:
    """Draw a curve round the origin by hand: turned anyhow, and unsteady."""
    unsteady = np.stack([side + 0.03 * np.abs(x).max() * wavering(len(side), 6, rng) for side in (x, y)], axis=1)
    turn = rng.uniform(0, math.pi)
    return unsteady @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])


def _stamp(sheet: Sheet) -> None:
    """Press a rubber stamp: letters in a frame or in two rings, unevenly inked."""
    rng, layer = sheet.rng, sheet.layer()
    center, size = sheet.anywhere(), rng.uniform(10, 24) * sheet.unit
    letters = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVWZ 0123456789"), rng.integers(3, 9)))
    half_width = max(size, _type(layer, letters, center, size)) * rng.uniform(0.6, 0.8)
    corner, line = np.array([half_width, size * rng.uniform(1, 3)]), max(1, round(0.12 * size))
    if rng.random() < 0.5:
        cv2.rectangle(layer, _pixel(center - corner), _pixel(center + corner), 255, line)
    else:
        for reach in (1.0, 1.25):
            cv2.ellipse(layer, _pixel(center), _pixel(reach * corner), 0, 0, 360, 255, line)
    turn = cv2.getRotationMatrix2D(center.tolist(), rng.normal(0, 15), 1)
    pressed = cast(Values, cv2.warpAffine(layer, turn, layer.shape[::-1])).astype(np.float32)
    inked = rng.uniform(0.6, 1) * np.clip(0.8 + 0.4 * noise(layer.shape, 4 * sheet.unit, rng), 0.1, 1)
    sheet.stain((pressed * inked).astype(np.float32), _shade(STAMPS, rng), softness=sheet.unit * rng.uniform(0.2, 0.6))


def _date(sheet: Sheet) -> None:
    """Burn in the date as a camera does: glowing figures."""
    rng, layer = sheet.rng, sheet.layer()
    text = f"'{rng.integers(80, 100)} {rng.integers(1, 13):2d} {rng.integers(1, 32):2d}"
    _type(layer, text, sheet.anywhere(), rng.uniform(8, 20) * sheet.unit)
    color = _shade(DATES, rng)
    sheet.cover(layer // 2, color, softness=2 * sheet.unit)
    sheet.cover(layer, color, softness=sheet.unit * rng.uniform(0.3, 0.8))


def _type(layer: NDArray[np.uint8], text: str, center: Points, size: float) -> float:
    """Type a text around a point, its capitals `size` pixels high; returns its width in pixels."""
    scale, thickness = size / FONT_HEIGHT, max(1, round(size / 9))
    (width, height), _ = cv2.getTextSize(text, FONT, scale, thickness)
    cv2.putText(layer, text, _pixel(center + np.array([-width / 2, height / 2])), FONT, scale, 255, thickness, cv2.LINE_AA)
    return width


def _pixel(point: Points) -> list[int]:
    return np.rint(point).astype(int).tolist()


def _ink(sheet: Sheet, layer: NDArray[np.uint8]) -> None:
    """Let a pen draw a layer."""
    rng, softness = sheet.rng, sheet.unit * sheet.rng.uniform(0, 0.5)
    if rng.random() < 0.12:
        sheet.cover(layer, _shade(PAINTS, rng), softness=softness)
    else:
        sheet.stain(layer, _shade(PENS, rng), softness=softness)


def _shade(colors: tuple[tuple[int, int, int], ...], rng: Rng) -> NDArray[np.float32]:
    """Choose one of them, and vary it a little."""
    return np.clip(np.array(colors[rng.integers(len(colors))]) + rng.normal(0, 15, 3), 0, 255).astype(np.float32)
