"""Say whether a restored photo differs from the photo only under the mask.

python scripts/known_pixels.py PHOTO MASK RESULT

Exit code 0: every known pixel is identical. 1: one is not, or the result is of another size or mode. 2: a file cannot be read.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from facemend import imaging
from facemend.errors import FacemendError


def describe(photo_path: Path, mask_path: Path, result_path: Path) -> tuple[bool, str]:
    """Compare, channel by channel, what the mask leaves alone; returns whether it is identical, and one line that says so."""
    photo, result = imaging.load_photo(photo_path), imaging.load_photo(result_path)
    hole = imaging.read_hole(imaging.load_mask(mask_path), photo.size)
    if (photo.size, photo.mode) != (result.size, result.mode):
        return False, f"{result_path}: is {result.size} {result.mode}, the photo {photo.size} {photo.mode}"
    before, after = (np.atleast_3d(np.asarray(image)).astype(np.int32) for image in (photo, result))
    difference = np.abs(after - before).max(axis=2)
    known, num_known = difference[~hole], np.count_nonzero(~hole)
    if known.any():
        y, x = np.argwhere(~hole & (difference > 0))[0]
        changed = f"{np.count_nonzero(known)} of {num_known} known pixels differ, by up to {known.max()}"
        return False, f"{result_path}: {changed}; the first is at x={x}, y={y}"
    repainted = f"{np.count_nonzero(difference)} of {np.count_nonzero(hole)} pixels of the hole changed"
    return True, f"{result_path}: all {num_known} known pixels are identical; {repainted}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("photo", "mask", "result"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    try:
        identical, line = describe(options.photo, options.mask, options.result)
    except FacemendError as error:
        print(error, file=sys.stderr)
        return 2
    print(line)
    return 0 if identical else 1


if __name__ == "__main__":
    sys.exit(main())
