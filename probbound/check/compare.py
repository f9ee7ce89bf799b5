"""Where a certificate says something else than what was counted again, or claims more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from probbound.check.expected import Expected, Facts
from probbound.check.report import Refused

TOLERANCE = 1e-9
_EXACT, _LONGEST_REASON = 1e-12, 1000


def require(reasons: Iterator[str]) -> None:
    """Nothing of what is said against it.

    Raises:
        Refused: with the first reason there is.
    """
    for reason in reasons:
        raise Refused(reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + "…")


def disagreements(predicate: Mapping[str, Any], wanted: Expected) -> Iterator[str]:
    """Where a certificate claims more than `wanted`, or says something else."""
    delta, failure = predicate["delta"], predicate["failure_upper"]
    if failure < wanted.failure * (1 - TOLERANCE):
        yield f"it claims a failure rate of at most {failure!r}, recomputed {wanted.failure!r}"
    if Fraction(predicate["bound"]) > 1 - Fraction(failure):
        yield f"its bound {predicate['bound']!r} is more than 1 - failure_upper"
    proven, mass = wanted.proven, predicate["proof"]["certified_mass"]
    if Fraction(mass) > 1 - Fraction(proven * (1 - TOLERANCE)):
        yield f"its screens are said to certify {mass!r}, recomputed {1 - proven!r}"
    weighted = (1 - delta) * predicate["bound"] + delta * mass
    if predicate["confidence_weighted"] > weighted * (1 + _EXACT):
        yield f"its confidence-weighted bound is more than {weighted!r}"
    if predicate["guarantee"] != ("high-probability" if wanted.spends else "deterministic"):
        yield f"its guarantee is not {predicate['guarantee']}"
    if not close(delta, math.fsum(spend[3] for spend in wanted.spends), _EXACT):
        yield f"the δ of its ledger do not add up to {delta!r}"
    if delta > predicate["delta_allowed"] * (1 + _EXACT):
        yield f"it spends {delta!r}, more than the δ that was allowed"
    sampling = predicate["sampling"]
    drawn = tuple(sampling[name] for name in ("draws", "samples", "failures", "replace"))
    if drawn != wanted.drawn:
        yield f"its sampling is {drawn}, it has to be {wanted.drawn}"
    yield from wrong_levels(predicate, wanted)
    yield from wrong_spends(predicate, wanted)


def wrong_levels(predicate: Mapping[str, Any], wanted: Expected) -> Iterator[str]:
    """Where its levels are others, or say less."""
    if len(predicate["levels"]) != len(wanted.levels):
        yield f"it has {len(predicate['levels'])} levels, and there are {len(wanted.levels)}"
        return
    for number, (level, right) in enumerate(zip(predicate["levels"], wanted.levels, strict=True)):
        said = tuple(level[name] for name in ("check", "mode", "samples", "failures"))
        check, mode, share, samples, failures, log_delta = right
        if said != (check, mode, samples, failures):
            yield f"level {number} says {said}, it has to be {(check, mode, samples, failures)}"
        if level["share_upper"] < share * (1 - TOLERANCE):
            yield f"level {number} leaves a share of up to {share!r}, not {level['share_upper']!r}"
        if (level["log_delta"] is None) != (log_delta is None) or (
            log_delta is not None and not _same_log(level["log_delta"], log_delta)
        ):
            yield f"level {number} spends a log δ of {log_delta!r}, not {level['log_delta']!r}"


def wrong_spends(predicate: Mapping[str, Any], wanted: Expected) -> Iterator[str]:
    """Where its ledger is another."""
    ledger = predicate["ledger"]
    if len(ledger) != len(wanted.spends):
        yield f"its ledger has {len(ledger)} rows, and there are {len(wanted.spends)} spends"
        return
    for spend, (statement, method, theorem, delta, samples) in zip(
        ledger, wanted.spends, strict=True
    ):
        said = tuple(spend[name] for name in ("statement", "method", "theorem", "samples"))
        if said != (statement, method, theorem, samples):
            yield f"its ledger says {said}, it has to be {(statement, method, theorem, samples)}"
        if not close(spend["delta"], delta, _EXACT):
            yield f"its ledger spends {spend['delta']!r} where it has to be {delta!r}"
        if not _same_log(spend["log_delta"], math.log(delta)):
            yield f"its ledger has a log δ of {spend['log_delta']!r} where δ is {delta!r}"


def other_counts(claimed: Facts, again: Facts) -> Iterator[str]:
    """Where a certificate counts less than was counted again, or no checks could (Theorem 6.2)."""
    if not claimed.run <= claimed.left <= claimed.draws:
        yield "it counts more in a check than was left for it"
    if claimed.failures < claimed.left - claimed.run:
        yield "it does not count as failures what it left without running it"
    if claimed.share < again.share * (1 - TOLERANCE):
        yield f"its screens leave a share of {again.share!r}, not {claimed.share!r}"
    for name in ("draws", "left", "run", "failures"):
        said, found = getattr(claimed, name), getattr(again, name)
        if said != found if name == "draws" else said < found:
            yield f"it counts {said} in {_NAMES[name]}, counted again there are {found}"


_NAMES = {
    "draws": "draws",
    "left": "draws that the cheap check left",
    "run": "forward passes",
    "failures": "failures",
}


def _same_log(a: float, b: float) -> bool:
    """Whether two logarithms are those of one δ; where it is nearly 1, they have few digits."""
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=_EXACT)


def close(a: float, b: float, relative: float) -> bool:
    """Whether two numbers are one, relative to the larger."""
    return math.isclose(a, b, rel_tol=relative, abs_tol=0.0)
