"""`probbound plan`: predict what every strategy would give, and pick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal

import click
from rich.markup import escape

from probbound.cli.claim_told import claim_told
from probbound.cli.delta import DELTA
from probbound.cli.loading import loading
from probbound.cli.output import (
    as_json_option,
    at_most,
    at_most_or_nothing,
    chance,
    metric,
    operations,
    print_json,
    print_whole,
    seconds,
    stdout,
    table,
)
from probbound.cli.whole import WHOLE
from probbound.contract.defaults import AUTO, DEFAULT_DELTA
from probbound.machine.errors import UserError
from probbound.tasks.told import task_told

if TYPE_CHECKING:
    from probbound.planning.foretold import Foretold


@click.command()
@click.argument("model")
@click.option("--task", help="Inputs and answers; by default what the model was trained for.")
@click.option(
    "--delta",
    type=DELTA,
    metavar="FLOAT|auto",
    default=DEFAULT_DELTA,
    help="Failure probability.",
    show_default=True,
)
@click.option("--budget-flops", type=float, help="Operations to spend.")
@click.option("--budget-seconds", type=float, help="Seconds to spend on this machine.")
@click.option("--target", type=float, help="Failure rate to reach as cheaply as possible.")
@click.option("--seed", type=WHOLE, default=0, help="Of the pilot.", show_default=True)
@click.option(
    "--claim",
    "kind",
    default="accuracy",
    help="accuracy, or of induction margin (--at) or universal (--revealed), as for certify.",
)
@click.option("--at", type=float, help="Margin, in logits, to exceed.")
@click.option("--revealed", type=WHOLE, help="Of a universal claim: how many tokens are given.")
@click.option("--data", type=Path, help="Rows of tokens, as for certify.")
@click.option("--against", help="Model whose answers count as right, as for certify.")
@click.option("--arithmetic", help="Of rows, as for certify.")
@as_json_option
def plan(
    model: str,
    task: str | None,
    delta: float | Literal["auto"],
    budget_flops: float | None,
    budget_seconds: float | None,
    target: float | None,
    seed: int,
    kind: str,
    at: float | None,
    revealed: int | None,
    as_json: bool,
    **brought: Any,
) -> None:
    """Predict the bound of every strategy for MODEL from a pilot, and pick the best.

    Of a transformer, for the rows that you bring (--data), alone or --against another model.

    The pilot's randomness is its own: nothing it sees is used in a certificate.
    """
    with loading():
        from probbound.contract.confidence import check_delta
        from probbound.models.registry import load, room_of
        from probbound.planning.forecast import checked_amount
        from probbound.planning.foretold import Wish
        from probbound.tasks.registry import room_for, task_for

    room = room_for(task_told(model, task))
    predicted = room.foretold
    if predicted is None:
        raise UserError(f"no forecasts are made of {room.name}; certify --strategy {AUTO} chooses")
    given = [amount for amount in (budget_flops, budget_seconds, target) if amount is not None]
    if len(given) != 1:
        raise UserError("give exactly one of --budget-flops, --budget-seconds and --target")
    choose = delta == AUTO
    if not choose:
        check_delta(delta)
    if choose and target is not None:
        raise UserError("with a target the bound is given, so δ must be a number, not auto")
    if target is not None and not 0 < target < 1:
        raise UserError(f"target must lie strictly between 0 and 1, got {target}")
    amount = checked_amount("the budget", given[0])
    loaded = load(model)
    timed = budget_seconds is not None
    unit = "target" if target is not None else "seconds" if timed else "flops"
    given_files = {name: value for name, value in brought.items() if value is not None}
    inputs, claim = task_for(loaded, None, task, given_files), claim_told(kind, at, revealed)
    wish = Wish(amount, unit, None if choose else float(delta), seed, inputs, claim)
    found = predicted(loaded, wish)
    if not found.forecasts or found.forecasts[0].at_best:
        looked = "the budget buys no look at its answers"
        if found.wrong is not None:
            looked = f"an estimated {found.wrong:.1e} are answered wrongly"
        raise UserError(
            f"no strategy is predicted to do that: {model} needs "
            f"{operations(room_of(loaded).flops(loaded))} for one forward pass, and {looked}"
        )
    if as_json:
        pilot = {**found.pilot, "flops": found.flops}
        rows = [asdict(forecast) for forecast in found.forecasts]
        told = "seconds" if timed else "flops"
        print_json({"pilot": pilot, "unit": told, "forecasts": rows, "pick": rows[0]})
    else:
        said = {"task": task, "claim": None if kind == "accuracy" else kind, "at": at}
        said = {**said, "revealed": revealed, **given_files}
        _print_table(model, found, timed, {k: v for k, v in said.items() if v is not None})


def _print_table(model: str, found: Foretold, timed: bool, asked: Mapping[str, Any]) -> None:
    forecasts = found.forecasts
    numbers = ("wrong ≤", "δ", "draws", "run", "cost")
    made = table("strategy", *numbers, title=f"Forecasts for {escape(model)}", right=numbers)
    shown = [forecast for forecast in forecasts if forecast.note or not forecast.at_best]
    for forecast in shown:
        bound = at_most_or_nothing(forecast.failure_upper)
        if forecast.at_best:
            bound = f"≥ {at_most(forecast.failure_upper)}"
        made.add_row(
            forecast.strategy,
            "" if forecast.note == found.unseen else bound,
            chance(forecast.delta),
            metric(forecast.samples) if forecast.samples else "",
            metric(forecast.budget) if forecast.budget else "",
            seconds(forecast.cost) if timed else operations(round(forecast.cost)),
        )
    print_whole(made)
    for note in dict.fromkeys(one.note for one in shown if one.note):
        names = ", ".join(one.strategy for one in shown if one.note == note)
        stdout.print(f"Not looked at ({note}): {names}.")
    if rest := [forecast for forecast in forecasts if forecast not in shown]:
        best = min(forecast.failure_upper for forecast in rest)
        stdout.print(
            f"{len(rest)} more rest on screens with noise, which leave what only "
            f"running them shows: {at_most(best)} at best (all with --json)."
        )
    best = forecasts[0]
    if found.wrong is not None:
        shares = [f"by the {name} {share:.1e}" for name, share in found.left.items() if share < 1]
        stdout.print(
            f"Looking took {operations(found.flops)}; it estimates {found.wrong:.1e} wrong"
            + (f", and left {', '.join(shares)}." if shares else ".")
        )
    else:
        stdout.print("The budget buys no look at the answers; half of them are taken for wrong.")
    for sentence in found.said:
        stdout.print(sentence, markup=False, soft_wrap=True)
    knobs = "".join(f" --{name} {quote(str(value))}" for name, value in asked.items())
    knobs += f" --budget {best.budget}" if best.budget else ""
    knobs += f" --draws {best.draws}" if best.draws is not None else ""
    knobs += f" --delta {best.delta!r}" if best.delta else ""
    if float(at_most(best.failure_upper)) >= 1:
        stdout.print("Even the best is predicted to say nothing: give more to spend.")
    stdout.print(
        f"Pick: probbound certify {model} --strategy {best.strategy}{knobs}",
        markup=False,
        soft_wrap=True,
    )
