"""A mean loss over rows made again (Theorems 9.10 and 6.17)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from probbound.check.betting import upper_mean
from probbound.check.bounds import up
from probbound.check.compare import TOLERANCE, require, wrong_levels, wrong_spends
from probbound.check.report import Refused
from probbound.check.tasks.loss_claim import (
    ExpectedLoss,
    loss_faults,
    loss_level,
    loss_spend,
    understated,
)
from probbound.check.tasks.next_token.looks import all_looked_at, drawn
from probbound.check.tasks.next_token.outcomes import Lost
from probbound.check.tasks.next_token.recipe import Recipe

_THEOREM = "9.10"


def losses_again(predicate: Mapping[str, Any], recipe: Recipe, lost: Lost) -> Iterator[str]:
    """What holds of a mean loss computed again, sentence by sentence.

    Raises:
        Refused: at the first thing that does not.
    """
    if predicate["stopped_at"] is not None:
        raise Refused(f"a mean loss cannot be interrupted: {recipe.text}")
    require(loss_faults(predicate, TOLERANCE))
    yield "the ledger adds up, and its bounds fit each other"
    wanted = _over_all(predicate, lost) if all_looked_at(predicate) else _drawn(predicate, lost)
    require(understated(predicate, wanted, TOLERANCE))
    require(wrong_levels(predicate, wanted))
    require(wrong_spends(predicate, wanted))
    yield "the same rows were drawn, their losses computed again, and it claims no less"


def _over_all(predicate: Mapping[str, Any], lost: Lost) -> ExpectedLoss:
    """The mean over every row, rounded up."""
    size = predicate["claim"]["population"]["size"]
    total = math.nextafter(math.fsum(lost.losses(np.arange(size))), math.inf)
    mean = min(up(Fraction(total) / size), lost.largest)
    level = loss_level(predicate, lost.largest, "enumerated", mean)
    return ExpectedLoss(mean, mean, (level,), largest=lost.largest)


def _drawn(predicate: Mapping[str, Any], lost: Lost) -> ExpectedLoss:
    """The betting bound from as many different rows as the budget has."""
    n, largest = predicate["ran"]["budget"], lost.largest
    if n == 0:
        level = loss_level(predicate, largest, "sampled", math.inf)
        return ExpectedLoss(largest, largest, (level,), largest=largest)
    values, log_delta = lost.losses(drawn(predicate, n)), math.log(predicate["delta_allowed"])
    upper = upper_mean(values, largest, log_delta, predicate["claim"]["population"]["size"])
    return ExpectedLoss(
        upper,
        largest,
        (loss_level(predicate, largest, "sampled", upper, n, log_delta),),
        (loss_spend(predicate, n, _THEOREM),),
        (n, n, 0, False),
        largest=largest,
        mean=float(values.mean()),
    )
