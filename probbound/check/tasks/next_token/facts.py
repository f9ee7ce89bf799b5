"""What a certificate over rows has to say of its counts (Theorems 9.5 and 9.12)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from probbound.check.bounds import anytime, clopper_pearson, up
from probbound.check.expected import Expected, Facts
from probbound.check.own.intervals import most_share
from probbound.check.report import Refused
from probbound.check.tasks.arithmetic import RESERVE, RUN
from probbound.check.tasks.next_token.recipe import Recipe


@dataclass(frozen=True)
class Apart:
    """Different ones of so many rows (9.5)."""

    rows: int
    methods = ("hypergeometric", "uniform-mixture hypergeometric")
    theorem = "9.5"
    replaced = False

    def said(self, k: int, n: int) -> str:
        """What was counted."""
        return f"{k} of {n} different ones of {self.rows} failed"

    def upper(self, k: int, n: int, delta: float, *, at_any_time: bool) -> float:
        """What their share is at most."""
        return up(most_share(k, n, self.rows, delta, at_any_time=at_any_time))


@dataclass(frozen=True)
class Independent:
    """Independent draws (9.12 by 4.21)."""

    methods = ("clopper-pearson", "beta-binomial mixture")
    theorem = "4.21"
    replaced = True

    def said(self, k: int, n: int) -> str:
        """What was counted."""
        return f"{k} of {n} draws failed"

    def upper(self, k: int, n: int, delta: float, *, at_any_time: bool) -> float:
        """What their probability is at most."""
        return (anytime if at_any_time else clopper_pearson)(k, n, math.log(delta))


def claimed(predicate: Mapping[str, Any], rows: int | None) -> Facts:
    """The counts as it states them.

    Raises:
        Refused: if it has not the one level that there is.
    """
    levels = [(level["check"], level["mode"]) for level in predicate["levels"]]
    if levels == [(RUN, "enumerated")] and rows is not None:
        share = predicate["levels"][0]["share_upper"]
        return Facts(share, failures=math.ceil(share * rows * (1 - 2.0**-40)))
    if levels != [(RUN, "sampled")]:
        raise Refused("its levels are not those of rows that were looked at")
    said = predicate["sampling"]
    return Facts(1.0, said["draws"], said["draws"], said["samples"], said["failures"])


def expected(
    predicate: Mapping[str, Any], facts: Facts, recipe: Recipe, rows: int | None
) -> Expected:
    """What it has to say where so much was counted of so many rows, None where they are drawn."""
    if predicate["levels"][0]["mode"] == "enumerated" and rows is not None:
        share = up(Fraction(facts.failures, rows))
        return Expected(share, share, ((RUN, "enumerated", share, 0, 0, None),))
    k, n, delta = facts.failures, facts.draws, predicate["delta_allowed"]
    law = Independent() if rows is None else Apart(rows)
    (fixed, mixture), drawn = law.methods, (n, facts.run, k, law.replaced)
    if n == 0:
        return Expected(1.0, 1.0, ((RUN, "sampled", 1.0, 0, 0, None),), (), drawn)
    statement = law.said(k, n)
    if recipe.anytime:
        upper = law.upper(k, n, delta, at_any_time=True)
        spends = ((statement, mixture, law.theorem, delta, n),)
    else:
        main, reserve = (1 - RESERVE) * delta, RESERVE * delta
        stopped = predicate["stopped_at"] is not None
        upper = law.upper(k, n, reserve if stopped else main, at_any_time=stopped)
        spends = (
            (statement, f"{fixed} at the planned number of draws", law.theorem, main, n),
            (statement, f"{mixture}, should drawing be interrupted", law.theorem, reserve, n),
        )
    total = math.log(math.fsum(spend[3] for spend in spends))
    return Expected(upper, 1.0, ((RUN, "sampled", upper, n, k, total),), spends, drawn)
