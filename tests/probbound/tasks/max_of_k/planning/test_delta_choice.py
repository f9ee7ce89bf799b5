"""δ chosen before the draws: the best on a grid, repeatable, sound."""

import json

import numpy as np
import pytest

import probbound
from estimators.proportion import clopper_pearson
from probbound.cli.main import run
from probbound.contract.claims import Claim
from probbound.contract.confidence import CANDIDATES, best_delta
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.planning.delta_choice import SCREEN_DELTAS
from probbound.tasks.max_of_k.task import task_for
from tests.factories import checked, copying_model, random_model

SAMPLED = ("iid", "iid:tables", "hybrid", "hybrid:sub-cubic", "cascade", "cascade:sub-cubic")


def certify(model, strategy, **options):
    return probbound.certify(model, task_for(model), strategy=strategy, delta="auto", **options)


@pytest.mark.parametrize("expected", [0, 3, 40])
@pytest.mark.parametrize("proven", [1.0, 0.02])
def test_the_choice_is_the_confidence_weighted_maximum_of_the_grid(expected, proven):
    share = min(proven, 0.5)
    chosen = best_delta(expected, 1000, share=share, proven=proven)
    for delta in CANDIDATES[::7]:
        bound = share * float(clopper_pearson(expected, 1000, delta=delta, side="upper").upper)
        weighted = (1 - delta) * (1 - bound) + delta * (1 - proven)
        assert 1 - chosen.weighted >= weighted - 1e-12
    assert 1e-5 < chosen.delta < 0.2


def test_without_draws_the_least_delta_is_as_good_as_any():
    assert best_delta(0, 0, share=1.0, proven=1.0).delta == CANDIDATES[0]


def test_more_draws_call_for_a_smaller_delta():
    deltas = [best_delta(0, n, share=1.0, proven=1.0).delta for n in (10, 1000, 10**6)]
    assert deltas == sorted(deltas, reverse=True)
    assert deltas[-1] == pytest.approx(1e-6, rel=1)


@pytest.mark.parametrize("strategy", SAMPLED)
def test_the_certificate_says_so_and_can_be_verified(strategy):
    model = copying_model(1, d_vocab=8)
    made = certify(model, strategy, budget=60, seed=2)
    assert made.delta_chosen
    assert 0 <= made.delta < 1
    assert checked(made, model).holds, checked(made, model)


@pytest.mark.parametrize("strategy", ["low-rank-qk:sketch", "hybrid:low-rank-qk:sketch"])
def test_a_screen_that_spends_delta_is_tried_with_other_coins(strategy):
    model = copying_model(1, d_vocab=8)
    made = certify(model, strategy, budget=40)
    assert made.delta_chosen
    assert any(made.delta == pytest.approx(delta) for delta in SCREEN_DELTAS)
    assert checked(made, model).holds, checked(made, model)


def test_the_chosen_delta_beats_fixed_ones_in_confidence_weighted_accuracy():
    model = probbound.load("max-of-4")
    chosen = certify(model, "iid", budget=500)
    for delta in (1e-9, 1e-6, 0.1):
        fixed = probbound.certify(model, task_for(model), strategy="iid", budget=500, delta=delta)
        assert chosen.confidence_weighted > fixed.confidence_weighted


def test_deterministic_strategies_ignore_it():
    model = copying_model(0)
    made = certify(model, "cubic")
    assert not made.delta_chosen
    assert made.delta == 0


def test_the_bound_fails_no_more_often_than_the_chosen_delta():
    """Violations against the sum of the δ chosen, at five standard deviations."""
    models = [(copying_model, random_model)[seed % 2](seed) for seed in range(6)]
    truths = [
        probbound.certify(m, task_for(m), strategy="brute-force").failure_upper for m in models
    ]
    violations = spent = variance = 0.0
    for seed in range(120):
        which = seed % len(models)
        found = certify(models[which], "iid", budget=25, seed=seed)
        violations += found.failure_upper < truths[which]
        spent += found.delta
        variance += found.delta * (1 - found.delta)
    assert violations <= spent + 5 * np.sqrt(variance) + 3
    assert spent > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"claim": Claim("margin", 0.5)}, "accuracy under a uniform prior"),
        ({"claim": Claim("loss")}, "accuracy under a uniform prior"),
    ],
)
def test_other_claims_need_a_number(options, message):
    with pytest.raises(UserError, match=message):
        certify(copying_model(1), "iid", **options)


def test_the_command_takes_auto(capsys):
    asked = ["certify", "max-of-4", "--strategy", "iid", "--budget", "100", "--delta"]
    assert run([*asked, "auto", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["delta_chosen"] is True
    assert 1e-4 < found["delta"] < 0.2
    assert run([*asked, "many"]) == 2
    assert "neither a number nor auto" in capsys.readouterr().err
