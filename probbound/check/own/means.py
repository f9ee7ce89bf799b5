"""Means: from the values of a part to its bounds (Theorems 7.8 and 7.9)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from probbound.check.betting import unit_upper
from probbound.check.own.claim import Predicate, result_names
from probbound.check.own.intervals import SLACK
from probbound.check.own.plan import Planned
from probbound.check.own.shares import NO_LAW, Bounded, Ends
from probbound.check.report import Refused

MOST_HELD = 131_072
_EPS = 2.0**-52
Part = Mapping[str, Any]


def held_values(part: Part) -> np.ndarray | None:
    """The values (n,) in a part, None if it holds only their digest.

    Raises:
        Refused: if they are none, or others than its digest says.
    """
    values = part["values"]
    if values["base64"] is None:
        if values["number"] <= MOST_HELD:
            raise Refused("its values are not in it, though they are few")
        return None
    try:
        content = base64.b64decode(values["base64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("its values are no base64") from error
    if len(content) != 8 * values["number"]:
        raise Refused(f"it has {len(content)} bytes for {values['number']} values")
    require_digest(part, content)
    return np.frombuffer(content, dtype="<f8").astype(np.float64)


def require_digest(part: Part, content: bytes) -> None:
    """That values, little-endian, are those of which a part holds the digest.

    Raises:
        Refused: if they are not.
    """
    if hashlib.sha256(content).hexdigest() != part["values"]["sha256"]:
        raise Refused("its values are others than their digest says")


def wrong_values(
    predicate: Predicate, values: np.ndarray, members: np.ndarray | None
) -> Iterator[str]:
    """Where values cannot be: outside their ends, or one member with two of them.

    `members` (n,) are those of the draws, None where they are not numbered.
    """
    claim = predicate["claim"]
    if not bool(((values >= claim["low"]) & (values <= claim["high"])).all()):
        yield f"it has values that are not from {claim['low']!r} to {claim['high']!r}"
    elif claim["kind"] == "difference" and not np.isin(values, (-1.0, 0.0, 1.0)).all():
        yield "it has differences of answers that are none of -1, 0 and 1"
    elif members is not None and len(members):
        order = np.argsort(members, kind="stable")
        again = members[order][1:] == members[order][:-1]
        if bool((again & (values[order][1:] != values[order][:-1])).any()):
            yield "it has two values of one member"


def mean_bounds(
    predicate: Predicate, planned: Planned, part: Part, values: np.ndarray, delta: float
) -> Bounded:
    """What the values of a part show; δ is that of the part."""
    claim = predicate["claim"]
    low, high = Fraction(claim["low"]), Fraction(claim["high"])
    if part["mode"] == "listed":
        ends = (_listed(planned, values),)
        return Bounded(ends, ends, NO_LAW, ())
    number, rest = len(values), None if part["replace"] else part["rest"]
    total = sum(map(Fraction, values.tolist()), Fraction(0))
    certain = Ends(low, high)
    if rest is not None and rest:
        seen, unseen = total / rest, 1 - Fraction(number, rest)
        certain = Ends(seen + unseen * low, seen + unseen * high)
    if number == 0:
        only = (_with_taken(part, certain),)
        return Bounded(only, only, NO_LAW, ())
    law = "betting" if part["replace"] else "betting without replacement"
    theorem = "7.9" if claim["kind"] == "difference" else "7.8"
    (name,) = result_names(claim)
    spend = (f"{number} draws of {name}", law, theorem, delta, number)
    ends = _betting(claim, values, rest, delta)
    return Bounded(
        (_with_taken(part, ends),),
        (_with_taken(part, certain),),
        (law, math.log(delta)),
        (spend,),
    )


def _listed(planned: Planned, values: np.ndarray) -> Ends:
    """The mean itself."""
    counts = planned.population.ticket_counts(np.arange(len(values))).tolist()
    total = sum(
        (count * Fraction(x) for count, x in zip(counts, values.tolist(), strict=True)), Fraction(0)
    )
    mean = total / max(sum(counts), 1)
    return Ends(mean, mean)


def _with_taken(part: Part, ends: Ends) -> Ends:
    """Together with the members that were taken for certain."""
    share = Fraction(1)
    if part["tickets"]:
        share = Fraction(part["rest"], part["tickets"])
    held = part["values"]
    lower, upper = Fraction(held["certain_lower"]), Fraction(held["certain_upper"])
    return Ends(lower + share * ends.lower, upper + share * ends.upper)


def _betting(claim: Mapping[str, Any], values: np.ndarray, rest: int | None, delta: float) -> Ends:
    """Theorem 2.34, each end inside the proven one by the slack of the other's distance."""
    low, high, side = claim["low"], claim["high"], claim["side"]
    log_delta = math.log(delta / 2 if side == "two" else delta)
    shares = np.clip((values - low) / (high - low), 0.0, 1.0)
    lower, upper = Fraction(low), Fraction(high)
    if side != "lower":
        upper = _scaled(claim, _outward(claim, shares, rest, log_delta))
    if side != "upper":
        share = _outward(claim, 1 - shares, rest, log_delta)
        lower += Fraction(high) - _scaled(claim, share)
    return Ends(lower, upper)


def _outward(
    claim: Mapping[str, Any], shares: np.ndarray, rest: int | None, log_delta: float
) -> Fraction:
    """The share of [low, high] below which the mean is, moved out as 2.25 says."""
    low, high = claim["low"], claim["high"]
    away = max(abs(low), abs(high)) / (high - low)
    upper = unit_upper(shares, log_delta, rest)
    upper += _EPS * (len(shares) + 8) + 4 * _EPS * away
    return min(Fraction(upper), Fraction(1)) * (1 - SLACK)


def _scaled(claim: Mapping[str, Any], share: Fraction) -> Fraction:
    return Fraction(claim["low"]) + share * (Fraction(claim["high"]) - Fraction(claim["low"]))


def wrong_certain(planned: Planned, part: Part, claim: Mapping[str, Any]) -> Iterator[str]:
    """Where the mean of the members that are taken for certain cannot be as stated."""
    held, taken = part["values"], part["take_all"]
    lower, upper = held["certain_lower"], held["certain_upper"]
    if taken is None:
        if lower or upper:
            yield "it has a mean of members taken for certain, and there are none"
        return
    share = Fraction(taken["tickets"], max(int(planned.population.tickets or 0), 1))
    least, most = share * Fraction(claim["low"]), share * Fraction(claim["high"])
    if lower > upper or Fraction(lower) > most or Fraction(upper) < least:
        yield "it has a mean of members taken for certain that they cannot have"
