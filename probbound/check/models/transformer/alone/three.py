"""Three layers, the first of which looks at the token before: one set (Theorem 10.18)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from probbound.check.models.transformer.alone.chains import Piece, largest_chain_mean
from probbound.check.models.transformer.alone.form import Form
from probbound.check.models.transformer.alone.letters import Alphabet, alphabet
from probbound.check.models.transformer.alone.links import Link
from probbound.check.models.transformer.alone.trees import raised

_MOST_OFF = 1 / 8
_MOST_LETTERS = 1 << 12


def looks_before(form: Form, sets: Sequence[np.ndarray]) -> bool:
    """Whether a set is tried by letters."""
    sizes = [1, *(each.size for each in sets)]
    letters = sum(now * before for before, now in itertools.pairwise(sizes))
    if (form.layers, form.heads) != (3, 1) or letters > _MOST_LETTERS:
        return False
    return max(float(each.max()) for each in alphabet(form, sets).off) <= _MOST_OFF


def ends_of(sets: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """The parts of a set that have one token at the last position and at that before it."""
    for last in sets[-1]:
        for before in sets[-2] if len(sets) > 1 else [None]:
            part = [*sets[:-1], np.array([last])]
            if before is not None:
                part[-2] = np.array([before])
            yield part


def right(
    form: Form, sets: Sequence[np.ndarray], f: np.ndarray, sizes: np.ndarray, margin: float
) -> bool:
    """Whether no column of f, times the last state, is above -margin on any sequence of a part."""
    proof = _Proof(alphabet(form, sets))
    direct = proof.direct(f, sizes)
    rest = raised(-direct - margin, -np.abs(direct) - abs(margin)) - 2.0**-900
    links = proof.links(f, sizes)
    top = np.max([link.above.max(axis=(0, 1, 2)) for link in links], axis=0)
    later, whole = np.zeros((1, 1, 1, rest.size)), np.zeros((1, rest.size))
    for link in reversed(links):
        k = link.over(rest[None], top)
        whole = whole + np.abs(k).max(axis=(0, 1, 2))
        later = (later[:, :, None] + k).max(axis=0)
    return bool((later.max(axis=(0, 1)) <= -(2.0**-40) * whole - 2.0**-900).all())


@dataclass(frozen=True)
class _Proof:
    """Of a set whose last two positions have one token each."""

    letters: Alphabet

    def direct(self, w: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """up_2 of columns w, at the last position."""
        last = len(self.letters.sets) - 1
        values = self.letters.highest(*self._moved(w, sizes, 1))
        mean = largest_chain_mean(self._pieces(last, values, 1))[0, 0]
        own = self.letters.highest(w, sizes)[last][0, 0]
        return raised(own + mean, np.abs(own) + np.abs(mean))

    def links(self, f: np.ndarray, sizes: np.ndarray) -> list[Link]:
        """Of every position its scores, and values of what is moved from there."""
        read = self._moved(f, sizes, 2)
        still, moved = self.letters.highest(*read), self.letters.highest(*self._moved(*read, 1))
        (staying, turning, whole), found = self._sides, []
        for p in range(len(self.letters.sets)):
            both = list(turning[: p + 1])
            both[p] = raised(whole[p] - staying[p], np.abs(whole[p]) + np.abs(staying[p]))
            score = self._read(p, staying[p], both)
            value = self._read(p, still[p], moved[: p + 1])
            found.append(Link(value[..., None, :], -score[..., 1:], score[..., :1]))
        return found

    def _read(self, p: int, own: np.ndarray, values: Sequence[np.ndarray]) -> np.ndarray:
        """Bounds [token, two before it, functional]: a summand by letter and a mean."""
        mean = largest_chain_mean(self._pieces(p, values, 2))
        own, mean = own[:, :, None], mean.reshape(*own.shape[:2], *mean.shape[1:])
        return raised(own + mean, np.abs(own) + np.abs(mean))

    def _moved(self, w: np.ndarray, sizes: np.ndarray, layer: int) -> tuple[np.ndarray, np.ndarray]:
        form = self.letters.form
        return form.moves[layer, 0] @ w, form.move_sizes[layer, 0] * sizes

    def _pieces(self, p: int, values: Sequence[np.ndarray], given: int) -> list[Piece]:
        """Chains up to p whose last letters (one or two) are given, those of every query there."""
        y, z = (x.ravel() for x in np.indices(values[p].shape[:2]))

        def placed(s: int, x: np.ndarray) -> np.ndarray:
            """[query (or all), token, before, functional] as axes of a piece."""
            own = np.broadcast_to(x, (y.size, *x.shape[1:]))
            if s == p:
                return own[np.arange(y.size), y, z][None, None, :, None]
            if s == p - 1:
                row = own[np.arange(y.size), z]
                return row[None, None] if given == 2 else row.swapaxes(0, 1)[None, :, :, None]
            if s == p - 2 and given == 2:
                return x.transpose(2, 0, 1, 3)[None]
            return x.transpose(1, 2, 0, 3)[:, :, :, None]

        def piece(s: int) -> Piece:
            low, high = (placed(s, each[..., None]) for each in self._attention[p][s])
            return Piece(low, high, placed(s, values[s][None]))

        return [piece(s) for s in range(p, -1, -1)]

    @cached_property
    def _attention(self) -> list[list[tuple[np.ndarray, np.ndarray]]]:
        return [self.letters.attention(p, self._star) for p in range(len(self.letters.sets))]

    @cached_property
    def _sides(self) -> list[list[np.ndarray]]:
        """B^+ and B^- [token, before, 2] a position, of I, Z_2 and I + Z_2."""
        form, letters = self.letters.form, self.letters
        move, grown = form.moves[1, 0], form.move_sizes[1, 0]
        shapes = [c.shape[:2] for c in letters.middles]
        flat = np.concatenate([c.reshape(-1, len(move)) for c in letters.middles]) - self._star
        read = np.concatenate(letters.moved)
        columns = np.concatenate([flat, read - read[0]]).T
        bounds = np.cumsum([0, *(a * b for a, b in shapes)])
        starts = np.cumsum([0, *(len(each) for each in letters.moved)])
        found = []
        for still, size in ((1, 1.0), (0, grown), (1, 1 + grown)):
            matrix = still * np.eye(len(move)) + (move if size != 1.0 else 0)
            w = form.scores[2, 0] @ matrix.T @ columns
            sizes = np.full(w.shape[1], 2 * letters.size * size * form.score_sizes[2, 0])
            pair = np.stack([self.direct(sign * w, sizes) for sign in (1, -1)], axis=1)
            of_letters, of_read = pair[: len(flat)], pair[len(flat) :]
            tops = [of_read[a:b].max(axis=0) for a, b in itertools.pairwise(starts)]
            spread = np.maximum.accumulate(tops).sum(axis=1)
            side = []
            for p, shape in enumerate(shapes):
                g = of_letters[bounds[p] : bounds[p + 1]].reshape(*shape, 2)
                wider = letters.off[p][..., None] * spread[p]
                side.append(raised(g + wider, np.abs(g) + np.abs(wider)))
            found.append(side)
        return found

    @cached_property
    def _star(self) -> np.ndarray:
        """The middle of the letter that is attended to most, in the sequence of middle tokens."""
        form, chosen = self.letters.form, [each.size // 2 for each in self.letters.sets]
        tokens = [each[k] for each, k in zip(self.letters.sets, chosen, strict=True)]
        state = form.atoms[np.arange(len(tokens)), tokens]
        for layer in range(2):
            rows = []
            for p in range(len(tokens)):
                e = form.scores[layer, 0] @ state[: p + 1].T
                e = state[p] @ e
                e = np.exp(e - e.max())
                rows.append(state[p] + e / e.sum() @ state[: p + 1] @ form.moves[layer, 0])
            state = np.array(rows)
        p = int(np.argmax(state @ (state[-1] @ form.scores[2, 0])))
        return self.letters.middles[p][chosen[p], chosen[p - 1] if p else 0]
