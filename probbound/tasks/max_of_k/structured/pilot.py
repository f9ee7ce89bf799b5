"""Tolerances chosen from a pilot, whose samples no bound is computed from (Remark 4.35)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from probbound.draws.random_streams import Stream
from probbound.machine.progress import track
from probbound.tasks.max_of_k.structured.cells import Cells
from probbound.tasks.max_of_k.structured.families import (
    Family,
    PathChoice,
    Sample,
    allocation,
    drawn,
    families,
    own_share,
)
from probbound.tasks.max_of_k.structured.parts import Parts, Sizes, Vector
from probbound.tasks.max_of_k.structured.tolerances import (
    Brackets,
    Tolerances,
    certified,
    certified_flops,
    far_rows,
)
from probbound.tasks.max_of_k.task import MaxOfK

SHARE_OF_BUDGET = 0.2
MOST_PAIRS, MOST_ROWS = 20_000, 128
SEQUENCES, CASES = 1024, 1 << 16
QUANTILES = (1.0, 0.9999, 0.999, 0.997, 0.99, 0.97, 0.93, 0.85)
LIFT, ERRORS = 2.0**-30, 16
SWEEPS = 2
NONE = np.empty(0)
_ROWS_A_BLOCK, _MOST_BLOCKS = 12, 8
_FIRST_NEAR, _EVERY_NEAR = 8, 6
ALL_PAIRS = Family("pairs", ("QK", "OV", "direct"), 0)
ALL_ROWS = Family("rows", ("OV", "direct"), 0)


@dataclass(frozen=True)
class Scope:
    """Which rows are sampled: of tokens less than `near` below the label, of the direct path."""

    near: int
    direct_rows: bool


@dataclass(frozen=True)
class Levels:
    """Tolerances in units that are alike for all tokens: of the row scale for the OV circuit."""

    score: float
    low: float
    row: float
    direct_low: float
    direct_row: float

    def tolerances(
        self, parts: Parts, profile: Vector, scope: Scope, far_row: Vector
    ) -> Tolerances:
        """`profile` is added to the level of the OV rows.

        What rounding can have moved is added to all of them, so that none of what is compared
        with a tolerance exceeds it by its rounding alone (Remark 4.35).
        """
        each = np.ones(parts.d_vocab)
        moved = ERRORS * parts.output_error
        direct_row = self.direct_row * each + moved if scope.direct_rows else parts.direct_norm
        return Tolerances(
            score=self.score * each + ERRORS * parts.score_error,
            low=self.low * parts.row_scale + moved,
            row=(self.row + profile) * parts.row_scale + moved,
            direct_low=self.direct_low * each + moved,
            direct_row=direct_row,
            far_row=far_row,
            near=scope.near,
        )


class Candidate(NamedTuple):
    """Levels and a scope, and the failure rate that they let expect."""

    bound: float
    levels: Levels
    scope: Scope


@dataclass(frozen=True)
class Plan:
    """Tolerances, and how many members of each family the certifying samples will have."""

    tolerances: Tolerances
    counts: Mapping[Family, int]
    log_delta: float


@dataclass(frozen=True)
class Wanted:
    """What a plan is for; `others` statements beside the families share δ."""

    choice: PathChoice
    entries: int
    delta: float
    margin: float
    others: int

    def counts(self, parts: Parts, scope: Scope) -> tuple[dict[Family, int], float]:
        """Members of each family, and log δ for each that will not be looked at in full."""
        found = families(self.choice, parts, scope.near, scope.direct_rows)
        counts = allocation(parts, found, self.entries)
        sampled = sum(counts[f] < f.population(parts) for f in found) + self.others
        return counts, math.log(self.delta / max(sampled, 1))


def pilot_counts(sizes: Sizes, budget: int) -> dict[Family, int]:
    """Pairs and rows of a pilot: at most SHARE_OF_BUDGET, and no more than tolerances need."""
    allowed = int(SHARE_OF_BUDGET * budget)
    pairs = min(MOST_PAIRS, allowed // (10 * ALL_PAIRS.entries(sizes)), ALL_PAIRS.population(sizes))
    left = allowed - pairs * ALL_PAIRS.entries(sizes)
    return {
        ALL_PAIRS: pairs,
        ALL_ROWS: min(MOST_ROWS, left // ALL_ROWS.entries(sizes), sizes.d_vocab),
    }


def pilot_entries(sizes: Sizes, budget: int) -> int:
    """Noise entries of the pilot."""
    return sum(n * family.entries(sizes) for family, n in pilot_counts(sizes, budget).items())


def pilot_flops(sizes: Sizes, budget: int) -> int:
    """Operations of the pilot's entries."""
    return sum(n * family.flops(sizes) for family, n in pilot_counts(sizes, budget).items())


@dataclass(frozen=True)
class NoisePilot:
    """Samples that tolerances are chosen from: pairs, rows, and sequences to try them on."""

    parts: Parts
    pairs: Sample
    rows: Sample
    tokens: Int[np.ndarray, "n n_ctx"]

    @classmethod
    def draw(cls, parts: Parts, task: MaxOfK, budget: int, stream: Stream) -> NoisePilot:
        """As large as a budget of entries allows."""
        counts = pilot_counts(parts, budget)
        return cls(
            parts,
            drawn(parts, ALL_PAIRS, counts[ALL_PAIRS], stream),
            drawn(parts, ALL_ROWS, counts[ALL_ROWS], stream),
            task.sample(stream.fold_in("sequences"), 0, SEQUENCES),
        )

    @property
    def entries(self) -> int:
        """Noise entries that were evaluated."""
        samples = (self.pairs, self.rows)
        return sum(len(s.first) * s.family.entries(self.parts) for s in samples)

    @property
    def usable(self) -> bool:
        """Whether there is anything to choose from."""
        return len(self.rows.first) > 0


def planned(pilot: NoisePilot, wanted: Wanted, cells: Cells) -> Plan:
    """The least predicted bound: level after level, then scope after scope, then levels again."""
    profile = _profile(pilot)
    grid = _grid(pilot, profile)
    scopes = [Scope(pilot.parts.d_vocab, True)]
    if wanted.choice == "separate":
        nears = (pilot.parts.d_vocab, *cells.stops[_FIRST_NEAR:-1:_EVERY_NEAR])
        scopes = [Scope(near, rows) for near in nears for rows in (True, False)]
    far = far_rows(pilot.parts)

    def plan(levels: Levels, scope: Scope) -> Plan:
        tolerances = levels.tolerances(pilot.parts, profile, scope, far)
        return Plan(tolerances, *wanted.counts(pilot.parts, scope))

    def candidate(levels: Levels, scope: Scope) -> Candidate:
        return Candidate(_predicted(pilot, plan(levels, scope), wanted.margin), levels, scope)

    best = candidate(Levels(**{name: values[0] for name, values in grid.items()}), scopes[0])
    steps = [(name, value) for name, values in grid.items() for value in values]
    for sweep in range(SWEEPS):
        for name, value in track(steps, "choosing tolerances"):
            levels = replace(best.levels, **{name: value})
            if levels != best.levels:
                best = min(best, candidate(levels, best.scope), key=_bound)
        for scope in scopes[1:] if sweep == 0 else []:
            best = min(best, candidate(best.levels, scope), key=_bound)
    return plan(best.levels, best.scope)


def _bound(candidate: Candidate) -> float:
    return math.inf if math.isnan(candidate.bound) else candidate.bound


def planning_flops(
    sizes: Sizes,
    cells: Cells,
    pairs: int,
    rows: int,
    sequences: int = SEQUENCES,
) -> int:
    """Operations of `planned` for a pilot of some size, the pilot's own entries apart."""
    scopes = 2 * (1 + len(cells.stops[_FIRST_NEAR:-1:_EVERY_NEAR]))
    tries = SWEEPS * 5 * (len(QUANTILES) + 1) + scopes
    each = sequences * certified_flops(sizes.n_ctx)
    return tries * (each + 6 * pairs + 3 * rows + 20 * sizes.d_vocab)


def _row_levels(pilot: NoisePilot) -> Float[np.ndarray, " n"]:
    return _over(pilot.rows.values["OV"], pilot.parts.row_scale[pilot.rows.first])


def _profile(pilot: NoisePilot) -> Vector:
    """The mean level of pilot rows of neighbouring tokens, joined by straight lines."""
    tokens, levels = pilot.rows.first, _row_levels(pilot)
    order = np.argsort(tokens)
    blocks = min(_MOST_BLOCKS, max(1, len(tokens) // _ROWS_A_BLOCK))
    parts = [part for part in np.array_split(order, blocks) if len(part)]
    centres = [tokens[part].mean() for part in parts]
    heights = [levels[part].mean() for part in parts]
    return np.interp(np.arange(pilot.parts.d_vocab), centres, heights)


def _grid(pilot: NoisePilot, profile: Vector) -> dict[str, list[float]]:
    """What each level may be: quantiles of what the pilot saw, the largest first."""
    parts, scale = pilot.parts, pilot.parts.row_scale[pilot.pairs.first]
    score, value, direct = (pilot.pairs.values[path] for path in ALL_PAIRS.paths)
    own = parts.own_direct
    return {
        "score": _quantiles(score, np.abs(parts.own_score)),
        "low": _quantiles(_over(value, scale)),
        "row": _quantiles(_row_levels(pilot) - profile[pilot.rows.first]),
        "direct_low": _quantiles(direct, -own),
        "direct_row": _quantiles(pilot.rows.values["direct"], own),
    }


def _over(values: Float[np.ndarray, " n"], scale: Float[np.ndarray, " n"]) -> np.ndarray:
    """Values in units of the row scale; 0 where that is 0."""
    return np.where(scale > 0, values / np.where(scale > 0, scale, 1.0), 0.0)


def _quantiles(values: Float[np.ndarray, " n"], own: Float[np.ndarray, " m"] = NONE) -> list[float]:
    """Of the finite values, and the largest of `own`, which is known without sampling.

    Lifted a little, so that no last bit decides whether the member that set a level exceeds it.
    """
    finite = values[np.isfinite(values)]
    found = np.quantile(finite, QUANTILES).tolist() if len(finite) else [0.0]
    levels = np.array([*found, *([own.max()] if len(own) else [])])
    return sorted({*(levels + LIFT * np.abs(levels).max()).tolist()}, reverse=True)


def _predicted(pilot: NoisePilot, plan: Plan, margin: float) -> float:
    """Uncertified sequences of the pilot, and the touch that its exceedances let expect."""
    brackets = Brackets(pilot.parts, plan.tolerances)
    left = 1 - float(certified(brackets, pilot.tokens, margin).mean())
    touch = own_share(pilot.parts, plan.tolerances)
    for family, (hits, looked) in seen(pilot, plan).items():
        share = (hits + 1) / (looked + 1)
        log = np.asarray(-plan.log_delta)
        touch += family.slots * float(about_upper(share, plan.counts[family], log))
    return left + touch


def seen(pilot: NoisePilot, plan: Plan) -> dict[Family, tuple[int, int]]:
    """Of each family: members of the pilot that exceed, and those that it looked at."""
    found: dict[Family, tuple[int, int]] = {}
    for family in plan.counts:
        sample = (pilot.pairs if family.kind == "pairs" else pilot.rows).on(family.paths)
        exceeding = sample.exceeding(plan.tolerances)
        found[family] = int(exceeding.sum()), len(exceeding)
    return found


def about_upper(
    share: float, count: int, log: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """About what a certifying sample will bound a share by (Bernstein's inequality)."""
    if count == 0:
        return np.ones_like(log)
    return np.asarray(share + np.sqrt(2 * share * log / count) + log / count)
