"""Measure what carried detail and grain bring to fills at the photo's own resolution.

python scripts/seam_figures.py PHOTO...

First table: the largest face of each photo, cut out at its own pixels where it is at least 480 wide, under strokes over a quarter
of it. Second: 12 megapixels, as a mosaic of the photos with strokes all over it, and as one face, enlarged, with film grain of a
standard deviation of 4 added, whose seam tells whether the grain goes on. `enlarged` is the network's picture alone, `carried`
has the known part's detail added, `grain` also the noise that it still lacked. Seam and detail are relative to the truth.
"""

import math
import resource
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray

from facemend import imaging, metrics, random_mask
from facemend.backends import Backend, MaskedView, open_backend
from facemend.face_classes import HAIR
from facemend.models.features import Lpips
from facemend.photo import faces, framing, planning, search
from facemend.photo.framing import Window
from facemend.photo.grain import match_grain
from facemend.photo.network_view import NetworkView
from facemend.photo.planning import View
from facemend.photo.residuals import carry_residuals

Picture = NDArray[np.uint8]
Hole = NDArray[np.bool_]

LEAST_FACE = 480
LARGEST_SIZE = 1024
MOSAIC_COLUMNS, TILE = 4, 1000
ENLARGED_SIDE = 3464  # 12 megapixels
GRAIN = 4


class Method(NamedTuple):
    """How a fill is brought to the photo's own size."""

    size: int  # at most this is what the network sees of a side
    carried: bool = False
    grain: bool = False

    @property
    def name(self) -> str:
        """What the tables call it."""
        step = "carried, grain" if self.grain else "carried" if self.carried else "enlarged"
        return f"{self.size} {step}" if self.size < LARGEST_SIZE else "own size, to 1024"


OWN_SIZE = Method(LARGEST_SIZE)
METHODS = (OWN_SIZE, *(Method(size, carried) for size in (512, 256) for carried in (False, True)), Method(256, True, True))


def restore(backend: Backend, photo: Picture, hole: Hole, views: list[View], method: Method) -> Picture:
    """Fill a photo's hole view by view, as `Inpainter` does, by one of the methods."""
    painted, rest, hair = photo.copy(), hole.copy(), np.zeros_like(hole)
    latent = np.zeros(backend.latent_size, np.float32)
    for view in views:
        window = replace(view.window, size=min(math.ceil(view.window.side / 16) * 16, method.size))
        image, unknown = framing.view_photo(painted, rest, window)
        (run,) = backend([MaskedView(image, unknown, latent)])
        own = hole[view.region] & view.area
        seen = NetworkView(window, run.completed, unknown, run.scores, run.layout)
        filled = framing.unview_photo(seen.softened(), window, view.region)
        if method.carried:
            filled = carry_residuals(painted[view.region], rest[view.region], own, filled, seen, region=view.region)
        painted[view.region][own] = filled[own]
        rest[view.region] &= ~own
        hair[view.region] |= view.area & (framing.unview_layout(seen.ids(), window, view.region) == HAIR)
    return match_grain(painted, photo, hole, textured=hair) if method.grain else painted


def cut_face(photo: Picture) -> Picture | None:
    """Cut out the square of the largest face, at the photo's own pixels; None where it is too small or reaches beyond it."""
    windows = [faces.face_window(face) for face in search.find_faces(photo)]
    window = max(windows, key=lambda window: window.side, default=None)
    if window is None or window.side < LEAST_FACE:
        return None
    side = int(window.side) // 16 * 16
    left, top = (round(middle - side / 2) for middle in window.center)
    if left < 0 or top < 0 or left + side > photo.shape[1] or top + side > photo.shape[0]:
        return None
    return photo[top : top + side, left : left + side].copy()


def draw_hole(shape: tuple[int, ...], area: float, seed: int) -> Hole:
    return random_mask(shape[:2], family="strokes", area=area, seed=seed) > 0


@torch.inference_mode()
def distance(net: Lpips, result: Picture, truth: Picture) -> float:
    a, b = (torch.from_numpy(x.transpose(2, 0, 1).copy())[None].float() / 127.5 - 1 for x in (result, truth))
    return float(net.distance(net.features(a), net.features(b)).item())


def print_faces(backend: Backend, photos: list[Picture]) -> None:
    cut = [face for face in map(cut_face, photos) if face is not None]
    lpips = Lpips("alexnet")
    figures: dict[Method, list[tuple[float, ...]]] = {method: [] for method in METHODS}
    for seed, face in enumerate(cut):
        hole = draw_hole(face.shape, 0.25, seed)
        side = face.shape[0]
        views = planning.plan_views(hole, [Window((side / 2, side / 2), side)])
        for method in METHODS:
            result = restore(backend, face, hole, views, method)
            measured = (metrics.psnr(result, face), metrics.ssim(result, face))
            ratios = (metrics.high_frequency_ratio(result, face, hole), metrics.seam_ratio(result, face, hole))
            figures[method].append((distance(lpips, result, face), *measured, *ratios))
    sides = [face.shape[0] for face in cut]
    print(f"{len(cut)} faces, {min(sides)} to {max(sides)} pixels wide\n")
    print("| the network sees | LPIPS | PSNR | SSIM | detail | seam |\n| --- | --- | --- | --- | --- | --- |")
    for method, rows in figures.items():
        columns = list(zip(*rows, strict=True))
        means, medians = map(statistics.fmean, columns[:3]), map(statistics.median, columns[3:])
        print(
            f"| {method.name} | "
            + " | ".join(f"{x:.{n}f}" for x, n in zip((*means, *medians), (3, 2, 3, 2, 2), strict=True))
            + " |"
        )


def make_mosaic(photos: list[Picture]) -> Picture:
    """Lay squares of the photos side by side, at their own pixels, in four columns."""
    tiles = [photo[:TILE, :TILE] for photo in photos if min(photo.shape[:2]) >= TILE]
    rows = [np.hstack(tiles[i : i + MOSAIC_COLUMNS]) for i in range(0, len(tiles) - MOSAIC_COLUMNS + 1, MOSAIC_COLUMNS)]
    return np.vstack(rows[: math.ceil(12e6 / TILE**2 / MOSAIC_COLUMNS)])


def enlarge(photo: Picture) -> Picture:
    side = min(photo.shape[:2])
    large = cv2.resize(photo[:side, :side], (ENLARGED_SIDE, ENLARGED_SIDE), interpolation=cv2.INTER_LANCZOS4)
    grain = cv2.GaussianBlur(np.random.default_rng(0).standard_normal(large.shape[:2]), (0, 0), 0.7)
    return np.clip(np.round(large + (GRAIN / grain.std() * grain)[..., None]), 0, 255).astype(np.uint8)


def print_large(backend: Backend, photos: list[Picture]) -> None:
    print("\n| photo | the network sees | seam | detail | seconds of CPU |\n| --- | --- | --- | --- | --- |")
    for name, photo in (("mosaic", make_mosaic(photos)), ("enlarged", enlarge(max(photos, key=lambda photo: photo.size)))):
        hole = draw_hole(photo.shape, 0.2, 0)
        started = time.process_time()
        views = planning.plan_views(hole, [faces.face_window(face) for face in search.find_faces(photo, hole)])
        finding = time.process_time() - started
        for method in (OWN_SIZE, METHODS[-2], METHODS[-1]):
            started = time.process_time()
            result = restore(backend, photo, hole, views, method)
            seconds = time.process_time() - started + finding
            seam, detail = metrics.seam_ratio(result, photo, hole), metrics.high_frequency_ratio(result, photo, hole)
            size = f"{photo.shape[1]} x {photo.shape[0]}"
            print(f"| {name}, {size} | {method.name} | {seam:.2f} | {detail:.2f} | {seconds:.0f} |", flush=True)


def main(
    photos: Annotated[list[Path], typer.Argument(help="Photos with faces; those of 1000 pixels and more make the mosaic.")],
    model: Annotated[str, typer.Option(help="Bundled name or weights folder.")] = "default",
) -> None:
    """Print two tables: seam and detail of faces at their own size, and of photos of 12 megapixels."""
    loaded = [imaging.to_rgb(imaging.load_photo(path)) for path in photos]
    backend = open_backend(model, "cpu", "torch")
    print_faces(backend, loaded)
    print_large(backend, loaded)
    print(f"\npeak memory of it all: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    typer.run(main)
