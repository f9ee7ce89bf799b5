"""`probbound verify`: re-check a certificate."""

from __future__ import annotations

from pathlib import Path

import click

from probbound.certificate_format import read_certificate
from probbound.cli.output import as_json_option, percent, print_json, stdout
from probbound.errors import UserError
from probbound.models.registry import load
from probbound.verification import disagreements


@click.command()
@click.argument("certificate", type=Path)
@click.option("--model", help="By default the one that the certificate names.")
@as_json_option
def verify(certificate: Path, model: str | None, as_json: bool) -> None:
    """Recompute a certificate from its seed: exit 0 if it holds, 1 if it does not."""
    stored = read_certificate(certificate)
    loaded = load(_model_named(stored, model))
    reasons = disagreements(stored, loaded)
    if as_json:
        print_json({"holds": not reasons, "reasons": reasons})
    elif not reasons:
        stdout.print(f"holds: accuracy of {loaded.name} is at least {percent(stored['bound'])}")
    for reason in reasons if not as_json else []:
        stdout.print(f"does not hold: {reason}", markup=False, soft_wrap=True)
    if reasons:
        click.get_current_context().exit(1)


def _model_named(stored: dict, given: str | None) -> str:
    named = stored.get("model")
    name = given or (named.get("name") if isinstance(named, dict) else None)
    if not isinstance(name, str):
        raise UserError("the certificate does not name its model; give it with --model")
    return name
