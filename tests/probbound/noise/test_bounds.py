"""Every deterministic method against the truth, on noise of every kind."""

import math

import numpy as np
import pytest

from estimators.guarantee import Guarantee
from probbound import FactoredMatrix, NoiseTerm
from probbound.draws.random_streams import Stream
from probbound.noise.bounds import DETERMINISTIC
from probbound.noise.contract import QUANTITIES, Quantity, Settings
from probbound.noise.planted import planted
from tests.probbound.noise.terms import all_terms, truth

TERMS = all_terms()
SETTINGS = Settings(Stream.from_seed(0))
METHODS = {method.name: method for method in DETERMINISTIC}


def questions(term):
    size = np.abs(term.remainder.tile(slice(None), slice(None)))
    scale = float(size.max())
    found = [Quantity(name) for name in QUANTITIES if name in PLAIN]
    found += [Quantity("quantile", level=level) for level in (0.9, 1.0)]
    for threshold in (0.0, 0.1 * scale, 0.7 * scale, 1.5 * scale):
        found.append(Quantity("share-above", threshold=threshold))
        found.append(Quantity("row-spread-share", threshold=threshold))
        found.append(Quantity("input-share", threshold=threshold, n_ctx=2 if len(size) > 12 else 3))
    return found


PLAIN = {
    *("mean", "rms", "row-norms", "largest-row-spread", "largest-entry"),
    *("spectral-norm", "frobenius-norm"),
}


def asked_of(method, quantities):
    return [quantity for quantity in quantities if quantity.name in method.quantities]


@pytest.mark.parametrize("name", TERMS)
def test_no_bound_is_below_the_truth_and_exact_is_not_above_it(name):
    """At a threshold of 0 rounding may count entries that are 0, so `exact` may be above there."""
    term = TERMS[name]
    truths = {quantity: truth(term, quantity) for quantity in questions(term)}
    whole = term.remainder.tile(slice(None), slice(None))
    rows = {"row-norms": np.linalg.norm(whole, axis=1), "largest-row-spread": np.ptp(whole, axis=1)}
    for method in DETERMINISTIC:
        for row in method.bounds(term, asked_of(method, truths), SETTINGS):
            expected, case = truths[row.quantity], (method.name, str(row.quantity))
            assert row.bound >= expected, case
            assert row.guarantee is Guarantee.DETERMINISTIC
            assert (row.delta, row.log_delta) == (0.0, -math.inf)
            assert row.flops > 0
            assert (row.per_row is not None) == (row.quantity.name in rows)
            if row.per_row is not None:
                assert (row.per_row >= rows[row.quantity.name] * (1 - 1e-12)).all(), case
            if method.name == "exact" and row.quantity.threshold != 0:
                assert row.bound <= expected + 1e-7 * abs(expected) + 1e-6, case


def test_rows_asked_together_are_the_rows_asked_apart():
    term = TERMS["heavy-tailed 5x4"]
    quantities = questions(term)
    for method in DETERMINISTIC:
        asked = asked_of(method, quantities)
        together = method.bounds(term, asked, SETTINGS)
        assert [row.quantity for row in together] == asked
        for quantity, row in zip(asked, together, strict=True):
            assert method.bounds(term, [quantity], SETTINGS)[0].bound == row.bound


def test_row_spreads_do_not_see_the_mean_of_a_row():
    """Second moments centre first; σ₁ and the plain norms do not."""
    term = planted("coherent", 40, 40, 3)
    shifted = NoiseTerm.whole(
        term.remainder + FactoredMatrix(np.full((40, 1), 100.0), np.ones((1, 40)))
    )
    spread = Quantity("largest-row-spread")
    plain, moved = (
        METHODS["second-moments"].bounds(t, [spread], SETTINGS)[0].bound for t in (term, shifted)
    )
    assert moved == pytest.approx(plain, rel=1e-4)
    assert METHODS["svd"].bounds(shifted, [spread], SETTINGS)[0].bound > 100 * plain


def test_cheap_methods_stay_linear_in_the_vocabulary():
    spread = Quantity("largest-row-spread")
    for method in DETERMINISTIC:
        small, large = (
            method.bounds(planted("gaussian", v, v, 4), [spread], SETTINGS)[0].flops
            for v in (200, 400)
        )
        assert large <= (4 if method.streams else 2) * small * 1.01, method.name


def test_the_spike_is_never_missed():
    term = planted("spike", 64, 64, 6, spike=1000.0)
    for method in DETERMINISTIC:
        (row,) = method.bounds(term, [Quantity("largest-row-spread")], SETTINGS)
        assert row.bound >= 1000.0, method.name
