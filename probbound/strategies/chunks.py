"""Members that are looked at together, and a queue of those that wait for the next check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool

from probbound.contract.checks import Batch
from probbound.populations.contract import Counts


@dataclass(frozen=True)
class Chunk:
    """Members to look at, and how many of the tickets that count are theirs (None: one each)."""

    batch: Batch
    counts: Counts | None = None

    @property
    def tickets(self) -> int:
        """Those of all its members."""
        return len(self.batch) if self.counts is None else int(self.counts.sum())

    def tickets_where(self, mask: Bool[np.ndarray, " n"]) -> int:
        """Those of the members that a mask keeps."""
        return int((mask if self.counts is None else self.counts[mask]).sum())

    def where(self, mask: Bool[np.ndarray, " n"]) -> Chunk:
        """The members that a mask keeps."""
        return Chunk(self.batch[mask], None if self.counts is None else self.counts[mask])

    def cut(self, members: int) -> tuple[Chunk, Chunk]:
        """The first so many members, and the others."""
        at = min(max(members, 0), len(self.batch))
        counts = (None, None) if self.counts is None else (self.counts[:at], self.counts[at:])
        return Chunk(self.batch[:at], counts[0]), Chunk(self.batch[at:], counts[1])


@dataclass
class Queue:
    """Members that wait for the next check, so that it is handed full batches."""

    chunks: list[Chunk] = field(default_factory=list)
    members: int = 0

    def add(self, chunk: Chunk) -> None:
        """Let more wait."""
        if len(chunk.batch):
            self.chunks.append(chunk)
            self.members += len(chunk.batch)

    def taken(self, batch: int, *, all_of_it: bool) -> Iterator[Chunk]:
        """Full batches, and with `all_of_it` the rest."""
        while self.members >= (1 if all_of_it else batch):
            waiting = _joined(self.chunks)
            first, rest = waiting.cut(batch)
            self.chunks, self.members = [], 0
            self.add(rest)
            yield first


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    counts = [chunk.counts for chunk in chunks if chunk.counts is not None]
    return Chunk(
        np.concatenate([chunk.batch for chunk in chunks]),
        np.concatenate(counts) if counts else None,
    )
