"""Sums along chains of tokens for one last token and that before it (Theorems 10.9 and 10.21)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.models.transformer.attention_alone.form import LEAST
from probbound.models.transformer.attention_alone.narrowing import Open

_TINY, _EXP = 2.0**-40, 2.0**-44
_CHUNK_ENTRIES = 1 << 19


@dataclass(frozen=True)
class Worths:
    """C_jb(p; y, z), and at each position what none of them is beyond in size."""

    upper: Float[np.ndarray, "right n_ctx now earlier wrong"]
    sizes: Float[np.ndarray, "n_ctx right wrong"]


@dataclass(frozen=True)
class Terms:
    """The k_jb(p; y, z) of all sequences that end in u, q.

    `most` and `least` bound exponentials of the second layer's scores; a sum of terms that is
    computed as at most -`off` is not positive.
    """

    worths: Worths
    level: Float[np.ndarray, "right wrong"]
    most: Float[np.ndarray, "n_ctx now earlier"]
    least: Float[np.ndarray, "n_ctx now earlier"]
    off: Float[np.ndarray, "right wrong"]
    q: int
    u: int

    @classmethod
    def of(
        cls,
        worths: Worths,
        scores: tuple[np.ndarray, np.ndarray],
        level: Float[np.ndarray, "right wrong"],
        ends: tuple[int, int],
    ) -> Terms:
        """Of bounds of scores, below and above: of what never ends so they are nothing."""
        (q, u), tokens = ends, np.arange(scores[0].shape[1])
        never = np.zeros(scores[0].shape, dtype=bool)
        never[-2, tokens != u] = never[-1, tokens != q] = never[-1, :, tokens != u] = True
        low, high = (np.where(never, -np.inf, each) for each in scores)
        top = high.max()
        with np.errstate(under="ignore"):
            most, least = np.exp(high - top) * (1 + _EXP), np.exp(low - top) * (1 - _EXP)
        largest = most.max(axis=(1, 2))[:, None, None]
        sizes = worths.sizes + np.abs(level)
        off = _TINY * (sizes * largest).sum(axis=0) + LEAST * (1 + sizes.sum(axis=0))
        return cls(worths, level, most, least, off, q, u)

    def open(self) -> Bool[np.ndarray, "place label wrong"]:
        """Which answers are not proved to lead on no filling of each case (10.9)."""
        right, n, v, _, wrong = self.worths.upper.shape
        found = np.zeros((n - 2, right, wrong), dtype=bool)
        for b in range(min(right, v)):
            if b != self.q:
                found[:, b] = ~(self._largest(b) <= -self.off[b])
                found[:, b, b] = False
        found[-1, np.arange(right) != self.u] = False
        return found

    def _largest(self, b: int) -> Float[np.ndarray, "place wrong"]:
        """The largest sum over the sequences of each place with this label."""
        q, terms = self.q, list(self._of_label(b))
        matched, reached = [terms[0][q, 0]], terms[0][:, 0].copy()
        reached[q] = -np.inf
        for term in terms[1:-2]:
            reached = (term + reached).max(axis=1)
            matched.append(reached[q].copy())
            reached[q] = -np.inf
        total, behind = [], terms[-1][q, self.u]
        total.append(matched[-1] + terms[-2][self.u, q] + behind)
        left = terms[-2][self.u] + behind
        for p in range(len(terms) - 3, 0, -1):
            total.append(matched[p - 1] + terms[p][b, q] + left[b])
            left[q] = -np.inf
            left = (terms[p] + left[:, None]).max(axis=0)
        return np.array(total[::-1])

    def _of_label(self, b: int) -> Iterator[Float[np.ndarray, "now earlier wrong"]]:
        """k at every position: the larger product is that of the sign."""
        each = zip(self.worths.upper[b], self.most, self.least, strict=True)
        for worth, most, least in each:
            over = worth - self.level[b]
            lower = over * least[..., None]
            over *= most[..., None]
            yield np.maximum(over, lower, out=over)

    def cases(self, rivals: Bool[np.ndarray, "place label wrong"]) -> Iterator[Open]:
        """The cases in which something may lead, by place and label."""
        n, v = self.most.shape[:2]
        for place, label in np.argwhere(rivals.any(axis=2)):
            allowed = np.broadcast_to(np.arange(v) != self.q, (n, v)).copy()
            given = {n - 2: self.u, n - 1: self.q, place: self.q, place + 1: label}
            for at, token in given.items():
                allowed[at] = np.arange(v) == token
            size = prod(allowed.sum(axis=1).tolist())
            yield Open(allowed, int(label), rivals[place, label], size)

    def through(
        self,
        allowed: Bool[np.ndarray, "sets n_ctx d_vocab"],
        label: Int[np.ndarray, " sets"],
        rivals: Bool[np.ndarray, "sets wrong"],
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The largest sum through every token, for rows of sets and rivals, some at a time.

        Yields the number of the set, that of the rival, and sums [rows, n_ctx, d_vocab], -inf
        where a token is not allowed.
        """
        owner, rival = np.nonzero(rivals)
        step = max(1, _CHUNK_ENTRIES // self.most[0].size)
        for start in range(0, len(owner), step):
            some = owner[start : start + step]
            j = rival[start : start + step]
            barred = np.where(allowed[some], 0.0, -np.inf)
            yield some, j, self._through(barred, label[some], j)

    def _through(
        self, barred: np.ndarray, right: np.ndarray, wrong: np.ndarray
    ) -> Float[np.ndarray, "rows n_ctx v"]:
        width = self.worths.upper.shape[-1]
        used, which = np.unique(right * width + wrong, return_inverse=True)
        b, j = np.divmod(used, width)
        terms, found = [], np.empty_like(barred)
        for p, (most, least) in enumerate(zip(self.most, self.least, strict=True)):
            over = self.worths.upper[b, p, :, :, j] - self.level[b, j][:, None, None]
            term = np.maximum(over * most, over * least)[which]
            before = found[:, p - 1, None] if p else 0.0
            found[:, p] = (term + before).max(axis=2) + barred[:, p]
            terms.append(term)
        behind = np.zeros_like(barred[:, 0])
        for p in range(len(terms) - 1, 0, -1):
            behind = (terms[p] + (behind + barred[:, p])[:, :, None]).max(axis=1)
            found[:, p - 1] += behind
        return found
