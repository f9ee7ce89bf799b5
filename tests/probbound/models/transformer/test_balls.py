"""Balls hold what real numbers make, in the maker and the checker, at any depth (Theorem 9.14)."""

import sys

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from probbound.check.models.transformer.network import Network
from probbound.check.report import Unusable
from probbound.machine.errors import UserError
from probbound.models.transformer.balls import balls_of, require_balls
from probbound.models.transformer.running import in_balls, outcomes, outcomes_in_balls
from tests.probbound.check.models.transformer import exact
from tests.probbound.check.models.transformer.networks import (
    CASES,
    ROW,
    random_arrays,
    stated,
    weights,
)
from tests.probbound.models.transformer.networks import network

ROWS = np.array([ROW, ROW[::-1]])


def needs_flint():
    pytest.importorskip("flint", reason="make test-full installs python-flint")


def as_mpf(number):
    mantissa, exponent = number.man_exp()
    return mpf(int(mantissa)) * mpf(2) ** int(exponent)


def layers(number, **changes):
    return {"n_layers": number, "windows": [None] * number, **changes}


@pytest.mark.parametrize("case", CASES)
def test_the_real_outcome_lies_within(case):
    needs_flint()
    said, spread = stated(**CASES[case]), 0.5 if len(case) % 2 else 2.0
    arrays, made = random_arrays(said, len(case), spread), network(len(case), spread, **CASES[case])
    with balls_of(192) as ops:
        balls = in_balls(ops, made, ROWS)
        values, radii = ops.with_radii(balls)
    with mpmath.workdps(60):
        wanted = exact.outcomes(said, arrays, ROW)[-1]
        for ball, value, radius, real in zip(balls[0], values[0], radii[0], wanted, strict=True):
            off = abs(as_mpf(ball.mid()) - real)
            assert off <= as_mpf(ball.rad()) + mpf(10) ** -50 * (1 + abs(real))
            assert abs(mpf(float(value)) - real) <= mpf(float(radius))
            assert as_mpf(ball.rad()) < mpf(10) ** -35
    again, within = Network(weights(said, arrays)).outcomes_in_balls(ROWS, 192)
    np.testing.assert_array_equal(again, values)
    np.testing.assert_allclose(within, radii, rtol=1e-9)


def test_six_layers_are_known_to_thirty_digits():
    needs_flint()
    made = network(spread=1.0, **layers(6))
    with balls_of(192) as ops:
        balls = in_balls(ops, made, ROWS)
    assert max(float(ball.rad()) for ball in balls.ravel()) < 1e-30


def test_balls_of_too_few_bits_are_certain_of_nothing():
    needs_flint()
    changes = layers(16)
    arrays = random_arrays(stated(**changes), spread=2.0)
    for values, radii in (
        outcomes_in_balls(network(spread=2.0, **changes), ROWS, 64),
        Network(weights(stated(**changes), arrays)).outcomes_in_balls(ROWS, 64),
    ):
        assert np.isfinite(values).all()
        assert np.isinf(radii).all()


def test_numbers_beyond_floats_are_certain_of_nothing():
    needs_flint()
    changes = {"n_layers": 0, "windows": [], "norm": "none", "norm_eps": 0.0, "final_norm": False}
    said = stated(**changes)
    arrays = random_arrays(said)
    for name in ("embed.W_E", "unembed.W_U"):
        arrays[name] = arrays[name] * 1e200
    made = network(**changes)
    for found in (
        outcomes_in_balls(type(made)(arrays, made.architecture), ROWS, 64),
        Network(weights(said, arrays)).outcomes_in_balls(ROWS, 64),
    ):
        assert np.isinf(found[1]).all()


def test_parts_of_rows_and_of_matrices_change_nothing(monkeypatch):
    needs_flint()
    made, rows = network(), np.random.default_rng(0).integers(0, 7, (9, 5))
    whole, radii = outcomes_in_balls(made, rows, 128)
    np.testing.assert_allclose(whole, outcomes(made, rows), atol=1e-12)
    monkeypatch.setattr("probbound.models.transformer.running.CHUNK_BYTES", 1)
    monkeypatch.setattr("probbound.models.transformer.balls.ENTRIES", 8)
    parts = outcomes_in_balls(made, rows, 128)
    np.testing.assert_array_equal(parts[0], whole)
    np.testing.assert_allclose(parts[1], radii, rtol=1e-9)
    assert outcomes_in_balls(made, rows[:0], 128)[0].shape == (0, 6)


@pytest.mark.parametrize("bits", [0, 100, 4160, -64, 192.0, True])
def test_bits_are_a_multiple_of_64(bits):
    with pytest.raises(UserError, match="balls have a multiple of 64 bits, at most 4096"):
        require_balls(bits)


def test_without_python_flint_it_is_said_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(UserError, match=r"not installed: pip install 'probbound\[balls\]'"):
        require_balls(192)
    said = stated()
    with pytest.raises(Unusable, match="cannot be answered again without python-flint"):
        Network(weights(said, random_arrays(said))).outcomes_in_balls(ROWS, 192)
