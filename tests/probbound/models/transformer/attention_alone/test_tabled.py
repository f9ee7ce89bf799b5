"""What the benchmark of look-ups compares with gives the outcomes, for the operations it says."""

import numpy as np

from probbound.models.transformer.attention_alone import factored
from probbound.models.transformer.attention_alone.factored import Factored
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.running import outcomes
from probbound.tasks.induction.task import Induction, matched
from tests.counting import counting
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)
from tests.probbound.models.transformer.attention_alone.tabled import Tabled, operations
from tests.probbound.models.transformer.attention_alone.test_operations import counted_form


def test_tables_give_the_outcomes():
    model = random_network(0, v=6, n=7)
    tokens = Induction(6, 7).population.members(np.arange(0, 10_000, 37))
    found = Tabled(form_of(model)).outcomes(tokens)
    assert np.abs(found - outcomes(model, tokens, np.float64)).max() < 1e-9


def test_their_operations_are_those_of_the_formula():
    v, n = 24, 30
    tokens = np.random.default_rng(0).integers(0, v, (50, n))
    form = counted_form(v, n)
    with counting() as seen:
        tables = Tabled(form)
        tables.outcomes(tokens[:1])
        once = seen.floats
        tables.outcomes(tokens)
    assert 0.96 < operations(n, v) * 50 / (seen.floats - once) <= 1


def test_look_ups_lie_in_rows():
    """Else each look-up copies its table."""
    tables = Factored(form_of(random_network(0, v=6, n=7))).tables()
    assert all(each.flags.c_contiguous for each in vars(tables).values())


def test_look_ups_leave_sequences_as_they_are():
    """Of one sequence, the transposed is the same array."""
    tables = Factored(form_of(inducing_network(v=4, n=5, whole=True))).tables()
    tokens = Induction(4, 5).population.members(np.arange(40))
    whole = tables.right(tokens, matched(tokens))
    for each in (*np.split(tokens, 40), np.asfortranarray(tokens), tokens.astype(np.int16)):
        kept = each.copy()
        found = tables.right(each, matched(each))
        assert np.array_equal(each, kept)
        assert found.all() if len(each) == 1 else np.array_equal(found, whole)
    assert tables.right(tokens[:0], matched(tokens[:0])).shape == (0,)


def test_many_look_ups_are_those_of_each(monkeypatch):
    tables = Factored(form_of(inducing_network(1, v=4, n=5, sharp=20.0, noise=0.1))).tables()
    tokens = Induction(4, 5).population.members(np.arange(200))
    found = tables.right(tokens, matched(tokens))
    assert 0 < found.mean() < 1
    monkeypatch.setattr(factored, "AT_ONCE", 7)
    assert np.array_equal(tables.right(tokens, matched(tokens)), found)
