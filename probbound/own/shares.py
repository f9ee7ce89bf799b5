"""The share of one population that a check fails, after cheap checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial

from probbound.arithmetic.rounding import ratio_down, ratio_up
from probbound.contract.ledger import Spend
from probbound.machine.progress import counting
from probbound.own.bounds import RESERVE, Counts, bad_tickets
from probbound.own.functions import Function
from probbound.own.levels import Tally, run_levels
from probbound.own.parts import Ends, Part, Task, level, spent
from probbound.own.sample import Chunk


def share_part(task: Task, cheap: tuple[Function, ...], check: Function) -> Part:
    """Bounds on the share that the check fails (Theorems 7.2 to 7.6)."""
    sample, functions = task.sample, (*cheap, check)
    heavy, tally = _tallies(task, functions)
    ends, counts, delta = _ends(task, heavy, tally)
    mode = "enumerated" if sample.listed else "sampled"
    last = level(
        check.name,
        mode,
        tally.samples[-1] + tally.conceded,
        tally.failures,
        conceded=tally.conceded,
        law=counts and counts.name,
        share_lower=ratio_down(ends.lower, 1),
        share_upper=ratio_up(ends.upper, 1),
        log_delta=counts and math.log(delta),
    )
    before = "enumerated" if sample.listed else "passed through"
    row = zip(cheap, tally.samples[:-1], tally.left[:-1], strict=True)
    stops = tally.interrupted and (sample.listed or sample.in_order)
    return Part(
        task=task,
        levels=(*(level(each.name, before, came, left) for each, came, left in row), last),
        ends=(ends,),
        spends=_spends(check.name, counts, task.delta) if counts else (),
        looks=heavy.looks + tally.looks,
        cheap_looks=heavy.cheap + tally.cheap,
        failures=heavy.failures + tally.failures,
        distinct=None if sample.replace else tally.members,
        take_all=sample.heavy
        and {
            "members": len(sample.heavy.batch),
            "tickets": int(sample.heavy.counts.sum()),
            "failures": [heavy.failures],
            "conceded": [heavy.conceded],
        },
        stopped_at=tally.members if stops else None,
    )


def _tallies(task: Task, functions: tuple[Function, ...]) -> tuple[Tally, Tally]:
    """What became of the members of large weight, and of all others or of the draws."""
    sample = task.sample
    checks = [partial(each.good, sample.population) for each in functions]
    heavy, tally = Tally.none(len(checks)), Tally.none(len(checks))
    with counting(sample.chunks(task.batch), "looking") as advance:
        if sample.heavy is not None:
            certain = shown(sample.certain(task.batch), advance)
            heavy = run_levels(certain, checks, task.looks, task.batch)
            heavy = heavy.of_all(int(sample.heavy.counts.sum()))
        if not heavy.interrupted:
            looks = task.looks - heavy.looks
            tally = run_levels(shown(task.chunks(), advance), checks, looks, task.batch)
    if heavy.interrupted or task.stopped_at is not None:
        tally = replace(tally, interrupted=True)
    if sample.listed:
        tally = tally.of_all(sample.population.tickets or 0)
    elif not sample.in_order:
        tally = tally.of_all(sample.draws)
    return heavy, tally


def _ends(task: Task, heavy: Tally, tally: Tally) -> tuple[Ends, Counts | None, float]:
    """Bounds on the share of the part, the counts behind them, and the δ that the interval got."""
    sample = task.sample
    total = sample.population.tickets or 1
    if sample.listed:
        exact = [Fraction(number, total) for number in (tally.left[-1], tally.failures)]
        return Ends(exact[0], exact[1], exact[0], exact[1]), None, 0.0
    counts = Counts(
        draws=tally.members if sample.in_order else sample.draws,
        rest=sample.rest.tickets or 1,
        replace=sample.replace,
        found=tally.left[-1],
        conceded=tally.conceded,
        interrupted=tally.interrupted and sample.in_order,
    )
    delta = (RESERVE if counts.interrupted else 1 - RESERVE) * task.delta
    lower, upper = bad_tickets(counts, delta, task.side)
    ends = (
        heavy.left[-1] + lower,
        heavy.failures + upper,
        heavy.left[-1] + counts.certain[0],
        heavy.failures + counts.certain[1],
    )
    return Ends(*(Fraction(end) / total for end in ends)), counts, delta


def _spends(name: str, counts: Counts, delta: float) -> tuple[Spend, Spend]:
    statement = f"{counts.failures} of {counts.draws} draws failed {name}"
    method, anytime = counts.methods
    return (
        spent(
            statement,
            f"{method} at the planned number of draws",
            "7.4",
            (1 - RESERVE) * delta,
            counts.draws,
        ),
        spent(
            statement,
            f"{anytime}, should drawing be interrupted",
            "7.5",
            RESERVE * delta,
            counts.draws,
        ),
    )


def shown(chunks: Iterable[Chunk], advance: Callable[[], None]) -> Iterator[Chunk]:
    """The same, moving the bar after each."""
    for chunk in chunks:
        yield chunk
        advance()
