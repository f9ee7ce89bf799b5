"""The slack of Theorem 5.14 against exact arithmetic, and what it refuses."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest

from probbound.models.pair_mlp.evaluation import ForwardPass
from probbound.models.pair_mlp.forward_error import forward_steps, logit_size, logit_slack
from probbound.models.pair_mlp.network import in_float64
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.population import Pairs
from tests.probbound.models.pair_mlp.networks import FORMS, exact_logits, random_network

PAIRS = np.array(list(itertools.product(range(5), repeat=2)))
TASK = ModularAddition(5)


class FirstClass(Pairs):
    """A task whose answer is always class 0."""

    name: ClassVar[str] = "first class"

    def _tabled(self):
        return np.zeros((5, 5), dtype=np.int64)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_no_logit_is_further_from_the_real_one(form, seed):
    model = in_float64(random_network(form, seed, dtype=np.float64))
    computed, size = model.plain(PAIRS), logit_size(model)
    for (a, b), row in zip(PAIRS, computed, strict=True):
        for value, exact in zip(row, exact_logits(model, a, b), strict=True):
            assert abs(exact) <= Fraction(size)
            assert abs(Fraction(value) - exact) <= Fraction(forward_steps(model) * 2.0**-53 * size)


@pytest.mark.parametrize("form", FORMS)
def test_what_passes_is_right_by_the_margin(form):
    model = random_network(form, 4, dtype=np.float64)
    exact = [exact_logits(in_float64(model), a, b) for a, b in PAIRS]
    labels = TASK.labels(PAIRS)
    margins = [
        row[s] - max(x for c, x in enumerate(row) if c != s)
        for row, s in zip(exact, labels, strict=True)
    ]
    for margin in (0.0, 0.5, float(sorted(margins)[12])):
        left = ForwardPass.of(model, TASK, margin).uncertified(PAIRS)
        for one, exactly in zip(left, margins, strict=True):
            assert one or exactly > Fraction(margin)
            assert one == (exactly <= Fraction(margin)) or abs(exactly - Fraction(margin)) < 1e-9


def test_a_lead_within_rounding_fails():
    """Two classes that differ in the last bit of a weight."""
    model = in_float64(random_network("direct", 0))
    tied = model.W_U.copy()
    tied[:, 0] = np.abs(tied[:, 0])
    tied[:, 1:] = tied[:, :1]
    tied[0, 0] = np.nextafter(tied[0, 0], np.inf)
    model = replace(model, W_E=np.abs(model.W_E), W_U=tied)
    margins = [exact_logits(model, a, b)[0] - exact_logits(model, a, b)[1] for a, b in PAIRS]
    assert min(margins) > 0
    assert ForwardPass.of(model, FirstClass()).uncertified(PAIRS).all()


def test_weights_too_large_say_nothing():
    model = in_float64(random_network("biased", 0))
    huge = replace(model, W_E=model.W_E * 1e30)
    assert logit_slack(huge) == math.inf
    assert logit_slack(model, 1e30) == math.inf
    assert ForwardPass.of(huge, TASK).uncertified(PAIRS).all()
