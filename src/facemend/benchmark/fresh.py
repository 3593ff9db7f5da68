"""What only a fresh process can tell: the time from its start to its first result, and its memory.

    python -m facemend.benchmark.fresh MODEL NAME SIZE AREA THREADS STARTED

prints both as JSON; `measure` calls it.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from facemend.benchmark.contenders import all_contenders, draw_case
from facemend.errors import ConfigError


def measure(model: str, name: str, size: int, area: float, num_threads: int) -> dict[str, float]:
    """Start a process that fills one hole.

    Returns:
        `start_seconds` from before the process was started to its result, and `peak_mb`, the most memory it held, where the
        system tells.

    Raises:
        ConfigError: The process failed.
    """
    arguments = [model, name, str(size), str(area), str(num_threads), str(time.time())]
    run = subprocess.run([sys.executable, "-m", __name__, *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1]
        raise ConfigError(f"{name} at {size} failed in a process of its own: {reason[:200]}")
    return json.loads(run.stdout)


def _main(arguments: list[str]) -> None:
    model, name, size, area, num_threads, started = arguments
    contender = next(contender for contender in all_contenders(model, peers=True) if contender.name == name)
    contender.load(int(num_threads))(*draw_case(int(size), float(area)))
    seconds = time.time() - float(started)
    peak_mb = _peak_mb()
    print(json.dumps({"start_seconds": seconds} | ({} if peak_mb is None else {"peak_mb": peak_mb})))


def _peak_mb() -> float | None:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return float(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    except (OSError, IndexError):  # not Linux, where what follows would count the parent's memory too
        try:
            import resource
        except ImportError:  # Windows
            return None
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


if __name__ == "__main__":
    _main(sys.argv[1:])
