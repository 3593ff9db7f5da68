"""What a network is run on to learn the ranges that its values take."""

from collections.abc import Generator
from pathlib import Path

import cv2
import numpy as np

from facemend.config import ModelConfig
from facemend.data.dataset import FaceDataset
from facemend.export.quantize import Feed
from facemend.masks import random_mask
from facemend.onnx_runtime import NAMES_IN

NUM_FACES = 48


def damaged_faces(config: ModelConfig, path: Path) -> Generator[Feed]:
    """Hide parts of faces that are spread over a set, as training does."""
    faces = FaceDataset(path)
    layout = np.zeros((1, config.num_classes, config.core_size, config.core_size), np.float32)
    for number, index in enumerate(np.linspace(0, len(faces) - 1, min(NUM_FACES, len(faces))).round().astype(int)):
        face = cv2.resize(faces[int(index)].image, (256, 256), interpolation=cv2.INTER_AREA)
        hole = random_mask((256, 256), family="mixed", area=0.05 + 0.8 * (number % 8) / 8, seed=number) > 0
        image = face.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
        values = image, hole[None, None].astype(np.float32), np.zeros((1, config.latent_size), np.float32), layout
        yield dict(zip(NAMES_IN, values, strict=True))
