"""Operations of screens by formula, held to what NumPy is seen to do."""

from dataclasses import replace

import numpy as np
import pytest

from probbound.models.transformer.attention_alone import factored
from probbound.models.transformer.attention_alone.factored import Factored
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.pairs import PairTables
from probbound.tasks.induction.screens.pairs import PairScreen
from probbound.tasks.induction.task import Induction
from tests.counting import counted, counting
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    with_a_layer_between,
)


def counted_form(v, n, between=lambda model: model):
    form = form_of(between(inducing_network(v=v, n=n, whole=True)))
    arrays = {
        name: counted(getattr(form, name)) for name in ("atoms", "scores", "values", "outcomes")
    }
    return replace(form, **arrays)


SIZES = [(4, 5), (8, 6)]


@pytest.mark.parametrize(("v", "n"), SIZES)
def test_pairs(v, n):
    form = counted_form(v, n)
    screen = PairScreen(form, Induction(v, n), 0.0)
    with counting() as seen:
        PairTables(form).proved()
    # beside what every (q, u) takes: what is made once, and the tables of a (q, u) itself
    assert seen.floats <= screen.flops * (1.1 if v > 4 else 2.5)
    assert screen.flops <= 1.5 * seen.floats


@pytest.mark.parametrize(("v", "n"), SIZES)
def test_factored(v, n):
    form = counted_form(v, n)
    with counting() as seen:
        tables = Factored(form).tables()
    assert seen.floats <= Factored(form).flops <= 1.5 * seen.floats
    task = Induction(v, n)
    tokens = task.population.members(np.arange(100))
    with counting() as seen:
        tables.right(tokens, np.zeros(100, dtype=np.int64))
    assert seen.floats <= (factored.operations(n) + 1) * 100  # a comparison


@pytest.mark.parametrize(("v", "n"), SIZES[:1])
def test_fillings(v, n):
    form = counted_form(v, n)
    fillings = Fillings(form)
    one = np.ones((n, v), dtype=bool)
    one[-1] = one[0] = [True] + [False] * (v - 1)
    with counting() as seen:
        fillings.right(one, 1)
    assert seen.floats <= fillings.flops(one) <= 1.5 * seen.floats


@pytest.mark.parametrize(("v", "n"), [(4, 6), (8, 6)])
def test_fillings_by_letters(v, n):
    fillings = Fillings(counted_form(v, n, with_a_layer_between))
    one = np.ones((n, v), dtype=bool)
    one[-1] = one[0] = [True] + [False] * (v - 1)
    one[-2] = one[1] = [False, True] + [False] * (v - 2)
    with counting() as seen:
        fillings.right(one, 1)
    assert seen.floats <= fillings.flops(one) <= 2.5 * seen.floats
