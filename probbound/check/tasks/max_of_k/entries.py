"""`entries` made again: structure, tolerances of its own pilot, samples and bound (Theorem 6.7)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from probbound.check.bounds import clopper_pearson, up
from probbound.check.digits import ceiling
from probbound.check.expected import Expected, Level, Spend
from probbound.check.models.attention_only.weights import Weights
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.max_of_k.cells import Cells, certified_number
from probbound.check.tasks.max_of_k.certain import certain_tolerances
from probbound.check.tasks.max_of_k.members import Share, drawn, share
from probbound.check.tasks.max_of_k.noise import up as widened
from probbound.check.tasks.max_of_k.recipe import CERTAIN, COUNTED, STRUCTURE, run_by
from probbound.check.tasks.max_of_k.structure import structure_of
from probbound.check.tasks.max_of_k.tolerance_choice import Pilot, Wanted, own_share
from probbound.check.tasks.max_of_k.tolerated import Tolerated

_CASES = 1 << 16
_OWN = "noise of last tokens with themselves"


def entries_again(predicate: Mapping[str, Any], weights: Weights, law: Law) -> Expected:
    """What a certificate that rests on structure and noise has to say.

    Where it counts more failures than are found, it is held to those (Theorem 6.2).

    Raises:
        Refused: if there is no answer to such a claim, or not for such weights.
    """
    recipe = run_by(predicate)
    if weights.sizes[4] > 1 or predicate["claim"]["population"]["prior"] is not None:
        raise Refused("entries is for models with one head and the uniform prior")
    s, margin = structure_of(weights), float(predicate["claim"]["at"] or 0.0)
    cells = Cells(s)
    if recipe.rest == CERTAIN and recipe.noise is not None:
        tolerated = Tolerated(s, certain_tolerances(s, recipe.noise), margin)
        left = _counted(tolerated, cells)
        return Expected(left[2], left[2], (left,))
    stream, budget = Stream.of_seed(predicate["seed"]).named("certify"), predicate["ran"]["budget"]
    pilot = Pilot(s, budget, stream.named("entries pilot"))
    if not pilot.usable:
        return Expected(1.0, 1.0, ((STRUCTURE, "enumerated", 1.0, 0, 0, None),))
    counted, delta = recipe.rest == COUNTED, predicate["delta_allowed"]
    joint = recipe.noise == "joint"
    wanted = Wanted(joint, budget - pilot.entries, delta, margin, 0 if counted else 1)
    plan = pilot.plan(wanted, cells)
    tolerated = Tolerated(s, plan.tolerances, margin)
    conceded = [level["failures"] for level in predicate["levels"]] + [0] * (2 + len(plan.counts))
    left = (
        _counted(tolerated, cells)
        if counted
        else _checked(tolerated, plan.log_delta, stream.named("entries cases"), law, conceded[0])
    )
    own = own_share(s, plan.tolerances)
    levels, touched, looked, exceeding = [left, (_OWN, "enumerated", own, 0, 0, None)], 0.0, 0, 0
    for number, (family, count) in enumerate(plan.counts.items(), start=2):
        members = drawn(s, family, count, stream.named("entries"))
        found = share(s, members, plan.tolerances, plan.log_delta, conceded[number])
        levels.append(_level(family.name, found))
        touched += found.touch
        looked += found.samples * family.entries(s.shape[2])
        exceeding += found.failures
    failure = min(1.0, widened(left[2] + own + touched, len(levels)))
    spends = _spends(predicate, levels)
    drawn_in_all = (looked + pilot.entries, looked, exceeding, False)
    return Expected(failure, 1.0 if spends else failure, tuple(levels), spends, drawn_in_all)


def _counted(tolerated: Tolerated, cells: Cells) -> Level:
    vocabulary, length, _ = tolerated.structure.shape
    everything = vocabulary**length
    left = up(Fraction(everything - certified_number(tolerated, cells), everything))
    return (STRUCTURE, "enumerated", left, 0, 0, None)


def _checked(
    tolerated: Tolerated, log_delta: float, stream: Stream, law: Law, conceded: int
) -> Level:
    """Cases drawn with replacement, each checked and none run (4.34)."""
    length = tolerated.structure.shape[1]
    tokens = law.tokens(stream.below(law.total, 0, _CASES * length)).reshape(-1, length)
    failures = max(int((~tolerated.certified(tokens)).sum()), min(conceded, _CASES))
    upper = clopper_pearson(failures, _CASES, log_delta)
    return (STRUCTURE, "sampled", upper, _CASES, failures, log_delta)


def _level(name: str, found: Share) -> Level:
    mode = "enumerated" if found.log_delta is None else "sampled"
    return (name, mode, found.upper, found.samples, found.failures, found.log_delta)


def _spends(predicate: Mapping[str, Any], levels: list[Level]) -> tuple[Spend, ...]:
    """One row for each share that is known by sampling; sizes are written as the levels have them.

    Where the certificate has other levels than these, that is what will be found wrong with it.
    """
    found = []
    for (check, _, _, samples, failures, log_delta), said in zip(
        levels, predicate["levels"], strict=False
    ):
        if log_delta is None:
            continue
        cases = check == STRUCTURE
        what = "are not certified" if cases else "exceed what a pilot of its own chose to tolerate"
        statement = (
            f"{check}: {failures} of {samples} draws {what}, so a share of at most "
            f"{ceiling(said['share_upper'], 4):.3e} does"
        )
        theorem = "4.34" if cases else "4.33"
        found.append((statement, "exact tail", theorem, math.exp(log_delta), samples))
    return tuple(found)
