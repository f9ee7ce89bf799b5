"""Pairs and rows of noise: which are drawn, and what follows for inputs (Theorem 4.33)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from probbound.check.bounds import clopper_pearson, hypergeometric, up
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.max_of_k.noise import up as widened
from probbound.check.tasks.max_of_k.structure import Structure
from probbound.check.tasks.max_of_k.tolerated import Tolerances

MOST_MEMBERS = 1 << 28
_WEIGHT_BITS = 40


@dataclass(frozen=True)
class Family:
    """Pairs of different tokens, or rows, looked at on all of `paths`.

    An input meets members in `slots` ways. Where `near` is given, rows are drawn by how often they
    are of a token less than that below the label.
    """

    kind: str
    paths: tuple[str, ...]
    slots: float | int
    near: int | None = None

    @property
    def name(self) -> str:
        """As in certificates, and of its stream."""
        return f"{' + '.join(self.paths)} {self.kind}"

    def population(self, vocabulary: int) -> int:
        """Number of members."""
        return vocabulary * (vocabulary - 1 if self.kind == "pairs" else 1)

    def entries(self, outputs: int) -> int:
        """Noise entries of a member."""
        return len(self.paths) * (1 if self.kind == "pairs" else outputs)


def row_weights(vocabulary: int, length: int, near: int) -> np.ndarray:
    """w(t) of Theorem 4.33 in units of 2^-40, rounded up."""
    whole, unit = vocabulary**length, 1 << _WEIGHT_BITS
    reach = [min(token + near, vocabulary) for token in range(vocabulary)]
    return np.array([-(-unit * (y**length - (y - 1) ** length) // whole) for y in reach])


def families(joint: bool, s: Structure, near: int, direct_rows: bool) -> list[Family]:
    """What is sampled; without what no input meets."""
    vocabulary, length, _ = s.shape
    ordered, others = length * (length - 1), length - 1
    if joint:
        found = [
            Family("pairs", ("QK", "OV", "direct"), ordered),
            Family("rows", ("OV", "direct"), length),
        ]
        return [family for family in found if family.slots]
    rows = Family("rows", ("OV",), length)
    if near < vocabulary:
        met = int(row_weights(vocabulary, length, near).sum()) / (1 << _WEIGHT_BITS)
        rows = Family("rows", ("OV",), widened(met, 1), near)
    found = [
        Family("pairs", ("QK",), others),
        Family("pairs", ("OV",), ordered),
        Family("pairs", ("direct",), others),
        rows,
    ]
    found += [Family("rows", ("direct",), 1)] if direct_rows else []
    return [family for family in found if family.slots]


def allocation(s: Structure, wanted: Sequence[Family], budget: int) -> dict[Family, int]:
    """Members of each family for so many entries: in proportion to √(slots / entries), 4.35."""
    vocabulary, _, outputs = s.shape
    found: dict[Family, int] = {}
    while rest := [family for family in wanted if family not in found]:
        weight = sum(math.sqrt(family.slots * family.entries(outputs)) for family in rest)
        share = {family: math.sqrt(family.slots / family.entries(outputs)) for family in rest}
        counts = {family: int(budget / weight * share[family]) for family in rest}
        full = [family for family in rest if counts[family] >= family.population(vocabulary)]
        for family in full:
            found[family] = family.population(vocabulary)
            budget -= found[family] * family.entries(outputs)
        if not full:
            found |= counts
    return found


@dataclass(frozen=True)
class Members:
    """Members of a family: their (first) tokens, and what each takes of tolerances, by path."""

    family: Family
    tokens: np.ndarray
    values: dict[str, np.ndarray]

    def exceeding(self, tolerances: Tolerances, paths: Sequence[str] | None = None) -> np.ndarray:
        """Which exceed on one of the paths; what is not a number does."""
        found = np.zeros(len(self.tokens), dtype=bool)
        for path in paths or self.family.paths:
            limit = tolerances.of(self.family.kind, path)[self.tokens]
            found |= ~(self.values[path] <= limit)
        return found


def drawn(s: Structure, family: Family, count: int, stream: Stream) -> Members:
    """`count` members, different ones but for rows by weight, at most all.

    Raises:
        Refused: if they are too many to be drawn here.
    """
    vocabulary, length, _ = s.shape
    population, stream = family.population(vocabulary), stream.named(family.name)
    if family.kind == "pairs":
        first, second = np.divmod(distinct(stream, count, population), max(vocabulary - 1, 1))
        second = second + (second >= first)
        return Members(family, first, {p: s.pairs(p, first, second) for p in family.paths})
    if family.near is None or count >= population:
        tokens = distinct(stream, min(count, population), population)
    else:
        ends = row_weights(vocabulary, length, family.near).cumsum()
        tokens = np.searchsorted(ends, stream.below(int(ends[-1]), 0, count), side="right")
    return Members(family, tokens, {path: s.rows(path, tokens) for path in family.paths})


def distinct(stream: Stream, count: int, population: int) -> np.ndarray:
    """The first different numbers below `population`, or the order of as many random words.

    Raises:
        Refused: if they are too many.
    """
    permuted = 8 * count > population
    if (population if permuted else count) > MOST_MEMBERS:
        raise Refused(f"{count} of {population} noise entries are not independently re-checked")
    if permuted:
        words = stream.words(0, population)
        order = np.argsort(words)
        if np.any(words[order[1:]] == words[order[:-1]]):
            return distinct(stream.named("tie"), count, population)
        return order[:count]
    found = np.zeros(0, dtype=np.int64)
    used = 0
    while len(found) < count:
        more = count - len(found) + 16
        numbers = np.concatenate([found, stream.below(population, used, used + more)])
        found = numbers[np.sort(np.unique(numbers, return_index=True)[1])]
        used += more
    return found[:count]


@dataclass(frozen=True)
class Share:
    """`upper` bounds the share of members that exceed, `touch` that of inputs that meet one.

    `log_delta` is None where all members, or none, were looked at.
    """

    upper: float
    touch: float
    samples: int
    failures: int
    log_delta: float | None


def share(
    s: Structure, found: Members, tolerances: Tolerances, log_delta: float, conceded: int = 0
) -> Share:
    """Theorem 4.33: by Theorem 2.4 without, by 2.3 with replacement, exact for all members.

    At least `conceded` are taken to exceed (6.2).
    """
    vocabulary, length, _ = s.shape
    family, exceeding = found.family, found.exceeding(tolerances)
    n, population = len(exceeding), family.population(vocabulary)
    k = max(int(exceeding.sum()), min(conceded, n))
    if n == population and n:
        upper = up(Fraction(k, n))
        touch = widened(family.slots * upper, 1)
        if family.near is not None:
            weights = row_weights(vocabulary, length, family.near)[found.tokens]
            touch = up(Fraction(int(weights[exceeding].sum()), 1 << _WEIGHT_BITS))
        return Share(upper, touch, n, k, None)
    if n == 0:
        upper = float(population > 0)
        return Share(upper, widened(family.slots * upper, 1), 0, 0, None)
    upper = (
        hypergeometric(k, n, population, log_delta)
        if family.near is None
        else clopper_pearson(k, n, log_delta)
    )
    return Share(upper, widened(family.slots * upper, 1), n, k, log_delta)
