"""Forecasts of induction: what strategies are foretold to give they give, and at that cost."""

from typing import Any

import pytest
from click.testing import CliRunner

import probbound
from probbound import save_model
from probbound.cli.plan import plan
from probbound.contract.claims import Claim
from probbound.machine.errors import UserError
from probbound.planning.foretold import Wish
from probbound.tasks.induction import looking
from probbound.tasks.induction.room import TASK
from probbound.tasks.induction.task import Induction
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)
from tests.probbound.tasks.induction.asked import DELTA, RIGHT, SOME_WRONG, wrong

NOISY = inducing_network(1, v=5, n=6, noise=0.1)


def foretold(model, amount, *, unit: Any = "flops", claim=None, task=None, delta=DELTA, seed=0):
    assert TASK.foretold is not None
    return TASK.foretold(model, Wish(amount, unit, delta, seed, task, claim or Claim()))


def certified(model, made, claim=None, task=None):
    """The certificate of what was foretold, under its knobs."""
    given: dict[str, Any] = {}
    if made.budget and made.strategy != "brute-force":
        given = {"budget": made.budget, "delta": DELTA}
    if made.draws is not None:
        given["draws"] = made.draws
    task = task or Induction(model.d_vocab, model.n_ctx)
    return probbound.certify(
        model, task, claim=claim or Claim(), strategy=made.strategy, seed=3, **given
    )


def named(found, kind):
    return next(made for made in found.forecasts if made.strategy.startswith(kind))


@pytest.mark.parametrize("task", [None, Induction(5, 6, "any")], ids=["once", "any"])
def test_what_is_foretold_is_certified(task):
    amount = 6e7
    found = foretold(NOISY, amount, task=task)
    kinds = [made.strategy.rstrip("0123456789") for made in found.forecasts]
    pairs = [] if task else ["pairs", "hybrid:pairs"]
    assert sorted(kinds) == sorted(
        ["iid", "cascade", "cascade:soft", "tree:", "hybrid:tree:", *pairs]
    )
    assert [made.failure_upper for made in found.forecasts] == sorted(
        made.failure_upper for made in found.forecasts
    )
    for made in found.forecasts:
        got, off = certified(NOISY, made, task=task), 0.5 if "tree" in made.strategy else 0.2
        assert made.cost <= 1.01 * amount
        assert got.failure_upper == pytest.approx(made.failure_upper, rel=off), made
        assert got.cost.flops == pytest.approx(made.cost, rel=off), made


def test_all_that_is_run_is_certain():
    found = foretold(SOME_WRONG, 1e9)
    brute = named(found, "brute-force")
    assert brute.delta == 0
    assert brute.failure_upper == pytest.approx(wrong(SOME_WRONG), rel=0.2)
    assert found.wrong == brute.failure_upper
    hybrid = named(found, "hybrid:pairs")
    assert hybrid.delta == 0
    assert certified(SOME_WRONG, hybrid).failure_upper == pytest.approx(
        hybrid.failure_upper, rel=0.2
    )


def test_what_pairs_prove_in_full_is_known():
    found = foretold(RIGHT, 3e6)
    assert (found.forecasts[0].strategy, found.forecasts[0].failure_upper) == ("pairs", 0.0)
    assert found.wrong == 0
    assert not any("tree" in made.strategy for made in found.forecasts)
    assert found.left["pairs screen"] == 0


def test_a_part_of_the_pairs_stands_for_all(monkeypatch):
    monkeypatch.setattr(looking, "MOST_SPENT", 2 * 10**6)
    found = foretold(NOISY, 6e7)
    got = probbound.certify(NOISY, Induction(5, 6), strategy="pairs")
    assert found.left["pairs screen"] == pytest.approx(got.failure_upper, abs=0.15)


def test_the_cheapest_for_a_target():
    target = 0.5
    found = foretold(NOISY, target, unit="target")
    costs = [made.cost for made in found.forecasts]
    kinds = [made.strategy.rstrip("0123456789") for made in found.forecasts]
    assert costs == sorted(costs)
    assert len(kinds) == len(set(kinds))
    assert certified(NOISY, found.forecasts[0]).failure_upper <= 1.2 * target


@pytest.mark.parametrize("given", [0, 2])
def test_universal_claims_are_foretold(given):
    claim = Claim("universal", float(given))
    every = foretold(SOME_WRONG, 1e10, claim=claim)
    assert [made.strategy for made in every.forecasts] == ["brute-force", "iid"]
    exact = certified(SOME_WRONG, every.forecasts[0], claim)
    assert exact.failure_upper == pytest.approx(every.forecasts[0].failure_upper, abs=0.1)
    assert exact.cost.flops == every.forecasts[0].cost
    (drawn,) = foretold(SOME_WRONG, exact.cost.flops / 2, claim=claim).forecasts
    assert certified(SOME_WRONG, drawn, claim).failure_upper == pytest.approx(
        drawn.failure_upper, abs=0.25
    )


def test_random_descents_are_said():
    assert "random descents a complete tree of what pairs leave" in foretold(NOISY, 1e8).said[0]
    three = random_network(0, layers=3)
    assert "complete tree of all cases" in foretold(three, 1e8).said[0]


def test_a_tree_that_is_too_dear_to_look_at_is_said_to_be(monkeypatch):
    monkeypatch.setattr(looking, "MOST_SPENT", 10**5)
    found = foretold(random_network(0, layers=3), 1e7)
    assert "A tree was not looked at" in found.said[0]
    assert not any("tree" in made.strategy for made in found.forecasts)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"unit": "seconds"}, "for operations and for a target"),
        ({"delta": None}, "δ is not chosen"),
        ({"claim": Claim("universal", 9.0)}, "at most"),
        ({"claim": Claim("loss")}, "not a loss"),
    ],
)
def test_what_is_not_foretold_is_refused(given, said):
    with pytest.raises(UserError, match=said):
        foretold(RIGHT, 0.5, **given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "Pick: probbound certify noisy.safetensors --strategy"),
        (("--task", "induction:any"), "--task induction:any --budget"),
        (("--claim", "universal", "--revealed", "1"), "--claim universal --revealed 1"),
        (("--claim", "margin", "--at", "0.5"), "--claim margin --at 0.5"),
    ],
)
def test_the_command_prints_a_table_and_a_pick(tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    save_model(NOISY, "noisy.safetensors")
    task = () if "--task" in given else ("--task", "induction")
    run = CliRunner().invoke(
        plan, ["noisy.safetensors", *task, *given, "--budget-flops", "3e7", "--delta", "0.001"]
    )
    assert run.exit_code == 0, run.output
    assert said in run.output


@pytest.mark.parametrize("model", ["max-of-4-s0", "mod-add-p59-s0"])
def test_other_tasks_foretell_accuracy_alone(model):
    run = CliRunner().invoke(plan, [model, "--budget-flops", "1e8", "--claim", "universal"])
    assert isinstance(run.exception, UserError)
    assert "not a claim of universal" in str(run.exception)
