"""Modular addition: pairs of residues whose right answer is their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from probbound.arithmetic.scalars import whole
from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import CyclicSum
from probbound.tasks.pairs.population import Pairs

MOST_MODULUS = 1 << 14  # all p² pairs can be counted in 32 bits, and a table of them be held


@dataclass(frozen=True)
class ModularAddition(Pairs):
    """Pairs (a, b) of 0 … p - 1, all equally likely; the answer is a + b mod p.

    Raises:
        UserError: if p is not an integer from 2 to MOST_MODULUS.
    """

    p: int
    name: ClassVar[str] = "modular-addition"

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", whole("p of modular addition", self.p))
        if not 2 <= self.p <= MOST_MODULUS:
            raise UserError(f"p must be at least 2 and at most {MOST_MODULUS:,}, got {self.p}")

    @property
    def answers(self) -> int:
        """p."""
        return self.p

    @property
    def labelling(self) -> CyclicSum:
        """Sums are worked out as they are asked for."""
        return CyclicSum(self.p)

    def _tabled(self) -> Int[np.ndarray, "p p"]:
        residues = np.arange(self.p)
        return np.add.outer(residues, residues) % self.p

    def labels(self, inputs: Int[np.ndarray, "n 2"]) -> Int[np.ndarray, " n"]:
        """The sum of each pair."""
        return inputs.sum(axis=1) % self.p
