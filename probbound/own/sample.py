"""What is looked at in a population: all of it, or what is heavy and draws of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from probbound.draws.random_streams import Stream
from probbound.populations.contract import Heavy, Population, Tickets
from probbound.populations.drawn import CHUNK
from probbound.populations.ranks import different, may_repeat
from probbound.strategies.chunks import Chunk


@dataclass(frozen=True)
class Sample:
    """n looks or draws in a population, fixed by n and the weights (Theorems 7.1 to 7.3, 7.6).

    Attributes:
        listed: whether all of it is looked at, since n is at least its size.
        heavy: members looked at for certain, None if there are none.
        rest: what is drawn from.
        draws: how many tickets are drawn from it.
        replace: whether they may repeat.
    """

    population: Population
    listed: bool
    heavy: Heavy | None
    rest: Population
    draws: int
    replace: bool

    @classmethod
    def planned(cls, population: Population, n: int) -> Sample:
        """What n looks or draws are spent on."""
        if population.size is not None and n >= population.size:
            return cls(population, True, None, population, 0, False)
        heavy = population.heavy(n)
        rest = population if heavy is None else heavy.rest
        draws = n if heavy is None else n - len(heavy.batch)
        replace = rest.tickets is None or may_repeat(draws, rest.tickets, uniform=rest.uniform)
        return cls(population, False, heavy, rest, draws, replace)

    @property
    def in_order(self) -> bool:
        """Whether draws are looked at in their order, so that the first of them count."""
        return self.replace or self.rest.uniform

    def all_members(self, batch: int) -> Iterator[Chunk]:
        """Every member, with its tickets."""
        size = self.population.size or 0
        for start in range(0, size, batch):
            members, counts = self.population.listing(start, min(start + batch, size))
            yield Chunk(members, None if self.population.uniform else counts)

    def certain(self, batch: int) -> Iterator[Chunk]:
        """The members of large weight, with their tickets."""
        if self.heavy is not None:
            for start in range(0, len(self.heavy.batch), batch):
                part = slice(start, start + batch)
                yield Chunk(self.heavy.batch[part], self.heavy.counts[part])

    def drawn(self, stream: Stream, batch: int) -> Iterator[Chunk]:
        """The draws; where tickets are drawn without replacement, each member that is met once."""
        if not self.replace:
            yield from _met(self.rest, self.tickets(stream), batch)
            return
        step = batch if self.rest.size is not None else CHUNK
        for start in range(0, self.draws, step):
            rows = self.rest.draw(stream, start, min(start + step, self.draws))
            for at in range(0, len(rows), batch):
                yield Chunk(rows[at : at + batch])

    def tickets(self, stream: Stream) -> Tickets:
        """The different tickets drawn, in order."""
        return different(stream, self.draws, self.rest.tickets or 0)

    def chunks(self, batch: int) -> int:
        """About how many chunks there are to look at."""
        heavy = 0 if self.heavy is None else len(self.heavy.batch)
        number = self.population.size or 0 if self.listed else heavy + self.draws
        return -(-number // batch)


def _met(rest: Population, tickets: Tickets, batch: int) -> Iterator[Chunk]:
    counts = None
    if not rest.uniform:
        tickets, counts = np.unique(rest.firsts(tickets), return_counts=True)
    for start in range(0, len(tickets), batch):
        part = slice(start, start + batch)
        yield Chunk(rest.members(tickets[part]), None if counts is None else counts[part])
