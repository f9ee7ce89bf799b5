"""`probbound demo`: the main job on a shipped model, in seconds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click
from rich.table import Table

from probbound.cli.loading import loading
from probbound.cli.output import (
    at_most_or_nothing,
    chance,
    operations,
    percent,
    seconds,
    stdout,
    table,
)
from probbound.contract.defaults import DEFAULT_BUDGET, DEFAULT_DELTA

if TYPE_CHECKING:
    from probbound.certificates.certificate import Certificate

SMALL, LARGE = "max-of-4", "max-of-10"
LABELS = {
    "brute-force": "brute force",
    "cubic": "proof",
    "iid": "sampling",
    "hybrid": "proof + sampling",
}


@click.command()
def demo() -> None:
    """Certify two shipped transformers, next to the truth where it can be had."""
    stdout.print(
        "Trained one-layer transformers read tokens and name the largest. How often are they "
        "right, over every possible input? Where a bound rests on sampling, it is wrong with "
        f"probability at most δ = {chance(DEFAULT_DELTA)}, whatever the weights.\n"
    )
    for name, strategies in ((SMALL, list(LABELS)), (LARGE, list(LABELS)[1:])):
        _compare(name, strategies)
    stdout.print(
        f"Next:  probbound certify {LARGE} --strategy hybrid --out certificate.json\n"
        "       probbound verify certificate.json"
    )


def _compare(name: str, strategies: list[str]) -> None:
    with loading():
        from estimators.guarantee import Guarantee
        from probbound.certificates.certification import certify
        from probbound.models.registry import load
        from probbound.tasks.registry import room_of, task_for

    model = load(name)
    task = task_for(model)
    made = {strategy: certify(model, task, strategy=strategy) for strategy in strategies}
    title = f"{name}: {room_of(task).counted(task.statement())} = {task.size:.3g} inputs"
    stdout.print(comparison(made, title))
    times = math.floor(made["iid"].failure_upper / made["hybrid"].failure_upper)
    stdout.print(
        f"Proof and sampling together certify a failure rate [bold]{times:,} times[/bold] "
        f"below that of sampling alone, for at most as many forward passes ({DEFAULT_BUDGET:,})."
    )
    if made["hybrid"].guarantee is Guarantee.DETERMINISTIC:
        left = made["hybrid"].sampling.samples
        stdout.print(f"The proof left {left:,} inputs, so all of them were run: no δ was spent.")
    stdout.print()


def comparison(certificates: dict[str, Certificate], title: str) -> Table:
    """One row per strategy: bound, guarantee and cost."""
    right = ("right ≥", "wrong ≤", "δ", "runs", "cost", "time")
    made = table("strategy", *right, title=title, right=right)
    for name, certificate in certificates.items():
        made.add_row(
            LABELS[name],
            percent(certificate.bound),
            at_most_or_nothing(certificate.failure_upper),
            chance(certificate.delta),
            "all" if name == "brute-force" else f"{certificate.sampling.samples:,}",
            operations(certificate.cost.flops),
            seconds(certificate.cost.seconds),
        )
    return made
