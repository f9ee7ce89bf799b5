"""The rule of `auto` for induction: what it takes, and what it books (Definition 10.14)."""

import pytest

from probbound import UserError
from probbound.contract.cost import CostMeter
from probbound.models.transformer.attention_alone.factored import Factored
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.sizing import sizes_price
from probbound.tasks.induction.room import TASK
from probbound.tasks.induction.screens.pairs import PairScreen
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)
from tests.probbound.tasks.induction.asked import HALF_BROKEN, RIGHT, answered, question, wrong

SOFT = random_network(0, v=4, n=5)
PAIRS = PairScreen(form_of(RIGHT), question(RIGHT, "iid").task, 0.0)
TABLES = Factored(form_of(RIGHT)).flops


def planned(model, amount, **given):
    asked, meter = question(model, "auto", budget_flops=float(amount), **given), CostMeter()
    return *TASK.decided(asked, "auto", False, meter), meter.total().flops


BOTH = PAIRS.flops + PAIRS.look_flops(8)
ONCE = sizes_price(RIGHT)


@pytest.mark.parametrize(
    ("model", "amount", "given", "wanted"),
    [
        (RIGHT, ONCE + BOTH, {}, "hybrid"),
        (RIGHT, ONCE + BOTH - 1, {}, "cascade"),
        (RIGHT, 100 * BOTH, {}, "hybrid"),
        (RIGHT, 100 * BOTH, {"repeats": "any"}, "cascade"),
        (RIGHT, 1e8, {"margin": 1e9}, "iid"),
        (HALF_BROKEN, 1e8, {}, "iid"),
        (SOFT, 1e8, {}, "iid"),
        (random_network(0, layers=3), 1e8, {}, "iid"),
        (random_network(0, layers=1), 1e8, {}, "iid"),
        (random_network(0, heads=2), 1e8, {"repeats": "any"}, "iid"),
        (RIGHT, 1, {}, "iid"),
    ],
)
def test_what_runs(model, amount, given, wanted):
    name, run, spent = planned(model, amount, **given)
    assert name == wanted
    assert run.budget >= 0
    assert spent <= amount


@pytest.mark.parametrize("repeats", ["once", "any"])
@pytest.mark.parametrize("model", [RIGHT, HALF_BROKEN, SOFT], ids=["right", "broken", "soft"])
@pytest.mark.parametrize("factor", [1.0, 1.3, 5.0])
def test_no_more_is_booked_than_there_is(model, repeats, factor):
    for amount in (ONCE + factor * BOTH, ONCE + 4 * factor * (TABLES + 34 * 4608)):
        _, outcome, cost = answered(model, "auto", repeats=repeats, budget_flops=amount)
        assert cost.flops <= amount
        assert outcome.failure_upper >= wrong(model, repeats)  # errs with 1e-3 at most


def test_nothing_looks_at_draws_that_certify():
    name, run, _ = planned(RIGHT, 100 * BOTH, repeats="any")
    other, again, _ = planned(RIGHT, 100 * BOTH, repeats="any", seed=99)
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
    _, run, _ = planned(SOFT, 1e25)
    assert run.budget == 2**36


def test_delta_is_not_chosen():
    asked = question(RIGHT, "auto")
    with pytest.raises(UserError, match="δ is not chosen by a plan"):
        TASK.decided(asked, "auto", True, CostMeter())


def test_a_named_strategy_is_kept():
    asked = question(RIGHT, "iid", budget=17)
    assert TASK.decided(asked, "iid", False, CostMeter()) == ("iid", asked)
