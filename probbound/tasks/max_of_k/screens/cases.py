"""Cases of max-of-K: a last token and a label, with all the sequences that have both (4.40)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.noise.sampled.draws import distinct

MOST_TOKENS = 1 << 20

Pairs = Int[np.ndarray, "n 2"]


@dataclass(frozen=True)
class Cases:
    """All cases (query, label) of a task, query <= label; only query = label where n_ctx is 1.

    A case holds the sequences with that last token and that largest token, whose other free
    tokens are the label or at least `gap` below it.

    Raises:
        UserError: if a size or the gap is below 1, or there are more than MOST_TOKENS tokens.
    """

    d_vocab: int
    n_ctx: int
    gap: int = 1

    def __post_init__(self) -> None:
        if min(self.d_vocab, self.n_ctx, self.gap) < 1 or self.d_vocab > MOST_TOKENS:
            raise UserError(
                f"cases need sizes and a gap of at least 1 and at most {MOST_TOKENS} tokens, got "
                f"{self.d_vocab} tokens, {self.n_ctx} positions and a gap of {self.gap}"
            )

    @property
    def number(self) -> int:
        """How many cases there are."""
        v = self.d_vocab
        return v * (v + 1) // 2 if self.n_ctx > 1 else v

    def at(self, numbers: Int[np.ndarray, " n"]) -> Pairs:
        """The cases of some numbers from 0 to `number` - 1, in the order (label, query)."""
        if self.n_ctx == 1:
            return np.stack([numbers, numbers], axis=1)
        starts = np.arange(self.d_vocab + 1, dtype=np.int64)
        starts = starts * (starts + 1) // 2
        labels = np.searchsorted(starts, numbers, side="right") - 1
        return np.stack([numbers - starts[labels], labels], axis=1)

    def drawn(self, stream: Stream, count: int) -> Pairs:
        """`count` different cases, uniform without replacement."""
        return self.at(distinct(stream, count, self.number))

    def size(self, query: int, label: int) -> int:
        """How many sequences a case has, exactly (Theorem 4.42 b)."""
        free, tokens = self.n_ctx - 1, max(label - self.gap + 1, 0) + 1
        return tokens**free - (0 if query == label else (tokens - 1) ** free)

    @property
    def sequences(self) -> int:
        """How many sequences all cases have, exactly: all d_vocab^n_ctx for a gap of 1."""
        return sum(self.size(m, m) + m * self.size(-1, m) for m in range(self.d_vocab))

    def of(self, tokens: Int[np.ndarray, "n_drawn n_ctx"]) -> Pairs:
        """The case of each sequence that belongs to one, the others left out."""
        labels = tokens.max(axis=1)
        free = tokens[:, :-1]
        kept = ((free == labels[:, None]) | (free <= labels[:, None] - self.gap)).all(axis=1)
        return np.stack([tokens[kept, -1], labels[kept]], axis=1)
