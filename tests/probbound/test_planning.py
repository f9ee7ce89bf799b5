"""Forecasts against what is then certified."""

import json

import pytest

import probbound
from probbound.cli.main import run
from probbound.errors import UserError
from probbound.planning import Planner, prices_in_flops, prices_in_seconds, run_pilot
from probbound.screens.cubic import CubicScreen
from probbound.tasks import task_for
from probbound.verification import plan_faults
from tests.factories import checked, copying_model

DELTA = 1e-6


@pytest.fixture(scope="module")
def planner():
    model = probbound.load("max-of-4")
    task = task_for(model)
    return Planner(model, task, DELTA, run_pilot(model, task, 0), prices_in_flops())


def test_the_pilot_estimates_what_the_screens_leave(planner):
    pilot = planner.pilot
    exact = probbound.certify(planner.model, planner.task, strategy="cubic").failure_upper
    assert exact / 4 < pilot.cubic < 4 * exact
    assert pilot.wrong <= pilot.copying < 1e-3
    assert pilot.flops > 1 << 20


@pytest.mark.parametrize("budget", [1e8, 1e9])
def test_forecasts_come_true(planner, budget):
    """The certified failure rate and the cost are near the forecast, for every strategy."""
    forecasts = planner.forecasts(budget)
    assert forecasts == sorted(forecasts, key=lambda f: (f.failure_upper, f.cost))
    assert {"iid", "cascade", "cubic"} <= {forecast.strategy for forecast in forecasts}
    for forecast in forecasts:
        assert forecast.cost <= budget
        made = probbound.certify(
            planner.model,
            planner.task,
            strategy=forecast.strategy,
            budget=forecast.budget,
            draws=forecast.draws,
            delta=DELTA,
            seed=0,
        )
        assert forecast.cost / 2 < made.cost.flops < 1.3 * forecast.cost, forecast
        near = max(forecast.failure_upper, planner.pilot.wrong)
        assert near / 30 < made.failure_upper < 4 * near, forecast


def test_the_screen_costs_what_it_says(planner):
    made = probbound.certify(planner.model, planner.task, strategy="cubic")
    assert made.cost.flops == CubicScreen().flops(planner.model)


def test_a_target_is_reached_as_cheaply_as_forecast(planner):
    forecasts = planner.for_target(2e-4)
    assert [f.cost for f in forecasts] == sorted(f.cost for f in forecasts)
    assert all(forecast.failure_upper <= 2e-4 for forecast in forecasts)
    assert forecasts[0].cost < 1e9


def test_auto_runs_the_best_forecast_and_can_be_verified():
    model = probbound.load("max-of-4")
    task = task_for(model)
    made = probbound.certify(model, task, strategy="auto", budget_flops=2e8, delta=DELTA, seed=0)
    iid = probbound.certify(model, task, strategy="iid", budget=15_000, delta=DELTA)
    assert made.chosen != "auto"
    assert made.failure_upper < iid.failure_upper / 20
    assert made.cost.flops < 1.3 * 2e8
    assert checked(made, model).holds
    predicate = made.to_json()
    assert plan_faults(predicate, model) == []
    predicate["ran"] = {"budget": 1, "draws": 1}
    assert "its plan is" in plan_faults(predicate, model)[0]
    predicate["budget_flops"] = 1.0
    assert "its plan cannot be made again" in plan_faults(predicate, model)[0]


def test_planning_draws_nothing_that_certifies(monkeypatch):
    """The pilot's stream differs from that of every certifying draw of the same seed."""
    from probbound.random_streams import Stream

    root = Stream.from_seed(0)
    keys = {root.fold_in("plan").key, root.fold_in("certify").key, root.fold_in("timing").key}
    assert len(keys) == 3


def test_prices_in_seconds_are_positive():
    model = copying_model(0)
    prices = prices_in_seconds(model, task_for(model), 0)
    assert min(prices.proof, prices.forward, prices.cheap) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "auto", "budget_flops": 10.0}, "too small to plan"),
        ({"strategy": "auto", "budget_flops": -1.0}, "must be a positive number"),
        ({"strategy": "iid", "budget_flops": 1e9}, "is for the strategy auto, not for iid"),
        ({"strategy": "auto", "target": 0.1}, "auto has no target"),
        ({"strategy": "auto", "draws": 5}, "auto has no number of draws"),
        ({"strategy": "iid", "draws": 5}, "iid has no number of draws"),
        ({"strategy": "cascade", "draws": -5}, "draws must be a non-negative integer"),
    ],
)
def test_plans_without_meaning_are_refused(options, message):
    model = copying_model(0)
    with pytest.raises(UserError, match=message):
        probbound.certify(model, task_for(model), **options)


def test_the_command_prints_and_picks(capsys):
    assert run(["plan", "max-of-4", "--budget-flops", "1e8"]) == 0
    assert "Pick: probbound certify max-of-4 --strategy" in capsys.readouterr().out
    assert run(["plan", "max-of-4", "--target", "1e-3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pick"] == found["forecasts"][0]
    assert found["unit"] == "flops"
    assert run(["plan", "max-of-4", "--budget-seconds", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unit"] == "seconds"


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--budget-flops", "1e9", "--target", "0.1"],
        ["--budget-flops", "-1"],
        ["--budget-flops", "10"],
        ["--target", "nan"],
        ["--delta", "2", "--budget-flops", "1e9"],
    ],
)
def test_bad_plans_are_one_sentence_and_exit_2(capsys, options):
    assert run(["plan", "max-of-4", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
