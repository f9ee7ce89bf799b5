"""`probbound certify`: bound the accuracy of a model and write the certificate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from rich.markup import escape
from rich.table import Table

from probbound.certificates.vacuity import remedy, says_nothing
from probbound.cli.claim_told import claim_told
from probbound.cli.claim_words import bound, counted_for, statement
from probbound.cli.delta import DELTA
from probbound.cli.kinds import kind_made_of, loaded
from probbound.cli.loading import loading
from probbound.cli.output import (
    as_json_option,
    chance,
    nats,
    operations,
    percent,
    print_json,
    seconds,
    stderr,
    stdout,
    table,
)
from probbound.cli.references import in_words
from probbound.cli.whole import WHOLE
from probbound.contract.defaults import AUTO, DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.machine.errors import UserError
from probbound.machine.files import leads_to_stdout, require_writable
from probbound.models.registry import described
from probbound.tasks.registry import DEFAULT_TASK, files, means, remarks, strategy_summary
from probbound.tasks.told import task_told

if TYPE_CHECKING:
    from probbound.certificates.certificate import Certificate
    from probbound.draws.priors import Prior

_BUDGET = "Forward passes to sample, noise entries for entries"


@click.command()
@click.argument("model")
@click.option(
    "--strategy",
    help=f"{AUTO} (default), or one of the task's. Of {DEFAULT_TASK}: {strategy_summary()}. Those "
    "of another task are listed where a name is none of them.",
)
@click.option(
    "--task",
    help="What inputs and answers are; by default what the model was trained for, or next-token.",
)
@click.option("--budget", type=WHOLE, help=f"{_BUDGET} (default {DEFAULT_BUDGET}).")
@click.option(
    "--delta",
    type=DELTA,
    metavar="FLOAT|auto",
    help=f"Failure probability (default {DEFAULT_DELTA}).",
)
@click.option("--seed", type=WHOLE, help="Chosen by hand; by default the question decides it.")
@click.option("--beacon", help="Public text, fixed after the weights, mixed into the seed.")
@click.option("--grid-points", type=WHOLE, help="Count on a grid this fine, not exactly.")
@click.option("--budget-flops", type=float, help="Operations that the strategy auto may spend.")
@click.option("--draws", type=WHOLE, help="Draws of a cascade; by default a pilot decides.")
@click.option("--target", type=float, help="Stop once this failure rate is certified.")
@click.option(
    "--paths",
    type=click.Choice(["joint", "separate"]),
    help="Of entries: one event for all noise paths, or one for each (default separate).",
)
@click.option(
    "--balls",
    type=WHOLE,
    metavar="BITS",
    help="Of --arithmetic real: decide rows that radii leave open by balls of so many bits.",
)
@click.option(
    "--claim",
    "kind",
    default="accuracy",
    help="accuracy, margin (--at), loss, kl (--at, --against): the share of rows on which the "
    "model's distribution is near the other's, or universal (--revealed): that of cases right on "
    "every filling.",
)
@click.option(
    "--revealed", type=WHOLE, help="Of a universal claim: how many more tokens of a case are given."
)
@click.option(
    "--at",
    type=float,
    help="Margin, in logits, to exceed; divergence, in nats, not to exceed; over rows, what each "
    "loss is cut at.",
)
@click.option("--prior", type=Path, help="File of one weight a token; uniform by default.")
@click.option("--reference", type=Path, help=".npz of tokens and logits of your own framework.")
@click.option(
    "--data",
    type=Path,
    help="Rows of tokens (.npz, .jsonl, .parquet), the last token right; a law of them (.npz); or "
    "FILE.py:NAME, a generator of them: EXECUTE that file.",
)
@click.option(
    "--against",
    help="Model whose answers count as right, not the last tokens; of kl the reference.",
)
@click.option(
    "--arithmetic",
    help="Of next-token: real, float64, or auto, the strongest that holds on a few rows (default).",
)
@click.option(
    "--side",
    type=click.Choice(["upper", "lower", "two"]),
    help="Of an own claim: bound the failing share from above, below or both (default upper).",
)
@click.option("--out", type=Path, help="Write the certificate here.")
@as_json_option
@click.pass_context
def certify(context: click.Context, model: str, **asked: Any) -> None:
    """Bound the accuracy of MODEL, its margins or its loss, and certify the bound.

    Of a transformer, how often it gives the last token of rows that you bring (--data), or the
    answer of another model (--against), its mean loss on them, or how often its distribution is
    near the other model's (--claim kl).

    MODEL may be FILE.py:NAME, an own claim: that file is executed, and its object NAME, a
    probbound.Given, says what is bounded (--strategy, --budget, --delta, --side, --draws, --seed,
    --beacon).
    """
    kind = kind_made_of(model)
    always = ("out", "as_json")
    given = {
        name: value
        for name, value in asked.items()
        if name in always
        or context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    }
    loaded(kind.certify)(model, given)


def certify_network(model: str, asked: Mapping[str, Any]) -> None:
    """Certify a model under the settings that were given.

    Raises:
        UserError: if a setting is one of own claims.
    """
    if "side" in asked:
        raise UserError("--side is for own claims, FILE.py:NAME; of a network it is settled")
    _certify(model, **{"strategy": AUTO, **asked})


def _certify(
    model: str,
    *,
    strategy: str,
    out: Path | None,
    as_json: bool,
    task: str | None = None,
    budget: int | None = None,
    delta: float | Literal["auto"] | None = None,
    seed: int | None = None,
    beacon: str | None = None,
    grid_points: int | None = None,
    budget_flops: float | None = None,
    draws: int | None = None,
    target: float | None = None,
    paths: Literal["joint", "separate"] | None = None,
    balls: int | None = None,
    kind: str = "accuracy",
    at: float | None = None,
    revealed: int | None = None,
    prior: Path | None = None,
    reference: Path | None = None,
    **brought: Any,
) -> None:
    with loading():
        from probbound.certificates.certification import certify as run
        from probbound.certificates.format import statement as statement_of
        from probbound.draws.priors import read_prior
        from probbound.models.registry import load, room_of
        from probbound.tasks.registry import room_for, task_for

    claim, named = claim_told(kind, at, revealed), task_told(model, task)
    room = room_for(named)
    if not room.uses(strategy).chance and (budget is not None or delta is not None):
        stderr.print(f"note: {strategy} is deterministic; --budget and --delta are not used")
    if out is not None:
        require_writable(out)
    network = load(model)
    home = room_of(network)
    if told := home.notice(network):
        stderr.print(f"note: {told}", markup=False, soft_wrap=True)
    law = None if prior is None else read_prior(prior, home.sizes(network).tokens)
    inputs = task_for(network, law, task, brought)
    spent = DEFAULT_BUDGET if budget is None else budget
    for sentence in room.beyond(inputs, spent, strategy):
        stderr.print(f"note: {sentence}", soft_wrap=True)
    certificate = run(
        network,
        inputs,
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
        balls=balls,
        claim=claim,
        reference=reference,
    )
    predicate = certificate.to_json()
    alone = out is not None and leads_to_stdout(out)
    if not as_json:
        console = stderr if alone else stdout
        console.print(statement(predicate), style="bold", markup=False)
        console.print(certificate_table(certificate))
        if says_nothing(predicate):
            console.print(_more(predicate, task), markup=False, soft_wrap=True)
    elif not alone:
        print_json(statement_of(predicate))
    if out is not None:
        certificate.save(out)
        stderr.print(f"certificate written to {out}", markup=False, soft_wrap=True)


def certificate_table(certificate: Certificate) -> Table:
    """The certificate as a short table for people."""
    from probbound.draws.priors import Prior

    made = table("", "")
    made.show_header, made.columns[1].no_wrap = False, False
    made.add_row(*bound(certificate.to_json()))
    made.add_row("guarantee", _guarantee(certificate))
    if prior := certificate.claim.population["prior"]:
        made.add_row("prior", describe(Prior.from_json(prior)))
    ran = "" if certificate.chosen == certificate.strategy else f": {certificate.chosen}"
    made.add_row("strategy", certificate.strategy + ran)
    made.add_row("proof", _proof(certificate))
    sampling = certificate.sampling
    if sampling.draws:
        drawn = f"{_drawn(certificate)}, {sampling.samples:,} run"
        found = (
            f"{sampling.failures:,} failed"
            if sampling.mean_loss is None
            else f"mean loss at most {nats(sampling.mean_loss)}"
        )
        if certificate.ran.recipe.draws_entries:
            pilot = ", the pilot's among them" if sampling.draws > sampling.samples else ""
            drawn = f"{sampling.draws:,} noise entries{pilot}"
            found = f"{sampling.failures:,} beyond what is tolerated"
        made.add_row("sampling", f"{drawn}, {found}")
    cost = certificate.cost
    made.add_row("cost", f"{operations(cost.flops)}, {seconds(cost.seconds)}")
    for phase in cost.phases:
        made.add_row(f"  {phase.name}", f"{operations(phase.flops)}, {seconds(phase.seconds)}")
    made.add_row(
        "model", f"{escape(certificate.model_name)}, SHA-256 {certificate.model_sha256[:16]}…"
    )
    made.add_row("network", described(certificate.claim.network))
    told = (
        *remarks(certificate.claim.task, certificate.claim.population),
        *means(certificate.claim.task, certificate.ran.recipe.settings),
    )
    for about, said in told:
        made.add_row(about, escape(said))
    if agreed := certificate.reference:
        made.add_row("reference", in_words(agreed))
    return made


def _drawn(certificate: Certificate) -> str:
    """How many inputs were drawn, and from where."""
    draws = f"{certificate.sampling.draws:,}"
    if not certificate.certified_mass:
        return f"{draws} draws"
    return f"{draws} draws from the rest" if certificate.ledger else f"all {draws} of the rest"


def _more(predicate: Mapping[str, Any], task: str | None) -> str:
    """What may say more, and the command that predicts what each strategy would."""
    said, claim = remedy(predicate), predicate["claim"]
    with loading():
        from probbound.tasks.registry import room_named
    forecasts = room_named(claim["task"]).foretold is not None
    if not forecasts or claim["kind"] != "accuracy" or claim["population"]["prior"]:
        return said
    beside = "".join(f" {option}" for option in files(claim["task"], claim["population"]))
    beside += "" if task is None else f" --task {task}"
    plan = f"probbound plan {predicate['model']['name']}{beside} --budget-flops 1e9"
    return f"{said} To see what each would give: {plan}"


def describe(prior: Prior) -> str:
    """What a reader needs to recognise a prior."""
    occur = len(prior.weights) - prior.weights.count(0)
    rounded = "" if prior.rounded_bits is None else f", rounded to 2^-{prior.rounded_bits}"
    return f"on {occur:,} of {len(prior.weights):,} tokens{rounded}, {prior.sha256[:16]}…"


def _proof(certificate: Certificate) -> str:
    loss = certificate.loss
    if loss is None and not certificate.certified_mass:
        return "certified nothing"
    if loss is None:
        return f"certified {percent(certificate.certified_mass)} of all inputs"
    return f"mean loss at most {nats(loss.proven)}, {counted_for(certificate.to_json())}"


def _guarantee(certificate: Certificate) -> str:
    from estimators.guarantee import Guarantee

    if certificate.guarantee is Guarantee.DETERMINISTIC:
        return "deterministic (δ = 0)"
    how = ", chosen before any draw" if certificate.delta_chosen else ""
    return f"{certificate.guarantee}: δ = {chance(certificate.delta)}{how}"
