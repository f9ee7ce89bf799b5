"""The one loop: steps come, a room takes them in, and what it has seen of them is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Bool

from probbound.contract.checks import Batch
from probbound.strategies.chunks import Chunk, Queue
from probbound.strategies.tally import Step, Tally

Leaves = Callable[[Batch], Bool[np.ndarray, " n"]]  # True: not passed
Seen = TypeVar("Seen")


@runtime_checkable
class Room(Protocol[Seen]):
    """What is asked of members, and how it is counted."""

    @property
    def nothing(self) -> Seen:
        """Before anything was looked at."""
        ...

    def entered(self, seen: Seen, step: Step, /) -> Seen:
        """With one more step; what waits is not counted yet."""
        ...

    def emptied(self, seen: Seen, /) -> Seen:
        """With all that waited."""
        ...

    def stopped(self, seen: Seen, /) -> Seen:
        """As it is when the user interrupts: what waits is conceded."""
        ...


def passed(
    steps: Iterable[Step],
    room: Room[Seen],
    *,
    survives: bool,
    may_stop: Callable[[Seen], bool] = lambda _: False,
) -> Seen:
    """Let the steps enter, until there are no more or the drawing `may_stop`.

    An interruption by the user ends it where it `survives` that, and is passed on where it does
    not. A step that was not taken in as a whole is not counted.
    """
    seen = room.nothing
    try:
        for step in steps:
            seen = room.entered(seen, step)
            if may_stop(seen):
                break
        return room.emptied(seen)
    except KeyboardInterrupt:
        if not survives:
            raise
        return room.stopped(seen)


@dataclass
class InOrder:
    """Checks in a row, one step after another; at most `most` members reach the last (Theorem 7.4).

    The first `before` of them have seen the members of a step already, the next is handed these as
    they come, and later ones full batches of what the one before left. What is left to the last
    check when the looks are spent is conceded.
    """

    checks: Sequence[Leaves]
    most: int
    batch: int
    before: int = 0
    queues: list[Queue] = field(init=False)

    def __post_init__(self) -> None:
        self.queues = [Queue() for _ in self.checks]

    @property
    def nothing(self) -> Tally:
        """A count of nothing for each check."""
        return Tally.none(len(self.checks))

    def entered(self, tally: Tally, step: Step, /) -> Tally:
        """Through the first check, and full batches through the others."""
        tally = tally.stepped(step)
        if self.before < len(self.checks):
            tally = self._looked(tally, self.before, step.chunk)
        return self._followed_up(tally, all_of_it=False)

    def emptied(self, tally: Tally, /) -> Tally:
        """All that waits goes through the later checks."""
        return self._followed_up(tally, all_of_it=True)

    def stopped(self, tally: Tally, /) -> Tally:
        """What waits is conceded."""
        return tally.stopped()

    def _followed_up(self, tally: Tally, *, all_of_it: bool) -> Tally:
        for level in range(self.before + 1, len(self.checks)):
            for waiting in self.queues[level].taken(self.batch, all_of_it=all_of_it):
                tally = self._looked(tally, level, waiting)
        return tally

    def _looked(self, tally: Tally, level: int, chunk: Chunk) -> Tally:
        last = level == len(self.checks) - 1
        if last:
            chunk, beyond = chunk.cut(self.most - tally.looks)
            tally = tally.conceding(beyond.tickets)
        if not len(chunk.batch):
            return tally
        over = self.checks[level](chunk.batch)
        if not last:
            self.queues[level + 1].add(chunk.where(over))
        return tally.looked(level, len(chunk.batch), chunk.tickets, chunk.tickets_where(over))
