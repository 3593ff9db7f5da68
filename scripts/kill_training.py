"""Kill a training run ten times at random moments; show that the same command always goes on and what each kill cost.

python scripts/kill_training.py --data FOLDER_OF_ZIPS [--recipe recipes/tiny.toml] [--kills 10] [--reference]

With --reference the recipe also runs once undisturbed, and both must end with the same weights, bit for bit.
"""

import argparse
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from facemend.config import load_train_config
from facemend.whole_files import sha256_of


def images_in_log(run_dir: Path) -> int:
    log = run_dir / "log.jsonl"
    lines = [line for line in log.read_text().splitlines() if line.endswith("}")] if log.exists() else []
    return json.loads(lines[-1])["images_seen"] if lines else 0


def digest(run_dir: Path) -> str:
    return sha256_of(run_dir / "weights" / "model.safetensors")[:16]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=Path("recipes/tiny.toml"))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--max-seconds", type=float, default=20, help="latest kill, counted from the first new step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reference", action="store_true")
    options = parser.parse_args()

    config = load_train_config(options.recipe)
    most_lost = config.checkpoint_every + config.log_every
    rng = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="facemend-kill-"))
    run_dir = folder / "killed"

    def command(run: Path) -> list[str]:
        paths = [str(options.recipe), "--data", str(options.data), "--run-dir", str(run)]
        return [sys.executable, "-m", "facemend", "train", *paths]

    before = 0
    for kill in range(1, options.kills + 2):
        told = folder / f"{kill}.txt"
        with told.open("w") as stderr:
            process = subprocess.Popen(command(run_dir), stderr=stderr, stdout=stderr)
            if kill > options.kills:
                code = process.wait()
            else:
                while images_in_log(run_dir) <= before and process.poll() is None:
                    time.sleep(0.02)
                time.sleep(rng.uniform(0, options.max_seconds))
                process.send_signal(signal.SIGKILL)
                code = process.wait()
        found = re.search(r"at\s+([\d,]+)\s+images", told.read_text())
        resumed = int(found[1].replace(",", "")) if found else 0
        lost = before - resumed
        print(f"start {kill:2d}: went on at {resumed:5,} of {before:5,} images (lost {max(lost, 0):3d})", flush=True)
        if lost > most_lost:
            print(f"more was lost than the {most_lost} images between two checkpoints")
            return 1
        before = images_in_log(run_dir)
        if kill > options.kills:
            print(f"finished with exit code {code} at {before:,} images, weights {digest(run_dir)}")
        elif code != -signal.SIGKILL:
            print(f"the run was over before kill {kill}; take a longer recipe or --max-seconds less")
            return 1
    if options.reference:
        subprocess.run(command(folder / "whole"), check=True, capture_output=True)
        print(f"undisturbed run: weights {digest(folder / 'whole')}")
        return int(digest(folder / "whole") != digest(run_dir))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
