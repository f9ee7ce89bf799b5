"""One sequence through two layers by look-ups, where attention is sharp (Theorem 10.10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.form import LEAST, Form
from probbound.models.transformer.attention_alone.near import (
    FAINT,
    Near,
    near_weights,
    require_two_layers,
)

MOST_ENTRIES = 1 << 28
AT_ONCE = 1 << 13  # sequences in numbers that lie in a core's cache
_UP = 1 + 2.0**-30


@dataclass(frozen=True)
class Lookups:
    """Tables of a two-layer network with one head a layer, laid out in rows for look-ups.

    By last token q, that before it u, position p and the token x there. `scores` are upper bounds
    of the two parts of a score that x has to do with, of that of p and of that of p + 1, both up to
    what the first layer does at p: that is `elsewhere`, its weight off the position before by p, x
    and the token before, times `strength`, what a unit of it may do to a score by q and u. `match`
    is, where x follows q, the lower bound of the score, and the weight that it has to have.
    """

    scores: Float[np.ndarray, "q u n_ctx now 2"]
    match: Float[np.ndarray, "q u n_ctx label 2"]
    elsewhere: Float[np.ndarray, "n_ctx now earlier"]
    strength: Float[np.ndarray, "q u"]

    def right(
        self, tokens: Int[np.ndarray, "n n_ctx"], place: Int[np.ndarray, " n"]
    ) -> Bool[np.ndarray, " n"]:
        """Which sequences are certainly answered by what follows `place`, where the last stood."""
        parts = (slice(at, at + AT_ONCE) for at in range(0, len(tokens), AT_ONCE))
        found = [self._right(tokens[part], place[part]) for part in parts]
        return np.concatenate([np.zeros(0, dtype=bool), *found])

    def _right(
        self, tokens: Int[np.ndarray, "n n_ctx"], place: Int[np.ndarray, " n"]
    ) -> Bool[np.ndarray, " n"]:
        """Position by position, so that what is of a sequence lies along the rows."""
        n, v = self.elsewhere.shape[:2]
        at = tokens.T.astype(np.int64, order="C")
        group = at[-1] * v + at[-2]
        start = np.arange(n)[:, None] * v
        pairs = (at + start) * v
        pairs[1:] += at[:-1]
        at += start + group * (n * v)
        match = (place + 1) * len(tokens) + np.arange(len(tokens))
        low, need = _entries(self.match, at.reshape(-1)[match]).T
        score = self.elsewhere.reshape(-1)[pairs]
        score *= self.strength.reshape(-1)[group]
        low = low - score.reshape(-1)[match]
        here = _entries(self.scores, at)
        score += here[..., 0]
        score[1:] += here[:-1, :, 1]
        score.reshape(-1)[match] = low
        score -= low
        with np.errstate(over="ignore", under="ignore"):
            weights = np.exp(score, out=score)
            return (1 - 2.0**-40) / weights.sum(axis=0) > need


def _entries(
    table: Float[np.ndarray, "q u n_ctx token 2"], at: Int[np.ndarray, "*at"]
) -> Float[np.ndarray, "*at 2"]:
    return table.reshape(-1, 2).take(at, axis=0)


def operations(n_ctx: int) -> int:
    """Of one sequence: a product, two sums, a difference and an exponential a position, a sum."""
    return 6 * n_ctx + 4


@dataclass(frozen=True)
class Factored:
    """What makes the tables.

    Raises:
        UserError: if the network has other layers or heads, or the tables would be too large.
    """

    form: Form
    margin: float = 0.0

    def __post_init__(self) -> None:
        require_two_layers("factored", self.form)
        n, v, _ = self.form.atoms.shape
        if v**3 * n > MOST_ENTRIES:
            raise UserError(
                f"tables of factored would have {v**3 * n:,} entries, more than {MOST_ENTRIES:,}"
            )

    @property
    def flops(self) -> int:
        """Operations of `tables`: products of atoms, scores, and six an entry of `need`."""
        n, v, width = self.form.atoms.shape
        out = self.form.outcomes.shape[1]
        products = 2 * width * (4 * (n * v) ** 2 + 2 * v * v * n * v) + 30 * n * v * width**2
        return products + 10 * (n * v) ** 2 + 40 * n * v**3 + 6 * v * v * n * out * out

    @cached_property
    def near(self) -> Near:
        """The first layer's weights."""
        return near_weights(self.form)

    @cached_property
    def elsewhere(self) -> Float[np.ndarray, "n_ctx now earlier"]:
        """At least the first layer's weight off the position before; none at position 0."""
        near = self.near
        rest = (near.own + near.high)[:, :, None]
        with np.errstate(invalid="ignore", divide="ignore", under="ignore"):
            share = rest / (near.before + rest) * (1 + 4 * near.widening) * _UP + FAINT
        share = np.where(near.before >= FAINT, share, 1.0)
        share[0] = 0.0
        return np.minimum(share, 1.0)

    def tables(self) -> Lookups:
        """All of them, one last token after the other, so that little is held beside them."""
        n, v, _ = self.form.atoms.shape
        scores, match = np.empty((v, v, n, v, 2)), np.empty((v, v, n, v, 2))
        for q, ((high, low), need) in enumerate(zip(self._scores(), self._needs(), strict=True)):
            scores[q] = high
            match[q, ..., 0], match[q, ..., 1] = low, need
        whole = (scores, match, self.elsewhere, self._strength())
        return Lookups(*(np.ascontiguousarray(each) for each in whole))

    @cached_property
    def _moved(self) -> Float[np.ndarray, "n_ctx v width"]:
        return self.form.atoms @ self.form.values[0, 0]

    @property
    def _score_error(self) -> float:
        form = self.form
        err = form.gamma * float(form.score_sizes[1, 0]) * form.atom_size**2
        return 16 * err * (1 + float(form.value_sizes[0, 0])) ** 2 + LEAST

    def _strength(self) -> Float[np.ndarray, "q u"]:
        """What weight off the position before may do to a score, the last position's too."""
        queries = self.form.scores[1, 0] @ self._moved.reshape(-1, self.form.atoms.shape[2]).T
        err = self._score_error
        of_last = _range(self.form.atoms[-1] @ queries, 1)
        of_behind = _range(self._moved[-2] @ queries, 1)
        far = self._moved.reshape(-1, len(queries))
        both = 2 * float(_range(far @ queries, 0).max())
        last = self.elsewhere[-1] * (both + 4 * err)
        return (of_last[:, None] + of_behind[None] + last + 6 * err) * _UP

    def _scores(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of each last token q: upper bounds [u, n_ctx, now, 2], lower bounds of a match."""
        form, moved, err = self.form, self._moved, self._score_error
        x, (n, v, width) = form.atoms, form.atoms.shape
        own, behind = x.copy(), np.concatenate([np.zeros_like(moved[:1]), moved[:-1]])
        own[0] += moved[0]
        far = moved.reshape(-1, width) @ form.scores[1, 0]
        parts = [each.reshape(-1, width).T for each in (own, behind)]
        spreads = [_range(far @ each, 0).reshape(n, v) + 2 * err for each in parts]
        for q, token in enumerate(x[-1]):
            query = (token + moved[-2]) @ form.scores[1, 0]
            last = self.elsewhere[-1, q][:, None, None]
            highs, lows = [], []
            for keys, spread in zip(parts, spreads, strict=True):
                middle = (query @ keys).reshape(v, n, v)
                off = last * spread * _UP + err
                off = off + 2.0**-46 * (np.abs(middle) + off)
                highs.append(middle + off)
                lows.append(middle - off)
            (now, before), (low, low_before) = highs, lows
            now[:, 0] += before[:, 0, :1]  # one for all tokens: nothing stands before
            high = np.stack([now, np.roll(before, -1, axis=1)], axis=-1)
            yield high, low + low_before[:, :, q, None]  # what stands before the match is q

    def _needs(self) -> Iterator[Float[np.ndarray, "u n_ctx label"]]:
        """By last token: the weight that a match has to have."""
        form = self.form
        x, (n, v, _) = form.atoms, form.atoms.shape
        U, Z1, Z2 = form.outcomes, form.values[0, 0], form.values[1, 0]
        out = U.shape[1]
        norms = np.sqrt((U * U).sum(axis=0)) * _UP
        size = norms[:, None] + norms[None, :]
        first, second = float(form.value_sizes[0, 0]), float(form.value_sizes[1, 0])
        grown = 16 * form.gamma * form.atom_size * (1 + first)
        err = grown * second * size + LEAST
        base, deep = x @ Z2 @ U, x @ Z1 @ Z2 @ U
        base[0] += deep[0]
        deep_behind = np.concatenate([np.zeros_like(deep[:1]), deep[:-1]])
        spread = _range(_apart(deep).reshape(n * v, out, out), 0) + 2 * err
        worst = self.elsewhere.max(axis=(1, 2))
        most = np.max(
            [
                _apart(base[p]).max(axis=0)
                + _apart(deep_behind[p]).max(axis=0)
                + worst[p] * spread * _UP
                for p in range(n)
            ],
            axis=0,
        )
        most = most + err + 2.0**-40 * (np.abs(most) + spread)
        labels = np.arange(v)
        top, off, wide = (each[:, labels].T for each in (most, err, spread))  # [b, j]
        for q, wanted in enumerate(self._wanted(top, grown * size + LEAST)):
            made = np.full((v, n, v), np.inf)
            for p in range(1, n):
                mine = _led(base[p]) + _led_by(deep_behind[p, q], labels)
                mine = mine + self.elsewhere[p][:, q, None] * wide
                mine = mine + off + 2.0**-40 * (np.abs(mine) + wide)
                gain = top - mine - 2.0**-40 * (np.abs(top) + np.abs(mine))
                with np.errstate(divide="ignore", invalid="ignore"):
                    need = np.where(gain > 0, wanted / gain * _UP, np.inf)
                need = np.where(wanted < 0, 0.0, need)
                need[:, labels, labels] = 0.0
                made[:, p] = need.max(axis=2)
            yield made

    def _wanted(
        self, top: Float[np.ndarray, "label out"], err: Float[np.ndarray, "out out"]
    ) -> Iterator[Float[np.ndarray, "u label out"]]:
        """By query: what the match has to take off, were all else at its worst."""
        form, labels = self.form, np.arange(len(top))
        deep = form.atoms @ form.values[0, 0] @ form.outcomes
        spread = _range(_apart(deep.reshape(-1, deep.shape[2])), 0) + 2 * err
        spread, err = spread[:, labels].T, err[:, labels].T
        moved = _led_by(deep[-2], labels)
        for q, plain in enumerate(form.atoms[-1] @ form.outcomes):
            d = _led_by(plain, labels) + moved
            d = d + self.elsewhere[-1, q][:, None, None] * spread
            d = d + err + 2.0**-40 * (np.abs(d) + spread)
            wanted = d + top + self.margin
            yield wanted + 2.0**-40 * (np.abs(d) + np.abs(top) + abs(self.margin)) + LEAST


def _apart(logits: Float[np.ndarray, "*at out"]) -> Float[np.ndarray, "*at wrong right"]:
    """Every outcome less every other."""
    return logits[..., :, None] - logits[..., None, :]


def _led(logits: Float[np.ndarray, "label out"]) -> Float[np.ndarray, "label out"]:
    """Every outcome less that of the row's own number."""
    return logits - np.diagonal(logits)[:, None]


def _led_by(
    logits: Float[np.ndarray, "*at out"], labels: Int[np.ndarray, " label"]
) -> Float[np.ndarray, "*at label out"]:
    """Every outcome less that of each label."""
    return logits[..., None, :] - logits[..., labels, None]


def _range(values: np.ndarray, axis: int) -> np.ndarray:
    return values.max(axis=axis) - values.min(axis=axis)
