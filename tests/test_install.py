"""The base installation restores a photo, and there is no torch in it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from conftest import make_photo, mask_image
from PIL import Image

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_clean_environment_restores_a_photo_without_torch(tmp_path):
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", ROOT / "requirements.lock", ROOT], check=True)
    installed = subprocess.run([python, "-m", "pip", "list", "--format", "freeze"], check=True, capture_output=True, text=True)
    names = {line.split("==")[0].lower() for line in installed.stdout.splitlines()}
    assert "onnxruntime" in names
    assert not names & {"torch", "safetensors", "onnx", "scikit-image"}

    photo, hole = make_photo("RGB", 120, 100), np.zeros((100, 120), bool)
    hole[40:60, 50:80] = True
    photo.save(tmp_path / "photo.png")
    mask_image(hole).save(tmp_path / "mask.png")
    for backend in ("auto", "onnx-int8"):
        output = tmp_path / f"{backend}.png"
        words = ["inpaint", "photo.png", "--mask", "mask.png", "--output", output, "--backend", backend]
        subprocess.run([python, "-m", "facemend", *words], check=True, cwd=tmp_path)
        restored = np.asarray(Image.open(output))
        assert np.array_equal(restored[~hole], np.asarray(photo)[~hole])
        assert not np.array_equal(restored[hole], np.asarray(photo)[hole])


def test_every_extra_that_a_message_names_exists():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"how_to_install\(['\"](\w+)['\"]\)", sources))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert "web" in named
    assert named <= set(extras)
