"""From sampled counts to rows of the table."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from estimators.guarantee import Guarantee
from probbound.noise.contract import NoiseBound, Quantity
from probbound.noise.term import NoiseTerm
from probbound.rounding import product_up, ratio_up


class Work(NamedTuple):
    """What the rows of one method rest on, and cost together."""

    method: str
    log_delta: float
    entries: int
    flops: int
    seconds: float

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

    `share` bounds the share of such entries. Where pairs are read, the last token meets itself
    in every input, so that the diagonal is looked at entry by entry.
    """
    length, columns = quantity.n_ctx or 1, term.shape[1]
    if term.reads == "pairs":
        own = np.abs(term.remainder.diagonal()) + term.remainder.entry_error()
        diagonal = int(np.count_nonzero(~(own <= (quantity.threshold or 0.0))))
        exact = (length - 1) * Fraction(share) + Fraction(diagonal, columns)
    else:
        exact = (length if term.reads == "rows" else 1) * columns * Fraction(share)
    return ratio_up(min(exact, Fraction(1)), 1)


def part_of(share: float, members: int, population: int) -> float:
    """`share` of `members` as a share of `population`, rounded up."""
    return min(1.0, product_up(share, ratio_up(members, population)))
