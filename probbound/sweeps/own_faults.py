"""Where the certificate of an own claim contradicts itself, or its cell.

As `probbound.sweeps.faults`: cheap, and so no proof.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from probbound.arithmetic.rounding import ratio_down
from probbound.certificates.certificate import confidence_weighted
from probbound.certificates.own_weighted import certain_upper
from probbound.contract.defaults import DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.contract.ledger import Ledger, Spend
from probbound.own.bounds import Counts, bad_tickets
from probbound.strategies.laws import RESERVE
from probbound.sweeps.cells import Cell
from probbound.sweeps.own_claims import digest_of

_CLOSE = 1e-9
_SUMMED = ("draws", "looks")


def own_faults(cell: Cell, certificate: Mapping[str, Any]) -> Iterator[str]:
    """Every such sentence of a certificate that its schema allows."""
    yield from _foreign(cell, certificate)
    yield from _incoherent_bound(certificate)
    yield from _incoherent_spends(certificate)
    yield from _incoherent_counts(certificate)


def _foreign(cell: Cell, certificate: Mapping[str, Any]) -> Iterator[str]:
    asked = {
        "strategy": cell.strategy,
        "budget": DEFAULT_BUDGET if cell.budget is None else cell.budget,
        "delta_allowed": DEFAULT_DELTA if cell.delta is None else cell.delta,
        "asked_draws": None,
        "beacon": None,
        "seed_source": "content" if cell.seed is None else "chosen",
        **({} if cell.seed is None else {"seed": cell.seed}),
    }
    for name, wanted in asked.items():
        if certificate[name] != wanted:
            yield (
                f"{name} of its certificate is {certificate[name]!r}, its question says {wanted!r}"
            )
    if digest_of(certificate["claim"], cell.file_sha256 or "") != cell.claim_sha256:
        yield "the claim of its certificate is not that of its question"
    if certificate["versions"].get("probbound") != cell.version:
        yield "its certificate was made by another version than its question says"


def _incoherent_bound(certificate: Mapping[str, Any]) -> Iterator[str]:
    failure, parts = certificate["failure_upper"], certificate["parts"]
    if certificate["claim"]["kind"] != "share" or len(certificate["results"]) != 1:
        yield "its certificate is not about one share"
        return
    if (certificate["results"][0]["upper"], certificate["bound"]) != (failure, _less(failure)):
        yield "its bound, its result and its failure_upper contradict each other"
    drawn = sum(part["mode"] == "drawn" for part in parts)
    if any(part["upper"][0] < _least(certificate, part, drawn) * (1 - _CLOSE) for part in parts):
        yield "more was left over in a part than its bound allows"
    shares = [Fraction(*part["share"]) * Fraction(part["upper"][0]) for part in parts]
    if failure < sum(shares) * (1 - Fraction(_CLOSE)):
        yield "its failure_upper is below the sum of its parts"
    certain = ratio_down(1 - certain_upper(certificate), 1)
    of = certificate["bound"], certificate["delta"], certain
    if not math.isclose(certificate["confidence_weighted"], confidence_weighted(*of)):
        yield "its confidence-weighted bound is not that of its parts"


def _less(failure: float) -> float:
    return ratio_down(1 - Fraction(failure), 1)


def _least(certificate: Mapping[str, Any], part: Mapping[str, Any], drawn: int) -> float:
    """The bound on a part that its own counts and δ give (Theorems 7.2 and 7.4)."""
    last, taken = part["levels"][-1], part["take_all"]
    total = part["tickets"] or 1
    if part["mode"] == "listed":
        return last["failures"] / total
    conceded = last["conceded"] or 0
    counts = Counts(
        draws=part["draws"],
        rest=part["rest"] or 1,
        replace=part["replace"],
        found=last["failures"] - conceded,
        conceded=conceded,
        interrupted=False,
    )
    delta = (1 - RESERVE) * certificate["delta_allowed"] / drawn
    upper = bad_tickets(counts, delta, "upper")[1] if counts.draws else Fraction(counts.rest)
    return float((upper + (taken["failures"][0] if taken else 0)) / total)


def _incoherent_spends(certificate: Mapping[str, Any]) -> Iterator[str]:
    ledger = Ledger(tuple(Spend(**spend) for spend in certificate["ledger"]))
    delta, allowed = certificate["delta"], certificate["delta_allowed"]
    if delta != min(ledger.delta, allowed):
        yield "its δ is not the sum of its ledger"
    if (certificate["guarantee"] == "deterministic") != (not ledger.spends):
        yield "its guarantee is not that of its ledger"
    if not ledger.spends and any(part["draws"] for part in certificate["parts"]):
        yield "it was drawn from, and no δ was spent"


def _incoherent_counts(certificate: Mapping[str, Any]) -> Iterator[str]:
    parts, sampling, cost = (certificate[name] for name in ("parts", "sampling", "cost"))
    for name in _SUMMED:
        if sampling[name] != sum(part[name] for part in parts):
            yield f"its {name} in all are not those of its parts"
    for name in ("looks", "cheap_looks"):
        if cost[name] != sum(part[name] for part in parts):
            yield f"its {name} are not those of its parts"
    screened = certificate["claim"]["left"] is not None
    for number, part in enumerate(parts):
        levels = part["levels"][1:] if screened and number == 0 else part["levels"]
        left = [level["failures"] for level in levels]
        came = [level["samples"] for level in levels]
        if part["stopped_at"] is not None:
            yield "its looking was interrupted, which is no answer to its question"
        if left[:-1] != came[1:] or any(n > of for n, of in zip(left, came, strict=True)):
            yield "what came to a check is not what was left to it"
