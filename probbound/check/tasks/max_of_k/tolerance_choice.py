"""Tolerances chosen from a pilot, as the makers of certificates choose them (Remark 4.35).

The bound holds for any tolerances that do not depend on the certifying samples (Theorem 4.34), so
these are worked out from the pilot's stream alone. What decides is computed in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from probbound.check.bounds import up
from probbound.check.stream import Stream
from probbound.check.tasks.max_of_k.cells import Cells
from probbound.check.tasks.max_of_k.members import Family, allocation, drawn, families
from probbound.check.tasks.max_of_k.structure import Structure
from probbound.check.tasks.max_of_k.tolerated import Tolerances, Tolerated, far_rows

_SHARE, _MOST_PAIRS, _MOST_ROWS, _SEQUENCES = 0.2, 20_000, 128, 1024
_QUANTILES = (1.0, 0.9999, 0.999, 0.997, 0.99, 0.97, 0.93, 0.85)
_LIFT, _ERRORS = 2.0**-30, 16
_SWEEPS = 2
_ROWS_A_BLOCK, _MOST_BLOCKS = 12, 8
_FIRST_NEAR, _EVERY_NEAR = 8, 6
_PAIRS = Family("pairs", ("QK", "OV", "direct"), 0)
_ROWS = Family("rows", ("OV", "direct"), 0)


@dataclass(frozen=True)
class Wanted:
    """What tolerances are for; `statements` are those that share δ beside the families."""

    joint: bool
    entries: int
    delta: float
    margin: float
    statements: int


@dataclass(frozen=True)
class Choice:
    """Levels in units alike for all tokens, up to which gap rows are sampled, and direct rows."""

    score: float
    low: float
    row: float
    direct_low: float
    direct_row: float
    near: int
    sampled_rows: bool


@dataclass(frozen=True)
class Plan:
    """Tolerances, and how many members of each family the certifying samples have."""

    tolerances: Tolerances
    counts: dict[Family, int]
    log_delta: float


class Pilot:
    """Pairs, rows and sequences that tolerances are chosen from and no bound is computed from."""

    def __init__(self, s: Structure, budget: int, stream: Stream) -> None:
        vocabulary, length, outputs = s.shape
        self.structure, allowed = s, int(_SHARE * budget)
        each = _PAIRS.entries(outputs)
        pairs = min(_MOST_PAIRS, allowed // (10 * each), _PAIRS.population(vocabulary))
        rows = min(_MOST_ROWS, (allowed - pairs * each) // _ROWS.entries(outputs), vocabulary)
        self.entries = pairs * each + rows * _ROWS.entries(outputs)
        self.usable = rows > 0
        self.pairs = drawn(s, _PAIRS, pairs, stream)
        self.rows = drawn(s, _ROWS, rows, stream)
        numbers = stream.named("sequences").below(vocabulary, 0, _SEQUENCES * length)
        self.tokens = numbers.reshape(-1, length)

    def plan(self, wanted: Wanted, cells: Cells) -> Plan:
        """Level after level, then scope after scope, then levels again: what promises the least."""
        levels, vocabulary = self._levels(), len(self.structure.size)
        first = {name: each[0] for name, each in levels.items()}
        best = Choice(**first, near=vocabulary, sampled_rows=True)
        promised = self._promise(best, wanted)
        scopes = [] if wanted.joint else list(_scopes(vocabulary, cells))
        for sweep in range(_SWEEPS):
            steps = [{name: level} for name, each in levels.items() for level in each]
            for step in (*steps, *(scopes if sweep == 0 else ())):
                other = replace(best, **step)
                found = promised if other == best else self._promise(other, wanted)
                if found < promised:
                    best, promised = other, found
        return self._plan(best, wanted)

    def _plan(self, choice: Choice, wanted: Wanted) -> Plan:
        s = self.structure
        vocabulary, _, _ = s.shape
        each = np.ones(vocabulary)
        moved = _ERRORS * s.output_error
        direct_row = choice.direct_row * each + moved if choice.sampled_rows else s.direct_norm
        tolerances = Tolerances(
            score=choice.score * each + _ERRORS * s.score_error,
            low=choice.low * s.scale + moved,
            row=(choice.row + self._profile) * s.scale + moved,
            far_row=self._far_rows,
            near=choice.near,
            direct_low=choice.direct_low * each + moved,
            direct_row=direct_row,
        )
        found = families(wanted.joint, s, choice.near, choice.sampled_rows)
        counts = allocation(s, found, wanted.entries)
        sampled = sum(count < family.population(vocabulary) for family, count in counts.items())
        log_delta = math.log(wanted.delta / max(sampled + wanted.statements, 1))
        return Plan(tolerances, counts, log_delta)

    def _promise(self, choice: Choice, wanted: Wanted) -> float:
        """About the failure rate that a plan will show."""
        plan = self._plan(choice, wanted)
        certified = Tolerated(self.structure, plan.tolerances, wanted.margin).certified(self.tokens)
        touch = own_share(self.structure, plan.tolerances)
        for family, count in plan.counts.items():
            sample = self.pairs if family.kind == "pairs" else self.rows
            exceeding = sample.exceeding(plan.tolerances, family.paths)
            share = (int(exceeding.sum()) + 1) / (len(exceeding) + 1)
            log = -plan.log_delta
            upper = share + math.sqrt(2 * share * log / count) + log / count if count else 1.0
            touch += family.slots * upper
        promised = 1 - float(certified.mean()) + touch
        return math.inf if math.isnan(promised) else promised

    @cached_property
    def _far_rows(self) -> np.ndarray:
        return far_rows(self.structure)

    @cached_property
    def _row_levels(self) -> np.ndarray:
        return _over(self.rows.values["OV"], self.structure.scale[self.rows.tokens])

    @cached_property
    def _profile(self) -> np.ndarray:
        """Mean levels of neighbouring rows, joined by straight lines."""
        tokens, levels = self.rows.tokens, self._row_levels
        blocks = min(_MOST_BLOCKS, max(1, len(tokens) // _ROWS_A_BLOCK))
        parts = [part for part in np.array_split(np.argsort(tokens), blocks) if len(part)]
        centres, heights = ([values[p].mean() for p in parts] for values in (tokens, levels))
        return np.interp(np.arange(len(self.structure.size)), centres, heights)

    def _levels(self) -> dict[str, list[float]]:
        s, pairs, rows = self.structure, self.pairs.values, self.rows
        scale, profile = s.scale[self.pairs.tokens], self._profile[rows.tokens]
        return {
            "score": _quantiles(pairs["QK"], np.abs(s.own_score)),
            "low": _quantiles(_over(pairs["OV"], scale)),
            "row": _quantiles(self._row_levels - profile),
            "direct_low": _quantiles(pairs["direct"], -s.own_direct),
            "direct_row": _quantiles(rows.values["direct"], s.own_direct),
        }


def own_share(s: Structure, t: Tolerances) -> float:
    """The share of last tokens whose noise with themselves exceeds (4.33)."""
    kept = np.abs(s.own_score) <= t.score
    kept &= (-s.own_direct <= t.direct_low) & (s.own_direct <= t.direct_row)
    return up(Fraction(int((~kept).sum()), len(kept)))


def _scopes(vocabulary: int, cells: Cells) -> Iterator[dict[str, int]]:
    for near in (vocabulary, *cells.stops[_FIRST_NEAR:-1:_EVERY_NEAR]):
        yield from ({"near": near, "sampled_rows": rows} for rows in (True, False))


def _over(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.where(scale > 0, values / np.where(scale > 0, scale, 1.0), 0.0)


def _quantiles(values: np.ndarray, own: np.ndarray | None = None) -> list[float]:
    """Of the finite values, and the largest of `own`; lifted by more than roundings."""
    finite = values[np.isfinite(values)]
    found = list(np.quantile(finite, _QUANTILES)) if len(finite) else [0.0]
    levels = np.array(found if own is None else [*found, own.max()])
    return sorted(set((levels + _LIFT * np.abs(levels).max()).tolist()), reverse=True)
