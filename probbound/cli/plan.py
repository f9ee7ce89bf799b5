"""`probbound plan`: predict what every strategy would give, and pick."""

from __future__ import annotations

from dataclasses import asdict

import click

from probbound.certification import DEFAULT_DELTA
from probbound.cli.output import (
    as_json_option,
    at_most,
    operations,
    print_json,
    seconds,
    stdout,
    table,
)
from probbound.errors import UserError
from probbound.models.registry import load
from probbound.planning import (
    Forecast,
    Pilot,
    Planner,
    checked_amount,
    prices_in_flops,
    prices_in_seconds,
    run_pilot,
)
from probbound.tasks import task_for


@click.command()
@click.argument("model")
@click.option("--delta", default=DEFAULT_DELTA, help="Failure probability.", show_default=True)
@click.option("--budget-flops", type=float, help="Operations to spend.")
@click.option("--budget-seconds", type=float, help="Seconds to spend on this machine.")
@click.option("--target", type=float, help="Failure rate to reach as cheaply as possible.")
@click.option("--seed", default=0, help="Of the pilot.", show_default=True)
@as_json_option
def plan(
    model: str,
    delta: float,
    budget_flops: float | None,
    budget_seconds: float | None,
    target: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Predict the bound of every strategy for MODEL from a pilot, and pick the best.

    The pilot's randomness is its own: nothing it sees is used in a certificate.
    """
    given = [amount for amount in (budget_flops, budget_seconds, target) if amount is not None]
    if len(given) != 1:
        raise UserError("give exactly one of --budget-flops, --budget-seconds and --target")
    if not 0 < delta < 1:
        raise UserError(f"delta must lie strictly between 0 and 1, got {delta}")
    amount = checked_amount("the budget or target", given[0])
    loaded = load(model)
    task = task_for(loaded)
    pilot = run_pilot(loaded, task, seed, target)
    timed = budget_seconds is not None
    prices = prices_in_seconds(loaded, task, seed) if timed else prices_in_flops()
    planner = Planner(loaded, task, delta, pilot, prices)
    spent = 0 if timed else pilot.flops
    forecasts = planner.for_target(amount) if target else planner.forecasts(float(amount - spent))
    if not forecasts:
        raise UserError(
            "no strategy is predicted to do that: the pilot alone takes "
            f"{operations(pilot.flops)} and estimates {pilot.wrong:.1e} wrong"
        )
    if as_json:
        _print_json(pilot, forecasts, "seconds" if timed else "flops")
    else:
        _print_table(model, pilot, forecasts, timed)


def _print_json(pilot: Pilot, forecasts: list[Forecast], unit: str) -> None:
    rows = [asdict(forecast) for forecast in forecasts]
    print_json({"pilot": asdict(pilot), "unit": unit, "forecasts": rows, "pick": rows[0]})


def _print_table(model: str, pilot: Pilot, forecasts: list[Forecast], timed: bool) -> None:
    numbers = ("wrong ≤, predicted", "draws", "forward passes", "cost")
    made = table("strategy", *numbers, title=f"Forecasts for {model}", right=numbers)
    for forecast in forecasts:
        made.add_row(
            forecast.strategy,
            at_most(forecast.failure_upper),
            f"{forecast.samples:,}" if forecast.samples else "",
            f"{forecast.budget:,}" if forecast.budget else "",
            seconds(forecast.cost) if timed else operations(round(forecast.cost)),
        )
    stdout.print(made)
    best = forecasts[0]
    knobs = f" --budget {best.budget}" if best.budget else ""
    knobs += f" --draws {best.draws}" if best.draws is not None else ""
    stdout.print(
        f"The pilot took {operations(pilot.flops)}; it estimates {pilot.wrong:.1e} wrong, "
        f"{pilot.copying:.1e} left by the copying check, {pilot.cubic:.1e} by the cubic screen."
    )
    stdout.print(f"Pick: probbound certify {model} --strategy {best.strategy}{knobs}")
