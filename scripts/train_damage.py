"""Trains the net behind `facemend.find_damage` on damage drawn onto clean faces, and writes it as ONNX.

The net that ships had several runs, each but the first with `--start` (`src/facemend/damage/README.md`). The extra `export` is
needed:

    python scripts/train_damage.py --data FOLDER_OF_ZIPS --output src/facemend/damage/damage.onnx

The faces are those of `facemend prepare` (zips of `facemend.data.dataset`); scikit-image's own pictures, and those of `--scenes`,
stand for what is behind people. The same seed and number of steps give the same net on the same machine.
"""

import math
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import onnx
import torch
import typer
from numpy.typing import NDArray
from skimage import data as scenery
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from facemend.damage.aging import KINDS, VISIBLE, age_photo
from facemend.damage.finding import TILE_SIZE, net_input
from facemend.data.dataset import FaceDataset
from facemend.imaging import Pixels, load_photo, to_rgb

FACES = {"flickrport": 3.0, "celebamask": 3.0, "ffhq": 2.0, "mebeauty": 2.0, "aaf": 0.7}  # zip: how often it is drawn from
SCENES = (
    "coffee",
    "chelsea",
    "brick",
    "grass",
    "gravel",
    "rocket",
    "coins",
    "camera",
    "stereo_motorcycle",
)  # not astronaut: it tests
SCENE_SHARE = 0.18
BACKDROP_SHARE = 0.08
POOL_SIZE, RENEWED_SHARE = 400, 0.25
CROP_SIZE = 160
CLEAN_SHARE = 0.5
GREY_SHARE = 0.35  # scanned without colours: else cream paper on a grey print would be known by its tint alone
BLOB_DEPTH = 4  # pixels: what lies deeper inside damage counts less, or a few large spots outweigh all scratches
UNSURE = 4  # of 255: a pixel changed by this much up to `VISIBLE` counts neither as whole nor as damaged

Rng = np.random.Generator
Sample = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]  # input [5, H, W], damage [H, W], weight [H, W]


class DamageNet(nn.Module):
    """A small U-Net: logits of damage [N, 1, H, W] for what `net_input` makes, [N, 5, H, W], sides multiples of 16."""

    def __init__(self) -> None:
        super().__init__()
        # At 1/2, 1/4, 1/8, 1/16; at full size it would spend its time moving memory. Where it sees what surrounds a mark it must
        # be wide: with 16 channels there it took dark scratches for hair and large spots for background.
        widths = (24, 48, 96, 96)
        self.stem = nn.Sequential(nn.Conv2d(5, widths[0], 4, 2, padding=1), nn.ReLU(inplace=True), block(widths[0], widths[0]))
        self.down = nn.ModuleList(
            nn.Sequential(block(a, b, stride=2), block(b, b, dilation=dilation))
            for (a, b), dilation in zip(pairwise(widths), (1, 1, 2), strict=True)
        )
        self.lateral = nn.Conv2d(widths[3], widths[2], 1)
        self.up = nn.ModuleList(block(widths[i], widths[max(i - 1, 0)]) for i in (2, 1, 0))
        self.head = nn.ConvTranspose2d(widths[0], 1, 4, 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        levels = [self.stem(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = self.lateral(levels.pop())
        for up in self.up:
            x = up(functional.interpolate(x, scale_factor=2.0, mode="nearest") + levels.pop())
        return self.head(x)


def block(num_in: int, num_out: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(num_in, num_out, 3, stride, padding=dilation, dilation=dilation), nn.ReLU(inplace=True))


class Pictures:
    """Clean pictures at random: faces of the zips, scenes, and plain walls."""

    def __init__(self, folder: Path, scenes: Path | None, *, held_out: int = 50) -> None:
        self.sets = [FaceDataset(folder / f"{name}.zip")[:-held_out] for name in FACES]
        shares = np.array(list(FACES.values()))
        self.shares = shares / shares.sum()
        pictures = [getattr(scenery, name)() for name in SCENES]
        pictures = [scene[0] if isinstance(scene, tuple) else scene for scene in pictures]
        self.scenes = [scene if scene.ndim == 3 else np.repeat(scene[..., None], 3, axis=2) for scene in pictures]
        if scenes is not None:
            self.scenes += [to_rgb(load_photo(path)) for path in sorted(scenes.iterdir())]
        self.pool: list[Pixels] = []

    def draw(self, rng: Rng) -> Pixels:
        """Take a picture from a pool; decoding a new one each time would take longer than to train on it."""
        if len(self.pool) < POOL_SIZE:
            self.pool.append(self._read(rng))
            return self.pool[-1]
        i = int(rng.integers(POOL_SIZE))
        if rng.random() < RENEWED_SHARE:
            self.pool[i] = self._read(rng)
        return self.pool[i]

    def _read(self, rng: Rng) -> Pixels:
        if rng.random() < BACKDROP_SHARE:
            return backdrop(rng)
        if rng.random() < SCENE_SHARE:
            return self.scenes[rng.integers(len(self.scenes))]
        faces = self.sets[rng.choice(len(self.sets), p=self.shares)]
        return faces[int(rng.integers(len(faces)))].image


def backdrop(rng: Rng) -> Pixels:
    """Paint the plain wall of a studio, a little lighter on one side: on it any line is damage, as straight as it may be."""
    color = rng.uniform(20, 245) + rng.normal(0, 12, 3)
    x, y = np.meshgrid(*(np.linspace(-1, 1, 2 * CROP_SIZE),) * 2)
    light = rng.normal(0, 12) * x + rng.normal(0, 12) * y
    return np.clip(color + light[..., None], 0, 255).astype(np.uint8)


def draw_sample(pictures: Pictures, rng: Rng) -> Sample:
    """Draw a print, age it, and scan it."""
    picture = printed(framed(crop(pictures.draw(rng), rng), rng), rng)
    aged = picture
    if rng.random() > CLEAN_SHARE:
        kinds = [kind for kind in KINDS if rng.random() < 0.4] or [KINDS[rng.integers(len(KINDS))]]
        pixels_per_unit = math.exp(rng.uniform(math.log(0.7), math.log(2.8)))
        amount, scale = math.exp(rng.uniform(math.log(0.12), math.log(0.5))), pixels_per_unit * 512 / CROP_SIZE
        aged = age_photo(picture, kinds=kinds, amount=amount, scale=scale, seed=rng).image
    if rng.random() < GREY_SHARE:
        picture, aged = greyed(picture), greyed(aged)
    change = cv2.absdiff(aged, picture).max(axis=2)
    damage = (change >= VISIBLE).astype(np.uint8)
    depth = cv2.distanceTransform(damage, cv2.DIST_L2, 3)
    weight = np.where((change < UNSURE) | (damage > 0), BLOB_DEPTH / np.maximum(depth, BLOB_DEPTH), 0).astype(np.float32)
    return net_input(scanned(aged, rng)), damage.astype(np.float32), weight


class Samples(IterableDataset[Sample]):
    """Samples without end; one worker draws them while the net trains."""

    def __init__(self, data: Path, scenes: Path | None, seed: int) -> None:
        self.data, self.scenes, self.seed = data, scenes, seed

    def __iter__(self) -> Iterator[Sample]:
        """Yield them."""
        cv2.setNumThreads(1)
        rng, pictures = np.random.default_rng(self.seed), Pictures(self.data, self.scenes)
        while True:
            yield draw_sample(pictures, rng)


def crop(picture: Pixels, rng: Rng) -> Pixels:
    """Take a square of the picture at random and shrink it to the crop's size.

    It is hardly ever enlarged: on blurred pictures the net would learn that whatever is sharp is damage.
    """
    longest = min(picture.shape[:2])
    side = min(longest, round(math.exp(rng.uniform(math.log(0.75 * CROP_SIZE), math.log(max(longest, CROP_SIZE))))))
    top, left = (int(rng.integers(extent - side + 1)) for extent in picture.shape[:2])
    piece = picture[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side > CROP_SIZE else cv2.INTER_CUBIC
    piece = np.asarray(cv2.resize(piece, (CROP_SIZE, CROP_SIZE), interpolation=method), np.uint8)
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    return np.rot90(piece, int(rng.integers(1, 4))) if rng.random() < 0.2 else piece


def framed(picture: Pixels, rng: Rng) -> Pixels:
    """Give some prints the white or dark border that belongs to them."""
    if rng.random() > 0.12:
        return picture
    border = picture.copy()
    width = int(rng.uniform(0.03, 0.3) * CROP_SIZE)
    color = rng.uniform(200, 255) * np.array([1, rng.uniform(0.95, 1), rng.uniform(0.85, 1)]) if rng.random() < 0.8 else 20
    for side in range(4):
        if rng.random() < 0.4:
            np.rot90(border, side)[:width] = np.asarray(color).astype(np.uint8)
    return border


def printed(picture: Pixels, rng: Rng) -> Pixels:
    """Give the picture the tone and grain of a print: faded, grey or brown, or none of it."""
    x = picture.astype(np.float32)
    if rng.random() < 0.5:
        grey = x @ np.array([0.299, 0.587, 0.114], np.float32)
        tint = (
            np.array([1, rng.uniform(0.9, 1), rng.uniform(0.7, 1)], np.float32) if rng.random() < 0.5 else np.ones(3, np.float32)
        )
        x = grey[..., None] * tint
    low, high = rng.uniform(-25, 50), rng.uniform(190, 285)
    x = low + x * np.float32((high - low) / 255) if rng.random() < 0.6 else x
    if rng.random() < 0.5:
        x = x + rng.uniform(1, 9) * grain(picture.shape[:2], rng.uniform(1, 2.5), rng)
    return np.clip(x, 0, 255).astype(np.uint8)


def greyed(picture: Pixels) -> Pixels:
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def scanned(picture: Pixels, rng: Rng) -> Pixels:
    """Blur, sharpen, add noise and compress, each of them sometimes."""
    x = picture.astype(np.float32)
    if rng.random() < 0.5:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 1.0))
    if rng.random() < 0.25:
        x = x + rng.uniform(0.3, 1.5) * (x - cv2.GaussianBlur(x, (0, 0), rng.uniform(0.8, 2)))
    if rng.random() < 0.5:
        x = x + rng.uniform(0.5, 5) * rng.standard_normal(x.shape, np.float32)
    x = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        _, encoded = cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(55, 97))])
        x = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return np.asarray(x)


def grain(shape: tuple[int, ...], size: float, rng: Rng) -> NDArray[np.float32]:
    small = rng.standard_normal([math.ceil(side / size) + 1 for side in shape[:2]], np.float32)
    return np.asarray(cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR))[..., None]


def damage_loss(logits: Tensor, damage: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy over all pixels plus soft Dice over the batch, so that the few damaged pixels count; all [N, 1, H, W]."""
    entropy = (functional.binary_cross_entropy_with_logits(logits, damage, reduction="none") * weight).mean()
    found = logits.sigmoid() * weight
    dice = 1 - (2 * (found * damage).sum() + 1) / (found.sum() + (damage * weight).sum() + 1)
    return 8 * entropy + dice


def train(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the zips of faces.")],
    output: Annotated[Path, typer.Option(help="Where to write the net, .onnx.")],
    steps: Annotated[int, typer.Option(help="Batches to train on.")] = 2000,
    batch_size: Annotated[int, typer.Option()] = 12,
    learning_rate: Annotated[float, typer.Option(help="The highest of the schedule.")] = 2e-3,
    start: Annotated[Path | None, typer.Option(help="Net to go on from, .onnx, as this script writes it.")] = None,
    scenes: Annotated[Path | None, typer.Option(help="Folder of clean photos of anything but faces.")] = None,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Train, print the mean loss now and then, and write the net."""
    torch.manual_seed(seed)
    net = DamageNet().to(memory_format=torch.channels_last)
    batches = iter(DataLoader(Samples(data, scenes, seed), batch_size, num_workers=1))
    if start is not None:
        net.load_state_dict(read_weights(start))
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps, pct_start=0.1)
    started, losses = time.monotonic(), []
    for step in range(1, steps + 1):
        images, damage, weight = next(batches)
        loss = damage_loss(net(images), damage[:, None], weight[:, None])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % 50 == 0:
            print(f"step {step}  loss {np.mean(losses[-50:]):.4f}  {time.monotonic() - started:.0f} s", flush=True)
        if step % 250 == 0 or step == steps:
            export(net, output)


def export(net: DamageNet, path: Path) -> None:
    """Write the net: probabilities [1, 1, S, S] for one tile [1, 5, S, S], S = TILE_SIZE."""
    net.eval()
    picture = torch.zeros(1, 5, TILE_SIZE, TILE_SIZE)
    torch.onnx.export(nn.Sequential(net, nn.Sigmoid()), (picture,), str(path), opset_version=13, dynamo=False)
    net.train()


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read what `export` wrote; it has the sigmoid behind the net, hence a prefix before each name."""
    stored = onnx.load(path).graph.initializer
    return {weights.name.removeprefix("0."): torch.from_numpy(onnx.numpy_helper.to_array(weights).copy()) for weights in stored}


if __name__ == "__main__":
    typer.run(train)
