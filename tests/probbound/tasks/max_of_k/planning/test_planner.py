"""Forecasts against what is then certified, and the command that prints them."""

import json
from dataclasses import replace

import numpy as np
import pytest

import probbound
from probbound.cli.main import run
from probbound.contract.cost import CostMeter
from probbound.models.store import save_model
from probbound.tasks.max_of_k.grammar import strategy_names
from probbound.tasks.max_of_k.methods.ladder import RUNGS
from probbound.tasks.max_of_k.planning.planner import Planner
from probbound.tasks.max_of_k.planning.prices import Prices, prices_in_seconds
from probbound.tasks.max_of_k.planning.survey import settled, surveyed, with_entries, with_treatment
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.cubic import CubicScreen
from probbound.tasks.max_of_k.strategies import SCREENS
from probbound.tasks.max_of_k.task import task_for
from tests.factories import copying_model, random_model

DELTA = 1e-6


def asked(model):
    return Question(model, task_for(model), 0, DELTA, 0)


def looked(question, budget, delta=DELTA):
    """A survey that has looked, and its forecasts."""
    survey = surveyed(question, delta, budget, CostMeter())
    return settled(survey, question, budget, lambda now: now.forecasts(budget))


@pytest.fixture(scope="module")
def planner():
    """One that has also looked at `entries`, and run one of its treatments."""
    question = asked(probbound.load("max-of-4"))
    survey, forecasts = looked(question, 1e8)
    hoped = next(made for made in forecasts if made.strategy == "entries")
    survey = with_entries(survey, question, hoped)
    return with_treatment(survey, question, "entries:exact").planner


def test_the_pilot_estimates_what_the_screens_leave(planner):
    def left(name):
        return probbound.certify(planner.model, planner.task, strategy=name).failure_upper

    assert left("cubic") / 4 < planner.pilot.cubic < 4 * left("cubic")
    assert left("sub-cubic") / 2 < planner.pilot.sub_cubic < 1.5 * left("sub-cubic")
    assert planner.pilot.wrong <= planner.pilot.copying < 1e-3


def test_forecasts_come_true(planner):
    """The certified failure rate and the cost are near the forecast, for every strategy."""
    forecasts = [made for made in planner.forecasts(3e7) if not made.at_best]
    assert forecasts == sorted(forecasts, key=lambda f: (f.failure_upper, f.cost))
    names = {forecast.strategy for forecast in forecasts}
    assert {"iid", "iid:tables", "cascade", "sub-cubic", "hybrid:sub-cubic"} <= names
    assert {"cascade:sub-cubic", "entries", "entries:counted", "entries:exact"} <= names
    for forecast in forecasts:
        assert forecast.cost <= 3e7
        made = probbound.certify(
            planner.model,
            planner.task,
            strategy=forecast.strategy,
            budget=forecast.budget,
            draws=forecast.draws,
            delta=DELTA,
            seed=0,
        )
        assert forecast.cost / 1.5 < made.cost.flops < 1.3 * forecast.cost, forecast
        near = max(forecast.failure_upper, planner.wrong)
        assert near / 30 < made.failure_upper < 4 * near, forecast


def test_every_strategy_is_forecast(planner):
    forecast = {made.strategy for made in planner.forecasts(1e13)}
    assert forecast >= {name for name in strategy_names() if name not in ("hybrid", *SCREENS)}
    assert forecast >= {name for name in SCREENS if not name.endswith(":sketch")}


def test_what_is_not_known_comes_last_and_is_never_better_than_what_bounds_it(planner):
    forecasts = planner.forecasts(1e8)
    at_best = [made.at_best for made in forecasts]
    assert at_best == sorted(at_best)
    known = planner.measured["sub-cubic"].residue.size / planner.task.size
    for name in RUNGS:
        made = next(made for made in forecasts if made.strategy == name)
        actual = probbound.certify(planner.model, planner.task, strategy=name)
        assert made.at_best
        assert made.cost <= 1.01 * actual.cost.flops
        assert planner.pilot.sub_cubic <= 1.5 * actual.failure_upper
        assert float(known) <= actual.failure_upper


def test_screens_of_one_head_are_not_forecast_for_two():
    model = random_model(5, n_heads=2)
    survey, forecasts = looked(asked(model), 1e7)
    assert survey.planner.pilot.sub_cubic == 1
    assert {made.strategy for made in forecasts if "sub-cubic" in made.strategy} == set()
    assert any(made.strategy == "cubic" for made in forecasts)


def test_the_screens_cost_what_they_say(planner):
    made = probbound.certify(planner.model, planner.task, strategy="cubic")
    assert made.cost.flops == CubicScreen().flops(planner.model)
    sub_cubic = probbound.certify(planner.model, planner.task, strategy="sub-cubic")
    known = planner.measured["sub-cubic"]
    assert known.alone == pytest.approx(sub_cubic.cost.flops, rel=0.01)
    assert known.shared < 0.5 * known.alone


def test_a_target_is_reached_as_cheaply_as_forecast(planner):
    forecasts = planner.for_target(2e-4)
    known = [made for made in forecasts if not made.at_best]
    assert [f.cost for f in known] == sorted(f.cost for f in known)
    assert forecasts[: len(known)] == known
    assert all(forecast.failure_upper <= 2e-4 for forecast in forecasts)
    assert forecasts[0].cost < 1e8


def test_a_chosen_delta_ranks_by_the_confidence_weighted_bound(planner):
    free = replace(planner, delta=None).forecasts(1e7)
    fixed = {made.strategy: made for made in planner.forecasts(1e7)}
    known = [made.weighted for made in free if not made.at_best]
    assert known == sorted(known)
    for made in free:
        assert made.weighted <= fixed[made.strategy].weighted + 1e-15
        assert (made.delta == 0) == (fixed[made.strategy].delta == 0)


def test_prices_in_seconds_are_positive():
    model = copying_model(0)
    prices = prices_in_seconds(model, task_for(model), 0)
    assert min(prices.proof, prices.forward, prices.cheap, prices.noise) > 0


def test_prices_scale_costs_and_nothing_else(planner):
    dear = replace(planner, prices=Prices(2.0, 2.0, 2.0, 2.0))
    for once, twice in zip(planner.forecasts(1e8), dear.forecasts(2e8), strict=True):
        assert twice.cost == pytest.approx(2 * once.cost)
        assert twice.failure_upper == once.failure_upper


def test_an_empty_planner_of_a_tiny_model_still_forecasts():
    survey, forecasts = looked(asked(random_model(8, d_vocab=1)), 1e6)
    assert isinstance(survey.planner, Planner)
    assert np.isfinite([made.cost for made in forecasts]).all()


def test_the_command_prints_and_picks(capsys):
    assert run(["plan", "max-of-4", "--budget-flops", "1e7"]) == 0
    assert "Pick: probbound certify max-of-4 --strategy" in capsys.readouterr().out
    assert run(["plan", "max-of-4", "--target", "1e-3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pick"] == found["forecasts"][0]
    assert found["unit"] == "flops"
    assert run(["plan", "max-of-4", "--budget-seconds", "0.1", "--delta", "auto", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["unit"] == "seconds"
    assert 0 <= found["pick"]["delta"] < 1


def test_more_inputs_than_the_largest_float_are_planned_for(tmp_path, capsys):
    path = tmp_path / "long.safetensors"
    long = random_model(1, d_vocab=2, n_ctx=1100, d_model=2, d_head=1, n_heads=2)
    save_model(long, path)
    assert run(["plan", str(path), "--budget-flops", "1e7"]) == 0
    assert "Pick: probbound certify" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--budget-flops", "1e9", "--target", "0.1"],
        ["--budget-flops", "-1"],
        ["--budget-flops", "10"],
        ["--target", "nan"],
        ["--delta", "2", "--budget-flops", "1e9"],
        ["--delta", "some", "--budget-flops", "1e9"],
        ["--delta", "auto", "--target", "0.1"],
    ],
)
def test_bad_plans_are_one_sentence_and_exit_2(capsys, options):
    assert run(["plan", "max-of-4", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
