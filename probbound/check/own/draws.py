"""Which tickets are drawn (docs/own-claims.md, "What is drawn"; Theorems 7.1 to 7.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from probbound.check.own.populations import MOST_NUMBERED, Population
from probbound.check.stream import Stream

CHUNK = 4096
_MOST_APART, _MOST_FREE, _SPARSE = 1 << 26, 1 << 16, 64
_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Sample:
    """n looks or draws of a population: members taken for certain, then `draws` of the `rest`.

    `taken` are numbers of members, by falling weight; None where the weights are not known. `rest`
    is None of a sampler.
    """

    population: Population
    taken: np.ndarray | None
    rest: int | None
    draws: int

    @property
    def apart(self) -> bool:
        """Whether tickets are drawn without replacement."""
        if self.rest is None or self.rest > MOST_NUMBERED or self.draws > _MOST_APART:
            return False
        few = self.draws <= _MOST_FREE or self.rest <= _SPARSE * self.draws
        return few or not self.one_each

    @property
    def one_each(self) -> bool:
        """Whether each member of the rest has one ticket, and counts as having it."""
        return self.population.one_each and not self.take_all

    @property
    def take_all(self) -> bool:
        """Whether members are taken for certain."""
        return self.taken is not None and len(self.taken) > 0

    @property
    def taken_tickets(self) -> int:
        """Those of the members that are taken for certain."""
        if self.taken is None or self.population.tickets is None or self.rest is None:
            return 0
        return self.population.tickets - self.rest


def sample_of(population: Population, n: int) -> Sample:
    """What n looks or draws are spent on, by weights and n alone."""
    if not population.uneven:
        return Sample(population, np.zeros(0, dtype=np.int64), population.tickets, n)
    if population.weights is None:
        return Sample(population, None, population.tickets, n)
    order = np.argsort(-population.weights, kind="stable")
    taken, left = 0, int(population.weights.sum())
    for weight in population.weights[order].tolist():
        if taken >= n or weight * (n - taken) < left:
            break
        taken, left = taken + 1, left - weight
    return Sample(population, order[:taken], left, n - taken)


def drawn_members(sample: Sample, stream: Stream) -> np.ndarray:
    """The member of each ticket (draws,), in the order drawn, where they are numbered."""
    tickets = _tickets(sample, stream)
    weights = sample.population.weights
    if weights is None or sample.taken is None or not sample.take_all:
        return sample.population.members_of(tickets)
    others = np.setdiff1d(np.arange(len(weights)), sample.taken)
    return others[np.searchsorted(np.cumsum(weights[others]), tickets, side="right")]


def digits_drawn(sample: Sample, stream: Stream) -> Iterator[np.ndarray]:
    """Digits (n, positions) of the draws in order, in parts, where tickets are not numbered."""
    radices = sample.population.radices
    streams = [stream.named(f"position {p}") for p in range(len(radices))]
    for start in range(0, sample.draws, _AT_ONCE):
        stop = min(start + _AT_ONCE, sample.draws)
        columns = [s.below(r, start, stop) for s, r in zip(streams, radices, strict=True)]
        yield np.stack(columns, axis=1)


def chunks_drawn(draws: int, stream: Stream) -> Iterator[tuple[np.random.Generator, int]]:
    """For each chunk of a sampler's draws its generator and how many are asked for."""
    for number, start in enumerate(range(0, draws, CHUNK)):
        key = int.from_bytes(stream.named(f"chunk {number}").key, "little")
        source = np.random.Generator(np.random.Philox(key=key))
        yield source, min(CHUNK, draws - start)


def _tickets(sample: Sample, stream: Stream) -> np.ndarray:
    rest, draws = int(sample.rest or 0), sample.draws
    if not draws:
        return np.zeros(0, dtype=np.int64)
    if not sample.apart:
        return stream.below(rest, 0, draws)
    return different(stream, rest, draws)


def different(stream: Stream, bound: int, number: int) -> np.ndarray:
    """The first different integers below a bound, in the order in which they come (7.1)."""
    found, seen = np.zeros(0, dtype=np.int64), 0
    while len(found) < number:
        more = max(number, 1024)
        every = np.concatenate([found, stream.below(bound, seen, seen + more)])
        seen += more
        _, first = np.unique(every, return_index=True)
        found = every[np.sort(first)]
    return found[:number]
