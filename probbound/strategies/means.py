"""The engine's twin for means: a bounded quantity of every member drawn, and one interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from estimators.mean import betting
from probbound.contract.checks import Batch
from probbound.machine.parallel import parallel_map
from probbound.strategies.levels import Source


@runtime_checkable
class Measure(Protocol):
    """A sound bound on a quantity of single members."""

    @property
    def name(self) -> str:
        """The name it goes by."""
        ...

    @property
    def flops(self) -> int:
        """Operations for each member."""
        ...

    def upper(self, members: Batch, /) -> Float[np.ndarray, " n"]:
        """At least the quantity of each member."""
        ...


@dataclass(frozen=True)
class Mean:
    """An upper bound on a mean, log of the δ it fails with, the method, and the mean seen."""

    upper: float
    log_delta: float
    method: str
    seen: float


def measured(
    source: Source, number: int, measure: Measure, *, blank: float, label: str
) -> tuple[Float[np.ndarray, " number"], int]:
    """The quantity of members number 0 to `number` - 1, `blank` where there is none; how many are.

    On all cores, in chunks of the source's; the order is that of the numbers, since bets depend
    on it.
    """

    def some(start: int) -> tuple[Float[np.ndarray, " n"], int]:
        tickets = source.tickets(start, min(start + source.chunk, number))
        values = np.full(len(tickets.blank), blank)
        genuine = tickets.genuine
        values[~tickets.blank] = measure.upper(genuine)
        return values, len(genuine)

    parts = list(parallel_map(some, range(0, number, source.chunk), label))
    values = np.concatenate([np.zeros(0), *(values for values, _ in parts)])
    return values, sum(genuine for _, genuine in parts)


def bounded_mean(
    values: Float[np.ndarray, " n"], delta: float, high: float, population: int | None = None
) -> Mean:
    """A bound on the mean of what draws come from, in [0, high] (Theorem 2.34).

    Fixed-n; `values` are at least one, and already no larger than `high`. Independent draws, or
    with `population` different members of so many, in the order drawn.
    """
    interval = betting(
        values,
        delta=delta,
        low=0.0,
        high=high,
        side="upper",
        population=population,
        planned=len(values),
    )
    seen = float(values.mean())
    return Mean(float(interval.upper), float(interval.log_delta), interval.method, seen)


def mean_of_all(values: Float[np.ndarray, " n"], high: float) -> float:
    """The mean of all there are, rounded up (Theorem 5.1); 0 of none."""
    return min(up(math.fsum(values) / max(len(values), 1)), high)


def up(x: float) -> float:
    """More than a few roundings above a number that is not negative."""
    return math.nextafter(x * (1 + 2.0**-50), math.inf)
