"""Counting the uncertified sequences of max-of-K by listing product sets (Theorem 1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.arithmetic.rounding import certainly_negative
from probbound.contract.residue import Tickets, located, numbers_within
from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.machine.parallel import parallel_map
from probbound.models.attention_only.additive import AdditiveTables, label_term_flops, label_terms
from probbound.models.attention_only.transformer import Transformer

Block = tuple[slice, ...]
_TICKET_BITS = 61


def blocks_of(query: int, label: int, free: int) -> Iterator[Block]:
    """The sequences with maximum `label` and last token `query`, as disjoint product sets.

    One set of token ranges for the `free` positions before the last: all tokens up to the label
    if the query is the label, else one set for each first position that holds the label.
    """
    if query == label:
        yield (slice(0, label + 1),) * free
        return
    for first in range(free):
        before, after = slice(0, label), slice(0, label + 1)
        yield (before,) * first + (slice(label, label + 1),) + (after,) * (free - 1 - first)


def uncertified_in(
    terms: Float[np.ndarray, "n_heads n_ctx d_vocab"], query: int, block: Block
) -> Bool[np.ndarray, "..."]:
    """Which sequences of a product set some head's terms fail to certify, one axis a position."""
    shape = tuple(part.stop - part.start for part in block)
    uncertified = np.zeros(shape, dtype=bool)
    for head in terms:
        total = np.asarray(head[-1, query])
        largest = total + sum(head[p, part].max() for p, part in enumerate(block))
        if not certainly_negative(largest):
            for position, part in enumerate(block):
                total = total[..., None] + head[position, part]
            uncertified |= ~certainly_negative(total)
    return uncertified


@dataclass(frozen=True)
class ListedResidue:
    """Exact count; tickets are in the order (query, label, block, tokens), as many as the mass.

    Where 62 bits do not number the mass, a ticket stands for 2^unit_bits of it, rounded up for
    each case, and what is past the last sequence of a case is blank (Theorem 1.11).
    """

    tables: AdditiveTables
    law: Prior
    cases: Int[np.ndarray, "n_cases 3"]
    counts: Int[np.ndarray, " n_cases"]

    @property
    def tickets(self) -> int:
        """Number of tickets."""
        return int(self.counts.sum())

    @property
    def size(self) -> Fraction:
        """Tickets times the mass a ticket stands for, at most all of it."""
        everything = self.law.total**self.tables.n_ctx
        return Fraction(min(self.tickets << _unit_bits(self.law, self.tables.n_ctx), everything))

    def members(self, ranks: Int[np.ndarray, " n"], stream: Stream, start: int) -> Tickets:
        """The tickets number `ranks`."""
        n_ctx = self.tables.n_ctx
        tokens = np.empty((len(ranks), n_ctx), dtype=np.int64)
        blank = np.zeros(len(ranks), dtype=bool)
        found, units = located(ranks, self.counts)
        bits = _unit_bits(self.law, n_ctx)
        numbers = numbers_within(units, bits, self.law.integers(n_ctx), stream, start)
        for query in np.unique(self.cases[found, 0]):
            terms = _terms(self.tables, int(query))
            for case in np.unique(found[self.cases[found, 0] == query]):
                drawn = found == case
                left = self._sequences(terms, int(case))
                ends = self.law.masses(left).cumsum()
                blank[drawn] = (numbers[drawn] >= ends[-1]).astype(bool)
                places = np.searchsorted(ends, numbers[drawn], side="right")
                tokens[drawn] = left[np.minimum(places, len(left) - 1)]
        return Tickets(tokens, blank)

    def draw_flops(self, draws: int) -> int:
        """Operations of `members`."""
        return listing_draw_flops(self.tables) if draws else 0

    def _sequences(
        self, terms: Float[np.ndarray, "n_heads n_ctx d_vocab n_labels"], case: int
    ) -> Int[np.ndarray, "n n_ctx"]:
        query, label, number = map(int, self.cases[case])
        block = list(blocks_of(query, label, self.tables.n_ctx - 1))[number]
        left = np.argwhere(uncertified_in(terms[..., label - query], query, block))
        offsets = [part.start for part in block]
        last = np.full((len(left), 1), query)
        return np.concatenate([left + np.array(offsets, dtype=np.int64), last], axis=1)


def list_residue(tables: AdditiveTables, law: Prior | None = None) -> ListedResidue:
    """The residue of the additive screen, exactly; its mass under `law`, uniform by default."""
    law = law or Prior.uniform(tables.d_vocab)
    found = parallel_map(partial(_list_query, tables, law), range(tables.d_vocab), "listing")
    rows = np.concatenate([np.array(rows, dtype=np.int64).reshape(-1, 4) for rows in found])
    return ListedResidue(tables, law, rows[:, :3], rows[:, 3])


def listing_flops(sizes: AdditiveTables | Transformer) -> int:
    """Operations of `list_residue` after the terms: an add, a compare and a count a sequence."""
    return 3 * sizes.n_heads * sizes.d_vocab**sizes.n_ctx


def listing_draw_flops(sizes: AdditiveTables | Transformer) -> int:
    """Operations of `ListedResidue.members`: at most those of listing everything once more."""
    return label_term_flops(sizes) + listing_flops(sizes)


def _list_query(tables: AdditiveTables, law: Prior, query: int) -> list[tuple[int, int, int, int]]:
    terms = _terms(tables, query)
    rows, bits = [], _unit_bits(law, tables.n_ctx)
    for label in range(query, tables.d_vocab):
        for number, block in enumerate(blocks_of(query, label, tables.n_ctx - 1)):
            left = uncertified_in(terms[..., label - query], query, block)
            if mass := law.weights[query] * _mass(left, block, law):
                rows.append((query, label, number, -(-mass >> bits)))
    return rows


def _mass(left: Bool[np.ndarray, "..."], block: Block, law: Prior) -> int:
    """The mass of the free tokens of the sequences that are left, summed one axis at a time."""
    if law.is_uniform:
        return int(left.sum())
    for positions, part in enumerate(reversed(block), 1):
        integers = law.integers(positions)
        left = left.astype(integers) @ law.array[part].astype(integers)
    return int(left)


def _unit_bits(law: Prior, n_ctx: int) -> int:
    """A ticket stands for a mass of 2^bits, so that all tickets fit in 62 bits."""
    return max(0, (law.total**n_ctx).bit_length() - _TICKET_BITS)


def _terms(
    tables: AdditiveTables, query: int
) -> Float[np.ndarray, "n_heads n_ctx d_vocab n_labels"]:
    return np.stack([label_terms(tables, head, query) for head in range(tables.n_heads)])
