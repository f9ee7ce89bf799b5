"""`probbound certify`: bound the accuracy of a model and write the certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
from rich.table import Table

from estimators.guarantee import Guarantee
from probbound.certificate import Certificate
from probbound.certificate_format import statement as statement_of
from probbound.certification import DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.certification import certify as run
from probbound.claims import claim_of
from probbound.cli.delta import DELTA
from probbound.cli.output import (
    as_json_option,
    at_most,
    nats,
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
from probbound.priors import Prior, read_prior
from probbound.reasonable import beyond_population
from probbound.strategies.registry import AUTO, strategy_named, strategy_summary
from probbound.structured.families import PathChoice
from probbound.tasks import task_for

_BUDGET = "Forward passes to sample, noise entries for entries"


@click.command()
@click.argument("model")
@click.option("--strategy", required=True, help=f"{AUTO}, or one of {strategy_summary()}.")
@click.option("--budget", type=int, help=f"{_BUDGET} (default {DEFAULT_BUDGET}).")
@click.option("--delta", type=DELTA, help=f"Failure probability (default {DEFAULT_DELTA}).")
@click.option("--seed", type=int, help="Chosen by hand; by default the question decides it.")
@click.option("--beacon", help="Public text, fixed after the weights, mixed into the seed.")
@click.option("--grid-points", type=int, help="Count on a grid this fine, not exactly.")
@click.option("--budget-flops", type=float, help="Operations that the strategy auto may spend.")
@click.option("--draws", type=int, help="Draws of a cascade; by default a pilot decides.")
@click.option("--target", type=float, help="A cascade stops once it certifies this failure rate.")
@click.option(
    "--paths",
    type=click.Choice(["joint", "separate"]),
    help="Of entries: one event for all noise paths, or one for each (default separate).",
)
@click.option("--claim", "kind", default="accuracy", help="accuracy, margin (needs --at) or loss.")
@click.option("--at", type=float, help="Margin, in logits, that inputs are to exceed.")
@click.option("--prior", type=Path, help="File of one weight a token; uniform by default.")
@click.option("--out", type=Path, help="Write the certificate here.")
@as_json_option
def certify(
    model: str,
    strategy: str,
    budget: int | None,
    delta: float | Literal["auto"] | None,
    seed: int | None,
    beacon: str | None,
    grid_points: int | None,
    budget_flops: float | None,
    draws: int | None,
    target: float | None,
    paths: PathChoice | None,
    kind: str,
    at: float | None,
    prior: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Bound the accuracy of MODEL, its margins or its loss, and certify the bound."""
    claim = claim_of(kind, at)
    deterministic = strategy != AUTO and strategy_named(strategy).deterministic
    if deterministic and (budget is not None or delta is not None):
        stderr.print(f"note: {strategy} is deterministic; --budget and --delta are not used")
    if out is not None:
        require_writable(out)
    loaded = load(model)
    law = None if prior is None else read_prior(prior, loaded.d_vocab)
    task, spent = task_for(loaded, law), DEFAULT_BUDGET if budget is None else budget
    for sentence in beyond_population(task, spent, strategy):
        stderr.print(f"note: {sentence}", soft_wrap=True)
    certificate = run(
        loaded,
        task,
        strategy=strategy,
        budget=spent,
        delta=DEFAULT_DELTA if delta is None else delta,
        seed=seed,
        beacon=beacon,
        grid_points=grid_points,
        target=target,
        draws=draws,
        budget_flops=budget_flops,
        paths=paths,
        claim=claim,
    )
    if as_json:
        print_json(statement_of(certificate.to_json()))
    else:
        stdout.print(certificate_table(certificate))
    if out is not None:
        certificate.save(out)
        stderr.print(f"certificate written to {out}")


def certificate_table(certificate: Certificate) -> Table:
    """The certificate as a short table for people."""
    made = table("", "", title=statement(certificate))
    made.show_header, made.columns[1].no_wrap = False, False
    made.add_row(*_bound(certificate))
    made.add_row("guarantee", _guarantee(certificate))
    if prior := certificate.claim.prior:
        made.add_row("prior", describe(prior))
    ran = "" if certificate.chosen == certificate.strategy else f": {certificate.chosen}"
    made.add_row("strategy", certificate.strategy + ran)
    made.add_row("proof", _proof(certificate))
    sampling = certificate.sampling
    if sampling.draws:
        drawn = f"{sampling.draws:,} draws, {sampling.samples:,} run"
        found = (
            f"{sampling.failures:,} failed"
            if sampling.mean_loss is None
            else f"mean loss {sampling.mean_loss:.2e}"
        )
        if certificate.chosen.startswith("entries"):
            drawn = f"{sampling.draws:,} noise entries, the pilot's among them"
            found = f"{sampling.failures:,} pairs or rows beyond a tolerance"
        made.add_row("sampling", f"{drawn}, {found}")
    cost = certificate.cost
    made.add_row("cost", f"{operations(cost.flops)}, {seconds(cost.seconds)}")
    for phase in cost.phases:
        made.add_row(f"  {phase.name}", f"{operations(phase.flops)}, {seconds(phase.seconds)}")
    made.add_row("model", f"{certificate.model_name}, SHA-256 {certificate.model_sha256[:16]}…")
    return made


def statement(certificate: Certificate) -> str:
    """The claim as one sentence."""
    claim, name = certificate.claim, certificate.model_name
    inputs = f"all {claim.d_vocab}^{claim.n_ctx} inputs of {claim.task}"
    if claim.prior is not None:
        inputs += " under the prior"
    if claim.kind == "loss":
        return f"{name} has a mean loss of at most {nats(certificate.bound)} over {inputs}"
    share = f"at least {percent(certificate.bound)} of {inputs}"
    if claim.kind == "margin":
        return f"{name} has a margin above {claim.at:g} on {share}"
    return f"{name} answers {share} correctly"


def describe(prior: Prior) -> str:
    """What a reader needs to recognise a prior."""
    occur = len(prior.weights) - prior.weights.count(0)
    rounded = "" if prior.rounded_bits is None else f", rounded to 2^-{prior.rounded_bits}"
    return f"on {occur:,} of {len(prior.weights):,} tokens{rounded}, {prior.sha256[:16]}…"


def _bound(certificate: Certificate) -> tuple[str, str]:
    if certificate.loss is not None:
        return "mean loss", f"at most {nats(certificate.bound)}"
    share = f"at most {at_most(certificate.failure_upper)}"
    if certificate.claim.kind == "margin":
        return f"margin ≤ {certificate.claim.at:g}", f"on a share of {share}"
    return "failure rate", share


def _proof(certificate: Certificate) -> str:
    loss = certificate.loss
    if loss is None:
        return f"certified {percent(certificate.certified_mass)} of all inputs"
    return f"mean loss at most {nats(loss.proven)}, no loss above {nats(loss.largest)}"


def _guarantee(certificate: Certificate) -> str:
    if certificate.guarantee is Guarantee.DETERMINISTIC:
        return "deterministic (δ = 0)"
    how = ", chosen before any draw" if certificate.delta_chosen else ""
    return f"{certificate.guarantee}: δ = {certificate.delta:g}{how}"
