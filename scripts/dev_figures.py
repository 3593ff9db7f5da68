"""Measure a model, and OpenCV's Telea beside it, on held-out faces under NVIDIA's irregular masks, bin by bin.

python scripts/dev_figures.py --faces dev.zip --masks nvidia_masks_dev.zip --output report.json --markdown

The masks (Liu et al. 2018) come in six bins by hole area, 0-10 % to 50-60 %, and are never used in training. Face i of the
set's index gets mask i modulo the bin's number of masks in each of the six bins, so that the pairing is the same whatever part
of the set is measured. Masks are resized to nearest. Each result is composited with the known pixels and rounded to 8 bits
before it is measured.

Figures per bin: LPIPS (AlexNet and VGG16, version 0.1), PSNR, SSIM over the whole picture, means; detail (energy of the
Laplacian in the hole) and seam (step across the hole's edge), both relative to the truth and medians; and for the model the
layout's pixel accuracy in the hole (mean) and its IoU (mean over the classes that occur in the bin's holes). Telea's figures
are kept in a file beside the report and are not computed again: delete it when a metric changes.
On a CPU, --no-vgg takes less than half of the time, and --first 60 a part of the faces.
"""

import io
import json
import math
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from facemend import imaging, load_model, metrics
from facemend.config import NUM_CLASSES
from facemend.data.dataset import FaceDataset, FaceSample
from facemend.errors import DataError, FacemendError
from facemend.models.features import Lpips
from facemend.models.inpainter import InpaintNet
from facemend.torch_backend import choose_device

Picture = NDArray[np.uint8]
Hole = NDArray[np.bool_]
Figures = dict[str, float]  # of one picture, or of a bin

NUM_BINS = 6
TELEA_RADIUS = 3
TILE_SIZE = 256  # of a picture in the grid
MEANS = {"lpips": "LPIPS", "lpips_vgg": "LPIPS VGG", "psnr": "PSNR", "ssim": "SSIM", "layout_accuracy": "layout right"}
MEDIANS = {"detail": "detail", "seam": "seam"}  # a ratio to a nearly flat truth can be huge, and would rule a mean
COLUMNS = {**MEANS, **MEDIANS, "mean_iou": "layout IoU"}
DIGITS = {"psnr": 2, "detail": 2, "seam": 2}


@dataclass
class BinResult:
    """What has been measured of one bin: the figures of each picture, and the layout's confusion over all of them."""

    ours: list[Figures]
    telea: list[Figures]
    confusion: NDArray[np.int64]


class Judge:
    """The metrics, with their networks."""

    def __init__(self, device: torch.device, *, vgg: bool) -> None:
        self.device = device
        self.nets = {"lpips": Lpips("alexnet").to(device)} | ({"lpips_vgg": Lpips("vgg16").to(device)} if vgg else {})
        self.names = {*self.nets, "psnr", "ssim", "detail", "seam"}

    @torch.inference_mode()
    def measure(self, results: list[Picture], truth: Picture, holes: list[Hole]) -> list[Figures]:
        """Measure several restorations of the same face."""
        figures: list[Figures] = [
            {
                "psnr": metrics.psnr(result, truth),
                "ssim": metrics.ssim(result, truth),
                "detail": metrics.high_frequency_ratio(result, truth, hole),
                "seam": metrics.seam_ratio(result, truth, hole),
            }
            for result, hole in zip(results, holes, strict=True)
        ]
        for name, net in self.nets.items():
            expected = net.features(to_tensor(truth, self.device))
            for result, values in zip(results, figures, strict=True):
                values[name] = net.distance(net.features(to_tensor(result, self.device)), expected).item()
        return figures


@dataclass(frozen=True)
class Setup:
    """What is measured on what."""

    net: InpaintNet
    faces: FaceDataset
    chosen: range  # which of the faces
    masks: list[list[Hole]]  # per bin, each size x size
    size: int

    def holes(self, i: int) -> list[Hole]:
        """Return the masks of face i, one of each bin."""
        return [of_bin[i % len(of_bin)] for of_bin in self.masks]


def to_tensor(picture: Picture, device: torch.device) -> torch.Tensor:
    """RGB uint8 [H, W, 3] -> [1, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(picture.transpose(2, 0, 1).copy())[None].to(device).float() / 127.5 - 1


def to_picture(image: torch.Tensor) -> Picture:
    """[3, H, W] in [-1, 1] -> RGB uint8 [H, W, 3]."""
    return ((image + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()


def read_masks(path: Path, size: int) -> list[list[Hole]]:
    """Read the bins' masks, each brought to `size` x `size`."""
    bins: list[list[Hole]] = []
    try:
        with ZipFile(path) as file:
            names = sorted(file.namelist())
            for b in range(NUM_BINS):
                encoded = [file.read(name) for name in names if name.startswith(f"bin{b}/") and name.endswith(".png")]
                pictures = [Image.open(io.BytesIO(content)).convert("L") for content in encoded]
                bins.append([np.asarray(x.resize((size, size), Image.Resampling.NEAREST)) > 127 for x in pictures])
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if not all(bins):
        raise DataError(f"{path}: needs masks bin0/*.png to bin{NUM_BINS - 1}/*.png")
    return bins


def at_size(sample: FaceSample, size: int) -> Picture:
    """Bring a face to the size it is measured at; it is never enlarged."""
    height, width = sample.image.shape[:2]
    if min(height, width) < size:
        raise DataError(f"{sample.name}: is {width}x{height}, too small to be measured at {size}; take another --size")
    return shrink(sample.image, size)


def shrink(picture: Picture, size: int) -> Picture:
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def restore_telea(truth: Picture, hole: Hole) -> Picture:
    restored = cv2.inpaint(truth, hole.astype(np.uint8) * 255, TELEA_RADIUS, cv2.INPAINT_TELEA)
    return np.where(hole[..., None], restored, truth)


@torch.inference_mode()
def restore_ours(
    net: InpaintNet, truth: Picture, holes: list[Hole], label_size: tuple[int, int]
) -> Iterator[tuple[Picture, Picture]]:
    """Restore a face under each hole; yields the picture and its layout at the size of the labels (height, width)."""
    device = next(net.parameters()).device
    image = to_tensor(truth, device)
    for hole in holes:
        output = net(image, torch.from_numpy(hole)[None, None].to(device).float())
        probabilities = output.layout_logits.softmax(1)
        layout = functional.interpolate(probabilities, size=label_size, mode="bilinear").argmax(1)[0]
        yield np.where(hole[..., None], to_picture(output.completed[0]), truth), layout.byte().cpu().numpy()


def measure_layout(layout: Picture, labels: Picture, hole: Hole) -> tuple[float, NDArray[np.int64]]:
    """Return the share of right pixels in the hole, and the confusion matrix."""
    size = (labels.shape[1], labels.shape[0])
    label_hole = cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    accuracy = metrics.layout_accuracy(layout, labels, label_hole)
    return accuracy, metrics.confusion_matrix(layout, labels, label_hole, NUM_CLASSES)


def measure_all(setup: Setup, judge: Judge, telea_cache: dict[str, Figures]) -> list[BinResult]:
    """Measure both methods on every face under one mask of each bin; adds what is new of Telea to its cache."""
    bins = [BinResult([], [], np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)) for _ in range(NUM_BINS)]
    for i in track(setup.chosen, "Measuring", console=Console(stderr=True)):
        sample, holes = setup.faces[i], setup.holes(i)
        truth = at_size(sample, setup.size)
        height, width = sample.labels.shape
        results, layouts = zip(*restore_ours(setup.net, truth, holes, (height, width)), strict=True)
        ours = judge.measure(list(results), truth, holes)
        keys = [f"{sample.name} bin{b}/{i % len(of_bin)}" for b, of_bin in enumerate(setup.masks)]
        if not all(judge.names <= set(telea_cache.get(key, ())) for key in keys):
            restored = [restore_telea(truth, hole) for hole in holes]
            telea_cache.update(zip(keys, judge.measure(restored, truth, holes), strict=True))
        for b, bin_result in enumerate(bins):
            accuracy, confusion = measure_layout(layouts[b], sample.labels, holes[b])
            bin_result.ours.append(ours[b] | {"layout_accuracy": accuracy})
            bin_result.telea.append({name: telea_cache[keys[b]][name] for name in judge.names})
            bin_result.confusion += confusion
    return bins


def summarize(figures: list[Figures], confusion: NDArray[np.int64] | None = None) -> Figures:
    """Bring the figures of a bin's pictures to one each; nan (an edgeless hole, say) does not count."""
    summary: Figures = {}
    for names, middle in ((MEANS, statistics.fmean), (MEDIANS, statistics.median)):
        for name in names:
            values = [x[name] for x in figures if name in x and not math.isnan(x[name])]
            if values:
                summary[name] = middle(values)
    return summary if confusion is None else summary | {"mean_iou": metrics.mean_iou(confusion)}


@torch.inference_mode()
def measure_cost(net: InpaintNet, size: int = 256) -> dict[str, float]:
    """Count parameters and GFLOP (two per multiply-add), and time one picture with two threads (median of nine)."""
    net = net.cpu()
    image, mask = torch.zeros(1, 3, size, size), torch.zeros(1, 1, size, size)
    mask[..., size // 4 : size // 2, size // 4 : size // 2] = 1
    # The plain attention kernel, because the counter does not know the fused one for CPUs.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        net(image, mask)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    seconds: list[float] = []
    for _ in range(10):
        started = time.perf_counter()
        net(image, mask)
        seconds.append(time.perf_counter() - started)
    torch.set_num_threads(threads)
    return {
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "gflop_256": counter.get_total_flops() / 1e9,
        "seconds_256": statistics.median(seconds[1:]),
    }


def to_markdown(report: dict[str, Any]) -> str:
    """Write the report as a line and a table."""
    cost = report["cost"]
    names = [name for name in COLUMNS if name in report["bins"][0]["ours"]]
    rows = ["| hole | method | " + " | ".join(COLUMNS[name] for name in names) + " |", "| --- | --- |" + " --- |" * len(names)]
    for entry in report["bins"]:
        for method in ("ours", "telea"):
            cells = (f"{entry[method][name]:.{DIGITS.get(name, 3)}f}" if name in entry[method] else "" for name in names)
            rows.append(f"| {entry['hole']} | {method} | " + " | ".join(cells) + " |")
    return "\n".join(
        [
            f"{report['num_faces']} faces of {report['faces']} at {report['size']}, NVIDIA masks, model {report['model']}: "
            f"{cost['parameters'] / 1e6:.2f} M parameters, {cost['gflop_256']:.1f} GFLOP and {cost['seconds_256']:.3f} s "
            "for one 256 picture with two threads.",
            "",
            *rows,
        ]
    )


def draw_grid(setup: Setup, path: Path, per_bin: int) -> None:
    """Draw masked photo, layout, Telea, ours and truth side by side, `per_bin` faces for each bin, small holes first."""
    rows: list[Picture] = []
    for b in range(NUM_BINS):
        for k in range(per_bin):
            # another face in each row, from all over the set
            i = setup.chosen[(b * per_bin + k) * len(setup.chosen) // (NUM_BINS * per_bin)]
            truth, hole = at_size(setup.faces[i], setup.size), setup.holes(i)[b]
            result, layout = next(restore_ours(setup.net, truth, [hole], (setup.size, setup.size)))
            masked = np.where(hole[..., None], np.uint8(255), truth)
            colors = np.asarray(imaging.color_layout(layout).convert("RGB"))
            row = (masked, colors, restore_telea(truth, hole), result, truth)
            rows.append(np.hstack([shrink(x, TILE_SIZE) for x in row]))
    Image.fromarray(np.vstack(rows)).save(path)


def parse_select(text: str) -> slice:
    """Read "START:STOP", either of them empty or negative as in Python."""
    try:
        start, stop = (int(part) if part else None for part in text.split(":"))
    except ValueError:
        raise DataError(f"--select {text}: give START:STOP, such as -50: for the last 50 faces") from None
    return slice(start, stop)


def run(
    *,
    faces: Annotated[Path, typer.Option(help="Folder or zip of faces.")],
    masks: Annotated[Path, typer.Option(help="Zip of NVIDIA masks: bin0/*.png to bin5/*.png.")],
    model: Annotated[str, typer.Option(help="Bundled name or weights folder.")] = "default",
    size: Annotated[int, typer.Option(help="Side of the pictures, 256 or 512.")] = 256,
    first: Annotated[int | None, typer.Option(help="Only this many faces, spread evenly over the selection.")] = None,
    select: Annotated[str, typer.Option(help="START:STOP of the index; -50: takes the last 50 faces.")] = ":",
    output: Annotated[Path | None, typer.Option(help="Write the report here, as JSON.")] = None,
    grid: Annotated[Path | None, typer.Option(help="Draw pictures here, to be looked at.")] = None,
    grid_rows: Annotated[int, typer.Option(help="Faces per bin in the grid.")] = 2,
    markdown: Annotated[bool, typer.Option(help="Print a Markdown table instead of JSON.")] = False,
    vgg: Annotated[bool, typer.Option(help="Measure LPIPS with VGG16 too.")] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps; the time of one picture is always a CPU's.")] = "cpu",
) -> None:
    dataset = FaceDataset(faces)
    indices = range(len(dataset))[parse_select(select)]
    if first is not None:
        indices = indices[:: max(1, len(indices) // first)][:first]
    if not indices:
        raise DataError(f"{faces}: --select {select} leaves no face")
    for path in (output, grid):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    torch_device = choose_device(device)
    setup = Setup(load_model(model, torch_device), dataset, indices, read_masks(masks, size), size)
    if grid is not None:
        draw_grid(setup, grid, grid_rows)

    telea_cache: dict[str, Figures] = {}
    cache_path = output.with_name(f"telea-{faces.stem}-{size}.json") if output is not None else None
    if cache_path is not None and cache_path.exists():
        telea_cache = json.loads(cache_path.read_text())
    try:
        bins = measure_all(setup, Judge(torch_device, vgg=vgg), telea_cache)
    finally:
        if cache_path is not None:
            cache_path.write_text(json.dumps(telea_cache))
    report = {
        "faces": faces.name,
        "select": select,
        "num_faces": len(indices),
        "masks": masks.name,
        "model": model,
        "size": size,
        "cost": measure_cost(setup.net),
        "bins": [
            {"hole": f"{10 * b}-{10 * b + 10} %", "ours": summarize(x.ours, x.confusion), "telea": summarize(x.telea)}
            for b, x in enumerate(bins)
        ],
    }
    text = json.dumps(report, indent=2)
    if output is not None:
        output.write_text(text + "\n")
    print(to_markdown(report) if markdown else text)


def main() -> None:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(help=__doc__)(run)
    try:
        app()
    except FacemendError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
