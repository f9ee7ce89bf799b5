"""Shares from tiles: sound however cells depend on each other, and sharp where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from estimators import EstimatorError, proportion, tiles
from tests.estimators import coverage

SIDE, TILES = 8, 40


def _cells(name: str) -> np.ndarray:
    rng = np.random.default_rng(5)
    marks = {
        "independent": rng.random((60, 60)) < 0.05,
        "rows": np.repeat(rng.random((60, 1)) < 0.05, 60, axis=1),
        "columns": np.repeat(rng.random((1, 60)) < 0.3, 60, axis=0),
        "block": np.zeros((60, 60), dtype=bool),
        "one cell": np.zeros((60, 60), dtype=bool),
        "none": np.zeros((60, 60), dtype=bool),
        "all": np.ones((60, 60), dtype=bool),
    }
    marks["rows"][0] = True
    marks["block"][:12, :12] = True
    marks["one cell"][3, 7] = True
    return marks[name]


def _counts(rng: np.random.Generator, marks: np.ndarray, count: int) -> np.ndarray:
    rows, columns = rng.integers(60, size=(2, count, SIDE))
    return marks[rows[:, :, None], columns[:, None, :]].sum(axis=(1, 2))


@pytest.mark.parametrize("replicates", [60, pytest.param(2_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name", ["independent", "rows", "columns", "block", "one cell", "none", "all"]
)
def test_coverage(name, replicates):
    rng, delta, marks = np.random.default_rng(0), 0.1, _cells(name)
    uppers = np.array(
        [
            tiles.share(_counts(rng, marks, TILES), SIDE, delta=delta).upper
            for _ in range(replicates)
        ]
    )
    coverage.check(int(np.sum(uppers < marks.mean() - 1e-12)), replicates, delta)
    coverage.check_not_vacuous(uppers - marks.mean(), 0.25)


def test_independent_cells_are_worth_nearly_all_of_their_number():
    rng = np.random.default_rng(1)
    counts = rng.binomial(64**2, 1e-3, 20_000)
    found = tiles.share(counts, 64, delta=1e-6)
    single = proportion.clopper_pearson(counts.sum(), 20_000 * 64**2, delta=1e-6, side="upper")
    assert found.upper - 1e-3 < 2.0 * (float(single.upper) - 1e-3)
    assert tiles.effective_cells(counts, 64) > 0.9 * 20_000 * 64**2


@pytest.mark.parametrize("p", [0.0, 1e-3, 0.05])
def test_wholly_dependent_cells_cost_little_more_than_their_exact_bound(p):
    counts = 64 * np.random.default_rng(2).binomial(64, p, 2_000)
    exact = proportion.clopper_pearson(counts.sum() // 64, 64 * 2_000, delta=1e-6, side="upper")
    found = tiles.share(counts, 64, delta=1e-6)
    assert found.upper - p < 2 * (float(exact.upper) - p) + 1e-4
    assert found.upper >= counts.mean() / 64**2


def test_tiny_delta_no_tiles_full_tiles_and_single_cells():
    assert tiles.share([], 4, delta=1e-6).upper == 1
    assert tiles.share([16] * 50, 4, delta=1e-6).upper == 1
    low, high = (tiles.share([0] * 5_000, 8, delta=d).upper for d in (1e-6, 1e-30))
    assert 0 < low < high < 0.01
    assert tiles.share([0], 1, log_delta=-1e5).upper == 1
    single = tiles.share([0] * 99 + [1], 1, delta=1e-3).upper
    exact = proportion.clopper_pearson(1, 100, delta=1e-3, side="upper").upper
    assert single >= exact


def test_more_marks_never_lower_the_bound_of_one_tile():
    uppers = [float(tiles.share([k], 4, delta=0.5).upper) for k in range(17)]
    assert np.all(np.diff(uppers) >= 0)


@pytest.mark.parametrize(
    ("counts", "side", "message"),
    [([17], 4, "up to side²"), ([[1]], 4, "one axis"), ([1], 0, "side must"), ([0.5], 4, "whole")],
)
def test_bad_input_is_refused(counts, side, message):
    with pytest.raises(EstimatorError, match=message):
        tiles.share(counts, side, delta=0.1)
