"""The rules that no single module can keep alone: what an import costs, what is public, what the repository may hold."""

import subprocess
from pathlib import Path

import pytest
from conftest import fresh_process, modules_after

import facemend

ROOT = Path(__file__).parent.parent
MAX_BYTES = 1_000_000
PUBLIC = {"Inpainter", "__version__", "list_models", "load_model", "random_mask", "save_model"}
# Put together from halves, so that this file does not name what it forbids.
PACKAGE_HOSTS = [
    "pypi" + ".org", "python" + "hosted", "npmjs" + ".", "registry.yarn" + "pkg", "crates" + ".io", "debian" + ".org",
    "download.pytorch.org" + "/whl", "--index" + "-url", "--extra-index" + "-url", "--find" + "-links",
]  # fmt: skip


def tracked_files():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def test_what_is_light_leaves_torch_unimported():
    light = (
        "import facemend",
        "import facemend.errors",
        "import facemend.config",
        "import facemend.imaging",
        "import facemend.masks",
        "from facemend import random_mask",
        "import facemend.cli",
        "from facemend.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    )
    fresh_process(f"import sys\nfor each in {light}:\n    exec(each)\n    assert 'torch' not in sys.modules, each")


def test_no_photo_waits_for_what_only_training_or_tables_need():
    assert not {"pydantic", "rich", "typer"} & modules_after("import facemend.pipeline, facemend.benchmark.fresh")


def test_public_names_are_pinned_and_resolve():
    assert set(facemend.__all__) == PUBLIC
    assert len(facemend.__all__) == len(PUBLIC)
    for name in facemend.__all__:
        assert getattr(facemend, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Painter'"):
        _ = facemend.Painter


def test_no_tracked_file_names_a_package_host():
    found = []
    for path in tracked_files():
        content = path.read_bytes().decode("utf-8", errors="ignore").lower()
        found += [f"{path.relative_to(ROOT)}: {host}" for host in PACKAGE_HOSTS if host in content]
    assert not found


def test_tracked_files_are_small_but_for_the_weights():
    large = [path.relative_to(ROOT) for path in tracked_files() if path.stat().st_size > MAX_BYTES]
    assert [path for path in large if not {"weights_data", "damage"} & set(path.parts)] == []


def test_the_lock_file_holds_names_and_versions_alone():
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        name, _, version = line.partition("==")
        assert name.replace("-", "").isalnum(), line
        assert version.replace(".", "").replace("post", "").isalnum(), line
        assert "+" not in line, f"{line}: a local build of a package is found by nobody else"
