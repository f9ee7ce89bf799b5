"""What is wrong with a record: whether its certificate is whole, its own, and fits together.

Cheap, and so no proof: `docs/sweeps.md` says what only `probbound verify` can show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from estimators.proportion import clopper_pearson
from probbound.arithmetic.scalars import MOST_DIGITS
from probbound.certificates.certificate import bound_of, confidence_weighted
from probbound.certificates.format import predicate_of, statement
from probbound.contract.defaults import AUTO, DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.contract.ledger import Ledger, Spend
from probbound.machine.errors import UserError
from probbound.sweeps.cells import Cell, Record

_RUN = "forward pass"
_CLOSE = 1e-9
_MOST_COUNT = 2**63
_NEVER_ASKED = ("grid_points", "target", "draws", "budget_flops", "beacon", "stopped_at")


def fault_of(record: Record) -> str | None:
    """The first thing that is wrong with a record's certificate; None if nothing is, or none."""
    return next(_faults(record), None)


def _faults(record: Record) -> Iterator[str]:
    certificate = record.certificate
    if certificate is None:
        return
    try:
        predicate_of(statement(certificate), "its certificate")
    except UserError as error:
        yield str(error)
    except (KeyError, TypeError):
        yield "its certificate lacks its model"
    yield from _foreign(record.cell, certificate)
    yield from _incoherent_claim(certificate)
    yield from _incoherent_spends(certificate)
    yield from _incoherent_counts(certificate)


def _foreign(cell: Cell, certificate: Mapping[str, Any]) -> Iterator[str]:
    """Where a certificate answers another question than the cell's."""
    claim = certificate["claim"]
    asked = {
        "kind": "accuracy",
        "at": None,
        "prior": None,
        "model": {"name": cell.model, "sha256": cell.model_sha256},
        "strategy": cell.strategy,
        "budget": DEFAULT_BUDGET if cell.budget is None else cell.budget,
        "delta_allowed": DEFAULT_DELTA if cell.delta is None else cell.delta,
        "delta_chosen": False,
        "paths": cell.paths,
        "seed_source": "content" if cell.seed is None else "chosen",
        **dict.fromkeys(_NEVER_ASKED),
        **({} if cell.seed is None else {"seed": cell.seed}),
    }
    for name, wanted in asked.items():
        found = claim[name] if name in ("kind", "at", "prior") else certificate[name]
        if found != wanted:
            yield f"{name} of its certificate is {found!r}, its question says {wanted!r}"
    if certificate["versions"].get("probbound") != cell.version:
        yield "its certificate was made by another version than its question says"
    if cell.strategy != AUTO:
        ran = {"budget": certificate["budget"], "draws": None}
        if certificate["chosen"] != cell.strategy or certificate["ran"] != ran:
            yield "what ran is not what was asked"


def _incoherent_claim(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Where bound, levels and what screens prove contradict each other."""
    claim, failure, proof = (certificate[name] for name in ("claim", "failure_upper", "proof"))
    certain, delta, levels = proof["certified_mass"], certificate["delta"], certificate["levels"]
    if failure is None or certain is None:
        yield "its certificate has no bound on a failure rate"
        return
    if claim["n_ctx"] * math.log10(claim["d_vocab"]) > MOST_DIGITS:
        yield f"its population has more than {MOST_DIGITS} digits"
    elif claim["population"] != claim["d_vocab"] ** claim["n_ctx"]:
        yield "its population is not that of its vocabulary and context"
    if certificate["bound"] != bound_of(failure):
        yield "its bound is not 1 - failure_upper"
    if certificate["confidence_weighted"] != confidence_weighted(
        certificate["bound"], delta, certain
    ):
        yield "its confidence-weighted bound is not that of its parts"
    left = math.prod(Fraction(level["share_upper"]) for level in levels)
    if failure < left * (1 - Fraction(_CLOSE)):
        yield "its failure_upper is below the product of its levels"
    if any(level["share_upper"] < _least_share(level) * (1 - _CLOSE) for level in levels):
        yield "more was left over at a level than its share allows"
    if not _proven(certain, levels):
        yield "its certified mass is not that of its first level"


def _least_share(level: Mapping[str, Any]) -> float:
    """What no honest bound on a level's share is below: of draws that were run, Theorem 2.3."""
    left, samples, log_delta = level["failures"], level["samples"], level["log_delta"]
    if not samples or left > samples:
        return math.inf if left else 0.0
    if level["mode"] != "sampled" or level["check"] != _RUN or log_delta is None:
        return left / samples
    return float(clopper_pearson(left, samples, log_delta=log_delta, side="upper").upper)


def _proven(certain: float, levels: list[Mapping[str, Any]]) -> bool:
    first = levels[0]
    return certain == 0 or (
        first["mode"] == "enumerated" and certain == bound_of(first["share_upper"])
    )


def _incoherent_spends(certificate: Mapping[str, Any]) -> Iterator[str]:
    ledger = Ledger(tuple(Spend(**spend) for spend in certificate["ledger"]))
    delta = certificate["delta"]
    if delta != ledger.delta:
        yield "its δ is not the sum of its ledger"
    if delta > certificate["delta_allowed"] * (1 + _CLOSE):
        yield "it spends more δ than was asked for"
    if (certificate["guarantee"] == "deterministic") != (not ledger.spends):
        yield "its guarantee is not that of its ledger"
    logs = [level["log_delta"] for level in certificate["levels"]]
    if math.fsum(math.exp(log) for log in logs if log is not None) > delta * (1 + _CLOSE):
        yield "its levels spend more δ than its ledger"
    for spend in ledger.spends:
        if not math.isclose(math.exp(spend.log_delta), spend.delta, rel_tol=_CLOSE):
            yield "a δ of its ledger is not the exponential of its log"


def _incoherent_counts(certificate: Mapping[str, Any]) -> Iterator[str]:
    sampling, cost, parts = (
        certificate["sampling"],
        certificate["cost"],
        {"proof": 0, "sampling": 0},
    )
    if not 0 <= sampling["failures"] <= sampling["samples"] <= sampling["draws"] < _MOST_COUNT:
        yield "its draws, samples and failures contradict each other"
    last = certificate["levels"][-1]
    if last["check"] == _RUN and last["failures"] != sampling["failures"]:
        yield "its failures are not those of its last level"
    for phase in cost["phases"]:
        parts[phase["part"]] += phase["flops"]
    if any(certificate[name]["flops"] != flops for name, flops in parts.items()):
        yield "the operations of its phases do not add up"
    if cost["flops"] != sum(parts.values()):
        yield "its operations in all are not those of its phases"
    if not math.isclose(cost["seconds"], math.fsum(p["seconds"] for p in cost["phases"])):
        yield "its seconds are not those of its phases"
