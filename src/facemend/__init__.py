"""facemend restores faces in photos. The public names load what they need on first use (torch takes seconds)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facemend.masks import random_mask as random_mask
    from facemend.model_folders import list_models as list_models
    from facemend.pipeline import Inpainter as Inpainter
    from facemend.weights import load_model as load_model
    from facemend.weights import save_model as save_model

__version__ = "0.1.0"

_HOME = {
    "Inpainter": "facemend.pipeline",
    "list_models": "facemend.model_folders",
    "load_model": "facemend.weights",
    "random_mask": "facemend.masks",
    "save_model": "facemend.weights",
}
__all__ = ["Inpainter", "__version__", "list_models", "load_model", "random_mask", "save_model"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'facemend' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
