"""Shares that fail: from the counts of a part to its bounds (Theorems 7.2 to 7.6 and 7.10)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from probbound.check.own.claim import Predicate, result_names
from probbound.check.own.intervals import least_share, most_share

RESERVE = 0.01
_METHODS = {
    "hypergeometric": ("hypergeometric", "uniform-mixture hypergeometric"),
    "binomial": ("clopper-pearson", "beta-binomial mixture"),
}
Part = Mapping[str, Any]
Spend = tuple[str, str, str, float, int]
NO_LAW = (None, None)


@dataclass(frozen=True)
class Ends:
    """A result lies from `lower` to `upper`, exact but for the slack of floats."""

    lower: Fraction
    upper: Fraction

    def times(self, share: Fraction) -> Ends:
        """Of a part that is so large a share of the whole."""
        return Ends(share * self.lower, share * self.upper)

    def plus(self, other: Ends) -> Ends:
        """Of both parts."""
        return Ends(self.lower + other.lower, self.upper + other.upper)


@dataclass(frozen=True)
class Bounded:
    """Of each result what a part shows, and for certain; the law of its level; spends of δ."""

    ends: tuple[Ends, ...]
    certain: tuple[Ends, ...]
    law: tuple[str | None, float | None]
    spends: tuple[Spend, ...]


@dataclass(frozen=True)
class Counts:
    """Tickets of one result that were found failing, and those conceded, of n draws.

    The same of the members that were taken for certain.
    """

    failing: int
    conceded: int
    taken_failing: int
    taken_conceded: int


def counted(part: Part, results: int) -> list[Counts]:
    """The counts as a part states them, for each result."""
    taken = part["take_all"] or {"failures": [0] * results, "conceded": [0] * results}
    levels = part["levels"][-results:]
    return [
        Counts(level["failures"] - level["conceded"], level["conceded"], lost - given, given)
        for level, lost, given in zip(levels, taken["failures"], taken["conceded"], strict=True)
    ]


def share_bounds(predicate: Predicate, part: Part, delta: float) -> Bounded:
    """What the counts of a part show, δ being that of one result in it."""
    claim = predicate["claim"]
    names = result_names(claim)
    counts = counted(part, len(names))
    if part["mode"] == "listed":
        ends = tuple(_listed(count, part["tickets"]) for count in counts)
        return Bounded(ends, ends, NO_LAW, ())
    n = looked_at(part)
    kind = "binomial" if part["replace"] else "hypergeometric"
    certain = tuple(_spread(part, count, *_certain(part, count, n)) for count in counts)
    if n == 0:
        return Bounded(certain, certain, NO_LAW, ())
    ends = tuple(
        _spread(part, count, *_interval(part, count, n, delta, claim["side"])) for count in counts
    )
    spends = tuple(
        spend
        for name, count in zip(names, counts, strict=True)
        for spend in _spends(_METHODS[kind], name, count, n, delta)
    )
    stopped = part["stopped_at"] is not None
    law = f"{kind}, anytime" if stopped else kind
    return Bounded(ends, certain, (law, math.log(_of_interval(delta, stopped))), spends)


def looked_at(part: Part) -> int:
    """The draws that count."""
    return part["draws"] if part["stopped_at"] is None else part["stopped_at"]


def _listed(count: Counts, tickets: int) -> Ends:
    """Theorem 7.6."""
    of = max(tickets, 1)
    return Ends(Fraction(count.failing, of), Fraction(count.failing + count.conceded, of))


def _of_interval(delta: float, stopped: bool) -> float:
    return RESERVE * delta if stopped else (1 - RESERVE) * delta


def _interval(
    part: Part, count: Counts, n: int, delta: float, side: str
) -> tuple[Fraction, Fraction]:
    """Theorems 7.4 and 7.5: shares of what was drawn from, at least and at most."""
    stopped, rest = part["stopped_at"] is not None, None if part["replace"] else part["rest"]
    each = _of_interval(delta, stopped) / (2 if side == "two" else 1)
    least, most = Fraction(0), Fraction(1)
    if side != "upper":
        least = least_share(count.failing, n, rest, each, at_any_time=stopped)
    if side != "lower":
        most = most_share(count.failing + count.conceded, n, rest, each, at_any_time=stopped)
    return least, most


def _certain(part: Part, count: Counts, n: int) -> tuple[Fraction, Fraction]:
    if part["replace"] or not part["rest"]:
        return Fraction(0), Fraction(1)
    rest, found = part["rest"], count.failing
    return Fraction(found, rest), Fraction(rest - n + found + count.conceded, rest)


def _spread(part: Part, count: Counts, least: Fraction, most: Fraction) -> Ends:
    """Of the whole part, from shares of what was drawn from and the members taken for certain."""
    tickets = 1 if part["tickets"] is None else part["tickets"]
    rest = 1 if part["rest"] is None else part["rest"]
    lower = count.taken_failing + least * rest
    upper = count.taken_failing + count.taken_conceded + most * rest
    return Ends(lower / tickets, upper / tickets)


def _spends(
    methods: tuple[str, str], name: str, count: Counts, n: int, delta: float
) -> Iterator[Spend]:
    statement = f"{count.failing + count.conceded} of {n} draws failed {name}"
    planned, mixture = methods
    main, reserve = _of_interval(delta, stopped=False), _of_interval(delta, stopped=True)
    yield statement, f"{planned} at the planned number of draws", "7.4", main, n
    yield statement, f"{mixture}, should drawing be interrupted", "7.5", reserve, n
