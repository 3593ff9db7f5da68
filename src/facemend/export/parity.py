"""How near an exported file comes to the network."""

import numpy as np
import torch

from facemend.models.inpainter import InpaintNet
from facemend.onnx_runtime import OnnxNet

SIZES = (64, 256, 512)


def measure_parity(net: InpaintNet, onnx_net: OnnxNet, sizes: tuple[int, ...] = SIZES) -> dict[int, float]:
    """Run both on the same random photos; returns the largest difference of any completed value, by size."""
    random = np.random.default_rng(0)
    largest: dict[int, float] = {}
    for size in sizes:
        image = random.uniform(-1, 1, (2, 3, size, size)).astype(np.float32)
        mask = np.zeros((2, 1, size, size), np.float32)
        mask[:, :, size // 4 : -size // 4, size // 4 : -size // 4] = 1
        latent = random.standard_normal((2, net.config.latent_size)).astype(np.float32)
        with torch.inference_mode():
            expected = net(*(torch.from_numpy(array) for array in (image, mask, latent))).completed.numpy()
        largest[size] = float(np.abs(onnx_net(image, mask, latent)[0] - expected).max())
    return largest
