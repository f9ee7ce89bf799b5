"""`--strategy auto`: what it costs, what it looks at, and that it can be repeated."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom

import probbound
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import forward_flops
from probbound.planning.forecast import Forecast
from probbound.tasks.max_of_k.planning.delta_choice import delta_for
from probbound.tasks.max_of_k.planning.rule import PILOT_SHARE, planned
from probbound.tasks.max_of_k.planning.survey import settled, surveyed, with_entries, with_screen
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.task import task_for
from tests.factories import checked, copying_model, random_model


def certify(model, strategy, **options):
    return probbound.certify(model, task_for(model), strategy=strategy, budget=50, **options)


def auto(model, budget, **options):
    return certify(model, "auto", budget_flops=budget, **options)


@pytest.mark.parametrize("budget", [1e6, 3.2e6, 1e7, 1e8])
def test_all_that_was_spent_is_in_the_budget_and_nothing_is_paid_twice(budget):
    made = auto(probbound.load("max-of-4"), budget)
    assert made.cost.flops <= 1.01 * budget
    names = [phase.name for phase in made.cost.phases]
    for once in ("tables", "copying check", "counting", "brackets", "OV and positions"):
        assert names.count(once) <= 1


def test_pilots_are_a_small_share_of_the_budget():
    made = auto(probbound.load("max-of-4"), 1e7)
    pilots = sum(phase.flops for phase in made.cost.phases if phase.name.startswith("pilot"))
    assert 0 < pilots < 2 * PILOT_SHARE * 1e7


def test_more_operations_certify_more():
    model = probbound.load("max-of-4")
    bounds = [auto(model, budget).failure_upper for budget in (1e6, 3.2e6, 1e7, 2e7)]
    assert all(later < earlier for earlier, later in pairwise(bounds))
    exact = auto(model, 2e7)
    assert exact.guarantee == "deterministic"
    assert exact.failure_upper == pytest.approx(27 / 64**4)


def test_auto_beats_plain_sampling_and_can_be_verified():
    model = probbound.load("max-of-4")
    made = auto(model, 5e6)
    iid = probbound.certify(
        model, task_for(model), strategy="iid", budget=int(5e6 / forward_flops(model))
    )
    assert made.failure_upper < iid.failure_upper / 20
    assert checked(made, model).holds, checked(made, model)


def test_a_cascade_on_a_rung_is_picked_and_checked_in_full():
    model = probbound.load("max-of-10")
    made = probbound.certify(model, task_for(model), strategy="auto", budget_flops=1e7)
    assert made.chosen == "cascade:sub-cubic"
    report = checked(made, model)
    assert report.holds, report.refused
    assert "planned again" in report.confirmed[-3]
    assert "computed again" in report.confirmed[-1]


def test_the_pick_depends_on_the_seed_alone():
    model = copying_model(2)
    question = Question(model, task_for(model), 0, 1e-3, 7, budget_flops=2e5)
    first, second = (planned(question, 1e-3, CostMeter()) for _ in range(2))
    assert first[0] == second[0]
    assert (first[1].budget, first[1].draws) == (second[1].budget, second[1].draws)


def test_what_plans_never_draws_what_certifies(monkeypatch):
    """No key of a stream is read both by what plans and by what certifies."""
    read = set()
    words = Stream.words

    def spy(self, start, stop):
        read.add(self.key)
        return words(self, start, stop)

    monkeypatch.setattr(Stream, "words", spy)
    model = copying_model(3, d_vocab=11, n_ctx=4)
    question = Question(model, task_for(model), 50, 1e-3, 0)
    for budget in (2e4, 1e5):
        for delta in (None, 1e-3):
            planned(replace(question, budget_flops=budget), delta, CostMeter())
    survey = surveyed(question, 1e-3, 1e5, CostMeter())
    survey, _ = settled(survey, question, 1e5, lambda now: now.forecasts(1e5))
    with_screen(survey, question, "cubic", 1e5)
    with_entries(survey, question, Forecast("entries", 1.0, 1e8, 4000, delta=1e-3))
    for strategy in ("iid", "hybrid:sub-cubic", "cascade:sub-cubic", "low-rank-qk:sketch"):
        delta_for(question, strategy, CostMeter())
    planning = set(read)
    read.clear()
    for strategy in ("iid", "hybrid:sub-cubic", "cascade", "cascade:low-rank-qk:sketch"):
        options = {"draws": 80} if strategy.startswith("cascade") else {}
        certify(model, strategy, **options)
    probbound.certify(model, task_for(model), strategy="entries", budget=4000)
    assert planning
    assert read
    assert not planning & read


def test_auto_is_sound_on_small_models():
    """δ = 0.1: violations are counted at a false-alarm rate of 1e-6."""
    models = [
        (copying_model, random_model)[seed % 2](seed, d_vocab=11, n_ctx=4) for seed in range(6)
    ]
    truths = [
        probbound.certify(m, task_for(m), strategy="brute-force").failure_upper for m in models
    ]
    violations, chosen = 0, set()
    for seed in range(60):
        which = seed % len(models)
        found = auto(models[which], (2e4, 1e5)[seed % 5 == 0], delta=0.1, seed=seed)
        chosen.add(found.chosen)
        violations += found.failure_upper < truths[which]
    assert violations <= binom.isf(1e-6, 60, 0.1)
    assert {"iid", "cascade"} <= {name.partition(":")[0] for name in chosen}


def test_small_budgets_give_what_they_can():
    model = probbound.load("max-of-4")
    made = auto(model, 3.1 * forward_flops(model))
    assert made.chosen == "iid"
    assert 0.9 < made.failure_upper < 1
    question = Question(model, task_for(model), 0, 1e-6, 0, budget_flops=1e3)
    with pytest.raises(UserError, match="one forward pass takes"):
        planned(question, 1e-6, CostMeter())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "auto", "budget_flops": 10.0}, "too small"),
        ({"strategy": "auto", "budget_flops": -1.0}, "must be a positive number"),
        ({"strategy": "auto", "budget_flops": np.inf}, "must be a positive number"),
        ({"strategy": "auto", "budget": 0}, "too small"),
        ({"strategy": "iid", "budget_flops": 1e9}, "is for the strategy auto, not for iid"),
        ({"strategy": "auto", "target": 0.1}, "auto has no target"),
        ({"strategy": "auto", "draws": 5}, "auto has no number of draws"),
        ({"strategy": "iid", "draws": 5}, "iid has no number of draws"),
        ({"strategy": "cascade", "draws": -5}, "draws must be a non-negative integer"),
        ({"strategy": "cascade", "target": 0.1, "delta": "auto"}, "δ must be a number"),
    ],
)
def test_plans_without_meaning_are_refused(options, message):
    model = copying_model(0)
    with pytest.raises(UserError, match=message):
        probbound.certify(model, task_for(model), **options)
