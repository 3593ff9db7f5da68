"""What the pages show is what happens: each block of code in them runs, or is at least a command that the parser takes.

A block is left out only by a comment above it, `<!-- not run: WHY -->`, and every `facemend` line in it is still parsed.
"""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from PIL import Image
from skimage.data import astronaut

from facemend import config, random_mask

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```(?P<language>python|bash|console|toml)\n(?P<code>.*?)^```$", re.M | re.S
)
SECTIONS = {config.TrainConfig: {"model", "data", "loss", "phases"}, config.DataConfig: {"masks"}}


def blocks(*languages, run):
    found = ((page, i, block) for page in PAGES for i, block in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8"))))
    return [
        pytest.param(block["code"], id=f"{page.name}-{i}")
        for page, i, block in found
        if block["language"] in languages and bool(block["reason"]) != run
    ]


@pytest.fixture
def folder(tmp_path):
    """A folder with what the examples speak of."""
    Image.fromarray(astronaut()[:400, 64:384]).save(tmp_path / "photo.jpg")
    Image.fromarray(random_mask((400, 320), family="strokes", area=0.1, seed=1)).save(tmp_path / "mask.png")
    return tmp_path


@pytest.mark.parametrize("code", blocks("bash", "console", run=True))
def test_commands_run(code, folder, facemend, monkeypatch):
    monkeypatch.chdir(folder)
    for line in code.splitlines():
        program, *words = shlex.split(line)
        if program == "facemend":  # in this process, which has loaded what it needs
            done = facemend(*words)
            assert done.code == 0, done.err
        else:
            subprocess.run([program, *words], check=True)


@pytest.mark.parametrize("code", blocks("python", run=True))
def test_python_runs(code, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["program.py"])
    exec(compile(code, "the page", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("code", blocks("bash", "console", run=False))
def test_commands_that_are_not_run_are_spelt_right(code):
    from facemend.cli import app

    assert re.search(r"\b(facemend|make|pip|pytest)\b", code)
    for line in re.split(r"\n|&&", code):
        words = [Path(word).name for word in shlex.split(line, comments=True)]
        if "facemend" in words:  # by itself, or after torchrun
            parse(typer.main.get_command(app), words[words.index("facemend") + 1 :])
        if words[:1] == ["make"]:
            recipes = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
            assert {word for word in words[1:] if "=" not in word} <= set(recipes)


def parse(command, words):
    """Let a verb's parser read the words; nothing is carried out."""
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context(command.name, words)


@pytest.mark.parametrize("code", blocks("toml", run=True))
def test_recipes_are_taken(code):
    assert config.TrainConfig.parse(tomllib.loads(code), "recipe")


def test_no_python_block_is_left_out():
    assert not list(blocks("python", run=False))


def test_links_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_recipe_key_and_its_default_are_described():
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| key \| default \| meaning \|\n.*\n((?:\|.*\n)+)", text, re.M)
    nodes = (
        config.TrainConfig, config.PhaseConfig, config.DataConfig, config.SourceConfig, config.MaskConfig, config.LossConfig,
        config.ModelConfig,
    )  # fmt: skip
    for node, table in zip(nodes, tables, strict=True):
        rows = [[cell.strip().strip("`") for cell in row.split("|")[1:3]] for row in table.splitlines()]
        described = {key: tomllib.loads(f"value = {default}")["value"] for key, default in rows if default}
        described |= {key: None for key, default in rows if not default}
        # Sections have tables of their own; what has no default is required, or absent.
        fields = {name: field for name, field in node.model_fields.items() if name not in SECTIONS.get(node, ())}
        defaults = {name: None if field.is_required() else field.default for name, field in fields.items()}
        assert described == {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}
