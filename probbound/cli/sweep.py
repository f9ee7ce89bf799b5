"""`probbound sweep`: many certificates from one grid, resumable."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probbound.cli.delta import delta_number
from probbound.cli.loading import loading
from probbound.cli.output import (
    as_json_option,
    at_most,
    print_json,
    print_whole,
    seconds,
    stderr,
    stdout,
    table,
    warn,
)
from probbound.cli.whole import whole
from probbound.machine.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.table import Table

    from probbound.cli.facets import Facet
    from probbound.sweeps.cells import Cell
    from probbound.sweeps.local import Backend

SHOWN_FAILURES = 5
SHOWN_REASONS = 3


def _listed(convert: Callable[[str], Any], what: str) -> Callable[..., tuple[Any, ...] | None]:
    """A callback for options that hold values separated by commas."""

    def parse(
        context: click.Context, option: click.Parameter, given: str | None
    ) -> tuple[Any, ...] | None:
        if given is None:
            return None
        try:
            return tuple(convert(part.strip()) for part in given.split(","))
        except UserError:
            raise
        except ValueError as error:
            raise UserError(
                f"--{option.name} must be {what} separated by commas, got {given}"
            ) from error

    return parse


@click.command()
@click.option("--out", type=Path, required=True, help="Directory of the store, made if missing.")
@click.option("--config", type=Path, help="TOML file with the same lists; options replace them.")
@click.option("--models", callback=_listed(str, "names or paths"), help="Names or paths: a,b.")
@click.option("--strategies", callback=_listed(str, "names"), help="Names, as for certify.")
@click.option("--noises", callback=_listed(str, "names"), help="Treatments of noise: svd,exact.")
@click.option(
    "--claims", callback=_listed(str, "names"), help="accuracy,loss,margin:0.5,FILE.py:NAME."
)
@click.option("--priors", callback=_listed(str, "names or paths"), help="uniform, or files: a,b.")
@click.option("--tasks", callback=_listed(str, "names"), help="Names of tasks.")
@click.option("--data", callback=_listed(str, "paths"), help="Files of rows of tokens: a,b.")
@click.option(
    "--against",
    callback=_listed(str, "names or paths"),
    help="none (rows' last tokens are right), or models whose answers are: none,a,b.",
)
@click.option(
    "--arithmetic", callback=_listed(str, "names"), help="Of rows: auto (default), real,float64."
)
@click.option("--budgets", callback=_listed(whole, "whole numbers"), help="Forward passes.")
@click.option("--deltas", callback=_listed(delta_number, "numbers"), help="Failure probabilities.")
@click.option("--paths", callback=_listed(str, "names"), help="Of entries: separate,joint.")
@click.option("--seeds", callback=_listed(whole, "whole numbers"), help="Of certifying samples.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes, of one thread each.")
@click.option("--scheduler", help="Address of a Dask scheduler to run the cells on.")
@click.option("--retry-failed", is_flag=True, help="Run cells again that failed before.")
@as_json_option
def sweep(
    out: Path,
    config: Path | None,
    workers: int | None,
    scheduler: str | None,
    retry_failed: bool,
    as_json: bool,
    **lists: tuple[Any, ...] | None,
) -> None:
    """Certify every cell of a grid of settings, each kept in its own file.

    Cells that are there already are not run again: after an interruption, the same command goes on.
    """
    with loading():
        from probbound.sweeps.config import SweepConfig, read_toml
        from probbound.sweeps.run import Sweep

    if workers is not None and scheduler is not None:
        raise UserError("give --workers or --scheduler, not both")
    options = {name: values for name, values in lists.items() if values is not None}
    source = "the command line" if config is None else str(config)
    given = ({} if config is None else read_toml(config)) | options
    asked = SweepConfig.from_mapping(given, source)
    started = time.perf_counter()
    backend = _backend(workers, scheduler)
    prepared = Sweep.prepared(asked, out, retry_failed=retry_failed)
    again = sum(cell.key in prepared.found.damaged for cell in prepared.pending)
    if again:
        warn([f"{again} of the cells are altered or damaged, and are run again"])
    for sentence in (*prepared.changed, *without_meaning(prepared.left_out)):
        stderr.print(f"note: {sentence}", markup=False, soft_wrap=True)
    try:
        swept = prepared.run(backend)
    except KeyboardInterrupt:
        stderr.print(f"what was finished is kept in {out}; the same command goes on from there")
        raise
    warn(swept.contents.warnings)
    found, ran = swept.table, swept.ran
    elapsed = time.perf_counter() - started
    if as_json:
        print_json(summary_json(found, out, ran, elapsed, len(prepared.left_out)))
    else:
        _print_summary(found, out, ran, elapsed)


def _ends(facet: Facet, rows: list[dict[str, Any]]) -> Table:
    """The lowest and the highest bound of each model and strategy."""
    measure, right = facet.measure, ("cells", "failed", "best ≤", "worst ≤")
    named = () if facet.is_own else ("model",)
    made = table(*named, "strategy", *right, title=facet.heading, right=right)
    for model, strategy in dict.fromkeys((row["model"], row["strategy"]) for row in rows):
        own = [row for row in rows if (row["model"], row["strategy"]) == (model, strategy)]
        good = [row for row in own if row["status"] == "certified"]
        good.sort(key=lambda row: row[measure.column])
        lost = len(own) - len(good)
        ends = [measure.shown(row, row[measure.column]) for row in (*good[:1], *good[-1:])]
        counts = (str(len(own)), str(lost) if lost else "")
        made.add_row(*(model for _ in named), strategy, *counts, *(ends or "––"))
    return made


def _backend(workers: int | None, scheduler: str | None) -> Backend:
    from probbound.sweeps.cluster import on_cluster
    from probbound.sweeps.local import in_process, on_workers

    if scheduler is not None:
        return on_cluster(scheduler)
    return in_process if workers is None else on_workers(workers)


def without_meaning(left_out: Mapping[Cell, str]) -> list[str]:
    """What a grid left out, a sentence for each of the first reasons."""
    reasons = Counter(left_out.values())
    made = [
        f"{_combinations(number)} left out, as without meaning: {reason}"
        for reason, number in reasons.most_common(SHOWN_REASONS)
    ]
    more = len(reasons) - len(made)
    rest = len(left_out) - sum(number for _, number in reasons.most_common(SHOWN_REASONS))
    last = f"{_combinations(rest)} left out for {more} more {'reasons' if more > 1 else 'reason'}"
    return [*made, last] if more else made


def _combinations(number: int) -> str:
    return "1 combination is" if number == 1 else f"{number} combinations are"


def summary_json(
    found: pa.Table, out: Path, ran: int, elapsed: float, left_out: int
) -> dict[str, Any]:
    """What the sweep did, for scripts."""
    from probbound.sweeps.table import RESULTS, Summary

    counts = Summary.of(found)
    return {
        "out": str(out),
        "results": str(out / RESULTS),
        "cells": counts.cells,
        "certified": counts.certified,
        "failed": counts.failed,
        "ran": ran,
        "already_there": counts.cells - ran,
        "left_out": left_out,
        "joint_delta": counts.joint_delta,
        "seconds": elapsed,
        "failures": _failures(found),
    }


def _failures(found: pa.Table) -> list[dict[str, Any]]:
    about = ("model", "task", "claim", "at", "prior", "data", "against", "arithmetic")
    columns = (*about, "strategy", "budget", "delta", "paths", "seed", "reason")
    rows = found.to_pylist()
    return [{name: row[name] for name in columns} for row in rows if row["status"] == "failed"]


def _print_summary(found: pa.Table, out: Path, ran: int, elapsed: float) -> None:
    from probbound.cli.facets import facets_of
    from probbound.sweeps.table import Summary

    counts, rows = Summary.of(found), found.to_pylist()
    for facet in facets_of(rows):
        print_whole(_ends(facet, [row for row in rows if facet.holds(row)]))
    stdout.print(
        f"{counts.cells} {'cell' if counts.cells == 1 else 'cells'} in {out}: "
        f"{counts.certified} certified, {counts.failed} failed; "
        f"{ran} run now in {seconds(elapsed)}, {counts.cells - ran} there already.",
        soft_wrap=True,
    )
    if counts.failed:
        stdout.print(
            "A failed cell gave no certificate, and so no bound, good or bad; it counts as failed.",
            soft_wrap=True,
        )
    for failure in _failures(found)[:SHOWN_FAILURES]:
        claim = failure["claim"] if failure["claim"] != "accuracy" else ""
        cell = ", ".join(filter(None, (failure["model"], claim, failure["strategy"])))
        stdout.print(f"failed: {cell}: {failure['reason']}", markup=False, soft_wrap=True)
    if counts.failed > SHOWN_FAILURES:
        stdout.print(f"… and {counts.failed - SHOWN_FAILURES} more")
    if counts.joint_delta:
        stdout.print(
            f"All certificates hold at once except with probability {at_most(counts.joint_delta)}; "
            "so does the best of them, picked after a look at all.",
            soft_wrap=True,
        )
    stdout.print(f"Next: probbound report {out}")
