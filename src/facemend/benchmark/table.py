"""The benchmark's rows as tables for people and as values for programs."""

import statistics
from dataclasses import asdict
from typing import Any

from facemend.benchmark.contenders import Contender
from facemend.benchmark.installed import installed_mb
from facemend.benchmark.run import Options, Row

REFERENCE = "lama"  # whose time is 1 in the ratios; without it there are none


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
        "| size | hole | contender | median, ms | spread, ms | of LaMa's | peak memory, MB | first result, s | of LaMa's |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    peers = {(row.size, row.area): row for row in rows if row.name == REFERENCE}
    lines += [_line(row, peers.get((row.size, row.area))) for row in rows]
    lines += ["", "| contender | what it is | installed, MB |", "| --- | --- | --- |"]
    lines += [f"| {who.name} | {who.about} | {installed_mb(who.packages):.0f} |" for who in contenders]
    return "\n".join(lines) + "\n"


def _line(row: Row, peer: Row | None) -> str:
    """One row of the table, beside the peer's for the same picture."""
    low, _, high = statistics.quantiles(row.seconds, n=4) if len(row.seconds) > 1 else (row.median,) * 3
    peak = "" if row.peak_mb is None else f"{row.peak_mb:.0f}"
    cells = [
        f"{row.size} | {row.area:.0%} | {row.name}",
        f"{row.median * 1000:.0f} | {low * 1000:.0f}-{high * 1000:.0f} | {_share(row.median, peer and peer.median)}",
        f"{peak} | {row.start_seconds:.2f} | {_share(row.start_seconds, peer and peer.start_seconds)}",
    ]
    return f"| {' | '.join(cells)} |"


def _share(seconds: float, peer_seconds: float | None) -> str:
    return f"{seconds / peer_seconds:.3f}" if peer_seconds else ""
