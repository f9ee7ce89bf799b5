"""Shares of one population that checks fail, counted from what was looked at."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool

from probbound.arithmetic.rounding import ratio_down, ratio_up
from probbound.contract.ledger import Spend
from probbound.machine.progress import counting
from probbound.own.bounds import Counts, bad_tickets
from probbound.own.parts import Ends, Part, Task, level
from probbound.own.question import Subject
from probbound.populations.contract import Batch
from probbound.strategies.chunks import Chunk
from probbound.strategies.laws import both_spends, granted
from probbound.strategies.rooms import InOrder, passed
from probbound.strategies.tally import Step, Tally

Failing = Callable[[Batch], Bool[np.ndarray, "results n"]]
Run = Callable[[Iterable[Chunk], int], Sequence[Tally]]  # of chunks and looks, one for each result


@dataclass(frozen=True)
class SideBySide:
    """Several checks that are all asked of every member."""

    failing: Failing
    results: int

    @property
    def nothing(self) -> tuple[Tally, ...]:
        """A count of nothing for each."""
        return (Tally.none(1),) * self.results

    def entered(self, seen: tuple[Tally, ...], step: Step, /) -> tuple[Tally, ...]:
        """With their answers."""
        chunk, rows = step.chunk, self.failing(step.chunk.batch)
        return tuple(
            tally.stepped(step).looked(
                0, len(chunk.batch), chunk.tickets, chunk.tickets_where(failed)
            )
            for tally, failed in zip(seen, rows, strict=True)
        )

    def emptied(self, seen: tuple[Tally, ...], /) -> tuple[Tally, ...]:
        """Nothing waits."""
        return seen

    def stopped(self, seen: tuple[Tally, ...], /) -> tuple[Tally, ...]:
        """Marked so."""
        return tuple(tally.stopped() for tally in seen)


def share_part(subject: Subject, task: Task) -> Part:
    """Bounds on the share that the check fails, after the cheap ones (Theorems 7.2 to 7.6)."""
    functions = (*subject.cheap, *subject.checks)
    leaves = [partial(each.bad, task.sample.population) for each in functions]

    def run(chunks: Iterable[Chunk], looks: int) -> Sequence[Tally]:
        return [passed(_steps(chunks), InOrder(leaves, looks, task.batch), survives=True)]

    return _part(subject, task, run)


def family_part(subject: Subject, task: Task) -> Part:
    """Bounds on the share that each of several checks fails, from one sample (Theorem 7.10)."""
    population, first = task.sample.population, subject.checks[0]
    thresholds = np.array(subject.thresholds)[:, None]

    def failing(batch: Batch) -> Bool[np.ndarray, "results n"]:
        if subject.thresholds:
            return ~(first.values(population, batch, -math.inf, math.inf) > thresholds)
        return np.stack([each.bad(population, batch) for each in subject.checks])

    def run(chunks: Iterable[Chunk], looks: int) -> Sequence[Tally]:
        return passed(_steps(chunks), SideBySide(failing, len(subject.names())), survives=True)

    return _part(subject, task, run)


def _part(subject: Subject, task: Task, run: Run) -> Part:
    names, sample = subject.names(), task.sample
    heavy, tallies = _tallies(task, run)
    heavy = heavy or [Tally.none(len(tally.left)) for tally in tallies]
    each = replace(task, delta=task.delta / len(names))
    found = [_ends(each, *pair) for pair in zip(heavy, tallies, strict=True)]
    rows = list(zip(names, tallies, found, strict=True))
    before = "enumerated" if sample.listed else "passed through"
    cheap = zip(subject.cheap, tallies[0].came[:-1], tallies[0].left[:-1], strict=True)
    stops = tallies[0].interrupted and (sample.listed or sample.in_order)
    certain = sample.heavy
    return Part(
        task=task,
        levels=(
            *(level(check.name, before, came, left) for check, came, left in cheap),
            *(_level(task, *row) for row in rows),
        ),
        ends=tuple(ends for ends, _, _ in found),
        spends=tuple(
            spend for name, _, (_, counts, _) in rows for spend in _spends(name, counts, each.delta)
        ),
        looks=heavy[0].looks + tallies[0].looks,
        cheap_looks=heavy[0].cheap + tallies[0].cheap,
        failures=sum(tally.failures for tally in (*heavy, *tallies)),
        distinct=None if sample.replace else tallies[0].draws,
        take_all=certain
        and {
            "members": len(certain.batch),
            "tickets": int(certain.counts.sum()),
            "failures": [tally.failures for tally in heavy],
            "conceded": [tally.conceded for tally in heavy],
        },
        stopped_at=tallies[0].draws if stops else None,
        interrupted=tallies[0].interrupted,
    )


def _tallies(task: Task, run: Run) -> tuple[Sequence[Tally], Sequence[Tally]]:
    """What became of the members of large weight, and of all members or of the draws."""
    sample, heavy = task.sample, []
    with counting(sample.chunks(task.batch), "looking") as advance:
        if sample.heavy is not None:
            certain = run(shown(sample.certain(task.batch), advance), task.looks)
            heavy = [tally.of_all(int(sample.heavy.counts.sum())) for tally in certain]
        stopped = bool(heavy) and heavy[0].interrupted
        looks = task.looks - (heavy[0].looks if heavy else 0)
        tallies = run(() if stopped else shown(task.chunks(), advance), looks)
    if stopped or task.stopped_at is not None:
        tallies = [replace(tally, interrupted=True) for tally in tallies]
    if sample.listed:
        tallies = [tally.of_all(sample.population.tickets or 0) for tally in tallies]
    elif not sample.in_order:
        tallies = [tally.left_by_all(sample.draws) for tally in tallies]
    return heavy, tallies


def _ends(task: Task, heavy: Tally, tally: Tally) -> tuple[Ends, Counts | None, float]:
    """Bounds on the share of the part, the counts behind them, and the δ that the interval got."""
    sample = task.sample
    total = sample.population.tickets or 1
    if sample.listed:
        exact = [Fraction(number, total) for number in (tally.left[-1], tally.failures)]
        return Ends(exact[0], exact[1], exact[0], exact[1]), None, 0.0
    counts = Counts(
        draws=tally.draws if sample.in_order else sample.draws,
        rest=sample.rest.tickets or 1,
        replace=sample.replace,
        found=tally.left[-1],
        conceded=tally.conceded,
        interrupted=tally.interrupted and sample.in_order,
    )
    delta = granted(task.delta, interrupted=counts.interrupted)
    certain = counts.certain
    lower, upper = bad_tickets(counts, delta, task.side) if counts.draws else certain
    known = (heavy.left[-1], heavy.failures) * 2
    ends = zip(known, (lower, upper, *certain), strict=True)
    made = Ends(*((looked + end) / total for looked, end in ends))
    return (made, counts, delta) if counts.draws else (made, None, 0.0)


def _level(
    task: Task, name: str, tally: Tally, found: tuple[Ends, Counts | None, float]
) -> dict[str, Any]:
    """The level of an exact check."""
    ends, counts, delta = found
    return level(
        name,
        "enumerated" if task.sample.listed else "sampled",
        tally.reached,
        tally.failures,
        conceded=tally.conceded,
        law=counts and counts.name,
        share_lower=ratio_down(ends.lower, 1),
        share_upper=ratio_up(ends.upper, 1),
        log_delta=counts and math.log(delta),
    )


def _spends(name: str, counts: Counts | None, delta: float) -> Sequence[Spend]:
    if counts is None:
        return ()
    statement, draws = f"{counts.failures} of {counts.draws} draws failed {name}", counts.draws
    return both_spends(statement, counts.methods, ("7.4", "7.5"), delta, draws)


def _steps(chunks: Iterable[Chunk]) -> Iterator[Step]:
    return (Step(len(chunk.batch), chunk) for chunk in chunks)


def shown(chunks: Iterable[Chunk], advance: Callable[[], None]) -> Iterator[Chunk]:
    """The same, moving the bar after each."""
    for chunk in chunks:
        yield chunk
        advance()
