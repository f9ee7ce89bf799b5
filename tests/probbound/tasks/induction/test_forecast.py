"""Random descents: what they forecast is the size that the tree has (Remark 10.13)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.models.transformer.attention_alone.form import form_of
from probbound.populations.product_sets import split
from probbound.tasks.induction.cases import Case, cases
from probbound.tasks.induction.forecast import Descent, descend, mean_of
from probbound.tasks.induction.screens.tree import widest
from probbound.tasks.induction.task import Induction
from tests.probbound.models.transformer.attention_alone.networks import inducing_network

MODEL = inducing_network(3, v=4, n=5, sharp=4.0, noise=0.05)
FILLINGS = Fillings(form_of(MODEL))


def nodes(case, run):
    """How many the tree of a case has."""
    if case.free <= run or FILLINGS.right(case.allowed, case.label):
        return 1
    parts = split(case.allowed, widest(case.allowed))
    return 1 + sum(nodes(Case(part, case.label), run) for part in parts)


@pytest.mark.parametrize("run", [1, 3])
def test_the_mean_of_descents_is_the_number_of_nodes(run):
    """False alarms: 5 standard errors of 200 descents, about 10^-5, at a fixed seed."""
    roots = list(cases(Induction(4, 5)))
    exact = sum(nodes(root, run) for root in roots)
    assert exact > len(roots)
    stream = Stream.from_seed(5)
    chosen = stream.fold_in("roots").integers(0, 200, len(roots))
    found = [
        descend(roots[root], FILLINGS, 0.0, stream.fold_in(str(i))).nodes(run)
        for i, root in enumerate(chosen)
    ]
    forecast = mean_of(found, len(roots))
    assert abs(forecast.value - exact) < 5 * forecast.error
    assert forecast.error < 0.3 * exact


def test_a_descent_ends_where_a_set_is_run():
    way = Descent((100, 25, 5, 1), (7, 5, 3, 2), (1, 4, 20, 100))
    assert [way.nodes(run) for run in (1, 5, 99, 100)] == [125, 25, 5, 1]
    assert way.operations(5, 11) == 7 + 4 * 5 + 20 * 5 * 11
    assert way.operations(0, 11) == 7 + 4 * 5 + 20 * 3 + 100 * 2


def test_what_is_proved_at_once_is_one_node():
    case = Case(np.eye(4, dtype=bool)[[0, 1, 2, 3, 0]], 1)
    stream = Stream.from_seed(0)
    assert descend(case, FILLINGS, 0.0, stream).products == (1,)


def test_the_mean_has_the_spread_of_its_estimates():
    found = mean_of([1, 3, 5], 10)
    assert found.value == 30
    assert found.error == pytest.approx(float(10 * Fraction(2)) / 3**0.5)
    with pytest.raises(UserError, match="two descents at least, got 1"):
        mean_of([1], 10)
