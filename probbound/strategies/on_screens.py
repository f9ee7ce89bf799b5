"""Strategies of any task: all inputs run, or drawn from all, or from what a screen left."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from probbound.arithmetic.rounding import ratio_up
from probbound.contract.checks import Check
from probbound.contract.cost import CostMeter
from probbound.contract.residue import Residue, listed_by
from probbound.draws.random_streams import Stream
from probbound.strategies.follow_up import expected_left
from probbound.strategies.laws import FixedNumber, FixedOrInterrupted, Sequential
from probbound.strategies.levels import (
    MOST_DRAWS,
    EveryMember,
    Inputs,
    Row,
    Source,
    TicketDraws,
    look,
)
from probbound.strategies.outcome import Level, Outcome
from probbound.strategies.sampled import Base, Effort, all_seen, drawn

PILOT_DRAWS = 1 << 12


@runtime_checkable
class Asking(Protocol):
    """A question, as these strategies read it."""

    @property
    def task(self) -> Any:
        """A population of `mass` and `size`, to `sample` from, and `population` to list."""
        ...

    @property
    def budget(self) -> int:
        """Forward passes allowed."""
        ...

    @property
    def delta(self) -> float:
        """The δ allowed."""
        ...

    @property
    def stream(self) -> Stream:
        """The randomness of the certifying samples."""
        ...

    @property
    def draws(self) -> int | None:
        """Draws of a cascade, None where a pilot decides."""
        ...

    @property
    def target(self) -> float | None:
        """A failure rate at which drawing may stop."""
        ...

    @property
    def stopped_at(self) -> int | None:
        """Draws after which an earlier run was interrupted."""
        ...

    @property
    def exact(self) -> Any:
        """The check at the end of every row, a `Check`."""
        ...

    @property
    def price(self) -> int:
        """Operations that it is planned to take for an input."""
        ...

    @property
    def once_flops(self) -> int:
        """Operations of what that check works out before it sees an input."""
        ...


@runtime_checkable
class Enumerated(Protocol):
    """A screen of all inputs at once."""

    @property
    def name(self) -> str:
        """The name it goes by."""
        ...

    def enumerate(self, meter: CostMeter) -> Residue:
        """All inputs that it leaves."""
        ...


@runtime_checkable
class Enumerable(Check, Enumerated, Protocol):
    """A screen in its two forms: a check of drawn inputs, and all of them at once."""


def brute_force(question: Asking, meter: CostMeter, inputs: str = "inputs") -> Outcome:
    """Every input, answered by the exact check; what it cannot decide is wrong (Theorem 1.2).

    Deterministic; exact but for what the check leaves open (Theorems 5.14, 8.3, 8.14 and 9.3).
    """
    task, row = question.task, _forward_row(question, meter)
    return all_run(EveryMember(task.population), task.size, row, meter, inputs)


def all_run(source: Source, number: int, row: Row, meter: CostMeter, inputs: str) -> Outcome:
    """So many members, all that there are, through a row; what it leaves is wrong (Theorem 1.2)."""
    with meter.phase(f"all {inputs}", "proof", number * row.exact.flops):
        wrong = look(source, number, row, number, label=f"running all {inputs}").failures
    failure = ratio_up(wrong, number)
    return Outcome(failure, failure, (Level.enumerated(row.exact.name, failure),))


def iid(question: Asking, meter: CostMeter) -> Outcome:
    """Plain sampling of inputs: the baseline (Theorem 1.5). Fixed-n, with replacement."""
    return _from_all(Base(question.task.mass, question.delta), question, meter)


def screened(screen: Enumerated, question: Asking, meter: CostMeter) -> Outcome:
    """The screen alone: what it leaves is conceded (Theorem 1.2). Deterministic."""
    base = _left_by(screen, screen.enumerate(meter), question)
    return Outcome(base.share, base.proven, base.first)


def hybrid(screen: Enumerated, question: Asking, meter: CostMeter) -> Outcome:
    """The screen enumerated, then forward passes on exact draws from what it left.

    Theorem 1.6. Fixed-n, with replacement. Where the budget covers all that is left, every input
    of it is run once and the bound is deterministic; where the screen leaves everything, blank
    tickets counted, the draws are those of `iid`.
    """
    residue = screen.enumerate(meter)
    base, budget = _left_by(screen, residue, question), question.budget
    if listed_by(residue, budget):
        row, every = _forward_row(question, meter), Effort(residue.tickets, residue.tickets)
        return all_seen(base, residue, question.stream, row, every, meter)
    if base.share == 1:
        return _from_all(base, question, meter)
    row = _forward_row(question, meter)
    source = TicketDraws(residue, question.stream.fold_in("residue"))
    return drawn(base, source, row, Effort(budget, budget), FixedNumber(base.rest, "1.6"), meter)


def cascade(screen: Check, question: Asking, meter: CostMeter) -> Outcome:
    """Draws from all inputs pass the screen, then, if it leaves them, a forward pass (4.21).

    With a target, draws go on until the bound reaches it or the budget of forward passes is spent
    (anytime); without, their number is fixed by a pilot that is not reused (fixed-n). An
    interruption ends the drawing; what was drawn is then bounded by the part of δ reserved for it.
    """
    exact = _forward_row(question, meter).exact
    row, target = Row((screen,), exact), question.target
    base = Base(question.task.mass, question.delta, (Level.enumerated("all inputs", 1.0),))
    number = _planned_draws(row, question, meter)
    stopped = question.stopped_at is not None
    effort = Effort(
        question.stopped_at or 0 if stopped else number, question.budget, target, stopped
    )
    law = FixedOrInterrupted(base.rest) if target is None else Sequential(base.rest)
    source = Inputs(question.task, question.stream.fold_in("draws"))
    return drawn(base, source, row, effort, law, meter)


def _planned_draws(row: Row, question: Asking, meter: CostMeter) -> int:
    """As many draws as the budget of forward passes can follow up, or as cost as much as it."""
    if question.target is not None:
        return MOST_DRAWS
    if question.draws is not None:
        return question.draws
    (cheap,) = row.cheap
    pilot = Inputs(question.task, question.stream.fold_in("pilot"))
    with meter.phase("pilot", "sampling", PILOT_DRAWS * cheap.flops):
        left = int(cheap.uncertified(pilot.tickets(0, PILOT_DRAWS).members).sum())
    within_budget = expected_left(question.budget, left) * PILOT_DRAWS / (left + 1)
    within_cost = question.budget * question.price / cheap.flops
    return max(question.budget, int(min(within_budget, within_cost)))


def _left_by(screen: Enumerated, residue: Residue, question: Asking) -> Base:
    mass, every = question.task.mass, residue.size >= question.task.mass
    share = 1.0 if every else ratio_up(residue.size, mass)
    first = (Level.enumerated(screen.name, share),)
    return Base(mass, question.delta, first, None if every else residue)


def _from_all(base: Base, question: Asking, meter: CostMeter) -> Outcome:
    row = _forward_row(question, meter)
    source = Inputs(question.task, question.stream.fold_in("inputs"))
    effort = Effort(question.budget, question.budget)
    return drawn(base, source, row, effort, FixedNumber(base.rest, "1.5"), meter)


def _forward_row(question: Asking, meter: CostMeter) -> Row:
    """The forward pass, with its tables and the bound on its rounding."""
    with meter.phase("tables", "proof", question.once_flops):
        return Row((), question.exact)
