"""Own claims on hostile populations: how often a bound at δ = 0.1 is wrong.

`python -m tests.probbound.own.hostile REPEATS [WORD]` prints one row for each that has WORD in its
name; the seeds are those from 0. Intervals that come again are looked up, and nothing else differs
from what a user calls.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

import probbound as pb
from probbound.own import counting
from probbound.own.bounds import bad_tickets
from probbound.own.means import exact_sum

DELTA = 0.1
ASKED = {"delta": DELTA, "side": "two", "version": "1", "name": "hostile"}


@dataclass(frozen=True)
class Case:
    """A population, which members are bad or what they measure, and what is asked."""

    name: str
    population: Any
    table: np.ndarray
    weights: np.ndarray
    budget: int
    screens: tuple[Any, ...] = ()
    draws: int | None = None

    @property
    def measured(self) -> bool:
        """Whether the claim is a mean."""
        return self.table.dtype != bool

    @property
    def truths(self) -> tuple[Fraction]:
        """The share that is bad, or the mean."""
        return (exact_sum(self.table.astype(float), self.weights) / int(self.weights.sum()),)

    def ask(self, seed: int) -> Any:
        """The certificate under a chosen seed."""
        asked = {**ASKED, "budget": self.budget, "seed": seed}
        if self.measured:
            return pb.bound_mean(self.population, self._value, low=0, high=1, **asked)
        return pb.bound_share(
            self.population, self._good, screens=self.screens, draws=self.draws, **asked
        )

    def _rows(self, batch: Any) -> np.ndarray:
        rows = np.asarray(batch)
        return rows[:, 0] if rows.ndim == 2 else rows

    def _good(self, batch: Any) -> np.ndarray:
        return ~self.table[self._rows(batch)]

    def _value(self, batch: Any) -> np.ndarray:
        return self.table[self._rows(batch)]


def cases() -> Iterator[Case]:
    """One bad member, all bad, duplicates, weights over ten decades, a spike in a million, …"""
    size, one = 300, np.ones(300, dtype=np.int64)
    places = np.arange(size)
    lone = places == 17
    decades = np.repeat(10 ** np.arange(10), 30)
    mixed = np.random.default_rng(5).random(size)
    million = np.zeros(10**6, dtype=bool)
    million[123_456] = True
    ones = np.ones(10**6, dtype=np.int64)
    yield Case("one bad member", pb.Listed(places), lone, one, 60)
    yield Case("all bad", pb.Listed(places), one > 0, one, 60)
    yield Case("none bad", pb.Listed(places), one < 0, one, 60)
    yield Case("half bad", pb.Listed(places), places % 2 > 0, one, 60)
    yield Case("a tenth bad", pb.Listed(places), places % 10 == 0, one, 60)
    doubled = pb.Listed(np.r_[places, np.repeat(places[:30], 9)])
    yield Case("duplicates", doubled, places < 30, np.where(places < 30, 10, 1), 60)
    steep = pb.Listed(places, decades)
    yield Case("ten decades, the light bad", steep, places < 150, decades, 60)
    yield Case("ten decades, each tenth bad", steep, places % 10 == 0, decades, 60)
    yield Case("ten decades, few looks", steep, places % 3 == 0, decades, 7)
    yield Case("no looks", pb.Listed(places), lone, one, 0)
    yield Case("one look", pb.Listed(places), places % 2 > 0, one, 1)
    yield Case("all but one looked at", pb.Listed(places), lone, one, size - 1)
    yield Case("everything looked at", pb.Listed(places), lone, one, size)
    yield Case("one in a million", pb.Product(10**6), million, ones, 1000)
    odd = pb.Cheap("even", lambda batch: np.asarray(batch) % 2 == 0)
    yield Case("a cascade", pb.Listed(places), places % 10 == 1, one, 40, (odd,), 90)
    yield Case("a cascade that concedes", pb.Listed(places), places % 10 == 1, one, 20, (odd,), 90)
    yield Case("a mean of noise", pb.Listed(places), mixed, one, 60)
    yield Case("a mean with one spike", pb.Listed(places), lone.astype(float), one, 60)
    yield Case("a mean over ten decades", steep, mixed, decades, 60)


@dataclass(frozen=True)
class Several:
    """Three claims from one sample, a paired comparison, or strata: all that is true of them."""

    name: str
    ask: Callable[[int], Any]
    truths: tuple[Fraction, ...]


def several() -> Iterator[Several]:
    """What is put together of several bounds, or of several populations."""
    places = np.arange(300)
    listed = pb.Listed(places)
    value = np.random.default_rng(5).random(300)
    thresholds = [0.1, 0.5, 0.9]
    failing = tuple(Fraction(int((value <= at).sum()), 300) for at in thresholds)

    def measure(batch: Any) -> np.ndarray:
        return value[np.asarray(batch)]

    def asked(seed: int) -> dict[str, Any]:
        return {**ASKED, "budget": 60, "seed": seed}

    yield Several(
        "a family of three",
        lambda seed: pb.bound_family(listed, measure, thresholds=thresholds, **asked(seed)),
        failing,
    )
    yield Several(
        "a paired comparison",
        lambda seed: pb.bound_difference(
            listed, lambda b: measure(b) > 0.5, lambda b: measure(b) < 0.6, **asked(seed)
        ),
        (Fraction(int((value > 0.5).sum()) - int((value < 0.6).sum()), 300),),
    )
    thirds = [places[:10], places[10:100], places[100:]]
    strata = pb.Strata([(1, pb.Listed(third)) for third in thirds])
    means = [Fraction(int((value[third] <= 0.5).sum()), len(third)) for third in thirds]
    yield Several(
        "three strata",
        lambda seed: pb.bound_share(strata, lambda b: measure(b) > 0.5, **asked(seed)),
        (sum(means, Fraction(0)) / 3,),
    )


def violations(case: Case | Several, repeats: int) -> int:
    """How often a bound misses the truth, of so many seeds."""
    missed = 0
    truths = case.truths
    for seed in range(repeats):
        pairs = zip(case.ask(seed).ends, truths, strict=True)
        missed += not all(ends.lower <= truth <= ends.upper for ends, truth in pairs)
    return missed


def main(repeats: int, only: str = "") -> dict[str, int]:
    """The violations of every case, or of those whose name holds a word."""
    counting.bad_tickets = lru_cache(bad_tickets)
    found = {}
    for case in (*cases(), *several()):
        if only not in case.name:
            continue
        found[case.name] = violations(case, repeats)
        print(json.dumps({"case": case.name, "violations": found[case.name]}), flush=True)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
