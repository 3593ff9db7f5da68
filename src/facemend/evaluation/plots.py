"""Small line plots over hole area, as inline SVG."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from facemend.evaluation.figures import Metric

COLORS = ("#d6336c", "#1971c2", "#2f9e44", "#e8590c", "#7048e8", "#0c8599", "#868e96", "#a07400")

_WIDTH, _HEIGHT = 330, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 26, 32


def plot(metric: Metric, curves: Sequence[dict[str, Any]], colors: dict[str, str]) -> str:
    """Draw a metric's curve for each method, with its 95 % intervals as bars; `colors` are those of the methods."""
    points = [point for curve in curves for point in curve["points"]]
    low, high, step = _scale(min(p["low"] for p in points), max(p["high"] for p in points))
    most = max(0.1, math.ceil(10 * max(p["area"] for p in points)) / 10)

    def x(area: float) -> float:
        return round(_LEFT + area / most * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        return round(_HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(metric.label)} over hole area">']
    parts.append(f'<text x="{_LEFT}" y="15" class="title">{escape(metric.label)}{_WAY[metric.better]}</text>')
    for i in range(round((high - low) / step) + 1):
        value = low + i * step
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value)}" y2="{y(value)}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 5}" y="{y(value) + 3.5}" text-anchor="end">{value:.4g}</text>')
    if metric.better == "one" and low < 1 < high:
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(1)}" y2="{y(1)}" class="aim"/>')
    for tenth in range(0, round(most * 10) + 1, 1 if most <= 0.6 else 2):
        parts.append(f'<text x="{x(tenth / 10)}" y="{_HEIGHT - _BOTTOM + 14}" text-anchor="middle">{10 * tenth}</text>')
    parts.append(f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">hole area, %</text>')
    for curve in curves:
        color = colors[curve["method"]]
        places = [(x(p["area"]), y(p["value"]), y(p["low"]), y(p["high"])) for p in curve["points"]]
        path = " ".join(f"{a},{b}" for a, b, _, _ in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        for a, b, bottom, top in places:
            parts.append(f'<line x1="{a}" x2="{a}" y1="{bottom}" y2="{top}" stroke="{color}" stroke-width="1.2"/>')
            parts.append(f'<circle cx="{a}" cy="{b}" r="2.6" fill="{color}"/>')
    parts.append("</svg>")
    return "".join(parts)


_WAY = {"high": " ↑", "low": " ↓", "one": " → 1"}


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """Choose round ends and a round step for an axis of about five steps."""
    span = high - low
    if span < 1e-6:  # the same everywhere
        return low - 0.5, low + 0.5, 0.2
    power = 10 ** math.floor(math.log10(span / 5))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / 5)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step
