"""Checks in a row: what each leaves goes on to the next, until the looks are spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool

from probbound.own.sample import Chunk
from probbound.populations.contract import Batch

Check = Callable[[Batch], Bool[np.ndarray, " n"]]  # True: good


@dataclass(frozen=True)
class Tally:
    """What reached each check and what it left over, in tickets; the exact check is the last.

    Attributes:
        samples: tickets that reached each check; of the exact one, those it looked at.
        left: tickets that each check did not pass.
        conceded: tickets left to the exact check that it did not look at.
        looks: members that the exact check looked at.
        cheap: members that the others looked at, each counted for itself.
        members: those that the first check looked at.
        interrupted: whether the user stopped it.
    """

    samples: tuple[int, ...]
    left: tuple[int, ...]
    conceded: int = 0
    looks: int = 0
    cheap: int = 0
    members: int = 0
    interrupted: bool = False

    @classmethod
    def none(cls, checks: int) -> Tally:
        """Before anything was looked at."""
        return cls((0,) * checks, (0,) * checks)

    @property
    def failures(self) -> int:
        """Tickets found bad or conceded."""
        return self.left[-1] + self.conceded

    def looked(self, level: int, chunk: Chunk, left: int) -> Tally:
        """With one more batch looked at by a check."""
        samples, over = list(self.samples), list(self.left)
        samples[level] += chunk.tickets
        over[level] += left
        members, exact = len(chunk.batch), level == len(over) - 1
        return replace(
            self,
            samples=tuple(samples),
            left=tuple(over),
            looks=self.looks + members * exact,
            cheap=self.cheap + members * (not exact),
            members=self.members + members * (level == 0),
        )

    def stopped(self) -> Tally:
        """Interrupted: what is on its way between the checks is conceded."""
        later = zip(self.samples[1:], self.left[1:], strict=True)
        settled = sum(reached - over for reached, over in later) + self.left[-1] + self.conceded
        waiting = self.left[0] - settled if len(self.left) > 1 else 0
        return replace(self, conceded=self.conceded + waiting, interrupted=True)

    def of_all(self, tickets: int) -> Tally:
        """Of so many tickets: those that never came are conceded."""
        came = self.samples[0] + (self.conceded if len(self.left) == 1 else 0)
        return replace(self, conceded=self.conceded + tickets - came)

    def left_by_all(self, tickets: int) -> Tally:
        """Of so many tickets: those that never came count as left over by every check."""
        made = self.of_all(tickets)
        missing = made.conceded - self.conceded
        samples, left = ([n + missing for n in row[:-1]] for row in (made.samples, made.left))
        return replace(made, samples=(*samples, made.samples[-1]), left=(*left, made.left[-1]))


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


def run_levels(chunks: Iterable[Chunk], checks: Sequence[Check], looks: int, batch: int) -> Tally:
    """Pass members through the checks, at most `looks` of them through the last (Theorem 7.4).

    What is left to the last check when the looks are spent is conceded. An interruption ends the
    run: chunks that the first check did not finish are not counted.
    """
    tally = Tally.none(len(checks))
    queues = [Queue() for _ in checks]
    last = len(checks) - 1

    def look(level: int, chunk: Chunk) -> None:
        nonlocal tally
        if level == last:
            chunk, beyond = chunk.cut(looks - tally.looks)
            tally = replace(tally, conceded=tally.conceded + beyond.tickets)
        if not len(chunk.batch):
            return
        over = ~checks[level](chunk.batch)
        left = chunk.where(over) if level < last or chunk.counts is not None else None
        tally = tally.looked(level, chunk, int(over.sum()) if left is None else left.tickets)
        if level < last and left is not None:
            queues[level + 1].add(left)

    try:
        for chunk in chunks:
            look(0, chunk)
            for level in range(1, len(checks)):
                for waiting in queues[level].taken(batch, all_of_it=False):
                    look(level, waiting)
        for level in range(1, len(checks)):
            for waiting in queues[level].taken(batch, all_of_it=True):
                look(level, waiting)
    except KeyboardInterrupt:
        return tally.stopped()
    return tally


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    counts = [chunk.counts for chunk in chunks if chunk.counts is not None]
    return Chunk(
        np.concatenate([chunk.batch for chunk in chunks]),
        np.concatenate(counts) if counts else None,
    )
