"""Training samples, each a pure function of the seed and its number in the run.

Nothing else carries state: a run that was killed goes on bit for bit, and any number of processes draw the same faces.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from facemend.config import DataConfig, MaskConfig, Phase, PhaseConfig
from facemend.data.dataset import FaceDataset
from facemend.errors import DataError
from facemend.face_classes import FLIPPED_CLASSES
from facemend.masks import random_mask

Picture = NDArray[np.uint8]


class Batch(NamedTuple):
    """A batch of training samples."""

    image: Tensor  # [N, 3, S, S] uint8
    labels: Tensor  # [N, S, S] uint8 class ids
    mask: Tensor  # [N, 1, S, S] uint8, 255 = hole
    noise: Tensor  # [N, Z] standard normal
    share: Tensor  # [N] uniform in [0, 1]


class FaceStore:
    """All faces of the sources that go up to one size, decoded once to it and kept as uint8."""

    def __init__(self, config: DataConfig, root: Path, size: int) -> None:
        self.images: list[NDArray[np.uint8]] = []  # for each source [n, S, S, 3]
        self.labels: list[NDArray[np.uint8]] = []  # for each source [n, S, S]
        self.sources = [source for source in config.sources if source.max_size is None or size <= source.max_size]
        for source in self.sources:
            faces = FaceDataset(root / source.path, select=slice(None, -source.skip_last or None))
            if not len(faces):
                raise DataError(f"{root / source.path}: no faces are left to train on; lower skip_last")
            images = np.empty((len(faces), size, size, 3), np.uint8)
            labels = np.empty(images.shape[:3], np.uint8)

            def decode(i: int, faces: FaceDataset = faces, images: Picture = images, labels: Picture = labels) -> None:
                face = faces[i]
                images[i] = resize(face.image, size)
                labels[i] = cv2.resize(face.labels, (size, size), interpolation=cv2.INTER_NEAREST)

            with ThreadPoolExecutor() as pool:
                list(pool.map(decode, range(len(faces))))
            self.images.append(images)
            self.labels.append(labels)

    @property
    def counts(self) -> list[int]:
        """Number of faces of each source."""
        return [len(images) for images in self.images]

    def shares(self, phase: Phase) -> NDArray[np.float64]:
        """How often each source is drawn in a phase; raises DataError if none is."""
        weights = np.array([
            source.weight * count * (phase in source.phases)
            for source, count in zip(self.sources, self.counts, strict=True)
        ])  # fmt: skip
        if not weights.sum():
            raise DataError(f"no source is used in phase '{phase}': give one of them a weight, or list the phase in it")
        return weights / weights.sum()


class TrainingSamples(Dataset[tuple[Tensor, ...]]):
    """Sample number `i` of a run: which face, how it is flipped and turned, what is hidden of it, which latent noise.

    Args:
        stores: one for each size, drawn from in turn, batch by batch.
        config: how faces are varied.
        phase: of the run.
        latent_size: length of the noise.
        seed: of the run.
        start: number of the phase's first sample, from where its batches count.
    """

    def __init__(
        self, stores: Sequence[FaceStore], config: DataConfig, phase: PhaseConfig, latent_size: int, seed: int, *, start: int = 0
    ) -> None:
        self.stores, self.config, self.latent_size, self.seed = stores, config, latent_size, seed
        self.batch_size, self.start = phase.batch_size, start
        self.shares = [store.shares(phase.phase) for store in stores]

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        rng = np.random.default_rng([self.seed, index])
        turn = (index - self.start) // self.batch_size % len(self.stores)
        store, shares = self.stores[turn], self.shares[turn]
        source = int(rng.choice(len(shares), p=shares))
        face = int(rng.integers(store.counts[source]))
        image, labels = store.images[source][face], store.labels[source][face]
        if rng.random() < self.config.flip:
            image, labels = mirror(image, labels)
        if rng.random() < self.config.jitter:
            image, labels = jitter(image, labels, rng)
        mask = draw_mask(self.config.masks, labels, rng)
        noise = rng.standard_normal(self.latent_size, dtype=np.float32)
        share = rng.random()
        arrays = (image.transpose(2, 0, 1), labels, mask[None], noise)
        return (*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays), torch.tensor(share, dtype=torch.float32))


def resize(image: Picture, size: int) -> Picture:
    """Bring a square picture to `size`; smaller by area, larger by bicubic interpolation."""
    if image.shape[0] == size:
        return image
    interpolation = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=interpolation).astype(np.uint8, copy=False)


def mirror(image: Picture, labels: Picture) -> tuple[Picture, Picture]:
    """Mirror a face; its left and right eye, brow and ear change places in the label map."""
    swap = np.arange(256, dtype=np.uint8)
    for left, right in FLIPPED_CLASSES:
        swap[left], swap[right] = right, left
    return image[:, ::-1], swap[labels[:, ::-1]]


def jitter(image: Picture, labels: Picture, rng: np.random.Generator) -> tuple[Picture, Picture]:
    """Turn, move and scale a face a little: photos are not all aligned."""
    size = image.shape[0]
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), rng.uniform(-12, 12), np.exp(rng.uniform(-0.2, 0.15)))
    turn[:, 2] += rng.uniform(-0.06, 0.06, 2) * size
    warped = cv2.warpAffine(np.ascontiguousarray(image), turn, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    moved = cv2.warpAffine(
        np.ascontiguousarray(labels), turn, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT
    )
    return warped.astype(np.uint8, copy=False), moved.astype(np.uint8, copy=False)


def draw_mask(config: MaskConfig, labels: Picture, rng: np.random.Generator) -> Picture:
    """Draw a mask of a random family and area for a face; [S, S], 255 = hole."""
    families = list(config.families)
    weights = np.array(list(config.families.values()))
    family = families[int(rng.choice(len(families), p=weights / weights.sum()))]
    area = rng.uniform(config.min_area, config.max_area) ** 1.5  # smaller holes oftener
    return random_mask(labels.shape[0], family=family, area=float(max(area, 0.01)), seed=rng, layout=labels)
