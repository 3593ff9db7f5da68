"""Train the network without one part of the method, then without another, each for the same short time, and compare them.

    python scripts/ablate.py --data FOLDER_OF_ZIPS --faces dev.zip --masks nvidia_masks_dev.zip --output runs/ablation

A run that was killed goes on when called again. The core alone is trained and measured, at the recipe's size. Prints a Markdown
table; the full report lies in OUTPUT/report.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from facemend.config import TrainConfig, load_train_config
from facemend.evaluation import run
from facemend.evaluation.faces import open_faces
from facemend.evaluation.holes import Case
from facemend.evaluation.methods import Restored
from facemend.evaluation.protocols import FileMasks, load_protocol
from facemend.imaging import Pixels
from facemend.model_folders import WEIGHTS_FILE
from facemend.training.trainer import train
from facemend.weights import load_model
from facemend.whole_files import sha256_of

NO_STAGE_1 = {"layout": 0.0, "dice": 0.0, "layout_adversarial": 0.0}
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "full, another seed": {"seed": 1},  # how much is chance
    "no layout stage": {"model": {"without": ["layout stage"]}, "loss": NO_STAGE_1},
    "hard layout": {"model": {"without": ["soft layout"]}},
    "no layout modulation": {"model": {"without": ["layout modulation"]}},
    "CNN branch only": {"model": {"without": ["vit branch"]}},
    "ViT branch only": {"model": {"without": ["cnn branch"]}},
    "no contextual attention": {"model": {"without": ["contextual attention"]}},
    "no token validity": {"model": {"without": ["token validity"]}},
    "no adversary, feature matching kept": {"loss": {"adversarial": 0.0}},
    "no adversary, no feature matching": {"loss": {"adversary": "none", "feature_matching": 0.0}},
    # Their scores have other scales than the projected critic's, so each is tried at two weights.
    "hinge-r1, weight 0.3": {"loss": {"adversary": "hinge-r1", "feature_matching": 0.0, "adversarial": 0.3}},
    "hinge-r1, weight 1": {"loss": {"adversary": "hinge-r1", "feature_matching": 0.0, "adversarial": 1.0}},
    "wgan-gp, weight 0.001": {"loss": {"adversary": "wgan-gp", "feature_matching": 0.0, "adversarial": 0.001}},
    "wgan-gp, weight 0.01": {"loss": {"adversary": "wgan-gp", "feature_matching": 0.0, "adversarial": 0.01}},
}
METRICS = ("lpips", "psnr", "ssim", "own_layout")
SPANS = ("0-20", "20-40", "40-60")


def changed(recipe: TrainConfig, changes: dict[str, Any]) -> TrainConfig:
    """The recipe with some of its values changed."""
    values = recipe.model_dump()
    for key, change in changes.items():
        values[key] = values[key] | change if isinstance(change, dict) else change
    return TrainConfig.parse(values, "ablate.py")


class Core:
    """A network alone: no face is framed, no detail carried and no grain matched, as `Inpainter` would."""

    max_area = 1.0

    def __init__(self, name: str, weights: Path) -> None:
        self.name = name
        self.about = "the network alone"
        self.key = sha256_of(weights / WEIGHTS_FILE)
        self._net = load_model(weights)

    @torch.inference_mode()
    def restore(self, masked: Pixels, case: Case, face: str) -> Restored:
        """Paint the most likely face."""
        image = torch.from_numpy(masked / np.float32(127.5) - 1).permute(2, 0, 1)[None]
        output = self._net(image, torch.from_numpy(case.hole[None, None].astype(np.float32)))
        picture = ((output.completed[0].permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()
        return Restored(picture, output.layout_logits[0].argmax(dim=0).to(torch.uint8).numpy())


def folder_name(variant: str) -> str:
    return variant.replace(",", "").replace(" ", "-").lower()


def table(report: dict[str, Any], span: str) -> str:
    """The full network's figures over one span of hole area, and how the others differ from it in the same holes."""
    full = next(row for row in report["tables"]["hole area, %"] if (row["method"], row["group"]) == ("full", span))
    others = {row["minus"]: row["figures"] for row in report["differences"] if row["group"] == span}
    lines = [f"| {span} % | " + " | ".join(METRICS) + " |", "| --- " * (len(METRICS) + 1) + "|"]
    lines.append("| full | " + " | ".join(f"{full['figures'][metric]['value']:.4f}" for metric in METRICS) + " |")
    for variant in list(VARIANTS)[1:]:
        figures = others[folder_name(variant)]
        lines.append(f"| {variant} | " + " | ".join(_difference(figures.get(metric)) for metric in METRICS) + " |")
    return "\n".join(lines)


def _difference(full_minus_variant: dict[str, float] | None) -> str:
    if full_minus_variant is None:
        return ""
    value, low, high = (-full_minus_variant[key] for key in ("value", "high", "low"))
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f})"


def main(
    *,
    data: Annotated[Path, typer.Option(help="Folder that holds the recipe's data sets.")],
    faces: Annotated[Path, typer.Option(help="Held-out faces.")],
    masks: Annotated[Path, typer.Option(help="Zip of NVIDIA's irregular masks.")],
    output: Annotated[Path, typer.Option(help="Folder for runs and report.")],
    recipe: Annotated[Path, typer.Option(help="Of the full network.")] = Path("recipes/ablation.toml"),
    every: Annotated[int, typer.Option(min=1, help="Measure each n-th face.")] = 1,
) -> None:
    """Train what is not trained yet, then measure all of them on the same holes."""
    base = load_train_config(recipe)
    for variant, changes in VARIANTS.items():
        print(f"-- {variant}", flush=True)
        train(changed(base, changes), data, output / folder_name(variant))
    held_out = open_faces(faces)
    protocol = load_protocol("dev-nvidia").model_copy(update={"size": base.model.core_size, "masks": FileMasks(path=str(masks))})
    subject = run.Subject(
        faces, held_out, range(0, len(held_out.names), every), protocol, without=frozenset({"lpips-vgg", "identity", "layout"})
    )
    methods = [Core(folder_name(variant), output / folder_name(variant) / "weights") for variant in VARIANTS]
    outcome = run.evaluate(subject, methods, output / "report", torch.device("cpu"))
    for span in SPANS:
        print(table(outcome.report, span), end="\n\n")


if __name__ == "__main__":
    typer.run(main)
