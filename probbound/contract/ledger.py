"""The δ ledger: every spend of failure probability, and what they add up to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spend:
    """One statement that may fail, with probability at most exp(log_delta)."""

    statement: str
    method: str
    theorem: str
    delta: float
    log_delta: float
    samples: int


@dataclass(frozen=True)
class Ledger:
    """All spends behind one bound; by the union bound they add, however dependent they are."""

    spends: tuple[Spend, ...] = ()

    @property
    def log_delta(self) -> float:
        """log of the total δ; -inf if nothing was spent."""
        if not self.spends:
            return -math.inf
        return float(np.logaddexp.reduce([spend.log_delta for spend in self.spends]))

    @property
    def delta(self) -> float:
        """The total δ."""
        return math.fsum(spend.delta for spend in self.spends)


NOTHING_SPENT = Ledger()
