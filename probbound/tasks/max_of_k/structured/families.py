"""What is sampled, and the share of inputs that can touch what exceeds its tolerance (4.33)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from estimators.proportion import clopper_pearson, hypergeometric
from probbound.arithmetic.rounding import inflated, ratio_up
from probbound.draws.random_streams import Stream
from probbound.noise.sampled.draws import distinct
from probbound.tasks.max_of_k.structured.parts import Parts, Sizes, Vector
from probbound.tasks.max_of_k.structured.tolerances import Tolerances
from probbound.tasks.max_of_k.structured.values import (
    PathName,
    Tokens,
    Values,
    pair_flops,
    pair_values,
    row_flops,
    row_values,
)

PathChoice = Literal["joint", "separate"]
UNIT = 1 << 40


@dataclass(frozen=True)
class Family:
    """Pairs of different tokens, or whole rows, on one path or on several at once.

    A sequence meets a uniformly distributed member in each of `slots` ways: the union bound.
    Where `near` is given, only the rows of the label and of tokens less than `near` below it
    count, and rows are drawn in proportion to how often they do; `slots` is their mean number.
    """

    kind: Literal["pairs", "rows"]
    paths: tuple[PathName, ...]
    slots: float | int
    near: int | None = None

    @property
    def name(self) -> str:
        """For certificates and random streams."""
        return f"{' + '.join(self.paths)} {self.kind}"

    def population(self, sizes: Sizes) -> int:
        """Number of members."""
        return sizes.d_vocab * (sizes.d_vocab - 1 if self.kind == "pairs" else 1)

    def entries(self, sizes: Sizes) -> int:
        """Noise entries evaluated for one member."""
        return len(self.paths) * (1 if self.kind == "pairs" else sizes.d_vocab_out)

    def flops(self, sizes: Sizes) -> int:
        """Operations for one member, the comparison with its tolerance included."""
        if self.kind == "pairs":
            return len(self.paths) * (pair_flops(sizes) + 2)
        return sum(row_flops(sizes, path) + 2 for path in self.paths)


def families(
    choice: PathChoice, sizes: Sizes, near: int, direct_rows: bool = True
) -> tuple[Family, ...]:
    """The families of a choice, without those that no sequence meets (Theorem 4.33).

    `near` and `direct_rows` are for separate families alone.
    """
    n_ctx = sizes.n_ctx
    ordered, others = n_ctx * (n_ctx - 1), n_ctx - 1
    if choice == "joint":
        found = [
            Family("pairs", ("QK", "OV", "direct"), ordered),
            Family("rows", ("OV", "direct"), n_ctx),
        ]
    else:
        rows = Family("rows", ("OV",), n_ctx)
        if near < sizes.d_vocab:
            slots = inflated(int(row_weights(sizes, near).sum()) / UNIT, 1)
            rows = Family("rows", ("OV",), slots, near)
        found = [
            Family("pairs", ("QK",), others),
            Family("pairs", ("OV",), ordered),
            Family("pairs", ("direct",), others),
            rows,
            Family("rows", ("direct",), 1),
        ]
    return tuple(f for f in found if f.slots and (direct_rows or f.name != "direct rows"))


def row_weights(sizes: Sizes, near: int) -> Int[np.ndarray, " d_vocab"]:
    """How often token t is in a sequence and less than `near` below its label, or the label.

    In units of 2^-40, rounded up.
    """
    v, k = sizes.d_vocab, sizes.n_ctx
    reach = [min(t + near, v) for t in range(v)]
    return np.array([-(-(UNIT * (y**k - (y - 1) ** k)) // v**k) for y in reach])


@dataclass(frozen=True)
class Sample:
    """Different members of a family, uniform without replacement, and their noise by path."""

    family: Family
    first: Tokens
    values: Mapping[PathName, Values]

    def on(self, paths: tuple[PathName, ...]) -> Sample:
        """The same members, on some of the paths."""
        family = replace(self.family, paths=paths)
        return Sample(family, self.first, {path: self.values[path] for path in paths})

    def exceeding(self, tolerances: Tolerances) -> Bool[np.ndarray, " n"]:
        """Which members exceed a tolerance on some path; NaN does."""
        found = np.zeros(len(self.first), dtype=bool)
        for path, values in self.values.items():
            found |= ~(values <= _limit(tolerances, self.family.kind, path)[self.first])
        return found


def _limit(t: Tolerances, kind: str, path: PathName) -> Vector:
    if kind == "rows":
        return t.row if path == "OV" else t.direct_row
    return {"QK": t.score, "OV": t.low, "direct": t.direct_low}[path]


def drawn(parts: Parts, family: Family, count: int, stream: Stream) -> Sample:
    """`count` members: different ones, but for rows near the label, which may be drawn again.

    Draws depend on `stream` and the family's name alone.
    """
    stream, population = stream.fold_in(family.name), family.population(parts)
    if family.kind == "rows":
        if family.near is None or count >= population:
            tokens = distinct(stream, min(count, population), population)
        else:
            ends = np.cumsum(row_weights(parts, family.near))
            numbers = stream.integers(0, count, int(ends[-1]))
            tokens = np.searchsorted(ends, numbers, side="right")
        rows: dict[PathName, Values] = {p: row_values(parts, p, tokens) for p in family.paths}
        return Sample(family, tokens, rows)
    first, second = np.divmod(distinct(stream, count, population), parts.d_vocab - 1)
    second = second + (second >= first)
    pairs: dict[PathName, Values] = {
        path: pair_values(parts, path, first, second) for path in family.paths
    }
    return Sample(family, first, pairs)


@dataclass(frozen=True)
class Share:
    """An upper bound on the share of a family that exceeds, failing with at most exp(log_delta).

    `touch` bounds the share of sequences that meet an exceeding member.
    """

    family: Family
    upper: float
    touch: float
    samples: int
    failures: int
    log_delta: float


def share(sample: Sample, parts: Parts, tolerances: Tolerances, log_delta: float) -> Share:
    """Theorem 4.33, fixed-n: exact, at no δ, once all members were looked at."""
    family, exceeding = sample.family, sample.exceeding(tolerances)
    n, k, population = len(exceeding), int(exceeding.sum()), family.population(parts)
    if n == population and family.near is not None:
        weights = row_weights(parts, family.near)
        met = ratio_up(int(weights[sample.first][exceeding].sum()), UNIT)
        return Share(family, ratio_up(k, n), met, n, k, -math.inf)
    if n == population or n == 0:
        upper = ratio_up(k, population) if population and n else float(population > 0)
        log_delta = -math.inf
    elif family.near is None:
        found = hypergeometric(k, n, population, log_delta=log_delta, side="upper")
        upper = min(inflated(float(found.upper), 1), 1.0)
    else:
        upper = float(clopper_pearson(k, n, log_delta=log_delta, side="upper").upper)
    return Share(family, upper, inflated(family.slots * upper, 1), n, k, log_delta)


def own_share(parts: Parts, tolerances: Tolerances) -> float:
    """The share of last tokens whose noise with themselves exceeds: looked at one by one."""
    exceeding = own_exceeding(parts, tolerances)
    return ratio_up(int(exceeding.sum()), parts.d_vocab)


def own_exceeding(parts: Parts, tolerances: Tolerances) -> Bool[np.ndarray, " d_vocab"]:
    """Which last tokens have noise with themselves beyond a tolerance; NaN is."""
    t = tolerances
    kept = np.abs(parts.own_score) <= t.score
    kept &= (-parts.own_direct <= t.direct_low) & (parts.own_direct <= t.direct_row)
    return ~kept


def allocation(sizes: Sizes, wanted: Sequence[Family], budget: int) -> dict[Family, int]:
    """How many members of each family `budget` entries buy, for the least sum of bounds.

    With no member exceeding, a bound is about slots · log(1/δ)/n, whose sum is least for n in
    proportion to √(slots/entries). Families that are used up leave the rest to the others.
    """
    found: dict[Family, int] = {}
    left, rest = budget, list(wanted)
    while rest:
        weight = sum(math.sqrt(f.slots * f.entries(sizes)) for f in rest)
        counts = {f: int(left / weight * math.sqrt(f.slots / f.entries(sizes))) for f in rest}
        full = [f for f in rest if counts[f] >= f.population(sizes)]
        if not full:
            return {**found, **counts}
        for family in full:
            found[family] = family.population(sizes)
            left -= found[family] * family.entries(sizes)
        rest = [f for f in rest if f not in full]
    return found
