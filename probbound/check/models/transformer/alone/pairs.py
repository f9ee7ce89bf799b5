"""All cases of two layers at once, by the last two tokens (Theorems 10.9 and 10.21)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from probbound.check.models.transformer.alone.chain import Chain
from probbound.check.models.transformer.alone.form import Form
from probbound.check.models.transformer.alone.mean import Places, largest_mean, weights
from probbound.check.models.transformer.alone.parts import Part, parts_of, size_of
from probbound.check.models.transformer.alone.trees import raised
from probbound.check.report import Refused

_SUMS = 2.0**-43
_FAINT = 2.0**-500

Pair = tuple[int, int]


def proved(form: Form, margin: float) -> np.ndarray:
    """Which cases are proved, bool [q, u, place, label]; False where there is no case.

    Args:
        form: Of two layers with one head each, of three positions at least.
        margin: In units of the logits.

    Raises:
        Refused: of another form.
    """
    tables = _Tables.of(form, margin, _pairs(form.tokens))
    found = np.zeros((form.tokens, form.tokens, form.length - 2, form.tokens), dtype=bool)
    for k, (q, u) in enumerate(tables.pairs):
        found[q, u] = tables.proved(k)
    return found


def looked_at(form: Form, margin: float, number: int) -> float:
    """The share of the cases of the pairs ⌊k v (v − 1)/number⌋ that is proved (10.14 a).

    Raises:
        Refused: of another form.
    """
    pairs = _pairs(form.tokens)
    tables = _Tables.of(form, margin, [pairs[k * len(pairs) // number] for k in range(number)])
    found = sum(np.count_nonzero(tables.proved(k)) for k in range(number))
    return float(found / sum(np.count_nonzero(_cases(form, *pair)) for pair in tables.pairs))


def left(form: Form, margin: float) -> Iterator[tuple[np.ndarray, int]]:
    """The sets (n, v) of sequences that may be wrong, each with its right answer (10.21).

    Raises:
        Refused: of another form.
    """
    tables = _Tables.of(form, margin, _pairs(form.tokens))
    v, out = form.tokens, form.outcomes.shape[1]
    behind = {k: rivals for k in range(len(tables.pairs)) if (rivals := tables.rivals(k)).any()}
    whole = sum(int(np.count_nonzero(rivals)) for rivals in behind.values())
    for k, rivals in behind.items():
        rows = v * (v - 1) * out * (out - 1) // 2 * int(np.count_nonzero(rivals)) // whole
        yield from _narrowed(tables, k, rivals, rows)


def _narrowed(
    tables: _Tables, k: int, rivals: np.ndarray, rows: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Those of one pair, of columns [place, column] that may lead."""
    columns = np.flatnonzero(rivals.any(axis=0))
    label, (q, u) = tables.columns[1][columns], tables.pairs[k]
    cases = []
    for place, b in np.argwhere(_cases(tables.form, q, u)):
        leading = np.flatnonzero(rivals[place, columns] & (label == b))
        if leading.size:
            tokens = np.ones((tables.form.length, tables.form.tokens), dtype=bool)
            tokens[:, q] = False
            for at, token in ((-2, u), (-1, q), (place, q), (place + 1, b)):
                tokens[at] = np.arange(tables.form.tokens) == token
            cases.append(Part(tokens, leading, size_of(tokens)))
    for part in parts_of(cases, tables.chain(k, columns), rows):
        yield part.tokens, int(label[part.rivals[0]])


def _pairs(v: int) -> list[Pair]:
    return [(q, u) for q in range(v) for u in range(v) if u != q]


def _cases(form: Form, q: int, u: int) -> np.ndarray:
    """Which [place, label] there are."""
    there = np.ones((form.length - 2, form.tokens), dtype=bool)
    there[-1] = False
    there[-1, u] = True
    there[:, q] = False
    return there


@dataclass(frozen=True)
class _Tables:
    """All that the chains of some pairs are made of.

    Attributes:
        values: C of each position [y, z, (j, b)], none of a column larger than `largest`.
        scores: −S⁻, then S⁺ of each position [y, z, pair], one after the other.
        rest: λ [pair, (j, b)].
        columns: j and b of the columns.
    """

    form: Form
    pairs: Sequence[Pair]
    values: list[np.ndarray]
    largest: np.ndarray
    scores: list[np.ndarray]
    rest: np.ndarray
    columns: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, form: Form, margin: float, pairs: Sequence[Pair]) -> _Tables:
        """Of a form with two layers of one head.

        Raises:
            Refused: of another.
        """
        if form.layers != 2 or form.heads != 1 or form.length < 3:
            raise Refused("cases are proved by pairs only with two layers of one head each")
        hull = _Hull(form)
        f, sizes = _differences(form)
        moved = form.move_sizes[1, 0] * sizes
        values = hull.highest(*_tables(form, form.moves[1, 0] @ f, moved))
        values = [each + _SUMS * np.abs(each) for each in values]
        direct, keys = _over_pairs(form, f, sizes, pairs)
        rest = -(direct + margin)
        rest -= _SUMS * (np.abs(direct) + abs(margin)) + 2.0**-900
        largest = np.array([np.abs(each).max(axis=(0, 1)) for each in values])
        scores = hull.highest(*keys)
        return cls(form, pairs, values, largest, scores, rest, _columns(form))

    def chain(self, k: int, columns: np.ndarray) -> Chain:
        """That of pair k, of some columns."""
        at = [each[:, :, [k, len(self.pairs) + k]] for each in self.scores]
        values = [each[..., columns] for each in self.values]
        return Chain(self.pairs[k], values, self.largest[:, columns], at, self.rest[k][columns])

    def rivals(self, k: int) -> np.ndarray:
        """Which columns may lead, [place, column], False where their label is no case there."""
        other, label = self.columns
        found = ~self.chain(k, np.arange(label.size)).right(label) & (other != label)
        return found & _cases(self.form, *self.pairs[k])[:, label]

    def proved(self, k: int) -> np.ndarray:
        """Which cases of pair k are proved, [place, label]."""
        found = _cases(self.form, *self.pairs[k])
        place, column = np.nonzero(self.rivals(k))
        found[place, self.columns[1][column]] = False
        found[:, self.columns[1].max() + 1 :] = False
        return found


def _columns(form: Form) -> tuple[np.ndarray, np.ndarray]:
    """j and b of the columns."""
    out = form.outcomes.shape[1]
    j, b = np.indices((out, min(form.tokens, out)))
    return j.ravel(), b.ravel()


def _differences(form: Form) -> tuple[np.ndarray, np.ndarray]:
    """f_j for label b in columns (j, b), and sizes."""
    j, b = _columns(form)
    return form.outcomes[:, j] - form.outcomes[:, b], form.outcome_sizes[j] + form.outcome_sizes[b]


def _tables(form: Form, w: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two leaves of w^1, [position, token, functional]."""
    moved = form.atoms @ (form.moves[0, 0] @ w)
    x = form.atom_size
    return (
        form.atoms @ w + form.error(x * sizes),
        moved + form.error(x * form.move_sizes[0, 0] * sizes),
    )


class _Hull:
    """Means of the first layer given the query's token and the one before (Theorem 10.9)."""

    def __init__(self, form: Form) -> None:
        self.form = form

    def highest(self, table: np.ndarray, moved: np.ndarray) -> list[np.ndarray]:
        """For each position at least the values [y, z, functional] of the tree of these leaves."""
        first = table[0] + moved[0]
        found = [raised(first, np.abs(table[0]) + np.abs(moved[0]))[:, None]]
        for p in range(1, self.form.length):
            places = self._places(p, moved)
            sure = sum(each.low[0, 0] for each in places)
            largest = np.abs(moved[: p + 1]).max(axis=(0, 1))
            mean = np.where(sure < _FAINT, largest, largest_mean(places))
            own = table[p][:, None]
            found.append(raised(own + mean, np.abs(own) + np.abs(mean)))
        return found

    def _places(self, p: int, moved: np.ndarray) -> list[Places]:
        """Far positions as one, the one before and the own: (1, 1, y, z, functional)."""
        scores, error = self.form.first[0]
        scores = scores[p, :, : p + 1]
        own = scores[np.arange(self.form.tokens), p, np.arange(self.form.tokens)]
        top = np.maximum(scores[:, :p].max(axis=(1, 2)), own)
        scores = scores[:, :p] - top[:, None, None]
        low, high = weights(scores - error, scores + error)
        own_low, own_high = weights(own - top - error, own - top + error)
        places = [
            _place(low[:, p - 1], high[:, p - 1], moved[p - 1][None]),
            _place(own_low[:, None], own_high[:, None], moved[p][:, None]),
        ]
        if p > 1:
            least = low[:, : p - 1].min(axis=2).sum(axis=1) * (1 - _SUMS)
            most = high[:, : p - 1].max(axis=2).sum(axis=1) * (1 + _SUMS)
            value = moved[: p - 1].max(axis=(0, 1))
            places.append(_place(least[:, None], most[:, None], value[None, None]))
        return places


def _place(low: np.ndarray, high: np.ndarray, value: np.ndarray) -> Places:
    return Places(low[None, None, ..., None], high[None, None, ..., None], value[None, None])


def _over_pairs(
    form: Form, f: np.ndarray, sizes: np.ndarray, pairs: Sequence[Pair]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """D [pair, (j, b)] and the leaves of −G⁻, then G⁺ of each pair, [position, token, 2 pairs]."""
    n, v = form.length, form.tokens
    a, score_size = form.scores[1, 0], 2 * form.score_sizes[1, 0] * form.atom_size
    plain = form.atoms.reshape(n * v, -1)
    fixed = (n - 1) // 2 * v
    moved = plain @ form.moves[0, 0]
    w = a @ np.vstack([plain - plain[fixed], moved - moved[fixed]]).T
    both = np.repeat([1.0, form.move_sizes[0, 0]], n * v) * score_size
    every = np.hstack([f, -w, w])
    table, means = _tables(form, every, np.concatenate([sizes, both, both]))
    parts = _over_last_two(form, table[-1], means, pairs)
    direct, keys = parts[:, : f.shape[1]], parts[:, f.shape[1] :]
    keys = keys.reshape(len(pairs), 2, 2, n, v).transpose(2, 3, 4, 1, 0)
    keys = keys.reshape(2, n, v, 2 * len(pairs))
    return direct, (keys[0], keys[1])


def _over_last_two(
    form: Form, own: np.ndarray, means: np.ndarray, pairs: Sequence[Pair]
) -> np.ndarray:
    """At least the values of the last position over all sequences that end so (10.6, depth 1)."""
    scores, error = form.first[0]
    last, found = form.length - 1, []
    for q, u in pairs:
        here = scores[last, q]
        top = max(here[:-2].max(), here[-2, u], here[-1, q])
        low, high = weights(here[:-2] - top - error, here[:-2] - top + error)
        ends = ([last - 1, last], [u, q])
        nearest = here[ends][:, None, None] - top
        mean = largest_mean(
            [
                Places(low[..., None], high[..., None], means[:-2]),
                Places(*weights(nearest - error, nearest + error), means[ends][:, None]),
            ]
        )
        found.append(raised(own[q] + mean, np.abs(own[q]) + np.abs(mean)))
    return np.array(found)
