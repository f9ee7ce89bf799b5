"""From counts to a bound: what each form of certificate must say, given what was counted.

Of any task: it says what its cheap check is called, and what its screen spent of δ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from probbound.check.bounds import anytime, clopper_pearson, up
from probbound.check.digits import ceiling
from probbound.check.expected import Expected, Facts, Level, Spend
from probbound.check.report import Refused

RUN = "forward pass"
RESERVE = 0.01


@dataclass(frozen=True)
class Terms:
    """What a task says of a certificate: its inputs by mass, the `cheap` check of a cascade, the
    `target` at which drawing ended, and what its screen `spent` of δ. What is sampled goes through
    the check `run`, and all by itself stands on a `theorem`.
    """

    mass: int
    cheap: str
    target: float | None = None
    spent: tuple[Spend, ...] = ()
    run: str = RUN
    theorem: str = "1.5"


def form_of(predicate: Mapping[str, Any], cheap: str, run: str = RUN) -> str:
    """Which theorem a certificate stands on, read off its levels.

    Raises:
        Refused: if no theorem has such levels.
    """
    levels = [(level["check"], level["mode"]) for level in predicate["levels"]]
    modes = tuple(mode for _, mode in levels)
    names = [check for check, _ in levels]
    if levels == [(run, "enumerated")]:
        return "all run"
    if levels == [(run, "sampled")]:
        return "sampled"
    if modes == ("enumerated",):
        return "screen"
    if modes == ("enumerated", "enumerated") and names[1] == RUN:
        return "screen, all run"
    if modes == ("enumerated", "sampled") and names[1] == RUN:
        return "screen, sampled"
    if modes == ("enumerated",) * 3 and names[1:] == [cheap, RUN]:
        return "screen, all through"
    if modes == ("enumerated", "passed through", "sampled") and names[1:] == [cheap, RUN]:
        return "cascade"
    raise Refused("no theorem stands behind these levels")


def expected(predicate: Mapping[str, Any], facts: Facts, terms: Terms) -> Expected:
    """What a certificate of its form has to say where `facts` are what was counted."""
    form, spent = form_of(predicate, terms.cheap, terms.run), terms.spent
    first = (predicate["levels"][0]["check"], "enumerated", facts.share, 0, 0, None)
    drawn = (facts.draws, facts.run, facts.failures, True)
    proven = 1.0 if spent else facts.share
    if form in ("all run", "screen"):
        return Expected(facts.share, proven, (first,), spent)
    if form == "screen, all run":
        failure = up(Fraction(facts.failures, terms.mass))
        rest = up(Fraction(facts.failures, max(facts.run, 1)))
        second = (RUN, "enumerated", rest, facts.run, facts.failures, None)
        spends = _with_idle(predicate, spent)
        return Expected(failure, proven, (first, second), spends, (*drawn[:3], False))
    if form == "screen, all through":
        return _all_through(predicate, facts, first, terms)
    if form == "cascade":
        return _cascade(predicate, facts, first, drawn, terms)
    return _sampled(predicate, facts, first, terms)


def _all_through(
    predicate: Mapping[str, Any], facts: Facts, first: Level, terms: Terms
) -> Expected:
    """Theorem 4.23: what was not looked at, being interrupted, counts among the failures."""
    stopped = predicate["stopped_at"] is not None
    kept = 1.0 if stopped else up(Fraction(facts.left, max(facts.draws, 1)))
    failing = 1.0 if stopped else up(Fraction(facts.failures, max(facts.left, 1)))
    second = (terms.cheap, "enumerated", kept, facts.draws, facts.left, None)
    third = (RUN, "enumerated", failing, facts.run, facts.failures, None)
    drawn = (facts.draws, facts.run, facts.failures, False)
    failure = min(up(Fraction(facts.failures, terms.mass)), 1.0)
    proven = 1.0 if terms.spent else facts.share
    spends = _with_idle(predicate, terms.spent)
    return Expected(failure, proven, (first, second, third), spends, drawn)


def _sampled(predicate: Mapping[str, Any], facts: Facts, first: Level, terms: Terms) -> Expected:
    """Theorems 1.5 and 1.6: one interval, on all inputs or on what a screen left."""
    k, n, spent = facts.failures, facts.draws, terms.spent
    alone = form_of(predicate, terms.cheap, terms.run) == "sampled"
    proven, drawn = 1.0 if spent else facts.share, (n, facts.run, k, True)
    if n == 0:
        level = (terms.run, "sampled", 1.0, 0, 0, None)
        levels = (level,) if alone else (first, level)
        return Expected(facts.share, proven, levels, _with_idle(predicate, spent), drawn)
    delta = predicate["delta_allowed"] - math.fsum(spend[3] for spend in spent)
    upper = clopper_pearson(k, n, math.log(delta))
    level = (terms.run, "sampled", upper, n, k, math.log(delta))
    claimed = predicate["levels"][-1]["share_upper"]
    statement = f"{k} of {n} draws failed, so a share of at most {ceiling(claimed, 4):.3e} does"
    theorem = terms.theorem if alone or facts.share == 1 else "1.6"
    spends = (*spent, (statement, "clopper-pearson", theorem, delta, n))
    levels = (level,) if alone else (first, level)
    return Expected(_product(facts.share, upper), proven, levels, spends, drawn)


def _with_idle(predicate: Mapping[str, Any], spent: tuple[Spend, ...]) -> tuple[Spend, ...]:
    """The δ set aside for sampling stays spent where the screen rests on chance."""
    if not spent:
        return ()
    rest = predicate["delta_allowed"] - math.fsum(spend[3] for spend in spent)
    return (*spent, ("set aside for sampling that was not needed", "none", "1.7", rest, 0))


def _cascade(
    predicate: Mapping[str, Any],
    facts: Facts,
    first: Level,
    drawn: tuple[int, int, int, bool],
    terms: Terms,
) -> Expected:
    """Theorems 4.21, 4.22: fixed-n with a reserve for interruption, or anytime with a target."""
    spent = terms.spent
    delta = predicate["delta_allowed"] - math.fsum(spend[3] for spend in spent)
    k, n = facts.failures, facts.draws
    statement = f"{k} of {n} draws failed"
    mixture, spends = "beta-binomial mixture", ()
    if n == 0:
        upper, spent = 1.0, _with_idle(predicate, spent)
    elif terms.target is not None:
        upper = anytime(k, n, math.log(delta))
        spends = ((statement, mixture, "4.21", delta, n),)
    else:
        main, reserve = (1 - RESERVE) * delta, RESERVE * delta
        stopped = predicate["stopped_at"] is not None
        upper = (
            anytime(k, n, math.log(reserve)) if stopped else clopper_pearson(k, n, math.log(main))
        )
        spends = (
            (statement, "clopper-pearson at the planned number of draws", "4.21", main, n),
            (statement, f"{mixture}, should drawing be interrupted", "4.21", reserve, n),
        )
    total = math.log(math.fsum(spend[3] for spend in spends)) if spends else None
    levels = (
        first,
        (terms.cheap, "passed through", 1.0, n, facts.left, None),
        (RUN, "sampled", upper, n, k, total),
    )
    proven = 1.0 if spent else facts.share
    return Expected(_product(facts.share, upper), proven, levels, (*spent, *spends), drawn)


def claimed_facts(predicate: Mapping[str, Any], cheap: str, run: str = RUN) -> Facts:
    """The counts as the certificate states them."""
    sampling, levels = predicate["sampling"], predicate["levels"]
    sampled_only = form_of(predicate, cheap, run) == "sampled"
    return Facts(
        1.0 if sampled_only else levels[0]["share_upper"],
        sampling["draws"],
        levels[1]["failures"] if len(levels) == 3 else sampling["samples"],
        sampling["samples"],
        sampling["failures"],
    )


def _product(a: float, b: float) -> float:
    return up(Fraction(a) * Fraction(b))
