"""The rule of `auto` for induction: what it takes, and what it books (Definition 10.14)."""

import itertools

import pytest

from probbound import UserError
from probbound.contract.cost import CostMeter
from probbound.models.transformer.attention_alone.factored import Factored
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.sizing import sizes_price
from probbound.tasks.induction.room import TASK
from probbound.tasks.induction.screens.pairs import PairScreen
from probbound.tasks.induction.task import Repeats
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)
from tests.probbound.tasks.induction.asked import HALF_BROKEN, RIGHT, answered, question, wrong

SOFT = random_network(0, v=4, n=5)
SPREAD = inducing_network(3, v=4, n=5, sharp=2.8, noise=0.02, whole=True)
PAIRS = PairScreen(form_of(RIGHT), question(RIGHT, "iid").task, 0.0)
TABLES = Factored(form_of(RIGHT)).flops


def planned(model, amount, **given):
    asked, meter = question(model, "auto", budget_flops=float(amount), **given), CostMeter()
    return *TASK.decided(asked, "auto", False, meter), meter.total().flops


def every(model, repeats: Repeats = "once"):
    """What running all sequences takes."""
    asked = question(model, "iid", repeats=repeats)
    return sizes_price(model) + asked.task.size * asked.price


def in_layers(layers):
    return random_network(0, layers=layers)


TWO_HEADS = random_network(0, heads=2)
BOTH = PAIRS.flops + PAIRS.look_flops(8)
ONCE = sizes_price(RIGHT)


@pytest.mark.parametrize(
    ("model", "amount", "given", "wanted"),
    [
        (RIGHT, ONCE + BOTH, {}, "hybrid"),
        (RIGHT, ONCE + BOTH - 1, {}, "cascade"),
        (RIGHT, every(RIGHT) - 1, {}, "hybrid"),
        (RIGHT, every(RIGHT), {}, "brute-force"),
        (RIGHT, every(RIGHT, "any") - 1, {"repeats": "any"}, "cascade"),
        (RIGHT, every(RIGHT, "any"), {"repeats": "any"}, "brute-force"),
        (RIGHT, every(RIGHT) - 1, {"margin": 1e9}, "iid"),
        (RIGHT, every(RIGHT), {"margin": 1e9}, "brute-force"),
        (HALF_BROKEN, every(HALF_BROKEN) - 1, {}, "iid"),
        (SOFT, every(SOFT) - 1, {}, "iid"),
        (in_layers(3), every(in_layers(3)) - 1, {}, "iid"),
        (in_layers(1), every(in_layers(1)) - 1, {}, "iid"),
        (TWO_HEADS, every(TWO_HEADS, "any") - 1, {"repeats": "any"}, "iid"),
        (SPREAD, every(SPREAD, "any") - 1, {"repeats": "any"}, "cascade:soft"),
        (SPREAD, 1e6, {"repeats": "any"}, "iid"),
        (RIGHT, 1, {}, "iid"),
    ],
)
def test_what_runs(model, amount, given, wanted):
    name, run, spent = planned(model, amount, **given)
    assert name == wanted
    assert run.budget >= 0
    assert spent <= amount


@pytest.mark.parametrize("repeats", ["once", "any"])
@pytest.mark.parametrize(
    "model", [RIGHT, HALF_BROKEN, SOFT, SPREAD], ids=["right", "broken", "soft", "spread"]
)
@pytest.mark.parametrize("factor", [1.0, 1.3, 5.0])
def test_no_more_is_booked_than_there_is(model, repeats, factor):
    for amount in (ONCE + factor * BOTH, ONCE + 4 * factor * (TABLES + 34 * 4608)):
        _, outcome, cost = answered(model, "auto", repeats=repeats, budget_flops=amount)
        assert cost.flops <= amount
        assert outcome.failure_upper >= wrong(model, repeats)  # errs with 1e-3 at most


def test_nothing_looks_at_draws_that_certify():
    amount = every(RIGHT, "any") - 1
    name, run, _ = planned(RIGHT, amount, repeats="any")
    other, again, _ = planned(RIGHT, amount, repeats="any", seed=99)
    assert name == "cascade"
    assert (name, run.budget) == (other, again.budget)


def test_a_large_network_with_a_screen_too_dear_takes_look_ups():
    model = inducing_network(v=8, n=6, whole=True)
    form = form_of(model)
    screen = PairScreen(form, question(model, "iid").task, 0.0)
    each = 6 * 6 + 4
    least = 4 * (Factored(form).flops + 4608 * each) + sizes_price(model)
    assert least < screen.flops
    name, run, _ = planned(model, least)
    assert name == "cascade"
    assert run.budget > 0
    name, _, spent = planned(model, least - 4)
    assert (name, spent) == ("iid", 0)


def test_a_budget_is_at_most_what_can_be_drawn():
    name, run, _ = planned(random_network(0, v=12, n=10), 1e25)
    assert (name, run.budget) == ("iid", 2**36)


@pytest.mark.parametrize("given", [0, 1, 2])
def test_all_cases_are_tried_where_that_can_be_paid_for_and_drawn_else(given):
    cases = {0: 4 * 3 * 3, 1: 4 * 3 * 3 * 2 * 3, 2: 4 * 3 * 3 * 9}[given]
    sizes = [1] * (3 + given) + [4] * (2 - given) + [1]  # of the place before the first, and of all
    each = of_a_set(sizes) + 4 * of_a_set([*sizes[:-2], 1, 1])
    name, run, spent = planned(RIGHT, cases * each, revealed=given)
    assert (name, spent) == ("brute-force", 0)
    assert run.cases.number == cases
    assert run.every_filling.flops == each
    name, run, _ = planned(RIGHT, cases * each - 1, revealed=given)
    assert (name, run.budget) == ("iid", cases - 1)
    name, run, _ = planned(RIGHT, 1, revealed=given)
    assert (name, run.budget) == ("iid", 0)


def of_a_set(sizes):
    """T of Definition 10.14, of one head, 4 tokens and 5 places."""
    pairs = [now * before for before, now in itertools.pairwise(sizes)]
    return ranges(4, 4 + 80) + sum(pairs[p] * ranges(p, 4 + 2) for p in range(5))


def ranges(place, quantities):
    """U(1, place, quantities) of Definition 10.14, of one head and 4 tokens."""
    return 60 * quantities * (place + 1) * 4


def test_delta_is_not_chosen():
    asked = question(RIGHT, "auto")
    with pytest.raises(UserError, match="δ is not chosen by a plan"):
        TASK.decided(asked, "auto", True, CostMeter())


def test_a_named_strategy_is_kept():
    asked = question(RIGHT, "iid", budget=17)
    assert TASK.decided(asked, "iid", False, CostMeter()) == ("iid", asked)
