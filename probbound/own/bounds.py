"""From counts of tickets to what they say of all tickets (Theorems 7.2, 7.4 and 7.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from estimators.interval import Side
from estimators.proportion import anytime, clopper_pearson, hypergeometric
from probbound.strategies.laws import BINOMIAL, HYPERGEOMETRIC

LAWS = {
    (False, False): "hypergeometric",
    (True, False): "binomial",
    (False, True): "hypergeometric, anytime",
    (True, True): "binomial, anytime",
}


@dataclass(frozen=True)
class Counts:
    """Of `draws` tickets out of `rest`, `found` were bad, and `conceded` were left unlooked.

    `rest` is 1 where members can only be drawn from: then tickets are shares.
    """

    draws: int
    rest: int
    replace: bool
    found: int
    conceded: int
    interrupted: bool

    @property
    def name(self) -> str:
        """The law, as a certificate names it."""
        return LAWS[self.replace, self.interrupted]

    @property
    def methods(self) -> tuple[str, str]:
        """The interval at a fixed number of draws, and at any."""
        return BINOMIAL if self.replace else HYPERGEOMETRIC

    @property
    def failures(self) -> int:
        """What the upper bound is made from."""
        return self.found + self.conceded

    @property
    def certain(self) -> tuple[Fraction, Fraction]:
        """What is certain of the bad tickets: those seen to be good are not (Theorem 2.20)."""
        if self.replace:
            return Fraction(0), Fraction(self.rest)
        return Fraction(self.found), Fraction(self.rest - self.draws + self.failures)


def bad_tickets(counts: Counts, delta: float, side: Side) -> tuple[Fraction, Fraction]:
    """Bounds on the bad tickets among `rest`; with both sides each at δ/2.

    Of a hypergeometric law they are whole numbers. `delta` is what the interval gets: the reserve
    if the drawing was interrupted, the rest of δ if not.
    """
    lower, upper = Fraction(0), Fraction(counts.rest)
    each = delta / 2 if side == "two" else delta
    if side != "lower":
        upper = _end(counts, counts.failures, each, "upper")
    if side != "upper":
        lower = _end(counts, counts.found, each, "lower")
    return lower, upper


def _end(counts: Counts, k: int, delta: float, side: Literal["lower", "upper"]) -> Fraction:
    n, rest = counts.draws, counts.rest
    finite = not counts.replace
    if counts.interrupted:
        found = anytime(k, n, delta=delta, side=side, population=rest if finite else None)
    elif finite:
        found = hypergeometric(k, n, rest, delta=delta, side=side)
    else:
        found = clopper_pearson(k, n, delta=delta, side=side)
    end = float(found.upper if side == "upper" else found.lower)
    if not finite:
        return Fraction(end) * rest
    if side == "upper":
        whole = math.floor(Fraction(math.nextafter(end, 2.0)) * rest)
        return Fraction(min(whole, rest - n + k))
    return Fraction(max(math.ceil(Fraction(math.nextafter(end, -1.0)) * rest), k))
