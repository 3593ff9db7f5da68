"""What a damaged photo of 12 megapixels costs: seconds and memory, beside LaMa's architecture on the same crop.

    pip install spandrel
    python scripts/large_photo.py

The photo holds one face 2048 pixels wide, with a scratch across it and a box over its eyes. facemend restores the whole photo,
then the crop round the face alone; LaMa, built by spandrel with random weights, fills that crop. Each has a process of its own.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from facemend import Inpainter
from facemend.benchmark import peers
from facemend.demo import load_portrait
from facemend.imaging import Hole, Pixels

HEIGHT, WIDTH, FACE = 3000, 4000, 2048
TOP, LEFT = 500, 900
CROP = slice(TOP, TOP + FACE), slice(LEFT, LEFT + FACE)


def draw_photo() -> tuple[Pixels, Hole]:
    """Draw the photo and its damage."""
    rgb = np.full((HEIGHT, WIDTH, 3), (110, 120, 130), np.uint8)
    rgb[CROP] = np.asarray(load_portrait().resize((FACE, FACE), Image.Resampling.BICUBIC))
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.line(hole, (LEFT, TOP), (LEFT + FACE, TOP + FACE), 1, thickness=50)
    hole[TOP + int(0.42 * FACE) : TOP + int(0.53 * FACE), LEFT + int(0.25 * FACE) : LEFT + int(0.75 * FACE)] = 1
    return rgb, hole > 0


def restore(rgb: Pixels, hole: Hole) -> Pixels:
    """Restore a photo as its user would."""
    return np.asarray(Inpainter.from_pretrained(backend="onnx")(Image.fromarray(rgb), hole).image)


TASKS: dict[str, Callable[[Pixels, Hole], Pixels]] = {
    "facemend, whole photo": restore,
    "facemend, crop": lambda rgb, hole: restore(rgb[CROP], hole[CROP]),
    "LaMa, crop": lambda rgb, hole: peers.lama(os.cpu_count() or 1)(rgb[CROP], hole[CROP]),
}


def run(task: str) -> None:
    """Run one task in this process and print its row."""
    rgb, hole = draw_photo()
    started = time.perf_counter()
    result = TASKS[task](rgb, hole)
    seconds = time.perf_counter() - started
    before, known = (rgb, ~hole) if result.shape == rgb.shape else (rgb[CROP], ~hole[CROP])
    kept = "yes" if (result[known] == before[known]).all() else "no"
    peak = int(Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) / 1024
    print(f"| {task} | {result.shape[1]} x {result.shape[0]} | {seconds:.1f} | {peak:.0f} | {kept} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)  # the script calls itself, for a fresh peak of memory
    options = parser.parse_args()
    if options.task:
        run(options.task)
    else:
        print("| task | size | seconds, loading included | peak memory, MiB | known pixels identical |", flush=True)
        print("| --- | --- | --- | --- | --- |", flush=True)
        for name in TASKS:
            subprocess.run([sys.executable, __file__, "--task", name], check=True)
