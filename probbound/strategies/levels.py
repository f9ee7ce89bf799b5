"""The engine: members go through a row of checks, cheap ones first, and one interval ends it.

Where members come from is a source, what they have to pass is a row, and what their number says is
a law. Neither a task nor a network is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from probbound.contract.checks import Batch, Check
from probbound.contract.residue import Residue, Tickets, draw
from probbound.draws.random_streams import Stream
from probbound.machine.parallel import parallel_map
from probbound.populations.ranks import different
from probbound.strategies.chunks import Chunk
from probbound.strategies.laws import NOTHING_KNOWN, Bounded, Law
from probbound.strategies.outcome import Level
from probbound.strategies.rooms import InOrder, passed
from probbound.strategies.tally import Step, Tally

CHUNK = 1 << 15
RESIDUE_CHUNK = 1 << 18
MOST_DRAWS = 1 << 36  # the most that `probbound.check` draws again


@runtime_checkable
class Source(Protocol):
    """Members by number: draws, or all there are in order; any part is the same whoever asks."""

    @property
    def chunk(self) -> int:
        """How many numbers are looked at together."""
        ...

    def tickets(self, start: int, stop: int) -> Tickets:
        """Those number `start` to `stop` - 1; on a blank one is no member, so that none fails."""
        ...

    def flops(self, number: int) -> int:
        """Operations of finding so many."""
        ...


@runtime_checkable
class Sampleable(Protocol):
    """A population that can be drawn from."""

    def sample(self, stream: Stream, start: int, stop: int) -> Batch:
        """Draws number `start` to `stop` - 1, independent of one another."""
        ...


@dataclass(frozen=True)
class Inputs:
    """Draws from a whole population."""

    population: Sampleable
    stream: Stream
    chunk: int = CHUNK

    def tickets(self, start: int, stop: int) -> Tickets:
        """Draws number `start` to `stop` - 1, none of them blank."""
        members = self.population.sample(self.stream, start, stop)
        return Tickets(members, np.zeros(len(members), dtype=bool))

    def flops(self, number: int) -> int:
        """Moving words is not counted."""
        return 0


@runtime_checkable
class Listable(Protocol):
    """A population whose members are numbered."""

    def members(self, tickets: Int[np.ndarray, " n"]) -> Batch:
        """The member of each number."""
        ...


@dataclass(frozen=True)
class EveryMember:
    """All members of a whole population, in order."""

    population: Listable
    chunk: int = CHUNK

    def tickets(self, start: int, stop: int) -> Tickets:
        """Members `start` to `stop` - 1, none of them blank."""
        members = self.population.members(np.arange(start, stop))
        return Tickets(members, np.zeros(len(members), dtype=bool))

    def flops(self, number: int) -> int:
        """Finding where they lie is not counted."""
        return 0


@dataclass(frozen=True)
class Different:
    """`number` different members of a whole population of `size`, in random order (7.1)."""

    population: Listable
    stream: Stream
    number: int
    size: int
    chunk: int = CHUNK

    @cached_property
    def _drawn(self) -> Int[np.ndarray, " number"]:
        return different(self.stream, self.number, self.size)

    def tickets(self, start: int, stop: int) -> Tickets:
        """Draws number `start` to `stop` - 1, none of them blank."""
        members = self.population.members(self._drawn[start:stop])
        return Tickets(members, np.zeros(len(members), dtype=bool))

    def flops(self, number: int) -> int:
        """Moving words is not counted."""
        return 0


@dataclass(frozen=True)
class _OfResidue:
    """Tickets of what a screen left."""

    residue: Residue
    stream: Stream

    @property
    def chunk(self) -> int:
        """Tickets looked at together."""
        return RESIDUE_CHUNK

    def flops(self, number: int) -> int:
        """Chunk by chunk: what a residue works out anew is paid each time."""
        return in_chunks(self.residue.draw_flops, number)


class TicketDraws(_OfResidue):
    """Draws from what a screen left (Theorem 1.4)."""

    def tickets(self, start: int, stop: int) -> Tickets:
        """Tickets drawn with replacement."""
        return draw(self.residue, self.stream, start, stop)


class EveryTicket(_OfResidue):
    """All that a screen left, in order."""

    def tickets(self, start: int, stop: int) -> Tickets:
        """Tickets `start` to `stop` - 1."""
        return self.residue.members(np.arange(start, stop), self.stream, start)


@dataclass(frozen=True)
class Row:
    """Checks in a row: the cheap ones in order, then the exact one for what they all leave."""

    cheap: tuple[Check, ...]
    exact: Check

    @property
    def checks(self) -> tuple[Check, ...]:
        """All of them, in order."""
        return (*self.cheap, self.exact)

    def flops(self, tally: Tally) -> int:
        """Operations of the checks behind a tally."""
        return sum(c.flops * n for c, n in zip(self.checks, tally.came, strict=True))


def look(
    source: Source,
    number: int,
    row: Row,
    most: int,
    *,
    label: str,
    survives: bool = False,
    may_stop: Callable[[Tally], bool] = lambda _: False,
) -> Tally:
    """Look at members number 0 to `number` - 1; at most `most` reach the exact check.

    The cheap checks run on all cores; so does the exact one, where all may reach it, and else in
    order. An interruption by the user ends the looking where it `survives` that, and is passed on
    where it does not.
    """
    before = len(row.checks) if most >= number else len(row.cheap)
    steps = _through(source, number, row.checks[:before], label)
    leaves = [check.uncertified for check in row.checks]
    return passed(
        *(steps, InOrder(leaves, most, source.chunk, before)),
        survives=survives,
        may_stop=may_stop,
    )


def _through(source: Source, number: int, checks: tuple[Check, ...], label: str) -> Iterator[Step]:
    """The chunks of members in order, through some checks on all cores."""

    def seen(start: int) -> Step:
        stop = min(start + source.chunk, number)
        members, counts = source.tickets(start, stop).genuine, []
        for check in checks:
            left = check.uncertified(members)
            counts.append((len(members), int(left.sum())))
            members = members[left]
        came, over = zip(*counts, strict=True) if counts else ((), ())
        return Step(stop - start, Chunk(members), came, over)

    return parallel_map(seen, range(0, number, source.chunk), label)


def judged(tally: Tally, law: Law, row: Row) -> tuple[Bounded, tuple[Level, ...]]:
    """One interval for the whole row (Theorem 2.12), and the levels: all but the last pass on."""
    bounded = NOTHING_KNOWN
    if tally.draws:
        bounded = law.bound(tally.failures, tally.draws, interrupted=tally.interrupted)
    passed = (
        Level(check.name, "passed through", 1.0, tally.draws, left)
        for check, left in zip(row.cheap, tally.left[:-1], strict=True)
    )
    last = Level(
        *(row.exact.name, "sampled", bounded.share_upper, tally.draws, tally.failures),
        log_delta=bounded.log_delta,
    )
    return bounded, (*passed, last)


def in_chunks(flops: Callable[[int], int], number: int) -> int:
    """Operations of finding so many members chunk by chunk."""
    chunks, rest = divmod(number, RESIDUE_CHUNK)
    return chunks * flops(RESIDUE_CHUNK) + flops(rest)
