"""What a certificate over rows has to say of its counts (Theorem 9.5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from probbound.check.bounds import up
from probbound.check.expected import Expected, Facts
from probbound.check.own.intervals import most_share
from probbound.check.report import Refused
from probbound.check.tasks.arithmetic import RESERVE, RUN
from probbound.check.tasks.next_token.recipe import ANYTIME, Recipe

_MIXTURE = "uniform-mixture hypergeometric"


def claimed(predicate: Mapping[str, Any], rows: int) -> Facts:
    """The counts as it states them.

    Raises:
        Refused: if it has not the one level that there is.
    """
    levels = [(level["check"], level["mode"]) for level in predicate["levels"]]
    if levels == [(RUN, "enumerated")]:
        share = predicate["levels"][0]["share_upper"]
        return Facts(share, failures=math.ceil(share * rows * (1 - 2.0**-40)))
    if levels != [(RUN, "sampled")]:
        raise Refused("its levels are not those of rows that were looked at")
    said = predicate["sampling"]
    return Facts(1.0, said["draws"], said["draws"], said["samples"], said["failures"])


def expected(predicate: Mapping[str, Any], facts: Facts, recipe: Recipe, rows: int) -> Expected:
    """What it has to say where so much was counted of so many rows."""
    if predicate["levels"][0]["mode"] == "enumerated":
        share = up(Fraction(facts.failures, rows))
        return Expected(share, share, ((RUN, "enumerated", share, 0, 0, None),))
    k, n, delta = facts.failures, facts.draws, predicate["delta_allowed"]
    drawn = (n, facts.run, k, False)
    if n == 0:
        return Expected(1.0, 1.0, ((RUN, "sampled", 1.0, 0, 0, None),), (), drawn)
    statement = f"{k} of {n} different ones of {rows} failed"
    if recipe.law == ANYTIME:
        upper = up(most_share(k, n, rows, delta, at_any_time=True))
        spends = ((statement, _MIXTURE, "9.5", delta, n),)
    else:
        main, reserve = (1 - RESERVE) * delta, RESERVE * delta
        stopped = predicate["stopped_at"] is not None
        upper = up(most_share(k, n, rows, reserve if stopped else main, at_any_time=stopped))
        spends = (
            (statement, "hypergeometric at the planned number of draws", "9.5", main, n),
            (statement, f"{_MIXTURE}, should drawing be interrupted", "9.5", reserve, n),
        )
    total = math.log(math.fsum(spend[3] for spend in spends))
    return Expected(upper, 1.0, ((RUN, "sampled", upper, n, k, total),), spends, drawn)
