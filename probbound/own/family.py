"""`bound_family`: several claims from one sample, all of them true together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from estimators.interval import Side
from probbound.contract.defaults import DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.machine.errors import UserError
from probbound.own.answering import answered
from probbound.own.certificate import OwnCertificate
from probbound.own.counting import family_part
from probbound.own.functions import Function
from probbound.own.question import (
    DEFAULT_BATCH,
    Settings,
    Strategy,
    Subject,
    finite,
    known_population,
)
from probbound.populations.contract import Population

MOST_CLAIMS = 10_000
Check = Callable[[Any], Any]


def bound_family(
    population: Population,
    checks: Mapping[str, Check] | Check,
    *,
    name: str,
    thresholds: Sequence[float | int] | None = None,
    strategy: Strategy = "auto",
    budget: int = DEFAULT_BUDGET,
    delta: float = DEFAULT_DELTA,
    side: Side = "upper",
    seed: int | None = None,
    beacon: str | None = None,
    version: str | None = None,
    batch: int = DEFAULT_BATCH,
    stopped_at: int | None = None,
) -> OwnCertificate:
    """One certificate for the share that fails each of m checks, at δ/m each (Theorem 7.10).

    All m bounds hold together with probability 1 - δ, so that the best may be picked afterwards;
    `bound` is the worst. The other arguments are those of `bound_share`.

    Args:
        population: as in `bound_share`.
        checks: names and checks; or one measure, with `thresholds`.
        name: what the family is called.
        thresholds: a member is good at a threshold if its measure is above it.

    Raises:
        UserError: if there are no claims or more than MOST_CLAIMS, or as `bound_share`.
    """
    settings = Settings(name, side, strategy, budget, delta, batch, stopped_at=stopped_at)
    functions, at = _claims(checks, thresholds, version)
    if not 1 <= len(at or functions) <= MOST_CLAIMS:
        raise UserError(f"a family has 1 to {MOST_CLAIMS} claims, got {len(at or functions)}")
    subject = Subject("family", known_population(population), functions, thresholds=at)
    return answered(subject, settings, seed, beacon, family_part)


def _claims(
    checks: Mapping[str, Check] | Check,
    thresholds: Sequence[float | int] | None,
    version: str | None,
) -> tuple[tuple[Function, ...], tuple[float, ...]]:
    if isinstance(checks, Mapping):
        if thresholds is not None:
            raise UserError("thresholds are for one measure; give it in place of the checks")
        return tuple(Function.of(call, version, key) for key, call in checks.items()), ()
    if thresholds is None or not len(thresholds):
        raise UserError(
            "a family is checks by name, as in {'a': check}, or a measure and thresholds"
        )
    if len(set(thresholds)) < len(thresholds):
        raise UserError("a threshold stands twice among the thresholds of the family")
    return (Function.of(checks, version),), tuple(finite("a threshold", at) for at in thresholds)
