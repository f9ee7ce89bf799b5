"""Pairs of operands: looked at one by one, and all of them; what a screen leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.contract.residue import Tickets
from probbound.draws.random_streams import Stream
from probbound.tasks.pairs.folded import Folded

Pairs = Int[np.ndarray, "n 2"]
BLOCK_BYTES = 1 << 21


@dataclass(frozen=True)
class PairResidue:
    """The pairs that a screen left, each on one ticket."""

    pairs: Pairs

    @classmethod
    def of(cls, left: Bool[np.ndarray, "n_first n_second"]) -> PairResidue:
        """Those that are marked, in the order of their numbers."""
        return cls(np.argwhere(left))

    @property
    def tickets(self) -> int:
        """One for each pair."""
        return len(self.pairs)

    @property
    def size(self) -> Fraction:
        """How many pairs there are."""
        return Fraction(self.tickets)

    def members(self, ranks: Int[np.ndarray, " n"], stream: Stream, start: int) -> Tickets:
        """The pairs on the tickets number `ranks`."""
        del stream, start
        return Tickets(self.pairs[ranks], np.zeros(len(ranks), dtype=bool))

    def draw_flops(self, draws: int) -> int:
        """A look-up each, which is not counted."""
        del draws
        return 0


def rows_at_once(folded: Folded) -> int:
    """How many values of a make a block of pairs whose features fill BLOCK_BYTES."""
    return max(1, BLOCK_BYTES // (8 * folded.n_features * max(folded.n_second, 1)))


def all_features(folded: Folded) -> Iterator[tuple[slice, Float[np.ndarray, "n n_features"]]]:
    """The features of all pairs (a, b), a block of values of a after the other, b running first.

    Each block is overwritten by the next.
    """
    step = rows_at_once(folded)
    buffer = np.empty((step, folded.n_second, folded.n_features))
    for start in range(0, folded.n_first, step):
        rows = slice(start, min(start + step, folded.n_first))
        block = buffer[: rows.stop - start]
        with np.errstate(all="ignore"):
            np.add(folded.first[rows, None], folded.second[None], out=block)
            gates = block[..., : folded.gated]
            np.maximum(gates, 0.0, out=gates)
        yield rows, block.reshape(-1, folded.n_features)


def features(
    folded: Folded, a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "n n_features"]:
    """The features of pairs."""
    with np.errstate(all="ignore"):
        found = folded.first[a]
        found += folded.second[b]
        gates = found[:, : folded.gated]
        np.maximum(gates, 0.0, out=gates)
    return found


def positive_parts(
    folded: Folded, rows: Float[np.ndarray, "n n_features"]
) -> Float[np.ndarray, "n n_features"]:
    """Rows of an operand with what is negative at a gate put to zero."""
    found = rows.copy()
    gates = found[:, : folded.gated]
    np.maximum(gates, 0.0, out=gates)
    return found


def feature_flops(folded: Folded) -> int:
    """Operations of the features of one pair: a sum each, and a comparison at each gate."""
    return folded.n_features + folded.gated


def numbered(folded: Folded, rows: slice) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """The pairs of a block of values of a, in the order of `all_features`."""
    a, b = np.indices((rows.stop - rows.start, folded.n_second))
    return a.ravel() + rows.start, b.ravel()


def in_chunks(
    check: Callable[[Int[np.ndarray, " n"], Int[np.ndarray, " n"]], Bool[np.ndarray, " n"]],
    pairs: Pairs,
    width: int,
) -> Bool[np.ndarray, " n"]:
    """A check of pairs, on as many at once as fit BLOCK_BYTES with `width` numbers each."""
    step = max(1, BLOCK_BYTES // (8 * width))
    parts = [
        check(pairs[start : start + step, 0], pairs[start : start + step, 1])
        for start in range(0, len(pairs), step)
    ]
    return np.concatenate([np.zeros(0, dtype=bool), *parts])
