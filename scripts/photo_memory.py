"""Restore a photo of 100 megapixels with two damaged faces and a scratch; print views, seconds and peak memory.

python scripts/photo_memory.py
"""

import argparse
import resource
import time

import numpy as np
import skimage.data
from PIL import Image

from facemend import Inpainter, imaging
from facemend.photo.faces import face_window
from facemend.photo.planning import plan_views
from facemend.photo.search import find_faces

WIDTH, HEIGHT = 12000, 8400


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    portrait = Image.fromarray(skimage.data.astronaut())
    photo = Image.new("RGB", (WIDTH, HEIGHT), (110, 120, 130))
    photo.paste(portrait.resize((4000, 4000)), (3000, 2000))
    photo.paste(portrait.resize((600, 600)), (9000, 6000))
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[2700:2900, 4400:5200] = True  # the large one's eyes
    hole[6110:6130, 9200:9300] = True  # the small one's
    hole[5000:5020, 100:11900] = True  # the scratch
    views = plan_views(hole, [face_window(face) for face in find_faces(imaging.to_rgb(photo), hole)])
    inpainter = Inpainter.from_pretrained(device="cpu", backend="torch")
    started = time.perf_counter()
    result = inpainter(photo, hole)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kB, on Linux
    rows = (slice(top, top + 400) for top in range(0, HEIGHT, 400))
    changed = sum(
        int((np.asarray(result.image)[part] != np.asarray(photo)[part]).any(axis=2)[~hole[part]].sum()) for part in rows
    )
    print(f"{WIDTH}x{HEIGHT}: {len(views)} views, {seconds:.0f} s, peak {peak:.1f} GiB, {changed} known pixels changed")


if __name__ == "__main__":
    main()
