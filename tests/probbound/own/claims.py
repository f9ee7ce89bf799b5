"""Small own claims for the tests: checks, parts without a seed, and exact laws."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from estimators.interval import Side
from probbound.draws.random_streams import Stream
from probbound.own.counting import share_part
from probbound.own.functions import Function
from probbound.own.parts import Part, Task
from probbound.own.question import Subject
from probbound.own.sample import Sample
from probbound.populations.contract import Population


def function(call, name: str = "check") -> Function:
    """A user's function that needs no identity."""
    return Function.of(call, "test", name)


def outside(bad: set[int]):
    """A check of numbers that fails those in a set."""
    table = np.array(sorted(bad), dtype=np.int64)
    return lambda items: ~np.isin(np.asarray(items), table)


def part_of(
    population: Population,
    n: int,
    check,
    *,
    delta=0.3,
    side: Side = "two",
    cheap=(),
    looks=None,
    batch=3,
) -> Part:
    """The bounds on the share that fails, from n looks or draws."""
    subject = Subject("share", population, (function(check),), None, tuple(map(function, cheap)))
    sample = Sample.planned(population, n)
    stream = Stream.from_seed(0)
    looks = n if looks is None else looks
    task = Task(Fraction(1), sample, looks, delta, side, stream, batch)
    return share_part(subject, task)


def subsets(members: int) -> Iterator[set[int]]:
    """Every set of members."""
    for size in range(members + 1):
        yield from map(set, itertools.combinations(range(members), size))
