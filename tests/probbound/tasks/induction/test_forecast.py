"""Random descents: what they forecast is the size that the tree has (Remark 10.13)."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

import numpy as np
import pytest

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.models.transformer.attention_alone.form import form_of
from probbound.populations.product_sets import split
from probbound.tasks.induction.cases import Case, case_around, cases
from probbound.tasks.induction.forecast import Descent, Tree, descend, mean_of
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


def test_a_tree_level_by_level():
    """Two roots of 100 and of 300 sequences, the second proved at once; 1,000 in all."""
    ways = (Descent((100, 25, 5), (7, 5, 3), (1, 4, 20)), Descent((300,), (2,), (1,)))
    tree = Tree(1000.0, ways, 5, 11)
    first, second = 1000 / 100 / 2, 1000 / 300 / 2
    nodes = [first + second, first * 4, first * 20]
    spent = [first * 7 + second * 2, first * 4 * 5, first * 20 * 5 * 11]
    waiting = [1000, 500, 500, 0]
    assert tree.nodes.value == pytest.approx(sum(nodes))
    assert tree.operations.value == pytest.approx(sum(spent))
    for level in range(4):
        found = tree.within(sum(spent[:level]))
        assert found == pytest.approx((sum(nodes[:level]), waiting[level]))
    assert tree.within(1e9) == pytest.approx((sum(nodes), 0.0))
    between = tree.within(spent[0] / 2)
    assert between == pytest.approx((nodes[0] / 2, 750.0))


def test_what_waits_is_foretold():
    """Within a tenth of all sequences, about 5 standard errors of 300 descents, at a fixed seed."""
    task, stream = Induction(4, 5), Stream.from_seed(7)
    none = np.zeros(5, dtype=bool)
    roots = [case_around(task, each, none) for each in task.sample(stream.fold_in("roots"), 0, 300)]
    ways = [descend(root, FILLINGS, 0.0, stream.fold_in(str(i))) for i, root in enumerate(roots)]
    tree = Tree(task.size, tuple(ways), 1, 10**5)
    for number in (20, 60, 150):
        waiting = deque(cases(task))
        spent = 0
        for _ in range(number):
            case = waiting.popleft()
            spent += FILLINGS.flops(case.allowed) if case.free > 1 else 10**5
            if case.free > 1 and not FILLINGS.right(case.allowed, case.label):
                parts = split(case.allowed, widest(case.allowed))
                waiting.extend(Case(part, case.label) for part in parts)
        nodes, left = tree.within(spent)
        assert nodes == pytest.approx(number, rel=0.25)
        assert left == pytest.approx(sum(case.free for case in waiting), abs=task.size / 10)
