"""From the parts to what is claimed: results, bound, ledger (docs/own-claims.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from probbound.check.own.claim import Predicate, has_pilot, of_mean, result_names
from probbound.check.own.plan import Planned
from probbound.check.own.shares import Bounded, Ends, Spend

_EXACT, _LOG = 1e-12, 1e-9


def delta_of_each(predicate: Predicate, planned: Sequence[Planned]) -> float:
    """The δ of one result in one part that is drawn from (Theorems 7.10 and 7.11)."""
    drawn = sum(part.n is not None for part in planned)
    results = len(result_names(predicate["claim"]))
    return predicate["delta_allowed"] / (results * max(drawn, 1))


def wrong_ends(predicate: Predicate, number: int, found: Bounded) -> Iterator[str]:
    """Where a part claims more than its counts or values show."""
    part, names = predicate["parts"][number], result_names(predicate["claim"])
    if len(part["lower"]) != len(names) or len(part["upper"]) != len(names):
        yield f"part {number} bounds other results than there are"
        return
    levels = part["levels"][-len(names) :]
    for at, (ends, level) in enumerate(zip(found.ends, levels, strict=True)):
        lower, upper = part["lower"][at], part["upper"][at]
        yield from _beyond(f"part {number}, {names[at]!r},", lower, upper, ends)
        shares = (None, None) if of_mean(predicate) else (lower, upper)
        if (level["share_lower"], level["share_upper"]) != shares:
            yield f"part {number} bounds {names[at]!r} otherwise than its level"
        law, log_delta = found.law
        if level["law"] != law or not _same_log(level["log_delta"], log_delta):
            yield (
                f"part {number} has the law {level['law']!r} at a log δ of {level['log_delta']!r}, "
                f"it has to be {law!r} at {log_delta!r}"
            )


def _beyond(place: str, lower: float, upper: float, ends: Ends) -> Iterator[str]:
    if Fraction(upper) < ends.upper:
        yield f"{place} is claimed to be at most {upper!r}, recomputed {float(ends.upper)!r}"
    if Fraction(lower) > ends.lower:
        yield f"{place} is claimed to be at least {lower!r}, recomputed {float(ends.lower)!r}"


def wrong_totals(
    predicate: Predicate, planned: Sequence[Planned], found: Sequence[Bounded]
) -> Iterator[str]:
    """Where what is claimed does not follow from the parts."""
    names = result_names(predicate["claim"])
    if [result["name"] for result in predicate["results"]] != names:
        yield f"its results are not {names}"
        return
    whole = _whole(planned, [part.ends for part in found])
    for result, ends in zip(predicate["results"], whole, strict=True):
        yield from _beyond(repr(result["name"]), result["lower"], result["upper"], ends)
    yield from _wrong_summary(predicate, whole)
    yield from _wrong_weighted(predicate, _whole(planned, [part.certain for part in found]))
    yield from _wrong_ledger(predicate, [spend for part in found for spend in part.spends])
    yield from _wrong_sums(predicate)


def _whole(planned: Sequence[Planned], parts: Sequence[tuple[Ends, ...]]) -> list[Ends]:
    """Σ share · ends, for each result."""
    whole = [Ends(Fraction(0), Fraction(0))] * len(parts[0])
    for part, ends in zip(planned, parts, strict=True):
        whole = [a.plus(b.times(part.share)) for a, b in zip(whole, ends, strict=True)]
    return whole


def _wrong_summary(predicate: Predicate, whole: Sequence[Ends]) -> Iterator[str]:
    upper = max(result["upper"] for result in predicate["results"])
    lower = min(result["lower"] for result in predicate["results"])
    ends = "mean" if of_mean(predicate) else "failure"
    if (predicate[f"{ends}_lower"], predicate[f"{ends}_upper"]) != (lower, upper):
        yield f"its {ends}_lower and {ends}_upper are not those of its results"
        return
    bound = Fraction(predicate["bound"])
    if of_mean(predicate):
        right = bound == Fraction(lower if _from_below(predicate) else upper)
    elif predicate["claim"]["side"] == "lower":
        near, exact = math.nextafter(lower, 2.0), min(e.lower for e in whole)
        right = bound >= 1 - Fraction(near) and bound >= 1 - exact
    else:
        near, exact = math.nextafter(upper, -1.0), max(e.upper for e in whole)
        right = bound <= 1 - Fraction(near) and bound <= 1 - exact
    if not right:
        yield f"its bound {predicate['bound']!r} is beyond what its results are"


def _from_below(predicate: Predicate) -> bool:
    """Whether `bound` is a lower bound of a mean."""
    claim = predicate["claim"]
    return claim["kind"] == "difference" or claim["side"] == "lower"


def _wrong_weighted(predicate: Predicate, certain: Sequence[Ends]) -> Iterator[str]:
    """Theorem 1.15, b0 being what is certain."""
    delta, bound = Fraction(predicate["delta"]), Fraction(predicate["bound"])
    side, mean = predicate["claim"]["side"], of_mean(predicate)
    if mean:
        below = _from_below(predicate)
        sure = certain[0].lower if below else certain[0].upper
    else:
        below = side != "lower"
        sure = 1 - (max(e.upper for e in certain) if below else min(e.lower for e in certain))
    weighted = (1 - delta) * bound + delta * sure
    said, spare = Fraction(predicate["confidence_weighted"]), _EXACT * max(abs(weighted), 1)
    if said > weighted + spare if below else said < weighted - spare:
        yield f"its confidence-weighted bound is beyond {float(weighted)!r}"


def _wrong_ledger(predicate: Predicate, spends: Sequence[Spend]) -> Iterator[str]:
    ledger, delta = predicate["ledger"], predicate["delta"]
    if predicate["guarantee"] != ("high-probability" if spends else "deterministic"):
        yield f"its guarantee is not {predicate['guarantee']}"
    if not math.isclose(delta, math.fsum(spend[3] for spend in spends), rel_tol=_EXACT):
        yield f"the δ of its ledger do not add up to {delta!r}"
    if delta > predicate["delta_allowed"] * (1 + _EXACT):
        yield f"it spends {delta!r}, more than the δ that was allowed"
    if len(ledger) != len(spends):
        yield f"its ledger has {len(ledger)} rows, and there are {len(spends)} spends"
        return
    for row, (statement, method, theorem, spent, samples) in zip(ledger, spends, strict=True):
        said = tuple(row[name] for name in ("statement", "method", "theorem", "samples"))
        if said != (statement, method, theorem, samples):
            yield f"its ledger says {said}, it has to be {(statement, method, theorem, samples)}"
        if not math.isclose(row["delta"], spent, rel_tol=_EXACT):
            yield f"its ledger spends {row['delta']!r} where it has to be {spent!r}"
        if not _same_log(row["log_delta"], math.log(spent)):
            yield f"its ledger has a log δ of {row['log_delta']!r} where δ is {spent!r}"


def _wrong_sums(predicate: Predicate) -> Iterator[str]:
    parts, sampling, cost = (predicate[name] for name in ("parts", "sampling", "cost"))
    sums = {name: sum(part[name] for part in parts) for name in ("draws", "looks", "cheap_looks")}
    replace = any(part["replace"] for part in parts)
    if (sampling["draws"], sampling["looks"], sampling["replace"]) != (
        sums["draws"],
        sums["looks"],
        replace,
    ):
        yield "its sampling is not what its parts add up to"
    if (cost["looks"], cost["cheap_looks"]) != (sums["looks"], sums["cheap_looks"]):
        yield "its cost is not what its parts add up to"
    if cost["pilot_looks"] and not has_pilot(predicate):
        yield "it counts looks of a pilot, and had none"
    if predicate["chosen"] != "brute-force" and sums["looks"] > predicate["budget"]:
        yield f"it says that {sums['looks']} members were looked at, more than its budget"
    if not of_mean(predicate) and sampling["failures"] != _failures(predicate):
        yield f"its failures add up to {_failures(predicate)}, not {sampling['failures']}"


def _failures(predicate: Predicate) -> int:
    results = len(predicate["results"])
    found = 0
    for part in predicate["parts"]:
        found += sum(level["failures"] for level in part["levels"][-results:])
        found += sum(part["take_all"]["failures"]) if part["take_all"] else 0
    return found


def _same_log(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=_LOG, abs_tol=_EXACT)
