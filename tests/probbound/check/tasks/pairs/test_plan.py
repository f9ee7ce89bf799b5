"""Plans over pairs: the checker makes the same ones, and refuses any other than its own."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

import probbound
from probbound.check.judge import derived_seed, judge
from probbound.check.models.pair_mlp.weights import Weights
from probbound.check.models.registry import read_weights
from probbound.check.tasks.pairs.tariff import Tariff
from probbound.models.pair_mlp.network import PairMLP, forward_flops
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.group_product.task import GroupProduct
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.tariff import Tariff as Makers
from tests.factories import through_json
from tests.forgeries import resealed
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.models.pair_mlp.networks import FORMS, random_network
from tests.probbound.tasks.pairs.networks import waves

SHIPPED = Path(probbound.__file__).parent / "models" / "shipped"
NAME = "mod-add-p59-s0"


def planned(model, task, amount, margin=None, **given):
    claim = probbound.Claim() if margin is None else probbound.Claim("margin", margin)
    return probbound.certify(
        *(model, task),
        claim=claim,
        strategy="auto",
        budget_flops=amount,
        delta=0.01,
        **given,
    )


def summing(p, seed=0):
    """A network that adds by waves, with some noise."""
    rng = np.random.default_rng(seed)
    rows, out = waves(p, (1, 4, 9), 12, rng)
    return PairMLP(rows + 0.1 * rng.normal(size=rows.shape), out + 0.1 * rng.normal(size=out.shape))


@pytest.fixture(scope="module")
def sampled():
    """A plan that takes a screen and draws from what it leaves, and the weights."""
    made = planned(probbound.load(NAME), ModularAddition(59), 8e7, 8.0)
    return through_json(made), read_weights(SHIPPED / f"{NAME}.safetensors")


@pytest.mark.parametrize(
    ("amount", "margin", "chosen"),
    [
        (1e7, None, "iid"),
        (4.9e7, None, "iid"),
        (8e7, 6.0, "hybrid:gates:44"),
        (9e7, 8.0, "hybrid:gates:44"),
        (9e7, 12.0, "iid"),
    ],
)
def test_plans_that_leave_something_to_chance_are_made_again(amount, margin, chosen):
    made = planned(probbound.load(NAME), ModularAddition(59), amount, margin)
    report = judge(through_json(made), read_weights(SHIPPED / f"{NAME}.safetensors"))
    assert made.chosen == chosen
    assert made.delta > 0
    assert report.holds, report
    assert any("planned again" in sentence for sentence in report.confirmed)


def test_a_screen_that_disappointed_is_looked_at_again():
    name = "mod-add-p113-needle"
    model = probbound.load(name)
    made = planned(model, ModularAddition(113), 1e4 * forward_flops(model))
    assert "plan: gates on some" in {phase.name for phase in made.cost.phases}
    report = judge(through_json(made), read_weights(SHIPPED / f"{name}.safetensors"))
    assert report.holds, report


def test_plans_of_groups_are_made_again():
    model = probbound.load("group-s5")
    made = planned(model, GroupProduct(group_named("s5")), 3e3 * forward_flops(model))
    report = judge(through_json(made), read_weights(SHIPPED / "group-s5.safetensors"))
    assert made.delta > 0
    assert report.holds, report


@pytest.mark.parametrize("form", FORMS)
def test_prices_are_the_maker_s(form):
    model = random_network(form, 0, 13, np.float64)
    question = PairQuestion(model, ModularAddition(13), 1, 0.5, 0)
    ours, theirs = Tariff.of(weights_read(model)), Makers.of(question)
    for name in ("tables", "brute_force", "spectrum", "few"):
        assert getattr(ours, name) == getattr(theirs, name)
    for rank in (4, 12, 60):
        for name in ("gates", "low_rank"):
            mine, yours = getattr(ours, name)(rank), getattr(theirs, name)(rank)
            assert (mine.made, mine.all_pairs) == (yours.made, yours.all_pairs)
    for beside in (0, 32):
        assert ours.rotating_frame(12, beside) == theirs.rotating_frame(12, beside).made


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("passes", [1, 40, 120])
def test_plans_of_any_form_are_made_again(form, passes):
    model = random_network(form, 1, 13, np.float64)
    made = planned(model, ModularAddition(13), float(passes * forward_flops(model)))
    assert judge(through_json(made), weights_read(model)).holds


def test_plans_at_every_budget_are_made_again():
    model, chosen = summing(31), set()
    weights = weights_read(model)
    full = Tariff.of(weights).brute_force
    for part in np.geomspace(0.02, 1.5, 12):
        made = planned(model, ModularAddition(31), float(part * full))
        assert judge(through_json(made), weights).holds
        chosen.add(made.chosen.split(":")[0])
    assert {"iid", "brute-force"} <= chosen


OTHERS = {
    "one draw fewer": lambda made: made["ran"].update(budget=made["ran"]["budget"] - 1),
    "another rank": lambda made: made["ran"]["recipe"]["levels"][0].update(rank=48),
    "another level": lambda made: made["ran"]["recipe"]["levels"][0].update(levels=9),
}


@pytest.mark.parametrize("other", OTHERS)
def test_any_other_plan_is_refused(sampled, other):
    made, weights = copy.deepcopy(sampled[0]), sampled[1]
    OTHERS[other](made)
    assert derived_seed(made) == made["seed"]
    report = judge(resealed(made), weights)
    assert report.refused
    assert "made again it is gates enumerated, forward pass sampled" in report.refused[0]


def test_draws_alone_where_the_rule_takes_a_screen_are_refused(sampled):
    """Made honestly, from the same seed, by somebody who likes what these draws say better."""
    made, weights = sampled
    model, claim = probbound.load(NAME), probbound.Claim("margin", 8.0)
    for strategy in ("iid", "hybrid:gates:48"):
        other = through_json(
            probbound.certify(
                *(model, ModularAddition(59)),
                claim=claim,
                strategy=strategy,
                budget=600,
                delta=0.01,
                seed=made["seed"],
            )
        )
        other |= {name: made[name] for name in ("recipe", "budget", "budget_flops")}
        other |= {"seed_source": made["seed_source"]}
        assert derived_seed(other) == made["seed"]
        assert "its plan is" in judge(resealed(other), weights).refused[0]


def test_sums_posed_as_products_are_planned_as_sums_alone():
    """Both questions have one seed, and two plans for one seed would be two tries for one."""
    model, group = summing(13), GroupProduct(group_named("c13"))
    amount = 20.0 * forward_flops(model)
    as_sums, as_products = (
        through_json(planned(model, task, amount)) for task in (ModularAddition(13), group)
    )
    assert as_sums["seed"] == as_products["seed"]
    weights = weights_read(model)
    assert judge(as_sums, weights).holds
    assert "planned again as that" in judge(as_products, weights).declined[0]


def test_what_looks_at_a_rotating_frame_is_declined():
    p, rng = 1999, np.random.default_rng(0)
    rows, out = waves(p, (1, 7, 40), 24, rng)
    model = PairMLP(rows, out)
    made = planned(model, ModularAddition(p), 5e3 * forward_flops(model))
    assert isinstance(weights_read(model), Weights)
    assert "plan: rotating-frame on some" in {phase.name for phase in made.cost.phases}
    assert "rotating frame" in judge(through_json(made), weights_read(model)).declined[0]
