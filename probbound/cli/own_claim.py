"""Own claims on the command line: the object NAME of a Python file, FILE.py:NAME."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from probbound.cli.loading import loading
from probbound.cli.output import chance, print_json, seconds, stderr, stdout, table
from probbound.machine.errors import UserError
from probbound.machine.files import leads_to_stdout, require_writable

if TYPE_CHECKING:
    from probbound.check import Report
    from probbound.own.certificate import OwnCertificate
    from probbound.own.given import Given

_SETTINGS = ("strategy", "budget", "delta", "side", "seed", "beacon", "draws")


def certify_own_claim(place: str, asked: Mapping[str, Any]) -> None:
    """Execute FILE.py, and bound the share of its object's population that fails its check.

    `asked` are the settings that were given, `out` and `as_json`.

    Raises:
        UserError: if the file cannot be run, has no such object, or a setting is not one of an own
            claim.
    """
    settings = {name: value for name, value in asked.items() if name not in ("out", "as_json")}
    for name in settings:
        if name not in _SETTINGS:
            option = {"kind": "claim"}.get(name, name).replace("_", "-")
            raise UserError(f"--{option} is for claims about networks; an own claim has none")
    if settings.get("delta") == "auto":
        raise UserError("δ of an own claim is a number (--delta 1e-6); auto is for networks")
    out = asked["out"]
    if out is not None:
        require_writable(out)
    with loading():
        from probbound.certificates.format import statement
        from probbound.certificates.own_card import claimed
        from probbound.own.files import given_at
    certificate = _bounded(given_at(place), place, settings)
    predicate = certificate.to_json()
    alone = out is not None and leads_to_stdout(out)
    if not asked["as_json"]:
        console = stderr if alone else stdout
        console.print(claimed(predicate), style="bold", markup=False, soft_wrap=True)
        console.print(_table(predicate))
    elif not alone:
        print_json(statement(predicate))
    if out is not None:
        certificate.save(out)
        stderr.print(f"certificate written to {out}", markup=False, soft_wrap=True)


def _bounded(made: Given, place: str, settings: Mapping[str, Any]) -> OwnCertificate:
    try:
        return made.bound_share(**settings)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"the functions of {place} cannot be used: {type(error).__name__}: {error}"
        ) from error


def _table(predicate: Mapping[str, Any]) -> Table:
    made = table("", "")
    made.show_header = False
    delta = f", wrong with probability at most {chance(predicate['delta'])}"
    made.add_row("guarantee", predicate["guarantee"] + (delta if predicate["delta"] else ""))
    ran = "" if predicate["chosen"] == predicate["strategy"] else f": {predicate['chosen']}"
    made.add_row("strategy", predicate["strategy"] + ran)
    sampling, cost = predicate["sampling"], predicate["cost"]
    drawn = f"{sampling['draws']:,} draws, " if sampling["draws"] else ""
    cheap = f", {cost['cheap_looks']:,} by cheap checks" if cost["cheap_looks"] else ""
    made.add_row("looks", f"{drawn}{cost['looks']:,} members looked at{cheap}")
    made.add_row("time", seconds(cost["seconds"]))
    return made


def verify_own_claim(
    predicate: Mapping[str, Any], asked: Mapping[str, Any]
) -> tuple[Report, None, str]:
    """The report on a certificate of an own claim, and what it claims.

    Raises:
        UserError: if something was given that is for claims about networks.
    """
    with loading():
        from probbound.certificates.own_card import claimed
        from probbound.check.kinds import KINDS, Beside
    for name in ("model", "reference", "fresh"):
        if asked[name]:
            raise UserError(f"--{name} is for claims about networks; an own claim has --replay")
    beside = Beside(replay=asked["replay"], patient=asked["patient"])
    return KINDS[predicate["format"]](predicate, beside), None, claimed(predicate)
