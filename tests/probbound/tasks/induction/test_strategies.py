"""Every strategy end to end, against all sequences (9.3, 10.8 to 10.11, 1.5, 1.6, 4.21)."""

import numpy as np
import pytest

from estimators.proportion import clopper_pearson
from probbound import UserError
from probbound.contract.cost import CostMeter
from probbound.models.transformer.attention_alone.pairs import PairTables
from probbound.populations import product_sets
from probbound.tasks.induction.screens.pairs import PairScreen
from probbound.tasks.induction.screens.tree import TreeScreen, widest
from tests.probbound.models.transformer.attention_alone.networks import random_network
from tests.probbound.tasks.induction.asked import (
    HALF_BROKEN,
    NETWORKS,
    RIGHT,
    SOME_WRONG,
    answered,
    question,
    wrong,
)

SCREENS = ["pairs", "tree:1", "tree:30", "tree"]


@pytest.mark.parametrize("margin", [None, 0.5])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("repeats", ["once", "any"])
def test_brute_force_is_the_truth(name, repeats, margin):
    model = NETWORKS[name]
    _, outcome, _ = answered(model, "brute-force", repeats=repeats, margin=margin)
    assert outcome.failure_upper == pytest.approx(wrong(model, repeats, margin or 0.0), abs=1e-12)
    assert not outcome.ledger.spends


@pytest.mark.parametrize("strategy", SCREENS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_screen_is_never_below_the_truth(name, strategy):
    _, outcome, _ = answered(NETWORKS[name], strategy)
    assert outcome.failure_upper >= wrong(NETWORKS[name])
    assert not outcome.ledger.spends
    assert outcome.failure_upper == outcome.proof_failure_upper
    if name == "right":
        assert outcome.failure_upper == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_a_tree_that_ends_is_exact(name):
    for repeats in ("once", "any"):
        _, outcome, _ = answered(NETWORKS[name], "tree", repeats=repeats)
        assert outcome.failure_upper == pytest.approx(wrong(NETWORKS[name], repeats), abs=1e-12)


def test_more_layers_and_heads_have_trees():
    for made in ({"layers": 1}, {"layers": 3}, {"heads": 2}):
        model = random_network(0, v=3, n=4, **made)
        _, outcome, _ = answered(model, "tree:5")
        assert outcome.failure_upper >= wrong(model)


def test_nodes_that_are_split_lose_no_sequence(monkeypatch):
    monkeypatch.setattr("probbound.tasks.induction.screens.tree.RUN", 4)
    for nodes in (0, 7, 100):
        for repeats in ("once", "any"):
            asked = question(SOME_WRONG, "tree", repeats=repeats)
            screen = TreeScreen(asked.form, asked.task, 0.0, nodes, asked.exact, None)
            left = screen.enumerate(CostMeter())
            ranks = np.arange(left.tickets)
            rows = left.members(ranks, asked.stream, 0).members
            assert len(np.unique(rows, axis=0)) == left.mass
            failing = asked.task.population.members(np.arange(asked.task.size))
            failing = failing[asked.exact.uncertified(failing)]
            kept = {tuple(row) for row in rows.tolist()}
            assert {tuple(row) for row in failing.tolist()} <= kept
            if nodes == 0:
                assert left.mass == asked.task.size


def test_the_place_that_is_split_has_most_tokens_and_is_the_latest():
    allowed = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0]], dtype=bool)
    assert widest(allowed) == 1


@pytest.mark.parametrize("screen", ["pairs", "tree:3"])
@pytest.mark.parametrize("name", NETWORKS)
def test_hybrid_draws_from_what_is_left(name, screen):
    """One seed of a bound that errs with probability 1e-3 at most."""
    model, strategy = NETWORKS[name], f"hybrid:{screen}"
    _, outcome, _ = answered(model, strategy, budget=60)
    _, alone, _ = answered(model, screen)
    assert wrong(model) <= outcome.failure_upper <= alone.failure_upper
    if 0 < alone.failure_upper < 1:
        assert outcome.sampled.draws == 60
        failing = outcome.sampled.failures == 60  # nothing but wrong sequences may be left
        assert (outcome.failure_upper < alone.failure_upper) != failing
    _, every, _ = answered(model, strategy, budget=324)
    assert every.failure_upper == pytest.approx(wrong(model), abs=1e-12)
    assert not every.ledger.spends
    _, nothing, _ = answered(model, strategy, budget=0)
    assert nothing.failure_upper == alone.failure_upper


def test_hybrid_over_a_screen_that_leaves_everything_is_iid():
    asked = {"budget": 200, "repeats": "any"}
    _, outcome, _ = answered(HALF_BROKEN, "hybrid:tree:1", **asked)
    _, plain, _ = answered(HALF_BROKEN, "iid", **asked)
    assert outcome.failure_upper == plain.failure_upper
    assert outcome.sampled == plain.sampled


def test_tickets_of_several_sequences(monkeypatch):
    """Blank ones too: shares of screens stay at most 1, and bounds above the truth."""
    truth, of_any = wrong(SOME_WRONG), wrong(SOME_WRONG, "any")
    monkeypatch.setattr(product_sets, "MOST_TICKETS", 100)
    for strategy in ("hybrid:pairs", "hybrid:tree:1"):
        for budget in (0, 400, 4000):
            _, outcome, _ = answered(SOME_WRONG, strategy, budget=budget)
            assert truth <= outcome.failure_upper <= 1
            assert all(level.share_upper <= 1 for level in outcome.levels)
    _, conceded, _ = answered(SOME_WRONG, "tree:1", repeats="any")
    assert conceded.failure_upper >= of_any


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("repeats", ["once", "any"])
@pytest.mark.parametrize("strategy", ["cascade", "cascade:soft"])
def test_cascade(name, repeats, strategy):
    """One seed of a bound that errs with probability 1e-3 at most."""
    model = NETWORKS[name]
    for given in ({}, {"draws": 500}, {"target": 0.9}, {"stopped_at": 150}):
        _, outcome, _ = answered(model, strategy, repeats=repeats, budget=2000, **given)
        assert wrong(model, repeats) <= outcome.failure_upper
        assert outcome.sampled.samples <= 2000
        if "draws" in given:
            assert outcome.sampled.draws == 500
    assert outcome.stopped_at == 150


def test_cascade_counts_what_fails_of_what_is_drawn():
    _, outcome, _ = answered(HALF_BROKEN, "cascade", draws=800, budget=10_000)
    wanted = clopper_pearson(outcome.sampled.failures, 800, delta=0.99e-3, side="upper")
    assert outcome.failure_upper == float(wanted.upper)
    assert outcome.sampled.failures / 800 == pytest.approx(wrong(HALF_BROKEN), abs=0.1)


def test_a_budget_that_runs_out_is_counted_against_the_claim():
    _, outcome, _ = answered(HALF_BROKEN, "cascade", draws=800, budget=10)
    assert outcome.sampled.samples <= 10
    assert outcome.failure_upper >= wrong(HALF_BROKEN)


def test_pairs_are_for_tokens_that_repeat_once():
    with pytest.raises(UserError, match="repeat once; tree is for any"):
        answered(RIGHT, "pairs", repeats="any")


@pytest.mark.parametrize("strategy", ["pairs", "hybrid", "cascade", "cascade:soft"])
@pytest.mark.parametrize("made", [{"layers": 1}, {"layers": 3}, {"heads": 2}])
def test_other_layers_and_heads_are_refused(strategy, made):
    with pytest.raises(UserError, match="two layers of one head each"):
        answered(random_network(0, **made), strategy)


def test_tables_that_would_be_too_large_are_refused(monkeypatch):
    monkeypatch.setattr("probbound.tasks.induction.screens.pairs.MOST_ENTRIES", 1279)
    with pytest.raises(UserError, match=r"would have 1,280 entries, more than 1,279"):
        answered(RIGHT, "pairs")


def test_a_look_is_the_share_that_is_proved():
    form = question(SOME_WRONG, "pairs").form
    screen = PairScreen(form, question(SOME_WRONG, "pairs").task, 0.0)
    cases = 4 * 3 * (2 * 3 + 1)
    assert screen.look(12) == pytest.approx(PairTables(form).proved().sum() / cases)
    assert screen.look_flops(12) == screen.flops
