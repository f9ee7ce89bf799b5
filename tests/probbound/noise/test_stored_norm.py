"""‖W‖₂ of one stored matrix (Theorem 9.8): never below it, hardly above it, at the stated price."""

import math
from typing import Any

import numpy as np
import pytest

from probbound.noise import norms
from tests.counting import counted, counting

BELOW, ABOVE = 1 - 1e-13, 1.01  # LAPACK's own error; what is asked


def shaped(values, m, n):
    """Random singular vectors with these singular values."""
    rng, k = np.random.default_rng(len(values)), len(values)
    left, right = (np.linalg.qr(rng.standard_normal((rows, k)))[0] for rows in (m, n))
    return (left * values) @ right.T


def matrices():
    rng = np.random.default_rng(0)
    for m, n in ((1, 1), (1, 9), (9, 1), (40, 7), (7, 40), (130, 130), (300, 90)):
        yield f"random {m} × {n}", rng.standard_normal((m, n))
    yield "float32", np.float32(rng.standard_normal((50, 30))).astype(np.float64)
    yield "rank one", np.outer(rng.standard_normal(60), rng.standard_normal(50))
    yield "all ones", np.ones((64, 32))
    yield "one entry", np.pad([[3.0]], ((4, 20), (10, 2)))
    yield "identity", np.eye(100)
    yield "diagonal", np.diag(np.linspace(0, 1, 200))
    yield "clustered", np.diag(1 - np.linspace(0, 1, 200) ** 2)
    yield "ill-conditioned", shaped(10.0 ** -np.arange(30.0), 80, 60)
    yield "two equal", shaped(np.array([1.0, 1.0, 1e-8]), 50, 40)
    yield "tiny", 1e-200 * rng.standard_normal((20, 30))
    yield "denormal", 5e-324 * rng.integers(-9, 10, (20, 30))
    yield "huge", 1e200 * rng.standard_normal((20, 30))
    yield "of all sizes", 10.0 ** rng.uniform(-300, 300, (30, 20))
    centred = rng.standard_normal((60, 48))
    yield "centred", centred - centred.mean(axis=1, keepdims=True)


MATRICES: dict[str, Any] = dict(matrices())


def truth(matrix):
    """LAPACK's, of the matrix scaled so that nothing under- or overflows."""
    exponent = math.frexp(np.abs(matrix).max())[1]
    return float(np.ldexp(np.linalg.norm(np.ldexp(matrix, -exponent), 2), exponent))


@pytest.mark.parametrize("name", MATRICES)
def test_it_is_above_the_norm_and_near_it(name):
    matrix = MATRICES[name]
    wanted = truth(matrix)
    assert wanted * BELOW <= norms.stored_spectral_upper(matrix) <= wanted * ABOVE + 1e-323
    assert norms.stored_spectral_upper(matrix.T) <= wanted * ABOVE + 1e-323


@pytest.mark.parametrize("kind", ["no estimate", "nothing factorised", "a wrong factor"])
def test_neither_estimate_nor_factor_is_trusted(monkeypatch, kind):
    matrix = MATRICES["random 300 × 90"]

    def fails(_):
        raise np.linalg.LinAlgError

    changed = {
        "no estimate": (norms, "_largest_nearly", lambda _: 1.0),
        "nothing factorised": (np.linalg, "cholesky", fails),
        "a wrong factor": (np.linalg, "cholesky", lambda x: np.eye(len(x))),
    }
    monkeypatch.setattr(*changed[kind])
    assert truth(matrix) <= norms.stored_spectral_upper(matrix) < math.inf


@pytest.mark.parametrize(("low", "above"), [(0.995, 1.01), (0.98, 1.01), (0.7, 1.05)])
def test_a_low_estimate_is_raised_until_the_factor_exists(monkeypatch, low, above):
    matrix = MATRICES["random 300 × 90"]
    nearly = norms._largest_nearly
    monkeypatch.setattr(norms, "_largest_nearly", lambda s: low * nearly(s))
    assert truth(matrix) <= norms.stored_spectral_upper(matrix) <= above * truth(matrix)


def test_nothing_is_zero_and_what_is_not_finite_or_too_large_is_infinite():
    assert norms.stored_spectral_upper(np.zeros((3, 4))) == 0.0
    for value in (math.inf, math.nan, 1.7e308):
        assert norms.stored_spectral_upper(np.full((3, 4), value)) == math.inf


@pytest.mark.parametrize("shape", [(300, 90), (64, 256), (120, 120), (50, 30)])
def test_operations_are_those_that_numpy_does(shape):
    matrix = counted(np.random.default_rng(0).standard_normal(shape))
    with counting() as count:
        norms.stored_spectral_upper(matrix)
    assert norms.stored_spectral_upper_flops(shape) == pytest.approx(count.floats, rel=0.02)
