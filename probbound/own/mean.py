"""`bound_mean` and `bound_difference`: means over a population, and paired comparisons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from estimators.interval import Side
from probbound.contract.defaults import DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.machine.errors import UserError
from probbound.own.answering import answered
from probbound.own.certificate import OwnCertificate
from probbound.own.functions import Function
from probbound.own.means import difference_part, mean_part
from probbound.own.question import (
    DEFAULT_BATCH,
    Settings,
    Strategy,
    Subject,
    finite,
    known_population,
)
from probbound.populations.contract import Population


def bound_mean(
    population: Population,
    measure: Callable[[Any], Any],
    *,
    name: str,
    low: float | int,
    high: float | int,
    strategy: Strategy = "auto",
    budget: int = DEFAULT_BUDGET,
    delta: float = DEFAULT_DELTA,
    side: Side = "upper",
    seed: int | None = None,
    beacon: str | None = None,
    version: str | None = None,
    batch: int = DEFAULT_BATCH,
) -> OwnCertificate:
    """A certificate for the mean of `measure`, weighted as the members are (Theorem 7.8).

    Where the budget covers every member it is their mean, exact. An interruption loses the run:
    the interval is for the planned number of draws alone.

    Args:
        population: as in `bound_share`.
        measure: called with a batch, answers one number in [low, high] a member.
        name: what the claim is called.
        low: no member's number is below it, for certain.
        high: no member's number is above it, for certain.
        strategy: "brute-force", "iid", or "auto": the first where the budget covers it.
        budget: looks, calls of the measure for one member.
        delta: the probability, over the draws alone, that the bound is wrong.
        side: "upper" bounds the mean from above; "lower"; "two" at δ/2 each.
        seed: as in `bound_share`, like `beacon`, `version` and `batch`.

    Raises:
        UserError: on anything that cannot be used, and if a member's number is outside [low, high].
    """
    low, high = finite("low", low), finite("high", high)
    if not low < high:
        raise UserError(f"low must be below high, got {low:g} and {high:g}")
    settings = Settings(name, side, strategy, budget, delta, batch)
    function = Function.of(measure, version)
    subject = Subject("mean", known_population(population), (function,), low=low, high=high)
    return answered(subject, settings, seed, beacon, mean_part)


def bound_difference(
    population: Population,
    check_a: Callable[[Any], Any],
    check_b: Callable[[Any], Any],
    *,
    name: str,
    strategy: Strategy = "auto",
    budget: int = DEFAULT_BUDGET,
    delta: float = DEFAULT_DELTA,
    side: Side = "two",
    seed: int | None = None,
    beacon: str | None = None,
    version: str | None = None,
    batch: int = DEFAULT_BATCH,
) -> OwnCertificate:
    """A certificate for the share that a passes less the share that b passes (Theorem 7.9).

    Both look at the same members, so that what they agree on adds nothing to the uncertainty. The
    arguments are those of `bound_share`; `mean_lower` and `mean_upper` of the certificate hold the
    difference.

    Raises:
        UserError: on anything that cannot be used.
    """
    settings = Settings(name, side, strategy, budget, delta, batch)
    functions = (Function.of(check_a, version), Function.of(check_b, version))
    subject = Subject("difference", known_population(population), functions, low=-1.0, high=1.0)
    return answered(subject, settings, seed, beacon, difference_part)
