"""What a run tells of itself: a JSON line every so often, TensorBoard where installed, and pictures to look at."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facemend.data.sampling import Batch
from facemend.imaging import color_layout
from facemend.models.inpainter import InpaintNet
from facemend.training.objective import as_float
from facemend.whole_files import write_whole


class Tracker:
    """Averages the terms between two log lines and writes them out."""

    def __init__(self, run_dir: Path, images_seen: int) -> None:
        self._path = run_dir / "log.jsonl"
        _forget_after(self._path, images_seen)
        self._sums: dict[str, Tensor] = {}
        self._counts = Counter[str]()
        self._images = 0
        self._since = time.monotonic()
        self._board = _tensorboard(run_dir, images_seen)

    def add(self, terms: dict[str, Tensor | float], images: int) -> None:
        """Add one step's terms; not every step has all of them."""
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, torch.zeros(())) + torch.as_tensor(value).detach()
        self._counts.update(terms.keys())
        self._images += images

    def write(self, **values: Any) -> dict[str, Any]:
        """Write the means since the last line, over the steps that have a term, with `values` beside them; return the line."""
        now = time.monotonic()
        line = {
            **values,
            "images_per_second": round(self._images / max(now - self._since, 1e-6), 2),
            "memory_mb": memory_mb(),
            **{name: round(float(total) / self._counts[name], 5) for name, total in self._sums.items()},
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self._board is not None:
            for name, value in line.items():
                if isinstance(value, int | float):
                    self._board.add_scalar(name, value, line["images_seen"])
        self._sums, self._counts, self._images, self._since = {}, Counter(), 0, now
        return line


def _forget_after(path: Path, images_seen: int) -> None:
    """Drop the lines of steps that a resumed run does anew, and a last line that a kill cut off."""
    if not path.exists():
        return
    lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("}\n")]
    kept = [line for line in lines if json.loads(line)["images_seen"] <= images_seen]
    write_whole(path, "".join(kept).encode())  # a kill meanwhile costs no line


def memory_mb() -> int | None:
    """Peak memory of this process: the device's where there is one, else the resident set's; None on Windows."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() // 2**20
    try:
        import resource  # noqa: PLC0415 - Unix has it
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _tensorboard(run_dir: Path, images_seen: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        return None
    return SummaryWriter(str(run_dir / "tensorboard"), purge_step=images_seen + 1)  # it, too, forgets what is done anew


@torch.inference_mode()
def sample_grid(net: InpaintNet, batch: Batch) -> Image.Image:
    """Draw a picture of a batch, one face a row: masked input, layout, result, truth."""
    image, mask = as_float(batch.image) * 2 - 1, as_float(batch.mask)
    output = net(image, mask)
    layout = torch.nn.functional.interpolate(output.layout_logits.float(), size=image.shape[2:], mode="bilinear").argmax(1)
    columns = [
        to_uint8(torch.where(mask > 0, torch.ones_like(image), image)),
        np.stack([np.asarray(color_layout(ids).convert("RGB")) for ids in layout.to(torch.uint8).cpu().numpy()]),
        to_uint8(output.completed),
        to_uint8(image),
    ]
    return Image.fromarray(np.concatenate([np.concatenate(list(column), axis=0) for column in columns], axis=1))


def to_uint8(image: Tensor) -> NDArray[np.uint8]:
    """[N, 3, H, W] in [-1, 1] -> uint8 [N, H, W, 3]."""
    return ((image.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
