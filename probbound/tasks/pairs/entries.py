"""`entries`: the pattern of gates exact, what they lose beside it sampled, or bounded."""

from __future__ import annotations

import math

import numpy as np

from probbound.arithmetic.decimals import upper
from probbound.arithmetic.rounding import ratio_up
from probbound.contract.cost import CostMeter
from probbound.contract.ledger import Ledger, Spend
from probbound.contract.recipe import ENTRIES
from probbound.machine.errors import UserError
from probbound.strategies.outcome import Level, Outcome, Sampled
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.recipes import LEVELS, STRUCTURE
from probbound.tasks.pairs.screens.gate_entries import GateEntries, entry_flops, table_flops
from probbound.tasks.pairs.screens.gate_losses import LOSSES
from probbound.tasks.pairs.screens.gate_proposal import gates_flops
from probbound.tasks.pairs.screens.gates import GatesScreen
from probbound.tasks.pairs.screens.rank_proposal import proposal_flops
from probbound.tasks.pairs.screens.room import gates_numbers, require_held

MOST_ENTRIES = 1 << 26  # their values are held at once


def entries(question: PairQuestion, rank: int, meter: CostMeter) -> Outcome:
    """Entries (neuron, operand) drawn in proportion to what they can do (Theorem 8.11).

    Fixed-n, with replacement; `budget` counts entries.

    Raises:
        UserError: if so many cannot be drawn, the rank cannot be used, or tables are too large.
    """
    draws = question.budget
    if draws > MOST_ENTRIES:
        raise UserError(f"budget must be at most {MOST_ENTRIES:,} entries, got {draws:,}")
    screen = _structure(question, rank, meter)
    if draws == 0:
        return Outcome(1.0, 1.0, (Level.enumerated(STRUCTURE, 1.0),))
    with meter.phase("what pairs can lose", "proof", _spare_flops(screen) + table_flops(screen)):
        found = GateEntries.of(screen, draws, question.delta)
    base = Level.enumerated(STRUCTURE, found.base)
    with meter.phase("entries", "sampling", draws * entry_flops()):
        drawn = found.drawn(question.stream.fold_in("entries"), draws, question.delta)
    share, log_delta = drawn.share, math.log(question.delta)
    statement = (
        f"{drawn.lost} of {draws} entries lose something, so gates lose all that a pair can on a "
        f"share of at most {upper(share, 4, 'e')}"
    )
    spend = Spend(statement, "betting", "8.11", question.delta, log_delta, draws)
    level = Level(ENTRIES, "sampled", share, draws, drawn.lost, log_delta)
    sampled = Sampled(draws, draws, drawn.lost, replace=True)
    return Outcome(drawn.failure, 1.0, (base, level), Ledger((spend,)), sampled)


def entries_by(noise: str, question: PairQuestion, rank: int, meter: CostMeter) -> Outcome:
    """The same pattern, what gates lose bounded for certain (Theorem 8.15). Deterministic.

    Raises:
        UserError: if the rank cannot be used, or tables are too large.
    """
    screen, p = _structure(question, rank, meter), question.task.answers
    with np.errstate(all="ignore"), meter.phase(f"noise by {noise}", "proof") as phase:
        losses, left, every = LOSSES[noise](screen), 0, np.arange(p)
        phase.flops = losses.flops + _spare_flops(screen) + screen.scaled.size
        for value in range(p):
            a = np.full(p, value)
            left += int((~(losses.of(a, every) < screen.spare(a, every))).sum())
    share = ratio_up(left, question.task.mass)
    return Outcome(share, share, (Level.enumerated(STRUCTURE, share),))


def _structure(question: PairQuestion, rank: int, meter: CostMeter) -> GatesScreen:
    values = question.task.answers
    require_held("entries", values, gates_numbers(values, rank, LEVELS))
    with meter.phase(STRUCTURE, "proof") as phase:
        margin = question.claim.margin
        screen = GatesScreen.of(question.folded, rank, LEVELS, margin=margin)
        phase.flops += question.folding_flops + proposal_flops(question.folded, rank)
        phase.flops += gates_flops(screen.scaled, screen.gates) + screen.pattern_flops
    return screen


def _spare_flops(screen: GatesScreen) -> int:
    return screen.scaled.size * screen.spare_flops
