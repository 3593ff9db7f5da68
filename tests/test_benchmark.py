"""`facemend benchmark`: what it times is real work, and what cannot be timed is said in one line."""

import json
import sys

import numpy as np
import pytest

from facemend.benchmark import fresh
from facemend.benchmark.contenders import all_contenders, draw_case
from facemend.benchmark.installed import installed_mb
from facemend.benchmark.run import Options, Row
from facemend.benchmark.table import to_markdown
from facemend.errors import ConfigError


@pytest.mark.slow
def test_every_contender_is_timed_and_measured_alone(facemend):
    run = facemend("benchmark", "--sizes", "64", "--areas", "0.3", "--rounds", "2", "--threads", "1", "--json")
    report = json.loads(run.out)
    names = [contender.name for contender in all_contenders("default", peers=False)]
    assert [row["name"] for row in report["rows"]] == names
    rows = {row["name"]: row for row in report["rows"]}
    assert all(len(row["seconds"]) == 2 and 0 < row["median_seconds"] < row["start_seconds"] for row in rows.values())
    assert rows["telea"]["peak_mb"] < rows["facemend-onnx"]["peak_mb"] < rows["facemend-torch"]["peak_mb"] < 2000
    assert report["installed_mb"]["facemend-onnx"] < report["installed_mb"]["facemend-torch"]


def test_one_contender_is_timed_alone(facemend):
    run = facemend("benchmark", "--only", "telea", "--sizes", "64", "--areas", "0.1,0.3", "--rounds", "1", "--json")
    assert [row["name"] for row in json.loads(run.out)["rows"]] == ["telea", "telea"]


def test_where_the_system_tells_no_memory_none_is_given(monkeypatch):
    def refuse(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    assert fresh._peak_mb() > 1
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert fresh._peak_mb() is None
    assert "|  | 1.00 |" in to_markdown([], [Row("telea", 64, 0.1, (1.0,), 1.0, None)])


@pytest.mark.parametrize("name", [contender.name for contender in all_contenders("default", peers=False)])
def test_contenders_fill_the_hole_and_nothing_else(name):
    picture, hole = draw_case(64, 0.1)
    assert hole.mean() == pytest.approx(0.1, abs=0.01)
    contender = next(contender for contender in all_contenders("default", peers=False) if contender.name == name)
    filled = contender.load(1)(np.where(hole[..., None], 255, picture).astype(np.uint8), hole)
    assert np.abs(filled[~hole].astype(int) - picture[~hole]).max() <= 1  # 8 bits there and back
    assert not (filled[hole] == 255).all()


def test_rivals_that_are_not_installed_are_named(facemend, monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    run = facemend("benchmark", "--peers", "--sizes", "64", "--threads", "1")  # libraries keep that number, for later tests too
    assert run.code == 2
    assert 'pip install -c requirements.lock ".[torch]" spandrel spandrel_extra_arches' in run.err


def test_an_installation_counts_what_it_requires():
    assert installed_mb(("opencv-python-headless",)) > installed_mb(("numpy",)) > 10
    assert installed_mb(("no-such-distribution",)) == 0


@pytest.mark.parametrize(
    "options", [{"sizes": (100,)}, {"sizes": (48,)}, {"areas": (0.0,)}, {"areas": (1.0,)}, {"only": ("lama",)}]
)
def test_impossible_cases_are_refused(options):
    with pytest.raises(ConfigError, match=r"--sizes|--areas|--only lama: .* --peers"):
        Options(**options)
