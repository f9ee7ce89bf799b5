"""Pivots of Gaussian sketches against SciPy's chi-square law, and their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from estimators import EstimatorError, sketch
from tests.estimators import coverage


@pytest.mark.parametrize("degrees", [1, 2, 7, 50])
@pytest.mark.parametrize("delta", [0.3, 1e-6, 1e-30, 1e-150])
def test_the_chi_square_floor_is_below_the_quantile_and_close(degrees, delta):
    floor = sketch.chi_square_floor(degrees, math.log(delta))
    if floor > 0:
        assert special.gammainc(degrees / 2, floor / 2) <= delta
    assert floor == pytest.approx(stats.chi2.ppf(delta, degrees), rel=1e-6, abs=1e-250)


def test_the_floor_goes_on_below_the_range_of_doubles():
    floors = [sketch.chi_square_floor(50, log) for log in (-550.0, -650.0, -1e3, -1e4)]
    assert np.all(np.diff(floors) < 0)
    expected = 2 * math.exp((-1e3 + math.lgamma(26)) / 25)
    assert floors[2] == pytest.approx(expected, rel=1e-6)
    assert np.all(np.isinf(sketch.row_norms(np.ones(3), 1, log_delta=-1e5).upper))


def test_row_norms_cover_all_rows_at_once():
    rng, delta, replicates = np.random.default_rng(0), 0.1, 2_000
    rows = rng.standard_normal((20, 6)) * np.geomspace(1, 1e4, 20)[:, None]
    missed, ratios = 0, []
    for _ in range(replicates):
        seen = np.linalg.norm(rows @ rng.standard_normal((6, 12)), axis=1)
        upper = np.asarray(sketch.row_norms(seen, 12, delta=delta).upper)
        missed += bool(np.any(upper < np.linalg.norm(rows, axis=1)))
        ratios.append(upper / np.linalg.norm(rows, axis=1))
    coverage.check(missed, replicates, delta)
    coverage.check_not_vacuous(np.concatenate(ratios), 3)


@pytest.mark.parametrize("spectrum", [[1.0], [1.0, 0.1, 0.01], [1.0] * 40])
def test_frobenius_and_spectral_norms_are_covered(spectrum):
    rng, delta, replicates, columns = np.random.default_rng(1), 0.1, 3_000, 5
    values = np.array(spectrum)
    pivot = sketch.spectral_pivot(columns, delta=delta)
    missed, ratios = np.zeros(2), []
    for _ in range(replicates):
        seen = values[:, None] * rng.standard_normal((len(values), columns))
        frobenius = sketch.frobenius_norm(float(np.linalg.norm(seen)), columns, delta=delta).upper
        truth = np.linalg.norm(values)
        missed += [frobenius < truth, np.linalg.norm(seen, 2) / pivot < values.max()]
        ratios.append(frobenius / truth)
    for count in missed:
        coverage.check(int(count), replicates, delta)
    coverage.check_not_vacuous(np.array(ratios), 3)


def test_bad_input_is_refused():
    with pytest.raises(EstimatorError, match="negative"):
        sketch.row_norms([-1.0], 3, delta=0.1)
    with pytest.raises(EstimatorError, match="columns"):
        sketch.spectral_pivot(0, delta=0.1)
    with pytest.raises(EstimatorError, match="delta"):
        sketch.frobenius_norm(1.0, 3, delta=2.0)
