"""Operations of screens by formula, held to what NumPy is seen to do."""

from dataclasses import replace

import numpy as np
import pytest

from probbound.models.transformer.attention_alone import factored, soft
from probbound.models.transformer.attention_alone.factored import Factored
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.pairs import PairTables
from probbound.models.transformer.attention_alone.soft import Soft
from probbound.tasks.induction.screens.pairs import PairScreen
from probbound.tasks.induction.task import Induction, matched
from tests.counting import counted, counting
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
    with_a_layer_between,
)


def counted_form(v, n, between=lambda model: model):
    return counted_of(between(inducing_network(v=v, n=n, whole=True)))


def counted_of(model):
    form = form_of(model)
    arrays = {
        name: counted(getattr(form, name)) for name in ("atoms", "scores", "values", "outcomes")
    }
    return replace(form, **arrays)


SIZES = [(4, 5), (8, 6)]


@pytest.mark.parametrize(("v", "n"), [(2, 5), (3, 4), *SIZES])
def test_pairs(v, n):
    """A price is for the worst: of a network that is proved at once half of it is not needed."""
    for form in (counted_form(v, n), counted_of(random_network(3, v=v, n=n))):
        tables = PairTables(form)
        with counting() as seen:
            tables.left()
        price = PairScreen(form, Induction(v, n), 0.0).flops
        assert seen.floats <= price
    assert price <= 1.5 * seen.floats


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
    assert 0 <= (factored.operations(n) + 1) * 100 - seen.floats <= 400  # a comparison


@pytest.mark.parametrize(("v", "n"), SIZES)
def test_soft(v, n):
    form = counted_form(v, n)
    with counting() as seen:
        tables = Soft(form).tables()
    assert seen.floats <= Soft(form).flops <= 1.5 * seen.floats
    task = Induction(v, n)
    tokens = task.population.members(np.arange(100))
    with counting() as seen:
        tables.right(tokens, matched(tokens))
    assert seen.floats == soft.operations(n) * 100


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
