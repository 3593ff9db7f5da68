"""`facemend train`: a recipe and data sets in, weights out."""

from pathlib import Path
from typing import Annotated

import typer

from facemend.cli.options import Device


def train(
    recipe: Annotated[Path, typer.Argument(help="TOML file that says what to train, on what, and how long.")],
    data: Annotated[Path, typer.Option(help="Folder that holds the recipe's data sets.")],
    run_dir: Annotated[Path, typer.Option(help="Folder for checkpoints, logs, sample pictures and weights.")],
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Stop cleanly after this long.")] = None,
    device: Device = "auto",
) -> None:
    """Train a model; the same command again goes on where it stopped.

    \b
    facemend train recipes/default.toml --data sets/ --run-dir runs/default --max-minutes 60
    torchrun --nproc-per-node 2 -m facemend train recipes/default.toml --data sets/ --run-dir runs/default
    """
    from facemend.config import load_train_config

    config = load_train_config(recipe)

    from facemend.backends.on_torch import choose_device
    from facemend.training.trainer import train as run_training

    run_training(config, data, run_dir, max_minutes=max_minutes, device=str(choose_device(device)))
