"""The benchmark's rows as tables for people and as values for programs."""

import statistics
from dataclasses import asdict
from typing import Any

from facemend.benchmark.contenders import Contender
from facemend.benchmark.installed import installed_mb
from facemend.benchmark.run import Options, Row

REFERENCE = "lama"  # whose time is 1 in the ratios; without it, the slowest of ours


def to_json(options: Options, contenders: list[Contender], rows: list[Row]) -> dict[str, Any]:
    """All that was measured."""
    return {
        "options": asdict(options),
        "installed_mb": {contender.name: installed_mb(contender.packages) for contender in contenders},
        "rows": [asdict(row) | {"median_seconds": row.median} for row in rows],
    }


def to_markdown(contenders: list[Contender], rows: list[Row]) -> str:
    """One table for what was timed, one for who took part."""
    lines = [
        "| size | hole | contender | median, ms | spread, ms | of LaMa's time | peak memory, MB | first result, s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        reference = [other for other in rows if other.name == REFERENCE and (other.size, other.area) == (row.size, row.area)]
        ratio = f"{row.median / reference[0].median:.3f}" if reference else ""
        low, _, high = statistics.quantiles(row.seconds, n=4) if len(row.seconds) > 1 else (row.median,) * 3
        times = f"{row.median * 1000:.0f} | {low * 1000:.0f}-{high * 1000:.0f} | {ratio}"
        lines.append(f"| {row.size} | {row.area:.0%} | {row.name} | {times} | {row.peak_mb:.0f} | {row.start_seconds:.2f} |")
    lines += ["", "| contender | what it is | installed, MB |", "| --- | --- | --- |"]
    lines += [f"| {who.name} | {who.about} | {installed_mb(who.packages):.0f} |" for who in contenders]
    return "\n".join(lines) + "\n"
