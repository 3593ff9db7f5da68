"""Measure what a batch's processes cost: CPU seconds per photo on one thread and on several, memory, photos per minute.

python scripts/batch_speed.py PHOTOS MASKS [--model default] [--workers 1 2 4]

Photos per minute can at best be 60 x cores / CPU seconds per photo: a second thread pays only where it lowers the latter.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

from facemend import imaging
from facemend.backends import open_backend
from facemend.batch import Item, plan_batch
from facemend.pipeline import Inpainter


def restore_all(items: list[Item], model: str, num_threads: int) -> None:
    """Restore photos in this process, and print what that cost."""
    cv2.setNumThreads(num_threads)
    inpainter = Inpainter(open_backend(model, "cpu", num_threads=num_threads))

    def restore(item: Item) -> None:
        photo = imaging.load_photo(Path(item.photo))
        hole = imaging.read_hole(imaging.load_mask(Path(item.mask or "")), photo.size)
        imaging.encode_image(inpainter(photo, hole).image, Path(item.output).suffix)

    restore(items[0])  # not counted: loads what is loaded once
    wall, cpu = time.perf_counter(), time.process_time()
    for item in items:
        restore(item)
    wall, cpu = ((now - then) / len(items) for now, then in ((time.perf_counter(), wall), (time.process_time(), cpu)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{num_threads} threads: {cpu:.3f} CPU s per photo, {wall:.3f} s from one to the next, peak {peak:.0f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, len(os.sched_getaffinity(0))])
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)  # the script calls itself, for a fresh peak of memory
    options = parser.parse_args()
    if options.threads:
        plan = plan_batch(options.photos, Path("nowhere"), options.masks)
        restore_all([item for item in plan.items if item.problem is None], options.model, options.threads)
        return
    places = [str(options.photos), str(options.masks)]
    for num_threads in (1, 2):
        again = [sys.executable, __file__, *places, "--model", options.model, "--threads", str(num_threads)]
        subprocess.run(again, check=True)
    for num_workers in options.workers:
        with tempfile.TemporaryDirectory() as output:
            command = [sys.executable, "-m", "facemend", "batch", places[0], output, "--masks", places[1], "--device", "cpu"]
            rest = ["--model", options.model, "--workers", str(num_workers), "--no-contact-sheet", "--json"]
            done = subprocess.run([*command, *rest], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        summary = json.loads(done.stdout)
        num_restored = summary["counts"]["restored"]
        print(f"{num_workers} workers: {60 * num_restored / summary['seconds']:.1f} photos per minute, start included")


if __name__ == "__main__":
    main()
