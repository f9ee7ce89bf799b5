"""Both tasks over pairs, asked through their rooms: sound, in one form, refused in a sentence."""

import dataclasses
import itertools

import numpy as np
import pytest

import probbound
from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import PairMLP, forward_flops, in_float64
from probbound.models.pair_mlp.training import all_margins
from probbound.tasks.given import Given
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.group_product.room import TASK as PRODUCTS
from probbound.tasks.group_product.task import GroupProduct
from probbound.tasks.modular_addition.room import TASK as SUMS
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.population import Pairs
from probbound.tasks.registry import counted
from tests.probbound.models.pair_mlp.networks import FORMS, random_network
from tests.probbound.tasks.pairs.networks import half_trained

STRATEGIES = (
    *("brute-force", "iid", "low-rank:3", "gates:3"),
    *("hybrid:low-rank:3", "hybrid:gates:3", "cascade:low-rank:3", "cascade:gates:3"),
    *("rotating-frame:1", "hybrid:rotating-frame:1", "cascade:rotating-frame:1", "integral"),
    *("norms", "cascade:norms", "entries:3", "entries:exact:3", "entries:sums:3"),
    *("entries:row-max:3", "entries:absolute:3", "entries:norm:3", "auto"),
)


def asked(room, model, task, strategy, *, claim=None, budget=200, delta=0.01, **settings):
    return room.asked(
        *(model, task, claim or probbound.Claim(), strategy),
        Given(budget, delta, 1, settings.pop("stopped_at", None), settings),
    )


def answered(room, model, task, strategy, **given):
    meter = CostMeter()
    name, run = room.decided(asked(room, model, task, strategy, **given), strategy, False, meter)
    return room.answer(name, run, meter), meter.total()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("margin", [None, 0.05])
def test_no_bound_is_below_the_truth(form, strategy, margin):
    task = ModularAddition(5)
    claim = probbound.Claim() if margin is None else probbound.Claim("margin", margin)
    for seed in range(4):
        model = random_network(form, seed, 5, np.float64)
        truth = float((~(all_margins(model, task.table) > (margin or 0.0))).mean())
        outcome, cost = answered(SUMS, model, task, strategy, claim=claim)
        assert outcome.failure_upper >= truth - 1e-12
        assert cost.flops > 0
        if strategy == "brute-force":
            assert outcome.failure_upper == pytest.approx(truth)


@pytest.mark.parametrize("number", [5, pytest.param(40, marks=pytest.mark.slow)])
def test_no_bound_is_below_the_truth_of_a_half_trained_network(number):
    task, right = ModularAddition(7), []
    for model in half_trained(number):
        truth = float((~(all_margins(model, task.table) > 0)).mean())
        right.append(1 - truth)
        for strategy in STRATEGIES:
            outcome, _ = answered(SUMS, model, task, strategy, delta=1e-6)
            assert outcome.failure_upper >= truth - 1e-12, strategy
        for passes in (3, 25, 40):
            amount = float(passes * forward_flops(model))
            outcome, _ = answered(SUMS, model, task, "auto", delta=1e-6, budget_flops=amount)
            assert outcome.failure_upper >= truth - 1e-12, passes
    assert min(right) < 0.5 < max(right)


@pytest.mark.parametrize("strategy", ["brute-force", "low-rank:4", "hybrid:low-rank:4"])
def test_groups_are_answered_by_their_own_table(strategy):
    task = GroupProduct(group_named("s3"))
    model = random_network("everything", 3, 6)
    truth = float((~(all_margins(model, task.table) > 0)).mean())
    outcome, _ = answered(PRODUCTS, model, task, strategy, budget=100)
    assert outcome.failure_upper >= truth - 1e-12
    assert not outcome.ledger.spends


def test_a_network_made_right_is_proved_right_and_its_rest_is_run():
    """An identity network: the neurons of a pair are one for each sum, so every answer is right."""
    p = 5
    neurons = np.zeros((2, p, p * p))
    for a, b in itertools.product(range(p), repeat=2):
        neurons[0, a, a * p + b] = neurons[1, b, a * p + b] = 1.0
    unembed = np.zeros((p * p, p))
    unembed[np.arange(p * p), np.add.outer(np.arange(p), np.arange(p)).ravel() % p] = 1.0
    model = PairMLP(neurons[0], unembed, W_E2=neurons[1], b_in=np.full(p * p, -1.0))
    for strategy in ("brute-force", "low-rank:5", "hybrid:low-rank:2"):
        outcome, _ = answered(SUMS, model, ModularAddition(p), strategy)
        assert outcome.failure_upper == 0
    outcome, _ = answered(SUMS, model, ModularAddition(p), "iid")
    assert 0 < outcome.failure_upper < 0.05


@pytest.mark.parametrize(
    ("strategy", "settings"),
    [("cascade", {"draws": 500}), ("cascade", {"target": 0.9}), ("cascade", {"stopped_at": 50})],
)
def test_cascades_take_their_settings(strategy, settings):
    model, task = random_network("biased", 0, 17, np.float64), ModularAddition(17)
    truth = float((~(all_margins(model, task.table) > 0)).mean())
    outcome, _ = answered(SUMS, model, task, "cascade:low-rank:3", budget=300, **settings)
    assert outcome.failure_upper >= truth
    if "stopped_at" in settings:
        assert outcome.stopped_at == 50
    if "draws" in settings:
        assert outcome.sampled.draws == 500


@pytest.mark.parametrize(("budget", "chosen"), [(1e9, "brute-force"), (5e3, "iid"), (1e4, "iid")])
def test_auto_takes_what_it_can_pay_for(budget, chosen):
    model, task = random_network("biased", 0, 17), ModularAddition(17)
    question = asked(SUMS, model, task, "auto", budget_flops=budget)
    meter = CostMeter()
    name, run = SUMS.decided(question, "auto", False, meter)
    assert name == chosen
    SUMS.answer(name, run, meter)
    assert meter.total().flops <= 1.1 * max(budget, 7e3)
    with pytest.raises(UserError, match="δ is not chosen"):
        SUMS.decided(question, "auto", True, meter)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"strategy": "cubic"}, "there is no strategy 'cubic'"),
        ({"strategy": "low-rank:"}, "there is no strategy"),
        ({"strategy": "low-rank:x"}, "there is no strategy"),
        ({"strategy": "iid", "target": 0.1}, "iid has no target"),
        ({"strategy": "iid", "grid_points": 9}, "no setting 'grid_points'"),
        ({"strategy": "iid", "budget": -1}, "budget must be at least 0"),
        ({"strategy": "iid", "delta": 2.0}, "delta must lie"),
        ({"strategy": "iid", "stopped_at": 3}, "iid cannot be interrupted"),
        ({"strategy": "iid", "claim": probbound.Claim("loss")}, "not a loss"),
        ({"strategy": "iid", "claim": probbound.Claim("loss", 2.0)}, "cut at a number over rows"),
        ({"strategy": "iid", "claim": probbound.Claim("kl", 2.0)}, "a KL divergence is claimed of"),
    ],
)
def test_what_cannot_be_used_is_refused(given, said):
    strategy = given.pop("strategy")
    with pytest.raises(UserError, match=said):
        asked(SUMS, random_network("biased", 0), ModularAddition(5), strategy, **given)


def test_a_rank_beyond_the_network_is_refused():
    with pytest.raises(UserError, match="rank must lie between 1 and"):
        answered(SUMS, random_network("biased", 0), ModularAddition(5), "low-rank:9")


def test_other_tasks_and_networks_are_refused():
    model = random_network("biased", 0)
    with pytest.raises(UserError, match="7 values of each operand"):
        asked(SUMS, model, ModularAddition(7), "iid")
    with pytest.raises(UserError, match="ModularAddition itself"):
        asked(SUMS, model, GroupProduct(group_named("c5")), "iid")
    with pytest.raises(UserError, match="pair networks"):
        asked(SUMS, probbound.load("max-of-4"), ModularAddition(5), "iid")
    altered = ModularAddition(5)
    altered.table[0, 0] = 1
    with pytest.raises(UserError, match="table of the ModularAddition was altered"):
        asked(SUMS, model, altered, "iid")
    broken = dataclasses.replace(model, W_U=np.full_like(model.W_U, np.nan))
    with pytest.raises(UserError, match="W_U holds a NaN"):
        asked(SUMS, broken, ModularAddition(5), "iid")
    huge = dataclasses.replace(in_float64(model), W_E=model.W_E * 1e30)
    with pytest.raises(UserError, match="too far from 1"):
        asked(SUMS, huge, ModularAddition(5), "iid")


def test_the_group_has_to_be_named():
    model = random_network("untied", 0, 6)
    with pytest.raises(UserError, match="name it: group-product:s5"):
        PRODUCTS.task_for(model, None, "")
    assert PRODUCTS.task_for(model, None, "s3") == GroupProduct(group_named("s3"))
    assert SUMS.task_for(model, None, "") == ModularAddition(6)
    with pytest.raises(UserError, match="so not about 'x'"):
        SUMS.task_for(model, None, "x")
    with pytest.raises(UserError, match="leave the prior out"):
        SUMS.task_for(model, probbound.Prior((1, 2, 3, 4, 5, 6)), "")


@pytest.mark.parametrize(
    ("room", "task"),
    [(SUMS, ModularAddition(7)), (PRODUCTS, GroupProduct(group_named("a4")))],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_statement_gives_the_task_back(room, task):
    assert isinstance(task, Pairs)
    assert room.stated(task.statement()) == task
    assert counted(task.name, task.statement()).startswith(f"{task.answers}^2")
