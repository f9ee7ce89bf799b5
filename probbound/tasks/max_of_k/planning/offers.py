"""What a strategy is predicted to give for what is left of a budget, and which is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from probbound.contract.confidence import CANDIDATES, best_delta

MOST_DRAWS = 1 << 36  # the most that `probbound.check` draws again
NEAR = 1.001


@dataclass(frozen=True)
class Pool:
    """Where draws come from, and what a pilot saw of it.

    `share` of all inputs; of it `kept` is what the copying check leaves, `wrong` what is answered
    wrongly. `members` is how many sequences it has, None if they cannot be listed.
    """

    share: Fraction
    kept: Fraction
    wrong: Fraction
    members: int | None = None


@dataclass(frozen=True)
class Offer:
    """A strategy with its knobs, and what is predicted of it: the less the better.

    Without `delta` nothing is left to chance.
    """

    strategy: str
    value: float
    draws: int = 0
    delta: float | None = None
    passes: int = 0


@dataclass(frozen=True)
class Bidding:
    """What offers are made by: the operations left, and δ, None if it is to be chosen."""

    rest: Fraction
    delta: float | None

    def sampled(
        self, strategy: str, pool: Pool, each: Fraction | int, fixed: int = 0
    ) -> list[Offer]:
        """As many draws of a source as the rest pays for, or all that it has; none for none."""
        draws = min(MOST_DRAWS, math.floor((self.rest - fixed) / each))
        if draws < 1:
            return []
        if pool.members is not None and pool.members <= draws:
            value = float(min(pool.wrong * pool.share, pool.share))
            return [Offer(strategy, value, pool.members)]
        choice = best_delta(
            round(draws * pool.wrong),
            draws,
            share=float(pool.share),
            proven=float(pool.share),
            candidates=CANDIDATES if self.delta is None else np.array([self.delta]),
        )
        value = choice.weighted if self.delta is None else choice.failure_upper
        return [Offer(strategy, value, draws, choice.delta)]


def taken(offers: Sequence[Offer]) -> Offer | None:
    """The first that is as good as the best, within NEAR."""
    least = min((offer.value for offer in offers), default=math.inf)
    return next((offer for offer in offers if offer.value <= NEAR * least), None)
