"""Bounds on a share of failures: members drawn from a base, or all of it looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from probbound.arithmetic.rounding import product_up, ratio_up
from probbound.contract.cost import CostMeter
from probbound.contract.ledger import NOTHING_SPENT, Ledger, Spend
from probbound.contract.residue import Residue
from probbound.draws.random_streams import Stream
from probbound.strategies.laws import Law
from probbound.strategies.levels import EveryTicket, Row, Source, judged, look
from probbound.strategies.outcome import Level, Outcome, Sampled
from probbound.strategies.tally import Tally


@dataclass(frozen=True)
class Base:
    """What members come from: a whole population of `mass`, or what a screen left of it.

    `share` is that of the whole, by mass, rounded up. The screen spent `spent` of `delta`.
    """

    mass: int
    delta: float
    first: tuple[Level, ...] = ()
    residue: Residue | None = None
    spent: Ledger = NOTHING_SPENT

    @property
    def share(self) -> float:
        """Of all members, by mass, rounded up."""
        return 1.0 if self.residue is None else ratio_up(self.residue.size, self.mass)

    @property
    def proven(self) -> float:
        """The failure rate that holds for certain: a screen that spends δ says nothing of it."""
        return 1.0 if self.spent.spends else self.share

    @property
    def rest(self) -> float:
        """What the screen left of δ."""
        return self.delta - self.spent.delta

    def ledger(self, sampling: tuple[Spend, ...]) -> Ledger:
        """All of δ where the screen spends some: what was set aside is not given back."""
        if not self.spent.spends:
            return Ledger(sampling)
        idle = Spend(
            *("set aside for sampling that was not needed", "none", "1.7"),
            *(self.rest, math.log(self.rest), 0),
        )
        return Ledger((*self.spent.spends, *(sampling or (idle,))))


@dataclass(frozen=True)
class Effort:
    """How many members are looked at, and how many of them may reach the exact check.

    `stopped` repeats an interruption at that number; a `target` may end the drawing earlier. What
    an interruption of looking at all leaves is conceded only where the user `may_interrupt`.
    """

    number: int
    most: int
    target: float | None = None
    stopped: bool = False
    may_interrupt: bool = False


def drawn(
    base: Base, source: Source, row: Row, effort: Effort, law: Law, meter: CostMeter
) -> Outcome:
    """Draws go through a row of checks (Theorems 1.5, 1.6, 2.12, 4.21 and 9.5)."""

    def may_stop(tally: Tally) -> bool:
        target = effort.target
        if target is None:
            return False
        if tally.looks >= effort.most:
            return True
        return law.may_end(
            tally.failures, tally.draws, lambda u: product_up(base.share, u) <= target
        )

    with meter.phase("draws", "sampling") as phase:
        tally = look(
            *(source, effort.number, row, effort.most),
            label="drawing",
            survives=law.survives,
            may_stop=may_stop,
        )
        tally = replace(tally, interrupted=tally.interrupted or effort.stopped)
        phase.flops = row.flops(tally) + source.flops(tally.draws)
    bounded, levels = judged(tally, law, row)
    return Outcome(
        product_up(base.share, bounded.share_upper),
        base.proven,
        (*base.first, *levels),
        base.ledger(bounded.spends),
        Sampled(tally.draws, tally.looks, tally.failures, replace=law.replaces),
        tally.draws if tally.interrupted else None,
    )


def all_seen(
    base: Base, residue: Residue, stream: Stream, row: Row, effort: Effort, meter: CostMeter
) -> Outcome:
    """Every member that a screen left goes through the row; nothing is left to chance (4.23).

    What an interruption leaves unseen is conceded.
    """
    source, tickets = EveryTicket(residue, stream), residue.tickets
    with meter.phase("all that is left", "sampling") as phase:
        tally = look(
            *(source, effort.number, row, effort.most),
            label="checking",
            survives=effort.may_interrupt,
        )
        tally = replace(tally, interrupted=tally.interrupted or effort.stopped)
        phase.flops = row.flops(tally) + source.flops(tally.draws)
    failures = tally.failures + tickets - tally.draws
    return Outcome(
        min(ratio_up(failures, base.mass), 1.0),
        base.proven,
        (*base.first, *_enumerated(tally, row, failures)),
        base.ledger(()),
        Sampled(tally.draws, tally.looks, failures),
        tally.draws if tally.interrupted else None,
    )


def _enumerated(tally: Tally, row: Row, failures: int) -> tuple[Level, ...]:
    """Each check as a level whose share is known; of one that was interrupted nothing is."""
    reached, levels = tally.draws, []
    for check, left in zip(row.cheap, tally.left[:-1], strict=True):
        kept = 1.0 if tally.interrupted else ratio_up(left, max(reached, 1))
        levels.append(Level(check.name, "enumerated", kept, reached, left))
        reached = left
    failing = 1.0 if tally.interrupted else ratio_up(failures, max(tally.reached, 1))
    return (*levels, Level(row.exact.name, "enumerated", failing, tally.looks, failures))
