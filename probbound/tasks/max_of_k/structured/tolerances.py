"""How much noise a sequence may meet, and when it is right in spite of it (4.31)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.arithmetic.rounding import FLOOR
from probbound.tasks.max_of_k.structured.parts import Parts, Vector

_ROUNDING = 2.0**-40  # of sums and products of fewer than 4096 numbers (Theorem 4.37)
_LEAST_SCORE = -400.0


@dataclass(frozen=True)
class Tolerances:
    """Numbers that the noise of a sequence is to stay within, one for each token.

    For query q: `score[q]` >= |scores[q, t]|, `direct_low[q]` >= -direct[q, m], and
    `direct_row[q]` >= direct[q, j] for every j. For token t: `low[t]` >= -values[t, m], and
    `row[t]` >= mean[j] + values[t, j] + position[p, j] - position[p, t] for every p and j ≠ t.
    The last is only asked of the label and of tokens less than `near` below it; for the others
    `far_row` holds in any case.
    """

    score: Vector
    low: Vector
    row: Vector
    far_row: Vector
    near: int
    direct_low: Vector
    direct_row: Vector


@dataclass(frozen=True)
class Brackets:
    """What logits compare by if noise is tolerated: upper bounds on rival minus label.

    With the label m at its own position that is `label[m]`, with token t at it `token[t] -
    base[m]` (`far_token` from `near` below the label on); the last token adds `query` to each.
    """

    parts: Parts
    tolerances: Tolerances

    @cached_property
    def base(self) -> Vector:
        """What every other token adds to the label's logit, noise apart."""
        v = self.parts.d_vocab
        return self.parts.mean[:v] + self.parts.place_low[:v]

    @cached_property
    def label(self) -> Vector:
        """At the label's own position."""
        return self.tolerances.row - self.parts.copying

    @cached_property
    def token(self) -> Vector:
        """At a position that does not hold the label."""
        return self._at(self.tolerances.row)

    @cached_property
    def far_token(self) -> Vector:
        """The same far below the label."""
        return self._at(self.tolerances.far_row)

    @cached_property
    def query(self) -> Vector:
        """What the direct path adds, and what rounding may have hidden in any bracket."""
        return self.tolerances.direct_row + self.tolerances.direct_low + self._slack

    @cached_property
    def reach(self) -> Vector:
        """By how much a score may be off the structured one, rounding included."""
        parts = self.parts
        largest = 2 * np.abs(parts.steepness).max() * np.abs(parts.size).max()
        reach = parts.place + self.tolerances.score + parts.score_error
        return reach + _ROUNDING * (largest + reach)

    @property
    def _slack(self) -> float:
        t = self.tolerances
        tables = (t.row, t.far_row, t.low, t.direct_row, t.direct_low)
        largest = sum(float(np.abs(table).max()) for table in tables)
        return 20 * self.parts.output_error + _ROUNDING * largest

    def _at(self, row: Vector) -> Vector:
        """The rival is copied by this token, or it is not: the worse of the two."""
        place = self.parts.place_high[: self.parts.d_vocab]
        return np.maximum(row, self.parts.copying) + place + self.tolerances.low


def far_rows(parts: Parts) -> Vector:
    """What `row` can be at most, by norms: linear in d_vocab."""
    v = parts.d_vocab
    highest = (parts.mean + parts.place_high).max()
    return highest - parts.place_low[:v] + parts.value_norm


def certified(
    brackets: Brackets, tokens: Int[np.ndarray, "n n_ctx"], margin: float = 0.0
) -> Bool[np.ndarray, " n"]:
    """Which sequences have a margin above `margin` if their noise is tolerated (4.31).

    O(n_ctx) look-ups a sequence.
    """
    parts, t = brackets.parts, brackets.tolerances
    labels, queries = tokens.max(axis=1, keepdims=True), tokens[:, -1:]
    extra, reach = brackets.query[queries] + spared(margin), brackets.reach[queries]
    with np.errstate(over="ignore", invalid="ignore"):
        gain = -(brackets.label[labels] + extra) * np.exp(-reach)
        far = labels - tokens >= t.near
        bracket = np.where(far, brackets.far_token[tokens], brackets.token[tokens])
        score = parts.steepness[queries] * (parts.size[tokens] - parts.size[labels])
        price = priced(bracket - brackets.base[labels] + extra, score + reach, gain)
    own = tokens == labels
    enough = np.where(own, 0.0, price).sum(axis=1) < own.sum(axis=1)
    return enough & gainful(gain)[:, 0]


def certified_flops(n_ctx: int) -> int:
    """Operations of `certified` on one sequence."""
    return 14 * n_ctx + 10


def spared(margin: float) -> float:
    """What a margin asks of every bracket, the rounding of adding it included."""
    return margin + _ROUNDING * abs(margin)


def priced(
    bracket: Float[np.ndarray, "*shape"],
    score: Float[np.ndarray, "*shape"],
    gain: Float[np.ndarray, "..."],
) -> Float[np.ndarray, "*shape"]:
    """What a token takes of what each label in the sequence brings; inf for whatever is in doubt.

    A negative bracket is taken for 0, so that the upper end of its attention is not used; the
    gain holds the lower end of the label's. Rounded up by more than n_ctx prices lose in a sum.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        attention = np.exp(np.maximum(score, _LEAST_SCORE))
        price = np.maximum(bracket, 0.0) * attention / gain * (1 + _ROUNDING)
    return np.where(gainful(gain) & ~np.isnan(price), price, np.inf)


def gainful(gain: Float[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    """Whether a label brings anything, beyond what underflow could feign."""
    return np.asarray(gain > FLOOR)
