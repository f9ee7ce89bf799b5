"""All cases of two layers at once, by the last two tokens (Theorem 10.9, with the hull)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probbound.check.models.transformer.alone.form import Form
from probbound.check.models.transformer.alone.mean import Places, largest_mean, weights
from probbound.check.models.transformer.alone.trees import raised
from probbound.check.report import Refused

_SUMS = 2.0**-43
_MARGIN = 2.0**-40

Pair = tuple[int, int]


def proved(form: Form, margin: float) -> np.ndarray:
    """Which cases are proved, bool [q, u, place, label]; False where there is no case.

    Args:
        form: Of two layers with one head each, of three positions at least.
        margin: In units of the logits.

    Raises:
        Refused: of another form.
    """
    v = form.tokens
    found = np.zeros((v, v, form.length - 2, v), dtype=bool)
    pairs = _pairs(v)
    for (q, u), each in zip(pairs, _proved(form, margin, pairs), strict=True):
        found[q, u] = each
    return found


def looked_at(form: Form, margin: float, number: int) -> float:
    """The share of the cases of the pairs ⌊k v (v − 1)/number⌋ that is proved (10.14 a).

    Raises:
        Refused: of another form.
    """
    pairs = _pairs(form.tokens)
    chosen = [pairs[k * len(pairs) // number] for k in range(number)]
    found = _proved(form, margin, chosen)
    cases = np.array([_cases(form, q, u) for q, u in chosen])
    return float(np.count_nonzero(found) / np.count_nonzero(cases))


def _pairs(v: int) -> list[Pair]:
    return [(q, u) for q in range(v) for u in range(v) if u != q]


def _cases(form: Form, q: int, u: int) -> np.ndarray:
    """Which [place, label] there are."""
    there = np.ones((form.length - 2, form.tokens), dtype=bool)
    there[-1] = False
    there[-1, u] = True
    there[:, q] = False
    return there


def _proved(form: Form, margin: float, pairs: Sequence[Pair]) -> np.ndarray:
    """The same for some pairs, [pair, place, label]."""
    if form.layers != 2 or form.heads != 1 or form.length < 3:
        raise Refused("cases are proved by pairs only with two layers of one head each")
    hull = _Hull(form)
    f, sizes = _differences(form)
    moved = form.move_sizes[1, 0] * sizes
    values = hull.highest(*_tables(form, form.moves[1, 0] @ f, moved))
    values = [each + _SUMS * np.abs(each) for each in values]
    direct, keys = _over_pairs(form, f, sizes, pairs)
    scores = hull.highest(*keys)
    rest = -(direct + margin)
    rest -= _SUMS * (np.abs(direct) + abs(margin)) + 2.0**-900
    largest = np.array([np.abs(each).max(axis=(0, 1)) for each in values])
    labels = min(form.tokens, form.outcomes.shape[1])
    other, label = _columns(form)
    found = np.zeros((len(pairs), form.length - 2, form.tokens), dtype=bool)
    for k, (q, u) in enumerate(pairs):
        at = [each[:, :, [k, len(pairs) + k]] for each in scores]
        right = _Chain((q, u), values, largest, at, rest[k]).right(label) | (other == label)
        found[k, :, :labels] = right.reshape(form.length - 2, -1, labels).all(axis=1)
    return found & np.array([_cases(form, q, u) for q, u in pairs])


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
            mean = largest_mean(self._places(p, moved))
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
    """At least the values of the last position over all sequences that end so, by the hull."""
    scores, error = form.first[0]
    last, found = form.length - 1, []
    for q, u in pairs:
        here = scores[last, q]
        top = max(here[:-2].max(), here[-2, u], here[-1, q])
        far = here[:-2] - top
        low, high = weights(far - error, far + error)
        ends = ([last - 1, last], [u, q])
        near = here[ends][:, None, None] - top
        mean = largest_mean(
            [
                Places(
                    low.min(axis=1).sum(keepdims=True)[:, None, None] * (1 - _SUMS),
                    high.max(axis=1).sum(keepdims=True)[:, None, None] * (1 + _SUMS),
                    means[:-2].max(axis=(0, 1))[None, None],
                ),
                Places(*weights(near - error, near + error), means[ends][:, None]),
            ]
        )
        found.append(raised(own[q] + mean, np.abs(own[q]) + np.abs(mean)))
    return np.array(found)


class _Chain:
    """k of Theorem 10.8 for one pair, and its largest sums over the sequences of each case."""

    def __init__(
        self,
        pair: Pair,
        values: Sequence[np.ndarray],
        largest: np.ndarray,
        scores: Sequence[np.ndarray],
        rest: np.ndarray,
    ) -> None:
        self.q, self.u = q, u = pair
        rows = [slice(None)] * (len(values) - 2) + [[u], [q]]
        below, above = (
            [sign * each[row][..., k] for each, row in zip(scores, rows, strict=True)]
            for k, sign in ((0, -1), (1, 1))
        )
        below[-1], above[-1] = below[-1][:, [u]], above[-1][:, [u]]
        top = max(each.max() for each in above)
        self.links, self.slack = [], 0.0
        for p, row in enumerate(rows):
            low, high = weights(below[p] - top, above[p] - top)
            value = values[p][row] if p < len(values) - 1 else values[p][row][:, [u]]
            over = value - rest
            most = over * high[..., None]
            over *= low[..., None]
            self.links.append(np.maximum(most, over, out=most))
            self.slack = self.slack + (largest[p] + np.abs(rest)) * high.max()

    def right(self, label: np.ndarray) -> np.ndarray:
        """Whether no sum is over nothing, [place, column], of columns that belong to labels.

        It means something where the place and the label are a case.
        """
        columns, q = np.arange(label.size), self.q
        before, total = self.links[0][:, 0].copy(), []
        for link in self.links[1:-1]:
            here = link[-1, q][None] if len(link) == 1 else link[label, q, columns][None]
            total.append(before[q] + here[0])
            before[q] = -np.inf
            before = (link + before).max(axis=1)
        after = self.links[-1][:, 0]
        for place in range(len(total) - 1, -1, -1):
            link = self.links[place + 1]
            total[place] = total[place] + (after[0] if len(link) == 1 else after[label, columns])
            after = after.copy()
            if len(after) > 1:
                after[q] = -np.inf
            after = (link + after[:, None]).max(axis=0)
        return np.array(total) <= -_MARGIN * self.slack - 2.0**-900
