"""Bounds on cross-entropies and divergences of rows, against 60 digits (9.9 and 9.11)."""

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest

from probbound.check.models.transformer.answers import AGREEMENT, agreed_outcomes
from probbound.check.models.transformer.divergences import divergences
from probbound.check.models.transformer.losses import cross_entropies
from probbound.check.models.transformer.radii import Outcomes

RANDOM = np.random.default_rng(5)
VALUES = {
    "random": lambda n: RANDOM.normal(size=(4, n)),
    "spread": lambda n: 40 * RANDOM.normal(size=(4, n)),
    "ties": lambda n: RANDOM.integers(0, 2, (4, n)) * 1.5,
    "all alike": lambda n: np.full((4, n), RANDOM.normal()),
    "spike": lambda n: 600.0 * np.eye(4, n) - 300,
    "far away": lambda n: 1e9 + RANDOM.normal(size=(4, n)),
    "tiny": lambda n: 1e-300 * RANDOM.normal(size=(4, n)),
}
SIZES = (1, 2, 3, 40)
RADII = (0.0, 1e-13, 0.3)


def exact(row):
    return [mpmath.mpf(float(x)) for x in row]


def loss_of(row, label):
    """log Σ e^{l_j - l_m}."""
    top = max(row)
    return top - row[label] + mpmath.log(mpmath.fsum(mpmath.exp(x - top) for x in row))


def divergence_of(reference, network) -> Any:
    logs = [[-loss_of(row, j) for j in range(len(row))] for row in (reference, network)]
    return mpmath.fsum(mpmath.exp(p) * (p - q) for p, q in zip(*logs, strict=True))


def moved(row, radii, way):
    """Outcomes as far away as radii allow, by signs."""
    return [
        x + sign * mpmath.mpf(float(r)) for x, r, sign in zip(exact(row), radii, way, strict=True)
    ]


def radii_of(values, most):
    return most * RANDOM.uniform(0.2, 1, values.shape)


@pytest.mark.parametrize("kind", VALUES)
def test_a_loss_is_no_larger_and_hardly_less(kind):
    for n, most in itertools.product(SIZES, RADII):
        values = VALUES[kind](n)
        radii, labels = radii_of(values, most), RANDOM.integers(0, n, 4)
        found = cross_entropies(Outcomes(values, radii), labels)
        for row, radius, label, bound in zip(values, radii, labels, found, strict=True):
            worst = moved(row, radius, np.where(np.arange(n) == label, -1, 1))
            with mpmath.workdps(60):
                wanted = loss_of(worst, label) if n > 1 else mpmath.mpf(0)
                rounding = 2.0**-47 * float(abs(row).max() + radius.max()) + 2.0**-890
                assert wanted <= mpmath.mpf(float(bound)), (n, most)
                assert bound <= float(wanted) * (1 + 1e-12) + rounding, (n, most)


@pytest.mark.parametrize("kind", VALUES)
def test_a_divergence_is_no_larger_and_hardly_less(kind):
    other = {"all alike": "random", "spike": "all alike"}.get(kind) or kind
    for n, most in itertools.product(SIZES, RADII):
        pair = VALUES[kind](n), VALUES[other](n)
        reference, network = (Outcomes(each, radii_of(each, most)) for each in pair)
        found = divergences(reference, network)
        for number, bound in enumerate(found):
            ways = RANDOM.choice([-1, 1], (2, n))
            with mpmath.workdps(60):
                rows = [
                    moved(each.values[number], each.radii[number], way)
                    for each, way in zip((reference, network), ways, strict=True)
                ]
                assert divergence_of(*rows) <= mpmath.mpf(float(bound)), (n, most)
                if not most:
                    rounding = 40 * float(sum(abs(each[number]).max() for each in pair))
                    slack = 2.0**-53 * ((6 * n + 3000) * (1 + float(bound)) + rounding)
                    assert bound <= float(divergence_of(*rows)) + slack * (2 + rounding)


def test_worst_moves_of_small_distributions_are_within_the_bound():
    """Every sign, of radii that are not small."""
    for seed in range(10):
        random = np.random.default_rng(seed)
        values, radii = random.normal(size=(2, 1, 3)) * 3, random.uniform(0, 0.5, (2, 1, 3))
        (found,) = divergences(*map(Outcomes, values, radii))
        for ways in itertools.product((-1, 1), repeat=6):
            signs = np.reshape(ways, (2, 3))
            rows = [moved(v[0], r[0], s) for v, r, s in zip(values, radii, signs, strict=True)]
            assert float(divergence_of(*rows)) <= found


def test_equal_networks_are_as_near_as_rounding_and_radii_tell():
    values = RANDOM.normal(size=(4, 50))
    alike = Outcomes(values, np.zeros_like(values))
    assert (divergences(alike, alike) < 1e-12).all()
    assert (divergences(alike, alike) > 0).all()
    agreed = agreed_outcomes(values)
    assert (divergences(agreed, agreed) > 2 * AGREEMENT * abs(values).max(axis=1)).all()


def test_a_divergence_has_a_direction():
    sure, unsure = np.array([[9.0, 0.0]]), np.array([[0.0, 0.0]])
    zero = np.zeros_like(sure)
    found = divergences(Outcomes(sure, zero), Outcomes(unsure, zero))
    assert found == pytest.approx(float(divergence_of(exact(sure[0]), exact(unsure[0]))))
    other = divergences(Outcomes(unsure, zero), Outcomes(sure, zero))
    assert other == pytest.approx(float(divergence_of(exact(unsure[0]), exact(sure[0]))))
    assert other[0] > 5 * found[0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308, -1e308])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nothing_is_known_of_what_is_no_number(bad, place):
    values, radii = np.array([[0.5, 1.0, 1.0]]), np.zeros((1, 3))
    worse, farther = values.copy(), radii.copy()
    worse[0, place], farther[0, place] = bad, abs(bad)
    plain = Outcomes(values, radii)
    for other in (Outcomes(worse, radii), Outcomes(values, farther), agreed_outcomes(worse)):
        for label in range(3):
            (found,) = cross_entropies(other, np.array([label]))
            assert not found < 1e290
        assert not divergences(plain, other)[0] < 1e290
        assert not divergences(other, plain)[0] < 1e290


def test_large_outcomes_are_bounded_by_their_size():
    values = np.array([[1e300, -1e300, 0.0]])
    outcomes = Outcomes(values, np.zeros((1, 3)))
    assert cross_entropies(outcomes, np.array([1])) >= 2e300
    assert 0 < cross_entropies(outcomes, np.array([0])) < 1e286
    assert divergences(outcomes, outcomes) == math.inf


def test_the_agreement_is_half_on_every_number():
    values = np.array([[3.0, -8.0], [0.0, 0.0]])
    found = agreed_outcomes(values)
    assert found.radii.tolist() == [[2.0**-22] * 2, [0.0] * 2]
    (loss, _) = cross_entropies(found, np.array([0, 0]))
    gap = 2.0**-21 - 11
    assert loss == pytest.approx(math.log1p(math.exp(gap)), rel=1e-9)
