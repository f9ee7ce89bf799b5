"""Plans of induction: the checker makes the same ones, and refuses any other than its own."""

import pytest

import probbound
from probbound.check.judge import derived_seed, judge
from probbound.tasks.induction import planning
from probbound.tasks.registry import task_for
from tests.factories import through_json
from tests.forgeries import resealed
from tests.probbound.check.tasks.induction.networks import noisy, weights_read
from tests.probbound.models.transformer.attention_alone.networks import inducing_network


def planned(model, amount, about="once"):
    task = task_for(model, task=f"induction:{about}")
    return through_json(
        probbound.certify(model, task, strategy="auto", budget_flops=amount, delta=0.01)
    )


@pytest.mark.parametrize("about", ["once", "any"])
@pytest.mark.parametrize("amount", [1e3, 4e5, 9e5, 1.3e6, 1.9e6, 2.6e6, 4.7e6, 3e7])
def test_plans_are_made_again(about, amount):
    for model in (noisy(), inducing_network(v=5, n=6), inducing_network(v=4, n=5, heads=2)):
        made = planned(model, amount, about)
        assert judge(made, weights_read(model)).holds, made["ran"]


@pytest.mark.parametrize("amount", [2e6, 1.3e7, 3e7])
def test_plans_by_the_first_layers_weights_are_made_again(amount):
    model = inducing_network(3, v=4, n=5, sharp=2.8, noise=0.02, whole=True)
    made = planned(model, amount, "any")
    assert judge(made, weights_read(model)).holds, made["ran"]
    assert (made["ran"]["recipe"]["levels"][0]["level"] == "soft") == (amount > 1e7)


def test_another_plan_is_refused(monkeypatch):
    model = noisy()
    weights = weights_read(model)
    monkeypatch.setattr(planning, "_by_pairs", lambda *_: None)
    lazy = planned(model, 3e6)
    assert "made again it is pairs" in judge(lazy, weights).refused[0]
    monkeypatch.setattr(planning, "ENOUGH", 0.0)
    monkeypatch.undo()
    more = planned(model, 1.1e6)
    assert judge(more, weights).holds
    more["budget_flops"] = 1.3e6
    more["seed"] = derived_seed(more)
    assert not judge(resealed(more), weights).holds
