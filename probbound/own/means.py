"""Means of a bounded measure over one population."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from estimators.mean import betting
from probbound.arithmetic.rounding import ratio_down, ratio_up
from probbound.machine.errors import UserError
from probbound.machine.progress import counting
from probbound.own.counting import shown
from probbound.own.parts import Ends, Part, Task, level
from probbound.own.question import Subject
from probbound.populations.contract import Batch, Counts
from probbound.strategies.chunks import Chunk
from probbound.strategies.laws import spend

MOST_WRITTEN = 1 << 17  # values that a certificate holds
MOST_VALUES = 1 << 26  # that are kept, in half a gigabyte
Values = Float[np.ndarray, " n"]
Measure = Callable[[Batch], Values]


def mean_part(subject: Subject, task: Task) -> Part:
    """Bounds on the mean of a measure (Theorem 7.8)."""
    population, (low, high) = task.sample.population, _range(subject)
    measure = partial(subject.checks[0].values, population, low=low, high=high)
    return _part(subject, task, measure, "7.8")


def difference_part(subject: Subject, task: Task) -> Part:
    """Bounds on the share that one check passes less that of another (Theorem 7.9)."""
    population = task.sample.population

    def measure(batch: Batch) -> Values:
        first, second = (check.good(population, batch) for check in subject.checks)
        return first.astype(np.float64) - second

    return _part(subject, task, measure, "7.9")


def exact_sum(values: Values, counts: Counts | None = None) -> Fraction:
    """Σ count · value as a rational number; counts of one for None."""
    mantissas, exponents = np.frexp(values)
    whole = np.ldexp(mantissas, 53).astype(np.int64).astype(object)
    weighted = whole if counts is None else whole * counts.astype(object)
    total = Fraction(0)
    for exponent in np.unique(exponents).tolist():
        part = int(weighted[exponents == exponent].sum())
        total += Fraction(part) * Fraction(2) ** (exponent - 53)
    return total


def _range(subject: Subject) -> tuple[float, float]:
    return subject.low or 0.0, subject.high or 0.0


def _part(subject: Subject, task: Task, measure: Measure, theorem: str) -> Part:
    sample = task.sample
    number = sample.population.size or 0 if sample.listed else sample.draws
    if number > MOST_VALUES:
        raise UserError(
            f"a mean keeps the value of every draw, and {number:,} are more than {MOST_VALUES:,}; "
            "lower the budget, or claim a share"
        )
    with counting(task.sample.chunks(task.batch), "looking") as advance:
        if task.sample.listed:
            return _listed(subject, task, measure, advance)
        return _drawn(subject, task, measure, theorem, advance)


def _listed(subject: Subject, task: Task, measure: Measure, advance: Callable[[], None]) -> Part:
    """The mean over all members, exact."""
    chunks, sums, seen = shown(task.sample.all_members(task.batch), advance), Fraction(0), []
    for chunk in chunks:
        values = measure(chunk.batch)
        sums += exact_sum(values, chunk.counts)
        seen.append(values)
    values = np.concatenate(seen) if seen else np.empty(0)
    mean = sums / (task.sample.population.tickets or 1)
    return Part(
        task=task,
        levels=(level(subject.names()[0], "enumerated", len(values), 0),),
        ends=(Ends(mean, mean, mean, mean),),
        spends=(),
        looks=len(values),
        cheap_looks=0,
        failures=0,
        distinct=len(values),
        values=_written(values, Fraction(0)),
    )


def _drawn(
    subject: Subject, task: Task, measure: Measure, theorem: str, advance: Callable[[], None]
) -> Part:
    """The betting interval for the draws' mean, and the sum over members of large weight."""
    sample, name = task.sample, subject.names()[0]
    heavy, certain = sample.heavy, Fraction(0)
    if heavy is not None:
        chunks = shown(sample.certain(task.batch), advance)
        looked = np.concatenate([measure(chunk.batch) for chunk in chunks])
        certain = exact_sum(looked, heavy.counts) / (sample.population.tickets or 1)
    values, members = _in_order(task, measure, advance)
    replaced, taken = sample.replace, 0 if heavy is None else len(heavy.batch)
    law = "betting" if replaced else "betting without replacement"
    drawn = {"law": law, "log_delta": math.log(task.delta)} if len(values) else {}
    spending = spend(f"{len(values)} draws of {name}", law, theorem, task.delta, len(values))
    return Part(
        task=task,
        levels=(level(name, "sampled", len(values), 0, **drawn),),
        ends=(_ends(subject, task, values, certain),),
        spends=(spending,) if len(values) else (),
        looks=taken + members,
        cheap_looks=0,
        failures=0,
        distinct=None if replaced else members,
        take_all=heavy
        and {
            "members": taken,
            "tickets": int(heavy.counts.sum()),
            "failures": [0],
            "conceded": [0],
        },
        values=_written(values, certain),
    )


def _in_order(task: Task, measure: Measure, advance: Callable[[], None]) -> tuple[Values, int]:
    """The value of each draw in the order drawn, and how many members were looked at."""
    sample = task.sample
    if sample.in_order:
        found = [measure(chunk.batch) for chunk in shown(task.chunks(), advance)]
        values = np.concatenate(found) if found else np.empty(0)
        return values, len(values)
    firsts = sample.rest.firsts(sample.tickets(task.draws_stream))
    once, place = np.unique(firsts, return_inverse=True)
    pieces = range(0, len(once), task.batch)
    chunks = (Chunk(sample.rest.members(once[at : at + task.batch])) for at in pieces)
    found = [measure(chunk.batch) for chunk in shown(chunks, advance)]
    return (np.concatenate(found) if found else np.empty(0))[place], len(once)


def _ends(subject: Subject, task: Task, values: Values, certain: Fraction) -> Ends:
    """Bounds on the mean of the part (Theorem 7.8)."""
    sample, (low, high) = task.sample, _range(subject)
    rest, total = sample.rest.tickets or 1, sample.population.tickets or 1
    finite = None if sample.replace else rest
    edges = [Fraction(low), Fraction(high)]
    if len(values):
        found = betting(
            values, delta=task.delta, low=low, high=high, side=task.side, population=finite
        )
        edges = [Fraction(float(found.lower)), Fraction(float(found.upper))]
    seen = exact_sum(values) / rest if finite else Fraction(0)
    unseen = 1 - Fraction(len(values), rest) if finite else Fraction(1)
    known = [seen + unseen * Fraction(end) for end in (low, high)]
    floats = [ratio_down(certain, 1), ratio_up(certain, 1)]
    offsets = [Fraction(end) for end in floats] * 2
    shares = [Fraction(rest, total) * end for end in (*edges, *known)]
    return Ends(*(offset + part for offset, part in zip(offsets, shares, strict=True)))


def _written(values: Values, certain: Fraction) -> dict[str, Any]:
    """The values as a certificate has them."""
    content = values.astype("<f8").tobytes()
    text = base64.b64encode(content).decode() if len(values) <= MOST_WRITTEN else None
    return {
        "number": len(values),
        "sha256": hashlib.sha256(content).hexdigest(),
        "base64": text,
        "certain_lower": ratio_down(certain, 1),
        "certain_upper": ratio_up(certain, 1),
    }
