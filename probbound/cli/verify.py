"""`probbound verify`: re-check a certificate by the independent checker."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probbound.arithmetic.decimals import upper
from probbound.certificates.vacuity import remedy, says_nothing
from probbound.cli.claim_words import held
from probbound.cli.kinds import kind_of, loaded
from probbound.cli.loading import loading
from probbound.cli.output import as_json_option, print_json, stdout
from probbound.contract.defaults import AUTO
from probbound.contract.recipe import Recipe
from probbound.machine.errors import UserError
from probbound.tasks.registry import recipe_of

if TYPE_CHECKING:
    from probbound.check import Fresh, Report


@click.command()
@click.argument("certificate", type=Path)
@click.option("--model", help="Name or path; by default the shipped one that CERTIFICATE names.")
@click.option(
    "--fresh",
    is_flag=True,
    help="Also draw new samples, and test the claim on them, unless it is about a loss.",
)
@click.option("--reference", type=Path, help="The .npz of logits that CERTIFICATE names.")
@click.option("--data", type=Path, help="The rows that CERTIFICATE is about (.npz, .jsonl).")
@click.option("--against", help="The other model, where CERTIFICATE is about two.")
@click.option(
    "--patient",
    is_flag=True,
    help="Also where checking takes more than ten minutes or 8 GiB.",
)
@click.option(
    "--replay",
    metavar="FILE.py:NAME",
    help="Of an own claim, or of rows by a generator: EXECUTE that file, and ask its NAME again.",
)
@as_json_option
def verify(certificate: Path, as_json: bool, **asked: Any) -> None:
    """Check CERTIFICATE by a second implementation: exit 0 if it holds, 1 if it does not.

    3 if it was not checked, since it asks for too much work; 4 if it is an own claim, or about a
    generator of rows, that was checked without --replay, and holds if the counts in it are as
    stated.
    """
    from probbound.check import Unusable

    try:
        report, drawn, claimed = _checked(certificate, asked)
    except Unusable as error:
        raise UserError(str(error)) from error
    if as_json:
        print_json(_as_json(report, drawn))
    else:
        _print(report, drawn, claimed)
    if report.status:
        click.get_current_context().exit(report.status)


def _checked(certificate: Path, asked: Mapping[str, Any]) -> tuple[Report, Fresh | None, str]:
    """The report, how fresh samples fared, and the claim."""
    with loading():
        from probbound.check import Refused, Report, read_document

    try:
        predicate = read_document(certificate)
    except Refused as refusal:
        return Report(refused=(str(refusal),)), None, ""
    return loaded(kind_of(predicate).verify)(predicate, asked)


def verify_network(
    predicate: dict[str, Any], asked: Mapping[str, Any]
) -> tuple[Report, Fresh | None, str]:
    """The report on a claim about a network, how fresh samples fared, and the claim.

    Raises:
        UserError: if something was given that is for own claims, or new samples test no such claim.
    """
    with loading():
        from probbound.check import fresh_samples, read_reference, read_weights
        from probbound.check.judge import judge
        from probbound.models.catalogue import located

    named, fresh, reference = asked["model"], asked["fresh"], asked["reference"]
    patient = asked["patient"]
    if fresh and predicate["claim"]["kind"] == "loss":
        raise UserError(
            "new samples test claims about answers, not about a loss; leave --fresh out"
        )
    path, name = located(named or _shipped(predicate["model"]["name"]))
    weights = read_weights(path)
    logits = None if reference is None else read_reference(reference)
    files = _files(asked)
    report, drawn = judge(predicate, weights, logits, files=files, patient=patient), None
    report = report.and_refused(_mislabelled(predicate))
    if report.holds and fresh:
        drawn = fresh_samples(predicate, weights, secrets.randbits(48), files)
        if not drawn.agrees:
            report = report.and_refused([f"new samples contradict it: {_sentence(drawn)}"])
    claimed = held(predicate, name)
    if says_nothing(predicate):
        claimed += f", which says nothing. {remedy(predicate)}"
    return report, drawn, claimed


def _files(asked: Mapping[str, Any]) -> dict[str, Path]:
    """Files of what a claim is about, by name."""
    from probbound.models.catalogue import located

    given = {} if asked["data"] is None else {"data": asked["data"]}
    if asked["replay"] is not None:
        given["replay"] = Path(asked["replay"])
    if asked["against"] is not None:
        given["against"] = located(asked["against"])[0]
    return given


def _mislabelled(predicate: Mapping[str, Any]) -> Iterator[str]:
    """Names of strategies that stand for something else than what was asked or ran."""
    claim, ran = predicate["claim"], predicate["ran"]["recipe"]
    asked = predicate["recipe"]
    for name, found in ((predicate["strategy"], asked), (predicate["chosen"], ran)):
        if found is None and name == AUTO:
            continue
        recipe = None if found is None else Recipe.from_json(found)
        if recipe is None or not _is_named(name, recipe, claim):
            yield f"its label {name[:80]!r} is not that of the levels that it is said of"


def _is_named(name: str, recipe: Recipe, claim: Mapping[str, Any]) -> bool:
    try:
        size = claim["population"]["size"]
        given = recipe.settings | {"universal": claim["kind"] == "universal"}
        return recipe_of(name, size, given, claim["task"]) == recipe
    except UserError:
        return False


def _shipped(name: str) -> str:
    """The name in a certificate, if it says where the weights are.

    Raises:
        UserError: if it does not.
    """
    from probbound.models.catalogue import shipped_names

    if name not in shipped_names():
        raise UserError(
            f"the certificate is about {name!r}, which is no shipped model; give its file: --model"
        )
    return name


def _as_json(report: Report, drawn: Fresh | None) -> dict[str, Any]:
    found = {"holds": report.holds, "reasons": list(report.refused)}
    found |= {"confirmed": list(report.confirmed), "trusted": list(report.trusted)}
    found |= {"not_checked": list(report.declined), "work": report.work}
    found |= {"depends_on": list(report.assumed)}
    if drawn is not None:
        found["fresh"] = {**asdict(drawn), "agrees": drawn.agrees}
    return found


def _print(report: Report, drawn: Fresh | None, claimed: str) -> None:
    lines = [*(f"does not hold: {reason}" for reason in report.refused)]
    lines += [f"not checked: {reason}" for reason in report.declined]
    if report.follows:
        provided = "" if report.holds else " if the counts are as stated"
        lines.append(f"holds{provided}: {claimed}")
    lines += [f"confirmed: {line}" for line in report.confirmed]
    lines += [f"taken on trust: {line}" for line in report.trusted]
    lines += [f"depends on: {line}" for line in report.assumed if report.follows]
    lines += [f"work: {report.work}"] if report.work and not report.declined else []
    if drawn is not None and drawn.agrees:
        lines.append(f"new samples agree: {_sentence(drawn)}")
    for line in lines:
        stdout.print(line, markup=False, soft_wrap=True)


def _sentence(drawn: Fresh) -> str:
    return (
        f"{drawn.failures:,} of {drawn.draws:,} draws under the seed {drawn.seed} failed, where "
        f"the claim expects at most {upper(drawn.expected_at_most, 6)} "
        f"(p-value {upper(drawn.p_value)}, false alarms with probability at most "
        f"{upper(drawn.false_alarm)})"
    )
