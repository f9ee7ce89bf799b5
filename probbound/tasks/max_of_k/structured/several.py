"""One sample of noise for a family of claims: laws of sequences and margins (Theorem 4.38)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from jaxtyping import Int

from estimators.proportion import clopper_pearson
from probbound.arithmetic.rounding import inflated, ratio_up
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.structured.cells import cells_of
from probbound.tasks.max_of_k.structured.families import (
    UNIT,
    Family,
    Sample,
    Share,
    allocation,
    drawn,
    own_exceeding,
    share,
)
from probbound.tasks.max_of_k.structured.laws import Law
from probbound.tasks.max_of_k.structured.lengths import at_length, length_flops
from probbound.tasks.max_of_k.structured.parts import Parts, Sizes, parts_of
from probbound.tasks.max_of_k.structured.pilot import (
    ALL_PAIRS,
    ALL_ROWS,
    SEQUENCES,
    NoisePilot,
    Plan,
    Scope,
    Wanted,
    pilot_counts,
    pilot_flops,
    planned,
    planning_flops,
)
from probbound.tasks.max_of_k.structured.tolerances import Brackets, certified, certified_flops
from probbound.tasks.max_of_k.structured.values import row_values

_LAWS_TRIED = 32
_ROWS = "OV"

Weights = Int[np.ndarray, " d_vocab"]


@dataclass(frozen=True)
class Bound:
    """A claim's bound: failures of a law's sequences to have a margin above `margin`.

    It is the sum of what the structure does not certify, of intolerable last tokens, and of what
    may touch noise beyond its tolerance, which is the same for all claims.
    """

    law: Law
    margin: float
    failure_upper: float
    uncertified: float
    touch: float


@dataclass(frozen=True)
class _Wanted(Wanted):
    """What a plan for several laws is for: half of δ for the noise."""

    laws: tuple[Law, ...]

    @cached_property
    def known(self) -> dict[Scope, tuple[Family, ...]]:
        """The families of each scope that was asked for."""
        return {}

    def counts(self, parts: Parts, scope: Scope) -> tuple[dict[Family, int], float]:
        """Members of each family, and log δ for each that will not be looked at in full."""
        if scope not in self.known:
            self.known[scope] = families_of(self.laws, parts, scope)
        found = self.known[scope]
        counts = allocation(parts, found, self.entries)
        sampled = sum(counts[f] < f.population(parts) for f in found)
        return counts, math.log(self.delta / 2 / max(sampled, 1))


def several(
    model: Transformer,
    laws: Sequence[Law],
    margins: Sequence[float],
    *,
    budget: int,
    delta: float,
    cases: int,
    stream: Stream,
    meter: CostMeter,
) -> list[Bound]:
    """Every claim about a law and a margin; all hold together except with probability `delta`.

    `budget` counts noise entries, the pilot's among them; `cases` sequences of each law are
    checked against the structure, none is run. The longest law has all positions of the model.

    Raises:
        UserError: if the budget buys no row of the noise, or the laws do not fit the model.
    """
    longest = [law for law in laws if law.length == model.n_ctx]
    if not longest or not margins or any(law.d_vocab != model.d_vocab for law in laws):
        raise UserError(
            f"a family needs margins and laws over {model.d_vocab} tokens, the longest of "
            f"{model.n_ctx} positions"
        )
    parts = parts_of(model, meter)
    pilot = _pilot(parts, longest, budget, stream.fold_in("entries pilot"), meter)
    cells, entries = cells_of(parts), budget - pilot.entries
    middle = sorted(margins)[len(margins) // 2]
    wanted = _Wanted("separate", entries, delta, middle, 0, tuple(laws))
    seen = len(pilot.pairs.first), len(pilot.rows.first)
    with meter.phase("choosing tolerances", "sampling", planning_flops(parts, cells, *seen)):
        plan = planned(pilot, wanted, cells)
    shares = _shares(parts, plan, laws, stream.fold_in("entries"), meter)
    touch = inflated(sum(found.touch for found in shares), len(shares))
    brackets = _at_lengths(model, Brackets(parts, plan.tolerances), laws, meter)
    left = np.array(
        [_left(law, brackets[law.length], margins, cases, stream, meter) for law in laws]
    )
    log_delta = math.log(delta / 2 / left.size)
    uncertified = clopper_pearson(left, cases, log_delta=log_delta, side="upper").upper
    found = []
    for law, shares_left in zip(laws, np.asarray(uncertified).tolist(), strict=True):
        one = brackets[law.length]
        own = law.last_among(own_exceeding(one.parts, one.tolerances))
        for margin, share_left in zip(margins, shares_left, strict=True):
            failure = min(1.0, inflated(share_left + own + touch, 2))
            found.append(Bound(law, margin, failure, share_left, touch))
    return found


def _at_lengths(
    model: Transformer, brackets: Brackets, laws: Sequence[Law], meter: CostMeter
) -> dict[int, Brackets]:
    found = {}
    for length in sorted({law.length for law in laws}):
        with meter.phase("another length", "proof", length_flops(brackets.parts, length)):
            found[length] = at_length(model, brackets, length)
    return found


def _left(
    law: Law,
    brackets: Brackets,
    margins: Sequence[float],
    cases: int,
    stream: Stream,
    meter: CostMeter,
) -> list[int]:
    """How many draws of a law the structure does not certify, at each margin."""
    flops = cases * len(margins) * certified_flops(law.length)
    with meter.phase("checking cases", "sampling", flops):
        tokens = law.sample(stream.fold_in("entries cases").fold_in(law.name), 0, cases)
        return [int((~certified(brackets, tokens, margin)).sum()) for margin in margins]


def families_of(laws: Sequence[Law], sizes: Sizes, scope: Scope) -> tuple[Family, ...]:
    """What is sampled, with the worst number of ways in which a law meets a member as slots."""
    others = max((law.length - 1) * law.pair_density for law in laws)
    ordered = max(law.length * (law.length - 1) * law.pair_density for law in laws)
    rows = int(row_envelope(laws, scope.near).sum())
    found = [
        Family("pairs", ("QK",), _up(others)),
        Family("pairs", (_ROWS,), _up(ordered)),
        Family("pairs", ("direct",), _up(others)),
        Family("rows", (_ROWS,), _up(Fraction(rows, UNIT)), scope.near),
        Family("rows", ("direct",), _up(max(law.token_density for law in laws))),
    ]
    return tuple(f for f in found if f.slots and (scope.direct_rows or f.name != "direct rows"))


def row_envelope(laws: Sequence[Law], near: int) -> Weights:
    """The worst meeting number of each OV row over all laws, in units of 1/UNIT."""
    return np.max([law.row_meetings(near) for law in laws], axis=0)


def _up(number: Fraction) -> float:
    return ratio_up(number.numerator, number.denominator)


def _pilot(
    parts: Parts, laws: Sequence[Law], budget: int, stream: Stream, meter: CostMeter
) -> NoisePilot:
    """Pairs, rows and sequences of some of the laws; no bound is computed from what it saw."""
    some = laws[:: -(-len(laws) // _LAWS_TRIED)]
    each = -(-SEQUENCES // len(some))
    tokens = [law.sample(stream.fold_in("sequences").fold_in(law.name), 0, each) for law in some]
    counts = pilot_counts(parts, budget)
    if counts[ALL_ROWS] == 0:
        raise UserError(f"a budget of {budget} entries buys no row of the noise; ask for more")
    with meter.phase("pilot", "sampling", pilot_flops(parts, budget)):
        pairs = drawn(parts, ALL_PAIRS, counts[ALL_PAIRS], stream)
        rows = drawn(parts, ALL_ROWS, counts[ALL_ROWS], stream)
    return NoisePilot(parts, pairs, rows, np.concatenate(tokens))


def _shares(
    parts: Parts, plan: Plan, laws: Sequence[Law], stream: Stream, meter: CostMeter
) -> list[Share]:
    found = []
    for family, count in plan.counts.items():
        with meter.phase(family.name, "sampling", count * family.flops(parts)):
            if family.near is None:
                sample = drawn(parts, family, count, stream)
                found.append(share(sample, parts, plan.tolerances, plan.log_delta))
            else:
                weights = row_envelope(laws, family.near)
                found.append(_rows(parts, plan, family, weights, stream))
    return found


def _rows(parts: Parts, plan: Plan, family: Family, weights: Weights, stream: Stream) -> Share:
    """OV rows in proportion to their worst meeting number, or all of them, at no δ."""
    count, population = plan.counts[family], family.population(parts)
    everything = count >= population
    if everything:
        tokens = np.arange(population)
    else:
        ends = np.cumsum(weights)
        numbers = stream.fold_in(family.name).integers(0, count, int(ends[-1]))
        tokens = np.searchsorted(ends, numbers, side="right")
    sample = Sample(family, tokens, {_ROWS: row_values(parts, _ROWS, tokens)})
    exceeding = sample.exceeding(plan.tolerances)
    k = int(exceeding.sum())
    if everything:
        met = ratio_up(int(weights[exceeding].sum()), UNIT)
        return Share(family, ratio_up(k, population), met, population, k, -math.inf)
    upper = 1.0
    if count:
        log_delta = plan.log_delta
        upper = float(clopper_pearson(k, count, log_delta=log_delta, side="upper").upper)
    touch = inflated(family.slots * upper, 1)
    return Share(family, upper, touch, count, k, plan.log_delta)
