"""From sampled counts to rows of the table."""

from __future__ import annotations

import math
from typing import NamedTuple

from estimators.guarantee import Guarantee
from probbound.arithmetic.rounding import product_up, ratio_up
from probbound.noise.contract import NoiseBound, Quantity
from probbound.noise.inputs import diagonal_flops, input_share_from_share
from probbound.noise.term import NoiseTerm


class Work(NamedTuple):
    """What the rows of one method rest on, and cost together."""

    method: str
    log_delta: float
    entries: int
    flops: int
    seconds: float

    def touching(self, term: NoiseTerm) -> Work:
        """With the diagonal that `touched` looks at."""
        return self._replace(flops=self.flops + diagonal_flops(term))

    def answer(
        self, quantity: Quantity, bound: float, *, certain: bool = False, detail: str = ""
    ) -> NoiseBound:
        """The row of a quantity; `certain` if nothing was left to chance."""
        return NoiseBound(
            quantity,
            self.method,
            bound,
            Guarantee.DETERMINISTIC if certain else Guarantee.HIGH_PROBABILITY,
            -math.inf if certain else self.log_delta,
            self.entries,
            self.flops,
            self.seconds,
            detail=detail,
        )


def touched(term: NoiseTerm, quantity: Quantity, share: float) -> float:
    """Share of inputs that touch an entry above the threshold, from the entries' (Theorem 3.29).

    Where whole rows are read, every entry of the rows counts, and the bound is soon vacuous.
    """
    length, threshold = quantity.n_ctx or 1, quantity.threshold or 0.0
    if term.reads == "pairs":
        return input_share_from_share(term, share, threshold, length)
    rows = length if term.reads == "rows" else 1
    return min(1.0, product_up(share, float(rows * term.shape[1])))


def share_up(share: float, members: int, population: int | None = None) -> float:
    """`share` of `members` as a share of `population` (or of themselves), rounded up.

    `share` is a whole number of members divided by `members` and rounded to nearest, as bounds
    without replacement are; the number is recovered and divided anew (Theorem 5.1).
    """
    return ratio_up(round(share * members), population or members)
