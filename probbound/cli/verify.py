"""`probbound verify`: re-check a certificate by the independent checker."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from probbound.check import (
    Fresh,
    Refused,
    Report,
    Unusable,
    Weights,
    fresh_samples,
    read_document,
)
from probbound.check.judge import judge
from probbound.cli.output import as_json_option, nats, percent, print_json, stdout
from probbound.errors import UserError
from probbound.models.registry import load, shipped_names
from probbound.models.transformer import WEIGHT_SHAPES, Transformer
from probbound.strategies.registry import AUTO
from probbound.verification import plan_faults


@click.command()
@click.argument("certificate", type=Path)
@click.option("--model", help="Name or path; by default the shipped one that CERTIFICATE names.")
@click.option(
    "--fresh",
    is_flag=True,
    help="Also draw new samples, and test the claim on them, unless it is about a loss.",
)
@click.option(
    "--patient",
    is_flag=True,
    help="Also where checking takes more than ten minutes or 8 GiB.",
)
@as_json_option
def verify(certificate: Path, model: str | None, fresh: bool, patient: bool, as_json: bool) -> None:
    """Check CERTIFICATE by a second implementation: exit 0 if it holds, 1 if it does not.

    3 if it was not checked, since it asks for too much work.
    """
    try:
        report, drawn, claimed = _checked(certificate, model, fresh, patient)
    except Unusable as error:
        raise UserError(str(error)) from error
    if as_json:
        print_json(_as_json(report, drawn))
    else:
        _print(report, drawn, claimed)
    if report.status:
        click.get_current_context().exit(report.status)


def _checked(
    path: Path, named: str | None, fresh: bool, patient: bool
) -> tuple[Report, Fresh | None, str]:
    """The report, how fresh samples fared, and the claim."""
    try:
        predicate = read_document(path)
    except Refused as refusal:
        return Report(refused=(str(refusal),)), None, ""
    if fresh and predicate["claim"]["kind"] == "loss":
        raise UserError(
            "new samples test claims about answers, not about a loss; leave --fresh out"
        )
    model = load(named or _shipped(predicate["model"]["name"]))
    weights = weights_of(model)
    report, drawn = judge(predicate, weights, patient=patient), None
    planned = predicate["strategy"] == AUTO or predicate["delta_chosen"]
    if report.holds and planned:
        report = report.and_refused(plan_faults(predicate, model))
    if report.holds and fresh:
        drawn = fresh_samples(predicate, weights, secrets.randbits(48))
        if not drawn.agrees:
            report = report.and_refused([f"new samples contradict it: {_sentence(drawn)}"])
    return report, drawn, _claimed(predicate, model.name)


def _shipped(name: str) -> str:
    """The name in a certificate, if it says where the weights are.

    Raises:
        UserError: if it does not.
    """
    if name not in shipped_names():
        raise UserError(
            f"the certificate is about {name!r}, which is no shipped model; give its file: --model"
        )
    return name


def weights_of(model: Transformer) -> Weights:
    """The matrices of a model, as the checker reads them."""
    matrices = {name: np.asarray(getattr(model, name), np.float64) for name in WEIGHT_SHAPES}
    return Weights(**matrices, attn_scale=float(model.attn_scale))


def _as_json(report: Report, drawn: Fresh | None) -> dict[str, Any]:
    found = {"holds": report.holds, "reasons": list(report.refused)}
    found |= {"confirmed": list(report.confirmed), "trusted": list(report.trusted)}
    found |= {"not_checked": list(report.declined), "work": report.work}
    if drawn is not None:
        found["fresh"] = {**asdict(drawn), "agrees": drawn.agrees}
    return found


def _print(report: Report, drawn: Fresh | None, claimed: str) -> None:
    lines = [*(f"does not hold: {reason}" for reason in report.refused)]
    lines += [f"not checked: {reason}" for reason in report.declined]
    if report.holds:
        lines.append(f"holds: {claimed}")
    lines += [f"confirmed: {line}" for line in report.confirmed]
    lines += [f"taken on trust: {line}" for line in report.trusted]
    lines += [f"work: {report.work}"] if report.work and not report.declined else []
    if drawn is not None and drawn.agrees:
        lines.append(f"new samples agree: {_sentence(drawn)}")
    for line in lines:
        stdout.print(line, markup=False, soft_wrap=True)


def _sentence(drawn: Fresh) -> str:
    return (
        f"{drawn.failures:,} of {drawn.draws:,} draws under the seed {drawn.seed} failed, where "
        f"the claim expects at most {drawn.expected_at_most:,.1f} (p-value {drawn.p_value:.2g}, "
        f"false alarms with probability at most {drawn.false_alarm:g})"
    )


def _claimed(stored: dict[str, Any], name: str) -> str:
    """What a certificate that holds says."""
    claim, bound = stored["claim"], stored["bound"]
    under = " under its prior" if claim["prior"] else ""
    if claim["kind"] == "loss":
        return f"mean loss of {name}{under} is at most {nats(bound)}"
    if claim["kind"] == "margin":
        share = percent(bound)
        return f"share of margins of {name} above {claim['at']:g}{under} is at least {share}"
    return f"accuracy of {name}{under} is at least {percent(bound)}"
