"""The rule of `auto` over pairs: what it takes, what it books, and that no draw is looked at."""

from dataclasses import replace

import numpy as np
import pytest

import probbound
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.models.pair_mlp.network import PairMLP, forward_flops
from probbound.models.pair_mlp.training import all_margins
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.group_product.room import TASK as PRODUCTS
from probbound.tasks.group_product.task import GroupProduct
from probbound.tasks.modular_addition.room import TASK as SUMS
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.tariff import Tariff
from tests.probbound.tasks.pairs.networks import waves
from tests.probbound.tasks.pairs.test_rooms import asked

DELTA = 0.01


def planted(p, frequencies, each, noise, seed=0):
    """A network that adds by waves, with noise on every weight."""
    rng = np.random.default_rng(seed)
    rows, out = waves(p, frequencies, each, rng)
    rows += noise * rng.normal(size=rows.shape)
    return PairMLP(rows, out + 8 / each * noise * rng.normal(size=out.shape))


def planned(model, task, amount, room=SUMS, *, seed=1, claim=None):
    question = asked(room, model, task, "auto", claim=claim, delta=DELTA, budget_flops=amount)
    question, meter = replace(question, seed=seed), CostMeter()
    name, run = room.decided(question, "auto", False, meter)
    return name, run, meter


def answered(model, task, amount, room=SUMS, **given):
    name, run, meter = planned(model, task, amount, room, **given)
    return name, room.answer(name, run, meter), meter.total()


@pytest.fixture(scope="module")
def shipped():
    return {name: probbound.load(name) for name in ("mod-add-p59-s0", "mod-add-p113-s0")}


@pytest.mark.parametrize(
    ("name", "p", "passes", "chosen"),
    [
        ("mod-add-p59-s0", 59, 10_000, "hybrid:gates:44"),
        ("mod-add-p59-s0", 59, 2000, "hybrid:gates:44"),
        ("mod-add-p113-s0", 113, 10_000, "hybrid:gates:20"),
        ("mod-add-p113-s0", 113, 2500, "hybrid:gates:20"),
    ],
)
def test_trained_networks_are_proved_right_below_brute_force(shipped, name, p, passes, chosen):
    model, task = shipped[name], ModularAddition(p)
    amount = float(passes * forward_flops(model))
    found, outcome, cost = answered(model, task, amount)
    assert found == chosen
    assert outcome.failure_upper == 0
    assert not outcome.ledger.spends
    assert cost.flops < min(amount, task.size * forward_flops(model) / 2)


def test_too_little_for_a_screen_is_spent_on_draws(shipped):
    model = shipped["mod-add-p59-s0"]
    amount = 600.0 * forward_flops(model)
    name, outcome, cost = answered(model, ModularAddition(59), amount)
    assert name == "iid"
    assert cost.flops <= amount
    assert 0 < outcome.failure_upper < 0.02


def test_a_group_is_proved_by_the_screen_that_it_has():
    model, task = probbound.load("group-s5"), GroupProduct(group_named("s5"))
    amount = 1e4 * forward_flops(model)
    name, outcome, cost = answered(model, task, amount, PRODUCTS)
    assert name == "hybrid:low-rank:16"
    assert outcome.failure_upper == 0
    assert cost.flops < amount / 2


def test_a_network_without_a_bottleneck_is_run_on_every_pair():
    model, task = probbound.load("mod-add-p59-direct"), ModularAddition(59)
    name, outcome, cost = answered(model, task, 1e4 * forward_flops(model))
    assert name == "brute-force"
    assert outcome.failure_upper == 0
    looking = sum(phase.flops for phase in cost.phases if phase.name.startswith("plan"))
    assert 0 < looking < 0.02 * cost.flops


def test_what_was_looked_at_is_booked_once_and_the_look_is_little(shipped):
    model, task = shipped["mod-add-p113-s0"], ModularAddition(113)
    name, _, cost = answered(model, task, 1e4 * forward_flops(model))
    alone = probbound.certify(model, task, strategy=name, budget=9000, delta=DELTA).cost
    looking = sum(phase.flops for phase in cost.phases if phase.name.startswith("plan"))
    assert cost.flops == alone.flops + looking
    assert 0 < looking < 0.03 * 1e4 * forward_flops(model)


def test_a_screen_that_disappoints_is_paid_for_and_not_run():
    model, task = probbound.load("mod-add-p113-needle"), ModularAddition(113)
    amount = 1e4 * forward_flops(model)
    name, run, meter = planned(model, task, amount)
    assert name == "iid"
    booked = {phase.name: phase.flops for phase in meter.total().phases}
    looks = {"plan: spectrum", "plan: gates on some", "plan: gates tables"}
    assert set(booked) == {*looks, "gates: proposal"}
    assert sum(booked.values()) < 0.3 * amount
    assert sum(booked.values()) + run.budget * forward_flops(model) < 1.1 * amount


def test_nothing_is_drawn_to_decide_and_no_seed_changes_it(shipped, monkeypatch):
    def drawn(*_):
        raise AssertionError("a plan over pairs drew something")

    monkeypatch.setattr(Stream, "words", drawn)
    monkeypatch.setattr(Stream, "integers", drawn)
    model, task = shipped["mod-add-p59-s0"], ModularAddition(59)
    amount = 2000.0 * forward_flops(model)
    plans = [planned(model, task, amount, seed=seed)[:2] for seed in range(3)]
    assert {(name, run.budget) for name, run in plans} == {("hybrid:gates:44", plans[0][1].budget)}


@pytest.mark.parametrize("at", [2.0, 8.0])
def test_what_a_screen_leaves_of_a_high_margin_is_drawn_from(shipped, at):
    model, task = shipped["mod-add-p59-s0"], ModularAddition(59)
    name, outcome, cost = answered(model, task, 8e7, claim=probbound.Claim("margin", at))
    truth = float((~(all_margins(model, task.table) > at)).mean())
    assert name == "hybrid:gates:44"
    assert truth <= outcome.failure_upper < 0.01
    assert bool(outcome.ledger.spends) == (at == 8.0)
    assert cost.flops < 1.1 * 8e7


def test_no_bound_of_auto_is_below_the_truth():
    """Deterministic ones never, and each of 48 others with probability 1e-6 at most."""
    chosen, task = set(), ModularAddition(31)
    for seed in range(12):
        model = planted(31, (1, 4, 9), 40, (0.0, 0.02, 0.1, 0.3)[seed % 4], seed)
        truth = float((~(all_margins(model, task.table) > 0)).mean())
        full = Tariff.of(PairQuestion(model, task, 1, 0.5, 0)).brute_force
        for part in (0.05, 0.5, 0.9, 2.0):
            question = asked(SUMS, model, task, "auto", delta=1e-6, budget_flops=part * full)
            meter = CostMeter()
            name, run = SUMS.decided(question, "auto", False, meter)
            outcome = SUMS.answer(name, run, meter)
            assert outcome.failure_upper >= truth - 1e-12
            chosen.add(name.split(":")[0])
    assert chosen >= {"iid", "brute-force"}


@pytest.mark.slow
@pytest.mark.parametrize("p", [4099, 16381])
def test_large_p_is_drawn_through_the_rotating_frame(p):
    frequencies = np.sort(np.random.default_rng(1).choice(np.arange(1, p // 2), 8, replace=False))
    model, task = planted(p, frequencies, 64, 0.01), ModularAddition(p)
    amount = 5000.0 * forward_flops(model)
    name, outcome, cost = answered(model, task, amount)
    assert name == "cascade:rotating-frame"
    plain = SUMS.answer("iid", asked(SUMS, model, task, "iid", budget=5000), CostMeter())
    assert outcome.failure_upper < 0.5 * plain.failure_upper
    assert cost.flops < 1.15 * amount


def test_too_few_operations_for_anything_say_nothing():
    model = planted(31, (1, 4), 10, 0.0)
    name, run, meter = planned(model, ModularAddition(31), 100.0)
    assert (name, run.budget) == ("iid", 0)
    assert meter.total().flops == 0
    assert SUMS.answer(name, run, meter).failure_upper == 1
