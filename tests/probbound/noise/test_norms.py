import math

import numpy as np
import pytest

from probbound import FactoredMatrix
from probbound.noise import norms
from tests.probbound.noise.terms import extended


def graded(m, n, inner, decades, seed=0):
    """Singular values of both factors spread over `decades` powers of ten."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** np.linspace(0, -decades, inner)
    return FactoredMatrix(
        np.linalg.qr(rng.standard_normal((m, inner)))[0] * scale,
        rng.standard_normal((inner, n)) * scale[::-1, None],
    )


CASES = [graded(30, 20, 6, decades, seed) for decades in (0, 4, 9) for seed in range(5)]


@pytest.mark.parametrize("matrix", CASES, ids=str)
def test_norms_are_above_the_truth_and_near_it(matrix):
    entries = extended(matrix)
    scale = np.prod([np.linalg.norm(f) for f in matrix.factors])
    rows = np.sqrt((entries**2).sum(axis=1))
    upper = norms.row_norms_upper(matrix)
    assert (upper >= rows).all()
    assert (upper - rows <= 1e-6 * scale).all()
    spectral = norms.spectral_upper(matrix)
    values = np.linalg.svd(entries.astype(np.float64), compute_uv=False)
    assert values[0] * (1 - 1e-14) <= spectral <= values[0] + 1e-6 * scale
    spread = norms.spreads_upper(matrix)
    assert (spread >= np.ptp(entries, axis=1)).all()
    assert (norms.entry_product(matrix) >= np.abs(entries).max(axis=1)).all()
    assert norms.mean_upper(matrix) >= entries.mean()


def test_well_conditioned_norms_are_nearly_exact():
    matrix = CASES[0]
    assert norms.spectral_upper(matrix) == pytest.approx(matrix.singular_values()[0], rel=1e-10)
    np.testing.assert_allclose(norms.row_norms_upper(matrix), matrix.row_norms(), rtol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_eigenvalue_is_bounded_without_trusting_the_solver(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((7, 7))
    matrix = matrix @ matrix.T
    truth = np.linalg.eigvalsh(matrix)[-1]
    assert norms.largest_eigenvalue_upper(matrix) == pytest.approx(truth, rel=1e-10)
    solver = np.linalg.eigh

    def sloppy(symmetric):
        values, vectors = solver(symmetric)
        return values, vectors + 1e-3 * rng.standard_normal(vectors.shape)

    monkeypatch.setattr(np.linalg, "eigh", sloppy)
    assert truth <= norms.largest_eigenvalue_upper(matrix) <= 1.2 * truth
    monkeypatch.setattr(np.linalg, "eigh", lambda s: (None, np.ones_like(s)))
    assert norms.largest_eigenvalue_upper(matrix) == math.inf


def test_negative_definite_and_empty_spectra():
    assert norms.largest_eigenvalue_upper(np.zeros((2, 2))) == 0.0
    assert norms.largest_eigenvalue_upper(-np.eye(3)) >= 0.0
    assert norms.spectral_upper(FactoredMatrix(np.zeros((4, 2)), np.zeros((2, 3)))) == 0.0


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_an_overflow_leaves_nothing_to_say():
    huge = FactoredMatrix(np.full((3, 2), 1e200), np.full((2, 3), 1e200))
    assert norms.spectral_upper(huge) == math.inf
