"""Sums over arcs of a circle as differences of prefix sums (Theorem 8.8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse


@dataclass(frozen=True)
class Arcs:
    """For each shift d the arcs of positions in each state: signed ends, as a sparse matrix.

    `ends` times the prefix sums of all states gives, for each shift, the sum over each state's
    positions of that state's numbers. An operation is an addition for each stored end.
    """

    ends: sparse.csr_matrix
    p: int

    @classmethod
    def of(cls, states: Int[np.ndarray, "shifts p"], chosen: Int[np.ndarray, " n"]) -> Arcs:
        """The arcs of the chosen states; sums over others are not asked for."""
        shifts, p = states.shape
        rows, columns, signs = [], [], []
        for place, state in enumerate(chosen):
            inside = np.zeros((shifts, p + 2), dtype=np.int8)
            inside[:, 1:-1] = states == state
            turns = np.diff(inside, axis=1)
            row, end = np.nonzero(turns)
            rows.append(row)
            columns.append(end + place * (p + 1))
            signs.append(-turns[row, end].astype(np.float64))
        entries = np.concatenate(signs), (np.concatenate(rows), np.concatenate(columns))
        return cls(sparse.csr_matrix(entries, shape=(shifts, len(chosen) * (p + 1))), p)

    @property
    def stored(self) -> int:
        """How many ends there are, the empty sums before the first position not counted."""
        return int((self.ends.indices % (self.p + 1) != 0).sum())

    @property
    def most(self) -> int:
        """The most ends of one shift."""
        return int(np.diff(self.ends.indptr).max(initial=0))

    def sums(
        self, numbers: Float[np.ndarray, "states p *rest"]
    ) -> Float[np.ndarray, "shifts *rest"]:
        """For each shift, what the numbers of each position add up to in that position's state."""
        states, p, *rest = numbers.shape
        prefix = np.zeros((states, p + 1, *rest))
        np.cumsum(numbers, axis=1, out=prefix[:, 1:])
        found = np.asarray(self.ends @ prefix.reshape(states * (p + 1), -1))
        return found.reshape(len(found), *rest)
