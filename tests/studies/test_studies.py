"""Each study, on its quick grid: rows, figure and text, all from one command."""

from __future__ import annotations

import csv
import tomllib

import pytest

from studies.study import NAMES, study_named
from studies.write_up import CONFIGURATIONS, FULL, QUICK, run_study


@pytest.mark.parametrize("name", NAMES)
def test_a_quick_run_writes_rows_figure_and_text(name, tmp_path):
    run_study(name, CONFIGURATIONS / QUICK, tmp_path / "out", tmp_path / "work")
    with (tmp_path / "out" / f"{name}.csv").open() as file:
        assert len(list(csv.DictReader(file))) >= 2
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        assert (tmp_path / "out" / f"{name}.{kind}").read_bytes().startswith(start)
    text = (tmp_path / "out" / f"{name}.md").read_text()
    assert study_named(name).question.strip() in text
    assert f"![{name.replace('_', ' ').capitalize()}]({name}.png)" in text
    assert "nan" not in text
    assert not (tmp_path / "work" / name).exists()


@pytest.mark.parametrize("configuration", [FULL, QUICK])
def test_every_study_is_configured(configuration):
    tables = tomllib.loads((CONFIGURATIONS / configuration).read_text())
    assert sorted(tables) == sorted(NAMES)
    for name in NAMES:
        study_named(name).grid_from(tables[name], name)
