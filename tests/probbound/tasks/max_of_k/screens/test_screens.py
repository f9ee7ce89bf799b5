"""The additive screen: what it certifies is right, what it counts and draws is exact."""

import itertools
from collections import Counter

import jax
import numpy as np
import pytest
from scipy.stats import chi2

from probbound.contract.cost import CostMeter
from probbound.contract.residue import draw
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.additive import (
    additive_tables,
    circuit_flops,
    circuits,
    label_terms,
    table_flops,
)
from probbound.models.attention_only.forward_error import forward_error_flops
from probbound.models.attention_only.transformer import in_float64
from probbound.tasks.max_of_k.screens.cubic import CubicScreen
from probbound.tasks.max_of_k.screens.grid import count_on_grid
from probbound.tasks.max_of_k.screens.knapsack import Scale
from probbound.tasks.max_of_k.screens.listing import blocks_of, list_residue
from tests.factories import (
    ASSORTED,
    all_sequences,
    copying_model,
    random_model,
    slow_logits,
    slow_wrong,
    trained_model,
)

MODELS = ASSORTED


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    return MODELS[request.param]()


def uncertified(model):
    """The set U of theorem 1.2, from the terms, by enumeration."""
    tables = additive_tables(model)
    found = set()
    for tokens in itertools.product(range(model.d_vocab), repeat=model.n_ctx):
        query, label = tokens[-1], max(tokens)
        for head in range(model.n_heads):
            terms = label_terms(tables, head, query)[..., label - query]
            if not sum(terms[p, t] for p, t in enumerate(tokens)) < 0:
                found.add(tokens)
    return found


def rows(tokens):
    return [tuple(map(int, row)) for row in tokens]


def test_the_additive_form_is_the_forward_pass(model):
    tables = additive_tables(model)
    for tokens in rows(all_sequences(model.d_vocab, model.n_ctx))[::7]:
        logits = np.zeros(model.d_vocab_out)
        for head in range(model.n_heads):
            weights = np.array(
                [tables.pattern[head, tokens[-1], p, t] for p, t in enumerate(tokens)]
            )
            terms = [tables.contributions(head, tokens[-1], p)[t] for p, t in enumerate(tokens)]
            logits += weights / weights.sum() @ np.array(terms)
        np.testing.assert_allclose(logits, slow_logits(model, tokens), rtol=0, atol=1e-10)


def test_whatever_is_certified_is_right(model):
    assert set(slow_wrong(model)) <= uncertified(model)


def test_listing_is_exact(model):
    residue = list_residue(additive_tables(model))
    tickets = residue.members(np.arange(residue.tickets), Stream.from_seed(0), 0)
    assert not tickets.blank.any()
    assert len(rows(tickets.members)) == residue.tickets == residue.size
    assert set(rows(tickets.members)) == uncertified(model)


@pytest.mark.parametrize("grid_points", [1, 30, 4095])
def test_the_grid_leaves_a_superset_with_one_ticket_each(model, grid_points):
    residue = count_on_grid(additive_tables(model), grid_points)
    tickets = residue.members(np.arange(residue.tickets), Stream.from_seed(0), 0)
    drawn = rows(tickets.genuine)
    assert len(drawn) == len(set(drawn))
    assert set(drawn) >= uncertified(model)
    assert residue.size == min(residue.tickets, model.d_vocab**model.n_ctx)
    if model.n_heads == 1:
        assert not tickets.blank.any()


def test_a_fine_grid_loses_little():
    model = trained_model(0)
    tables = additive_tables(model)
    exact, fine = list_residue(tables).tickets, count_on_grid(tables, 4095).tickets
    assert 0 < exact <= fine <= 1.01 * exact + 2


@pytest.mark.parametrize("kind", ["listing", "grid", "coarse units"])
def test_draws_are_uniform_over_what_is_left(kind, monkeypatch):
    """Chi-square over all members, false-alarm rate 1e-6."""
    if kind == "coarse units":
        monkeypatch.setattr(Scale, "fitting", lambda *_: Scale((0, 2, 4)))
    tables = additive_tables(copying_model(2))
    residue = list_residue(tables) if kind == "listing" else count_on_grid(tables, 50)
    n = 20_000
    tickets = draw(residue, Stream.from_seed(1), 0, n)
    counts = Counter(rows(tickets.genuine))
    exact = count_on_grid(tables, 50) if kind == "coarse units" else residue
    assert set(counts) >= uncertified(copying_model(2))
    share = n / float(exact.size)
    statistic = sum((count - share) ** 2 / share for count in counts.values())
    statistic += (tickets.blank.sum() - (n - share * len(counts))) ** 2 / n
    assert statistic < chi2.isf(1e-6, len(counts))
    assert (kind == "coarse units") == bool(tickets.blank.any())


def test_draws_depend_on_their_number_alone():
    for residue in (
        list_residue(additive_tables(trained_model(1))),
        count_on_grid(additive_tables(trained_model(1)), 64),
    ):
        whole = draw(residue, Stream.from_seed(3), 0, 100)
        parts = [draw(residue, Stream.from_seed(3), a, b) for a, b in ((0, 1), (1, 64), (64, 100))]
        np.testing.assert_array_equal(whole.members, np.concatenate([p.members for p in parts]))


def test_blocks_are_a_partition():
    for free, query, label in itertools.product(range(4), range(4), range(4)):
        found = [
            tokens
            for block in (blocks_of(query, label, free) if query <= label else ())
            for tokens in itertools.product(*(range(4)[part] for part in block))
        ]
        expected = {
            tokens
            for tokens in itertools.product(range(4), repeat=free)
            if max((*tokens, query)) == label
        }
        assert len(found) == len(set(found))
        assert set(found) == expected


@pytest.mark.parametrize(("d_vocab", "n_heads"), [(64, 1), (96, 3)])
def test_circuit_flops_agree_with_xla(d_vocab, n_heads):
    model = random_model(0, d_vocab=d_vocab, d_model=32, d_head=32, n_heads=n_heads, n_ctx=4)
    analysis = jax.jit(circuits).lower(in_float64(model)).compile().cost_analysis()
    assert analysis is not None
    assert circuit_flops(model) == pytest.approx(analysis["flops"], rel=0.02)
    pattern = 16 * n_heads * d_vocab**2
    assert table_flops(model) == circuit_flops(model) + forward_error_flops(model) + pattern


def test_the_screen_lists_where_it_can_and_says_what_it_cost():
    meter = CostMeter()
    CubicScreen().enumerate(random_model(0), meter)
    CubicScreen(grid_points=20).enumerate(random_model(0), meter)
    names = [phase.name for phase in meter.phases]
    assert names == ["tables", "counting by listing", "tables", "counting on a grid"]
    assert all(phase.flops > 0 for phase in meter.phases)
