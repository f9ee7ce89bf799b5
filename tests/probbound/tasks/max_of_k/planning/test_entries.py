"""Forecasts of `entries`, and when a plan looks at it."""

import numpy as np
import pytest

import probbound
from probbound.contract.cost import CostMeter
from probbound.models.attention_only.evaluation import wrong_answers
from probbound.tasks.max_of_k.planning.entries import (
    CERTAIN,
    NOT_RUN,
    OVER,
    SAMPLED,
    Entries,
    look_flops,
)
from probbound.tasks.max_of_k.planning.prices import prices_in_flops
from probbound.tasks.max_of_k.planning.survey import settled, surveyed, with_entries, with_treatment
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.structured.cells import Cells
from probbound.tasks.max_of_k.structured.outlook import hoped_for
from probbound.tasks.max_of_k.structured.parts import structure_flops
from probbound.tasks.max_of_k.task import task_for
from tests.factories import all_sequences, copying_model, random_model

DELTA = 1e-3
PRICES = prices_in_flops()


def certify(model, strategy, **options):
    return probbound.certify(model, task_for(model), strategy=strategy, delta=DELTA, **options)


def asked(model, **options):
    return Question(model, task_for(model), 0, DELTA, 0, **options)


def unseen(model, wrong=0.0):
    return Entries(hoped_for(model, wrong))


def forecasts(entries, budget, wrong=0.0, delta: float | None = DELTA):
    return {made.strategy: made for made in entries.forecasts(budget, delta, PRICES, wrong)}


def seen(model, budget):
    """What a plan knows once it has looked at what so many operations buy."""
    question = asked(model)
    survey = surveyed(question, DELTA, 1e4, CostMeter())
    hoped = forecasts(survey.planner.seen, budget)["entries"]
    survey = with_entries(survey, question, hoped)
    for name in CERTAIN:
        survey = with_treatment(survey, question, name)
    return survey


def planted(d_vocab=48, n_ctx=3):
    """Steep, copying, with noise: certified in part."""
    return planted_max_of_k(d_vocab, n_ctx, 24, steepness=2000.0, copying=100.0, noise=0.02)


@pytest.fixture(scope="module")
def looked():
    model = planted()
    return model, seen(model, 1e8)


def test_what_is_foretold_is_what_is_booked_and_nearly_what_is_found(looked):
    model, survey = looked
    for budget in (3e7, 1e8):
        for made in forecasts(survey.planner.seen, budget).values():
            assert not made.at_best
            assert made.cost <= budget
            found = certify(model, made.strategy, budget=made.budget, seed=5)
            assert found.cost.flops == pytest.approx(made.cost, rel=0.01)
            assert found.failure_upper < 2 * made.failure_upper
            assert found.failure_upper > made.failure_upper / 5


def test_treatments_are_deterministic_and_their_price_is_told_before(looked):
    model, survey = looked
    known = survey.planner.seen
    for name in CERTAIN:
        found = certify(model, name)
        assert known.certain[name] == found.failure_upper
        assert known.price_of(name) == found.cost.flops
        assert unseen(model).price_of(name) <= found.cost.flops


@pytest.mark.parametrize("build", [planted, copying_model, random_model])
def test_nothing_that_is_found_is_better_than_what_was_hoped_for(build):
    model = build(16, n_ctx=3) if build is planted else build(3, d_vocab=12, n_ctx=3)
    everything = all_sequences(model.d_vocab, model.n_ctx)
    exact = float(wrong_answers(model, task_for(model), everything).mean())
    hoped = forecasts(unseen(model, exact), 3e7, exact)
    for name in (*SAMPLED, *CERTAIN):
        made = hoped[name]
        assert made.at_best
        found = certify(model, name, budget=made.budget)
        assert made.failure_upper <= 1.001 * found.failure_upper
        assert made.cost <= 1.001 * found.cost.flops


def test_bounds_fall_and_costs_rise_with_the_budget(looked):
    _, survey = looked
    outlook = survey.planner.seen.outlook
    budgets = np.geomspace(1, outlook.most, 30).astype(int).tolist()
    for counted in (False, True):
        delta = np.array([DELTA])
        bounds = [float(outlook.bounds(n, delta, counted=counted)[0]) for n in budgets]
        costs = [sum(outlook.work(n, counted=counted)) for n in budgets]
        assert bounds[0] == 1.0
        assert bounds == sorted(bounds, reverse=True)
        assert costs == sorted(costs)
    assert outlook.work(outlook.most, counted=False) == outlook.work(10**12, counted=False)


def test_a_chosen_delta_is_the_best_of_the_grid(looked):
    _, survey = looked
    for name in SAMPLED:
        chosen = forecasts(survey.planner.seen, 3e7, delta=None)[name]
        for delta in (1e-9, 1e-4, 0.1):
            fixed = forecasts(survey.planner.seen, 3e7, delta=delta)[name]
            assert chosen.weighted <= fixed.weighted
            assert fixed.weighted == pytest.approx((1 - delta) * fixed.failure_upper + delta)


def test_what_is_over_the_budget_or_not_run_says_so():
    model = planted()
    assert {made.note for made in forecasts(unseen(model), 1e3).values()} == {OVER}
    notes = {name: made.note for name, made in forecasts(unseen(model), 1e8).items()}
    assert {notes[name] for name in CERTAIN} == {NOT_RUN}


def test_small_budgets_do_not_pay_for_a_look():
    model = probbound.load("max-of-4")
    for budget in (1e6, 1e7):
        question = asked(model, budget_flops=budget)
        survey = surveyed(question, DELTA, budget, CostMeter())
        survey, made = settled(
            survey, question, budget, lambda now, budget=budget: now.forecasts(budget)
        )
        assert survey.parts is None
        notes = {one.strategy: one.note for one in made if one.at_best}
        assert all(notes[name] for name in SAMPLED)


def test_a_plan_looks_when_that_is_a_small_part():
    model = planted()
    hoped = hoped_for(model, 0.0)
    cells = Cells(model.d_vocab, ())
    look = float(structure_flops(model) + look_flops(model, cells, hoped.most))
    for budget, looks in ((20 * look, False), (100 * look, True)):
        question = asked(model)
        survey = surveyed(question, DELTA, budget, CostMeter())
        survey, made = settled(
            survey, question, budget, lambda now, budget=budget: now.forecasts(budget)
        )
        assert survey.planner.seen.outlook.known == looks
        spent = sum(phase.flops for phase in survey.meter.phases if "entries" in phase.name)
        assert (spent > 0) == looks
        assert spent < 0.04 * budget
        assert {one.strategy for one in made} >= {*SAMPLED, *CERTAIN}


def test_several_heads_have_no_entries():
    model = random_model(5, n_heads=2)
    survey = surveyed(asked(model), DELTA, 1e9, CostMeter())
    assert not any("entries" in made.strategy for made in survey.forecasts(1e9))


def test_sequences_too_long_to_count_are_checked_only():
    model = random_model(2, d_vocab=3, n_ctx=600)
    assert set(forecasts(unseen(model), 1e9)) == {"entries"}
