"""Folding against exact arithmetic: the same logits, and no row further off than is said."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from probbound.models.pair_mlp.network import in_float64, weights_of
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.folding import folded, folding_flops
from probbound.tasks.pairs.screens.low_rank import LowRankScreen
from probbound.tasks.pairs.screens.pairs import features
from tests.counting import counting
from tests.probbound.models.pair_mlp.networks import (
    FORMS,
    cancelling_biases,
    exact_logits,
    random_network,
)

TABLE = ModularAddition(5).table
PAIRS = np.array(list(itertools.product(range(5), repeat=2)))


def exactly(values):
    return np.vectorize(Fraction)(np.asarray(values, dtype=np.float64))


@pytest.mark.parametrize("form", FORMS)
def test_the_folded_network_has_the_same_logits(form):
    model = random_network(form, 1)
    found = folded(model, TABLE)
    logits = features(found, *PAIRS.T) @ found.out
    exact = np.array([[float(x) for x in exact_logits(model, a, b)] for a, b in PAIRS])
    np.testing.assert_allclose(logits, exact, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found.labels, TABLE)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(5))
def test_no_row_is_further_off_than_is_said(form, seed):
    model = in_float64(random_network(form, seed, dtype=np.float64))
    found, w = folded(model, TABLE), {k: exactly(v) for k, v in weights_of(model).items()}
    first, second = w["W_E"], w.get("W_E2", w["W_E"])
    rows = {"first": [first], "second": [second]}
    if "W_in" in w:
        rows = {"first": [first @ w["W_in"]], "second": [second @ w.get("W_in2", w["W_in"])]}
    if "b_in" in w:
        rows["second"][0] = rows["second"][0] + w["b_in"]
    if "W_skip" in w:
        rows["first"].append(first @ w["W_skip"])
        rows["second"].append(second @ w["W_skip"])
    for name, parts in rows.items():
        meant, stored = np.hstack(parts), getattr(found, name)
        off = (exactly(stored[:, : meant.shape[1]]) - meant) ** 2
        for row, error in zip(off.sum(axis=1), getattr(found, f"{name}_error"), strict=True):
            assert row <= Fraction(error) ** 2
    meant = [w["W_out"] @ w["W_U"] if "W_out" in w else w["W_U"]]
    if "W_skip" in w:
        meant.append(w["W_U"])
    if "b_U" in w:
        meant.append(((w["b_out"] @ w["W_U"] if "b_out" in w else 0) + w["b_U"])[None])
    off = (exactly(found.out) - np.vstack(meant)) ** 2
    for column, error in zip(off.sum(axis=0), found.out_error, strict=True):
        assert column <= Fraction(error) ** 2


def test_a_bias_that_is_computed_as_zero_still_counts():
    table, pairs = ModularAddition(3).table, np.array(list(itertools.product(range(3), repeat=2)))
    for model in cancelling_biases():
        left = LowRankScreen.of(folded(model, table), 3).uncertified(pairs)
        assert left[pairs.sum(axis=1) % 3 != 2].all()


@pytest.mark.parametrize("form", FORMS)
def test_what_folding_takes_is_counted(form):
    """A fifth and a few for each row are left: comparisons, and norms that are rounded up."""
    model = in_float64(random_network(form, 1, 40))
    table = ModularAddition(40).table
    with counting() as count:
        folded(model, table)
    booked = folding_flops(model)
    assert 0.8 * booked - 600 <= count.floats <= 1.2 * booked + 600
