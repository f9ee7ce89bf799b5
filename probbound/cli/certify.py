"""`probbound certify`: bound the accuracy of a model and write the certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
from rich.table import Table

from estimators.guarantee import Guarantee
from probbound.certificate import Certificate
from probbound.certification import DEFAULT_BUDGET, DEFAULT_DELTA, DEFAULT_SEED
from probbound.certification import certify as run
from probbound.cli.delta import DELTA
from probbound.cli.output import (
    as_json_option,
    at_most,
    operations,
    percent,
    print_json,
    seconds,
    stderr,
    stdout,
    table,
)
from probbound.files import require_writable
from probbound.models.registry import load
from probbound.strategies.registry import AUTO, strategy_named, strategy_summary
from probbound.tasks import task_for


@click.command()
@click.argument("model")
@click.option("--strategy", required=True, help=f"{AUTO}, or one of {strategy_summary()}.")
@click.option("--budget", type=int, help=f"Forward passes to sample (default {DEFAULT_BUDGET}).")
@click.option("--delta", type=DELTA, help=f"Failure probability (default {DEFAULT_DELTA}).")
@click.option("--seed", default=DEFAULT_SEED, help="Seed of the certifying samples.")
@click.option("--grid-points", type=int, help="Count on a grid this fine, not exactly.")
@click.option("--budget-flops", type=float, help="Operations that the strategy auto may spend.")
@click.option("--draws", type=int, help="Draws of a cascade; by default a pilot decides.")
@click.option("--target", type=float, help="A cascade stops once it certifies this failure rate.")
@click.option("--out", type=Path, help="Write the certificate here.")
@as_json_option
def certify(
    model: str,
    strategy: str,
    budget: int | None,
    delta: float | Literal["auto"] | None,
    seed: int,
    grid_points: int | None,
    budget_flops: float | None,
    draws: int | None,
    target: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Bound the accuracy of MODEL from below, and certify it."""
    deterministic = strategy != AUTO and strategy_named(strategy).deterministic
    if deterministic and (budget is not None or delta is not None):
        stderr.print(f"note: {strategy} is deterministic; --budget and --delta are not used")
    if out is not None:
        require_writable(out)
    loaded = load(model)
    certificate = run(
        loaded,
        task_for(loaded),
        strategy=strategy,
        budget=DEFAULT_BUDGET if budget is None else budget,
        delta=DEFAULT_DELTA if delta is None else delta,
        seed=seed,
        grid_points=grid_points,
        target=target,
        draws=draws,
        budget_flops=budget_flops,
    )
    if out is not None:
        certificate.save(out)
        stderr.print(f"certificate written to {out}")
    if as_json:
        print_json(certificate.to_json())
    else:
        stdout.print(certificate_table(certificate))


def certificate_table(certificate: Certificate) -> Table:
    """The certificate as a short table for people."""
    made = table("", "", title=statement(certificate))
    made.show_header = False
    made.add_row("failure rate", f"at most {at_most(certificate.failure_upper)}")
    made.add_row("guarantee", _guarantee(certificate))
    ran = "" if certificate.chosen == certificate.strategy else f": {certificate.chosen}"
    made.add_row("strategy", certificate.strategy + ran)
    made.add_row("proof", f"certified {percent(certificate.certified_mass)} of all inputs")
    sampling = certificate.sampling
    if sampling.draws:
        drawn = f"{sampling.draws:,} draws, {sampling.samples:,} run, {sampling.failures:,} failed"
        made.add_row("sampling", drawn)
    cost = certificate.cost
    made.add_row("cost", f"{operations(cost.flops)}, {seconds(cost.seconds)}")
    for phase in cost.phases:
        made.add_row(f"  {phase.name}", f"{operations(phase.flops)}, {seconds(phase.seconds)}")
    made.add_row("model", f"{certificate.model_name}, SHA-256 {certificate.model_sha256[:16]}…")
    return made


def statement(certificate: Certificate) -> str:
    """The claim as one sentence."""
    claim = certificate.claim
    return (
        f"{certificate.model_name} answers at least {percent(certificate.bound)} of all "
        f"{claim.d_vocab}^{claim.n_ctx} inputs of {claim.task} correctly"
    )


def _guarantee(certificate: Certificate) -> str:
    if certificate.guarantee is Guarantee.DETERMINISTIC:
        return "deterministic (δ = 0)"
    how = ", chosen before any draw" if certificate.delta_chosen else ""
    return f"{certificate.guarantee}: δ = {certificate.delta:g}{how}"
