"""What bounds on single losses say of their mean, as a strategy answers it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.decimals import upper
from probbound.contract.ledger import NOTHING_SPENT, Ledger, Spend
from probbound.strategies.means import bounded_mean, up
from probbound.strategies.outcome import NOTHING_SAMPLED, Level, LossBound, Outcome, Sampled

MOST_LOSSES = 1 << 24  # the most whose losses the checker bounds again


@dataclass(frozen=True)
class Losses:
    """Bounds on the losses of members drawn one after another, `run` of them run; fixed-n.

    None is above `largest`. With `population` they are of different members of so many, else of
    independent draws. The bound on their mean rests on `theorem` and fails with `delta`.
    """

    values: Float[np.ndarray, " n"]
    run: int
    largest: float
    delta: float
    theorem: str
    population: int | None = None

    def outcome(self) -> Outcome:
        """What they say of the mean (Theorem 2.34); of none of them, that it is a loss."""
        n, largest = len(self.values), self.largest
        if n == 0:
            nothing = LossBound(largest, largest, largest)
            return of_losses(nothing, (loss_level("sampled", largest, largest),))
        values = capped(self.values, largest)
        mean = bounded_mean(values, self.delta, largest, self.population)
        level = loss_level("sampled", mean.upper, largest, n, mean.log_delta)
        statement = (
            f"{n} losses, at most {upper(largest, 6)} each, have a mean of at most "
            f"{upper(mean.seen, 6)}, so that of all they were drawn from is at most "
            f"{upper(level.share_upper * largest, 6)}"
        )
        spend = Spend(statement, mean.method, self.theorem, self.delta, mean.log_delta, n)
        replaced = self.population is None
        sampled = Sampled(n, self.run, 0, replace=replaced, mean_loss=mean.seen)
        loss = LossBound(mean.upper, largest, largest)
        return of_losses(loss, (level,), Ledger((spend,)), sampled)


def capped(found: Float[np.ndarray, "*shape"], largest: float) -> Float[np.ndarray, "*shape"]:
    """Bounds on losses, none above the largest possible; a NaN is the largest."""
    return np.where(found <= largest, found, largest)


def of_losses(
    loss: LossBound,
    levels: tuple[Level, ...],
    ledger: Ledger = NOTHING_SPENT,
    sampled: Sampled = NOTHING_SAMPLED,
) -> Outcome:
    """An answer about a mean loss, which says nothing of failures."""
    return Outcome(1.0, 1.0, levels, ledger, sampled, loss=loss)


def loss_level(
    mode: Literal["enumerated", "sampled"],
    upper: float,
    largest: float,
    samples: int = 0,
    log_delta: float = -math.inf,
) -> Level:
    """Forward passes; what a level of losses leaves over is its mean, as a share of the largest."""
    return Level("forward pass", mode, min(up(upper / largest), 1.0), samples, 0, log_delta)
