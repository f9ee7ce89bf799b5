"""δ for a strategy that is named: chosen from a pilot, before the strategy draws (Theorem 4.26).

docs/planner.md says how, and `probbound.check` does it again (Theorem 6.10).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from probbound.contract.claims import ACCURACY
from probbound.contract.confidence import CANDIDATES, Choice, best_delta
from probbound.contract.cost import CostMeter
from probbound.contract.residue import Residue
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import forward_flops
from probbound.planning.forecast import Passed
from probbound.tasks.max_of_k.grammar import parsed
from probbound.tasks.max_of_k.methods.cascade import checks_within
from probbound.tasks.max_of_k.planning.pilot import Source, look, planning_stream, source_of
from probbound.tasks.max_of_k.preparation import Checks, certain_residue, residue
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.sequences import copying_flops
from probbound.tasks.max_of_k.strategies import SCREENS

PILOT_SHARE = 0.025
SCREEN_DELTAS = (1e-12, 1e-9, 1e-6, 1e-4, 1e-2)


def delta_for(question: Question, strategy: str, meter: CostMeter) -> Question:
    """The question with the δ whose confidence-weighted bound is predicted to be the best.

    What a deterministic screen and the tables take is kept for the strategy; the pilot, which has
    randomness of its own, is booked.

    Raises:
        UserError: if the strategy stops at a target: then δ has no bound to be weighed against;
            or if the claim is another than the accuracy under a uniform prior.
    """
    if question.target is not None:
        raise UserError("with a target the bound is given, so δ must be a number, not auto")
    if question.claim != ACCURACY or question.task.prior is not None:
        raise UserError("δ is chosen for the accuracy under a uniform prior; give it a number")
    name = parsed(strategy)
    if name.kind not in ("iid", "screen", "hybrid", "cascade"):
        raise UserError(f"δ is not chosen for {strategy}; give it a number")
    kind, screen = name.kind, name.screen
    checks = checks_within(question, meter) if kind == "cascade" else None
    if screen is not None and screen.sampled:
        delta = _of_a_sampled_screen(question, kind, screen.text, checks, meter)
        return replace(question, delta=delta)
    share, left = 1.0, None
    if screen is not None:
        left = certain_residue(SCREENS[screen.text](question), question, meter)
        share = float(left.size / question.task.size)
    seen = _pilot(question, left, checks, meter)
    choice = _choice(question, kind, seen, share=share, proven=share, candidates=CANDIDATES)
    return replace(question, delta=choice.delta)


def _of_a_sampled_screen(
    question: Question, kind: str, screen: str, checks: Checks | None, meter: CostMeter
) -> float:
    """The best of SCREEN_DELTAS, the screen being run with the pilot's coins at each."""
    part = 1.0 if kind == "screen" else 0.5
    found: list[Choice] = []
    seed = int.from_bytes(planning_stream(question.seed).fold_in("coins").key, "little")
    seen = None
    for delta in SCREEN_DELTAS:
        tossed = SCREENS[screen](replace(question, seed=seed, delta=part * delta))
        left = residue(tossed, question, meter)
        seen = seen or _pilot(question, left, checks, meter)
        share = float(left.size / question.task.size)
        one = np.array([delta])
        found.append(
            _choice(question, kind, seen, share=share, proven=1.0, part=part, candidates=one)
        )
    return min(found, key=lambda choice: choice.weighted).delta


def _choice(
    question: Question,
    kind: str,
    seen: Passed,
    *,
    share: float,
    proven: float,
    candidates: np.ndarray,
    part: float = 1.0,
) -> Choice:
    draws = 0 if kind == "screen" else question.budget
    if kind == "cascade":
        draws = _draws_of_a_cascade(question, seen)
    expected = round(draws * seen.wrong / max(seen.draws, 1))
    return best_delta(expected, draws, share=share, proven=proven, part=part, candidates=candidates)


def _draws_of_a_cascade(question: Question, seen: Passed) -> int:
    """As many as follow from what the pilot saw left, like the cascade's own plan."""
    if question.draws is not None:
        return question.draws
    within_budget = question.budget * (seen.draws + 1) / (seen.left + 1)
    within_cost = question.budget * forward_flops(question.model) / copying_flops(question.model)
    return max(question.budget, int(min(within_budget, within_cost)))


def _pilot(
    question: Question, left: Residue | None, checks: Checks | None, meter: CostMeter
) -> Passed:
    """Draws from all inputs, or from a residue, for PILOT_SHARE of what the budget costs."""
    source = Source(
        "all inputs", partial(question.task.sample, planning_stream(question.seed).fold_in("delta"))
    )
    if left is not None:
        if left.tickets == 0:
            return Passed()
        source = source_of("the screen", left, question.seed)
    allowance = PILOT_SHARE * question.budget * forward_flops(question.model)
    return look(source, question.model, question.task, allowance, checks, meter)
