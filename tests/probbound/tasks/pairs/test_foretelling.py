"""Forecasts over pairs: what the rule looks at, with bounds that running it gives."""

from typing import Any

import pytest
from click.testing import CliRunner

import probbound
from probbound.cli.plan import plan
from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import forward_flops
from probbound.planning.foretold import Wish
from probbound.tasks.group_product.room import TASK as PRODUCTS
from probbound.tasks.modular_addition.room import TASK as SUMS


def foretold(model, amount, *, unit: Any = "flops", delta: float | None = 1e-6):
    assert SUMS.foretold is not None
    return SUMS.foretold(model, Wish(amount, unit, delta, 0))


@pytest.fixture(scope="module")
def model():
    return probbound.load("mod-add-p59-s0")


def test_the_best_is_what_auto_takes(model):
    found = foretold(model, 1e4 * forward_flops(model))
    names = [made.strategy for made in found.forecasts]
    assert names == ["hybrid:gates:44", "brute-force", "iid"]
    made = probbound.certify(model, probbound.task_for(model, task=SUMS.name), strategy="auto")
    assert made.chosen == names[0]
    assert found.left.keys() == {"gates screen"}
    assert found.left["gates screen"] == pytest.approx(1 - made.certified_mass, abs=0.03)
    assert found.forecasts[0].cost == pytest.approx(made.cost.flops, rel=0.25)
    assert found.wrong is not None
    assert found.wrong < 0.002


def test_what_draws_are_foretold_to_give_they_give(model):
    amount = 600.0 * forward_flops(model)
    (only,) = foretold(model, amount).forecasts
    task = probbound.task_for(model, task=SUMS.name)
    made = probbound.certify(model, task, strategy="auto", budget_flops=amount)
    assert only.strategy == made.chosen == "iid"
    assert made.ran.budget == only.budget
    assert made.failure_upper <= only.failure_upper <= 2 * made.failure_upper


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"unit": "seconds"}, "for operations alone"),
        ({"unit": "target"}, "for operations alone"),
        ({"delta": None}, "δ is not chosen"),
    ],
)
def test_what_is_not_foretold_is_refused(model, given, said):
    with pytest.raises(UserError, match=said):
        foretold(model, 0.5, **given)


def test_of_groups_no_forecasts_are_made():
    assert PRODUCTS.foretold is None


def test_the_command_prints_a_table_and_a_pick():
    said = CliRunner().invoke(plan, ["mod-add-p59-s0", "--budget-flops", "4e8"])
    assert said.exit_code == 0, said.output
    assert "hybrid:gates:44" in said.output
    assert "Pick: probbound certify mod-add-p59-s0 --strategy hybrid:gates:44" in said.output
