"""What the engine adds to a user's check: a million draws, beside loops in plain NumPy.

The loops call the same check on batches of the same size and count. One draws with replacement, in
NumPy's quickest way; the other, where `bound_share` looks at different members, does so too, by
`Generator.choice`. Processor seconds of the one thread that all of them run on, the least of nine
runs that take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

import probbound
from probbound.own.question import DEFAULT_BATCH
from probbound.populations.contract import Population
from probbound.populations.ranks import may_repeat

DRAWS = 10**6
RUNS = 9
Check = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Case:
    """A population, a check, and in NumPy: members drawn, and those of ticket numbers."""

    name: str
    population: Population
    check: Check
    drawn: Callable[[np.random.Generator, int], np.ndarray]
    numbered: Callable[[np.ndarray], np.ndarray] | None = None

    def loop(self) -> int:
        """The loop that a user would write: draws with replacement, counted."""
        rng = np.random.default_rng(0)
        return sum(int((~self.check(self.drawn(rng, number))).sum()) for number in _batches())

    def loop_of_different(self) -> int:
        """The same of members that differ."""
        if self.numbered is None:
            raise ValueError(f"{self.name} has no ticket numbers")
        population = self.population.tickets or 0
        tickets = np.random.default_rng(0).choice(population, DRAWS, replace=False)
        failed, start = 0, 0
        for number in _batches():
            members = self.numbered(tickets[start : start + number])
            failed, start = failed + int((~self.check(members)).sum()), start + number
        return failed

    @property
    def differ(self) -> bool:
        """Whether `bound_share` draws without replacement."""
        tickets = self.population.tickets
        return tickets is not None and not may_repeat(DRAWS, tickets, uniform=True)


def rows() -> list[dict]:
    """One row a case; where draws must differ, finding out whether they do is the dearest part."""
    return [_row(case) for case in _cases()]


def _cases() -> Iterator[Case]:
    for size in (65_536, 4_096):
        for rank in (64, 1):
            yield _entries(size, rank)
    values = np.random.default_rng(2).normal(size=4 * 10**6)
    yield Case(
        "a list of 4,000,000 numbers",
        probbound.Listed(np.arange(len(values))),
        lambda members: values[members] < 3,
        lambda rng, n: rng.integers(0, len(values), n),
        lambda tickets: tickets,
    )

    def normal(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.normal(size=n)

    sampler = probbound.Drawn(normal, "standard normal numbers", version="1")
    yield Case("normal numbers of a sampler", sampler, lambda x: np.abs(x) < 3, normal)


def _entries(size: int, rank: int) -> Case:
    left, right = np.random.default_rng(1).normal(size=(2, size, rank))

    def check(pairs: np.ndarray) -> np.ndarray:
        return np.einsum("nd,nd->n", left[pairs[:, 0]], right[pairs[:, 1]]) < 3 * rank**0.5

    return Case(
        f"entry of {size:,}² of rank {rank}",
        probbound.Product(size, size),
        check,
        lambda rng, n: rng.integers(0, size, size=(n, 2)),
        lambda tickets: np.stack(np.divmod(tickets, size), axis=1),
    )


def _row(case: Case) -> dict:
    ask = partial(probbound.bound_share, case.population, case.check, name=case.name)
    timed: dict[str, Callable[[], object]] = {
        "bound_share": partial(ask, budget=DRAWS, version="1"),
        "loop": case.loop,
    }
    if case.differ:
        timed["loop of different"] = case.loop_of_different
    runs = [{name: _seconds(call) for name, call in timed.items()} for _ in range(RUNS)]
    least = {name: min(run[name] for run in runs) for name in timed}
    row: dict = {"name": case.name, "bound_share, s": least["bound_share"]}
    for name in ("loop", "loop of different"):
        seconds = least.get(name)
        row[f"{name}, s"] = seconds or ""
        row[f"over {name}"] = least["bound_share"] / seconds if seconds else ""
    return row


def _batches() -> Iterator[int]:
    return (min(DEFAULT_BATCH, DRAWS - start) for start in range(0, DRAWS, DEFAULT_BATCH))


def _seconds(call: Callable[[], object]) -> float:
    started = time.thread_time()
    call()
    return time.thread_time() - started
