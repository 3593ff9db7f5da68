"""What an ONNX file says of itself."""

import json
from typing import Any

from facemend.config import ModelConfig
from facemend.face_classes import CLASS_NAMES
from facemend.onnx_runtime import FORMAT, METADATA_KEY


def describe(model: Any, config: ModelConfig, sha256: str) -> None:
    """Write into the file all that somebody needs to use it without this package."""
    description = {
        "format": FORMAT,
        "weights_sha256": sha256,
        "core_size": config.core_size,
        "num_classes": config.num_classes,
        "latent_size": config.latent_size,
        "image": "[N, 3, S, S] RGB in [-1, 1]; S a multiple of 16 from 64 on",
        "mask": "[N, 1, S, S] in {0, 1}; 1 = repaint",
        "latent": "[N, Z]; zeros for the single most likely completion, else standard normal",
        "layout": "[N, K, core_size, core_size] probabilities; all 0 where the network is to decide",
        "completed": "[N, 3, S, S] RGB in [-1, 1]; the image itself where the mask is 0",
        "probabilities": "[N, K, core_size, core_size], of the layout",
        "scores": "[N, heads, T, T], stage 2's attention over a grid of 8 core pixels a cell",
        "classes": list(CLASS_NAMES),
    }
    del model.metadata_props[:]
    model.metadata_props.add(key=METADATA_KEY, value=json.dumps(description))
    model.producer_name = "facemend"
