"""What a sweep may be asked, from options and from TOML."""

from __future__ import annotations

import json

import pytest

from probbound.cli.main import run
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.meaning import cells_of
from tests.probbound.sweeps.small import small_models

SETTINGS = ("--budgets", "5,6", "--deltas", "1e-3", "--seeds", "0,1,2")
GOOD = ("--models", "max-of-4", "--strategies", "iid")


def test_toml_and_options_ask_the_same(tmp_path, capsys):
    (model, _) = small_models(tmp_path)
    path = tmp_path / "grid.toml"
    path.write_text(
        f'models = ["{model}"]\nstrategies = ["iid", "cubic"]\nbudgets = [5, 6]\n'
        "deltas = [1e-3]\nseeds = [0, 1, 2]\n"
    )
    done = []
    for options in (
        ["--config", path],
        ["--models", model, "--strategies", "iid,cubic", *SETTINGS],
        ["--config", path, "--budgets", "5"],
    ):
        out = tmp_path / f"s{len(done)}"
        assert run([str(x) for x in ("sweep", "--out", out, *options, "--json")]) == 0
        done.append(json.loads(capsys.readouterr().out))
    assert [found["cells"] for found in done] == [7, 7, 4]
    names = [{path.name for path in (tmp_path / f"s{i}" / "cells").iterdir()} for i in range(3)]
    assert names[0] == names[1]
    assert names[2] < names[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--strategies", "iid"), "the command line has no models"),
        (("--models", "max-of-4"), "the command line has no strategies"),
        ((*GOOD, "--budgets", "1e-3"), "--budgets must be whole numbers separated by commas"),
        ((*GOOD, "--budgets", "-1"), "budgets must be whole numbers of forward passes"),
        ((*GOOD, "--budgets", "9999999999999999999"), "below 2^63"),
        ((*GOOD, "--deltas", "0"), "deltas must be probabilities strictly between 0 and 1"),
        ((*GOOD, "--deltas", "1e-3,1e-400"), "delta must be at least 1e-300, got 1e-400"),
        ((*GOOD, "--deltas", "1e-301"), "of at least 1e-300"),
        ((*GOOD, "--deltas", "nan"), "deltas must be probabilities"),
        ((*GOOD, "--seeds", "0,,1"), "--seeds must be whole numbers"),
        ((*GOOD, "--seeds", "-1"), "seeds must be whole numbers"),
        (("--models", "max-of-4", "--strategies", "nonsense"), "there is no strategy 'nonsense'"),
        (("--models", "nonsense", "--strategies", "iid"), "there is no model 'nonsense'"),
        ((*GOOD, "--workers", "0"), "0 is not in the range x>=1"),
        ((*GOOD, "--workers", "2", "--scheduler", "tcp://x:1"), "--workers or --scheduler"),
        ((*GOOD, "--noises", "loud"), "noises must be own (what a strategy's name means), exact"),
        ((*GOOD, "--paths", "both"), "paths must be separate or joint, got 'both'"),
        (("--config", "none.toml"), "there is no configuration none.toml"),
    ],
)
def test_bad_options_are_one_sentence_and_leave_nothing(
    capsys, tmp_path, monkeypatch, options, sentence
):
    monkeypatch.chdir(tmp_path)
    assert run(["sweep", "--out", "s", *options]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("models = 3", "models in grid.toml must be a list, got 3"),
        ("bugdets = [3]", "unknown key 'bugdets'; the keys are models, strategies, noises"),
        ("models = []\nstrategies = ['iid']", "models must not be empty"),
        ("models = ['m']\nstrategies = [3]", "strategies must be names of strategies, got 3"),
        ("models = ['m']\nstrategies = [['iid']]", "names of strategies, got ['iid']"),
        ("models = ['m']\nstrategies = ['iid']\nseeds = [true]", "seeds must be whole numbers"),
        ("models = ", "grid.toml cannot be read as TOML"),
    ],
)
def test_bad_toml_is_one_sentence(capsys, tmp_path, monkeypatch, text, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.toml").write_text(text)
    assert run(["sweep", "--out", "s", "--config", "grid.toml"]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_duplicates_are_one_cell():
    config = SweepConfig(
        ("m", "m"), ("iid", "iid"), budgets=(5, 5), deltas=(1e-3, 1e-3), seeds=(0, 0)
    )
    assert len(cells_of(config, {"m": "0" * 64})) == 1


def test_a_strategy_meets_only_the_settings_that_it_uses():
    strategies = ("low-rank-qk", "quadratic-qk", "hybrid", "entries", "iid")
    noises, paths = ("own", "svd"), ("separate", "joint")
    config = SweepConfig(("m",), strategies, noises, (5,), (1e-3,), paths, (0,))
    cells = cells_of(config, {"m": "0" * 64})
    assert [(cell.strategy, cell.paths) for cell in cells] == [
        ("low-rank-qk", None),
        ("low-rank-qk:svd", None),
        ("quadratic-qk", None),
        ("hybrid", None),
        ("entries", "separate"),
        ("entries", "joint"),
        ("entries:svd", None),
        ("iid", None),
    ]
