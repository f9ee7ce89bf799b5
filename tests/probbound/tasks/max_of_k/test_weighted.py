"""Residues under priors: every sequence has as many tickets as its mass."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chi2

import probbound
from probbound.contract.cost import CostMeter
from probbound.contract.residue import draw, listed_by
from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.additive import additive_tables
from probbound.models.attention_only.evaluation import wrong_answers
from probbound.tasks.max_of_k.screens import knapsack, listing
from probbound.tasks.max_of_k.screens.gap_classes import GapClasses
from probbound.tasks.max_of_k.screens.grid import count_on_grid
from probbound.tasks.max_of_k.screens.ladder import LadderScreen
from probbound.tasks.max_of_k.screens.listing import list_residue
from probbound.tasks.max_of_k.strategies import strategy_named
from probbound.tasks.max_of_k.task import task_for
from tests.factories import copying_model, random_model

LAW = Prior((3, 0, 1, 2, 5))
RESIDUES = {
    "listing": lambda model: list_residue(additive_tables(model), LAW),
    "grid": lambda model: count_on_grid(additive_tables(model), 50, LAW),
    "gap classes": lambda model: LadderScreen("x", law=LAW).enumerate(model, CostMeter()),
}


def models(kind):
    yield copying_model(2, d_vocab=5)
    yield random_model(1, d_vocab=5, n_ctx=4)
    yield random_model(2, d_vocab=5, n_ctx=1)
    if kind != "gap classes":
        yield random_model(3, d_vocab=5, n_heads=2)


def drawn(tickets):
    return Counter(map(tuple, tickets.genuine.tolist()))


@pytest.mark.parametrize("kind", RESIDUES)
def test_every_sequence_has_as_many_tickets_as_its_mass(kind):
    for model in models(kind):
        residue = RESIDUES[kind](model)
        assert residue.size <= residue.tickets
        tickets = residue.members(np.arange(residue.tickets), Stream.from_seed(0), 0)
        held = drawn(tickets)
        for tokens, count in held.items():
            assert count == LAW.masses(np.array([tokens]))[0]
        if kind == "listing":
            assert not tickets.blank.any()
        task = task_for(model, LAW)
        everything = task.sample(Stream.from_seed(1), 0, 2000)
        for tokens in everything[wrong_answers(model, task, everything)]:
            assert tuple(tokens.tolist()) in held


def in_units(kind, monkeypatch):
    """Tickets that stand for a mass of several, as very large weights make them."""
    if kind == "listing":
        monkeypatch.setattr(listing, "_TICKET_BITS", 6)
    elif kind == "grid":
        monkeypatch.setattr(knapsack, "MANTISSA_BITS", 11)
    else:
        monkeypatch.setattr(GapClasses, "integers", object)
        monkeypatch.setattr(GapClasses, "unit_bits", 3)
    return RESIDUES[kind](copying_model(2, d_vocab=5))


@pytest.mark.parametrize("kind", RESIDUES)
def test_units_of_several_are_drawn_in_proportion_to_mass(kind, monkeypatch):
    """A false-alarm rate of 1e-6; such a residue is never taken to be listed in full."""
    residue, n = in_units(kind, monkeypatch), 20_000
    assert residue.size > residue.tickets
    assert not listed_by(residue, 10**9)
    mass = float(residue.size)
    counts = drawn(draw(residue, Stream.from_seed(2), 0, n))
    statistic = 0.0
    for tokens, count in counts.items():
        expected = n * float(LAW.masses(np.array([tokens]))[0]) / mass
        statistic += (count - expected) ** 2 / expected
    blank = n * (1 - sum(float(LAW.masses(np.array([t]))[0]) for t in counts) / mass)
    assert blank > 0
    statistic += (n - counts.total() - blank) ** 2 / blank
    assert statistic < chi2.isf(1e-6, len(counts))


def test_few_units_of_many_sequences_are_sampled_not_listed(monkeypatch):
    """2^62 inputs and more: looking at each unit once would miss most of what is in it."""
    monkeypatch.setattr(GapClasses, "integers", object)
    monkeypatch.setattr(GapClasses, "unit_bits", 2)
    model = copying_model(2)
    found = probbound.certify(
        model, task_for(model), strategy="hybrid:sub-cubic", budget=10_000, delta=0.01
    )
    assert found.sampling.replace
    assert found.delta == 0.01


def test_a_strategy_that_is_not_general_refuses_priors_and_margins():
    plain = probbound.tasks.max_of_k.strategies.Strategy("plain", True, strategy_named("cubic").run)
    model = copying_model(0, d_vocab=5)
    question = probbound.tasks.max_of_k.question.Question(model, task_for(model, LAW), 1, 0.1, 0)
    with pytest.raises(probbound.UserError, match="plain is for the uniform prior only"):
        plain.require_way_to(question.claim, weighted=True)
