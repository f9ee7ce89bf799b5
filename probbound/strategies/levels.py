"""The engine: members go through a row of checks, cheap ones first, and one interval ends it.

Where members come from is a source, what they have to pass is a row, and what their number says is
a law. Neither a task nor a network is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from probbound.contract.checks import Batch, Check
from probbound.contract.residue import Residue, Tickets, draw
from probbound.draws.random_streams import Stream
from probbound.machine.parallel import parallel_map
from probbound.strategies.laws import NOTHING_KNOWN, Bounded, Law
from probbound.strategies.outcome import Level

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

    @property
    def chunk(self) -> int:
        """Draws made together."""
        return CHUNK

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

    @property
    def chunk(self) -> int:
        """Members looked at together."""
        return CHUNK

    def tickets(self, start: int, stop: int) -> Tickets:
        """Members `start` to `stop` - 1, none of them blank."""
        members = self.population.members(np.arange(start, stop))
        return Tickets(members, np.zeros(len(members), dtype=bool))

    def flops(self, number: int) -> int:
        """Finding where they lie is not counted."""
        return 0


@dataclass(frozen=True)
class TicketDraws:
    """Draws from what a screen left (Theorem 1.4)."""

    residue: Residue
    stream: Stream

    @property
    def chunk(self) -> int:
        """Draws made together."""
        return RESIDUE_CHUNK

    def tickets(self, start: int, stop: int) -> Tickets:
        """Tickets drawn with replacement."""
        return draw(self.residue, self.stream, start, stop)

    def flops(self, number: int) -> int:
        """Chunk by chunk: what a residue works out anew is paid each time."""
        return in_chunks(self.residue.draw_flops, number)


@dataclass(frozen=True)
class EveryTicket:
    """All that a screen left, in order."""

    residue: Residue
    stream: Stream

    @property
    def chunk(self) -> int:
        """Tickets looked at together."""
        return RESIDUE_CHUNK

    def tickets(self, start: int, stop: int) -> Tickets:
        """Tickets `start` to `stop` - 1."""
        return self.residue.members(np.arange(start, stop), self.stream, start)

    def flops(self, number: int) -> int:
        """Chunk by chunk, as draws."""
        return in_chunks(self.residue.draw_flops, number)


@dataclass(frozen=True)
class Row:
    """Checks in a row: the cheap ones in order, then the exact one for what they all leave."""

    cheap: tuple[Check, ...]
    exact: Check

    def flops(self, tally: Tally) -> int:
        """Operations of the checks behind a tally."""
        reached = (tally.genuine, *tally.left[:-1])
        cheap = sum(c.flops * n for c, n in zip(self.cheap, reached, strict=False))
        return cheap + tally.run * self.exact.flops


@dataclass(frozen=True)
class Tally:
    """Numbers looked at, what each cheap check left of them, what was run, and what failed.

    What reached the exact check but was not run, the budget being spent, counts as a failure.
    """

    draws: int = 0
    genuine: int = 0
    left: tuple[int, ...] = ()
    run: int = 0
    failures: int = 0
    interrupted: bool = False

    @property
    def reached(self) -> int:
        """How many reached the exact check."""
        return self.left[-1] if self.left else self.genuine


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
    tally = Tally(left=(0,) * len(row.cheap))
    try:
        for passed in _through(source, number, row, label, every=most >= number):
            tally = _followed_up(tally, passed, row.exact, most)
            if may_stop(tally):
                break
    except KeyboardInterrupt:
        if not survives:
            raise
        tally = replace(tally, interrupted=True)
    return tally


@dataclass(frozen=True)
class Step:
    """A chunk of `looked` numbers: genuine members, what each cheap check left, and the last.

    `wrong` is how many of these the exact check leaves, None where it has not been asked.
    """

    looked: int
    genuine: int
    left: tuple[int, ...]
    members: Batch
    wrong: int | None


def _followed_up(tally: Tally, passed: Step, exact: Check, most: int) -> Tally:
    reached, wrong = len(passed.members), passed.wrong
    run = min(reached, most - tally.run)
    if wrong is None:
        wrong = int(exact.uncertified(passed.members[:run]).sum())
    return Tally(
        tally.draws + passed.looked,
        tally.genuine + passed.genuine,
        tuple(a + b for a, b in zip(tally.left, passed.left, strict=True)),
        tally.run + run,
        tally.failures + wrong + reached - run,
    )


def _through(source: Source, number: int, row: Row, label: str, *, every: bool) -> Iterator[Step]:
    """The chunks, through the cheap checks, and through the exact one too where `every` may be."""

    def passed(start: int) -> Step:
        stop = min(start + source.chunk, number)
        members, left = source.tickets(start, stop).genuine, []
        genuine = len(members)
        for check in row.cheap:
            members = members[check.uncertified(members)]
            left.append(len(members))
        wrong = int(row.exact.uncertified(members).sum()) if every else None
        return Step(stop - start, genuine, tuple(left), members, wrong)

    return parallel_map(passed, range(0, number, source.chunk), label)


def judged(tally: Tally, law: Law, row: Row) -> tuple[Bounded, tuple[Level, ...]]:
    """One interval for the whole row (Theorem 2.12), and the levels: all but the last pass on."""
    bounded = NOTHING_KNOWN
    if tally.draws:
        bounded = law.bound(tally.failures, tally.draws, interrupted=tally.interrupted)
    passed = (
        Level(check.name, "passed through", 1.0, tally.draws, left)
        for check, left in zip(row.cheap, tally.left, strict=True)
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
