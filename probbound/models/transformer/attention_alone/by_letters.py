"""Three layers, of which the first looks at the token before: every filling (Theorem 10.18)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from probbound.models.transformer.attention_alone.chain_means import ends, largest_chain_means
from probbound.models.transformer.attention_alone.chain_means import flops as chain_flops
from probbound.models.transformer.attention_alone.form import Form
from probbound.models.transformer.attention_alone.last_layer import Place
from probbound.models.transformer.attention_alone.letters import Bounds, Letters, letters_of
from probbound.models.transformer.attention_alone.near import plus
from probbound.models.transformer.attention_alone.trees import Ranges, Vectors

MOST_OFF, MOST_LETTERS = 0.125, 4096
WINDOW = 2  # letters of a position in layer 3: its own and that before


def is_read_sharply(ranges: Ranges, one: Bool[np.ndarray, "n_ctx d_vocab"]) -> bool:
    """Whether a product set is tried by letters."""
    sizes = one.sum(axis=1)
    if not has_letters(ranges.form) or sizes[0] + (sizes[1:] * sizes[:-1]).sum() > MOST_LETTERS:
        return False
    return bool(letters_of(ranges, one).off.max() <= MOST_OFF)


def has_letters(form: Form) -> bool:
    """Whether sets of sequences of a network may be tried by letters."""
    return (form.n_layers, form.n_heads) == (3, 1)


def parts(
    one: Bool[np.ndarray, "n_ctx d_vocab"],
) -> Iterator[Bool[np.ndarray, "n_ctx d_vocab"]]:
    """A product set by the tokens of its last two positions."""
    for last in np.flatnonzero(one[-1]):
        for before in np.flatnonzero(one[-2]) if len(one) > 1 else [None]:
            part = one.copy()
            part[-1] = np.arange(one.shape[1]) == last
            if before is not None:
                part[-2] = np.arange(one.shape[1]) == before
            yield part


@dataclass(frozen=True)
class ByLetters:
    """Bounds of what layer 3 reads, over a product set with one token at each of its last two."""

    letters: Letters
    star: int

    def direct(self, vectors: Vectors) -> Float[np.ndarray, " quantities"]:
        """up_2 of the last position."""
        letters, last = self.letters, len(self.letters.tokens) - 1
        chains, _ = ends(letters, last, 1)
        values = letters.upper(self._behind(vectors))
        mean = largest_chain_means(letters, chains, *self.scores[last].weights(), values)
        return plus(letters.upper(vectors, letters.blocks[last])[0], mean[0])

    def places(self, vectors: Vectors) -> Iterator[Place]:
        """What layer 3 reads at each position, quantities of what it moves to the last one."""
        letters, form = self.letters, self.letters.form
        read = Vectors(
            vectors.rows @ form.values[2, 0].T, vectors.sizes * float(form.value_sizes[2, 0])
        )
        own, moved = letters.upper(read), letters.upper(self._behind(read))
        still, moving, both = self._sides
        for at, block in enumerate(letters.blocks):
            values = np.concatenate([moving, moved], axis=1)[: block.stop]
            values[block, :2] = plus(both[block], -still[block])
            chains, shape = ends(letters, at, WINDOW)
            asked = chains.last[:, 0]
            low, high = (each[asked - block.start] for each in self.scores[at].weights())
            means = largest_chain_means(letters, chains, low, high, values)
            found = plus(np.concatenate([still, own], axis=1)[asked], means)
            yield Place(shape, -found[:, 1], found[:, 0], found[:, 2:])

    @cached_property
    def scores(self) -> list[Bounds]:
        """Layer 2's, by the position of the query."""
        middle = self.letters.vectors[self.star]
        return [self.letters.scores(at, middle) for at in range(len(self.letters.tokens))]

    def _behind(self, vectors: Vectors) -> Vectors:
        form = self.letters.form
        return Vectors(
            vectors.rows @ form.values[1, 0].T, vectors.sizes * float(form.value_sizes[1, 0])
        )

    @cached_property
    def _sides(self) -> list[Float[np.ndarray, "letters 2"]]:
        """B+ and B- of every letter, of what stays, of what is moved, and of both together."""
        moved, grown = self.letters.form.values[1, 0], float(self.letters.form.value_sizes[1, 0])
        still = np.eye(len(moved))
        return [
            self._side(still, 1.0),
            self._side(moved, grown),
            self._side(still + moved, 1 + grown),
        ]

    def _side(
        self, matrix: Float[np.ndarray, "width width"], size: float
    ) -> Float[np.ndarray, "letters 2"]:
        letters, form = self.letters, self.letters.form
        seen = [letters.vectors - letters.vectors[self.star], letters.read - letters.read[0]]
        rows = np.concatenate(seen) @ matrix @ form.scores[2, 0].T
        whole = 2 * letters.size * size * float(form.score_sizes[2, 0])
        both = Vectors(np.concatenate([rows, -rows]), np.full(2 * len(rows), whole))
        found = self.direct(both).reshape(2, -1)
        of_letters, of_read = np.split(found, [len(letters.vectors)], axis=1)
        spread = letters.running(of_read).sum(axis=0)[letters.place]
        return plus(of_letters, letters.off * spread).T


def by_letters(ranges: Ranges, one: Bool[np.ndarray, "n_ctx d_vocab"]) -> ByLetters:
    """Of a product set with one token at each of its last two positions."""
    letters = letters_of(ranges, one)
    return ByLetters(letters, _attended(letters))


def flops(form: Form, one: Bool[np.ndarray, "n_ctx d_vocab"]) -> int:
    """Operations of all parts of a product set, at most about."""
    sizes, (n, v, w) = one.sum(axis=1).tolist(), form.atoms.shape
    each, quantities = sizes[-1] * (sizes[-2] if n > 1 else 1), form.outcomes.shape[1] + 1
    sizes[-2:] = [1] * len(sizes[-2:])
    before = [1, 1, 1, *sizes]
    counts = [now * then for now, then in zip(sizes, before[2:], strict=False)]
    letters, members, scored, windows = sum(counts), sum(sizes), 4 * n * v * w * w, 0
    for p, now in enumerate(counts):
        seen = sum(counts[: p + 1])
        scored += 4 * seen * w * w + now * seen * (2 * w + 16) + 2 * (now + seen) * members * w
        number, width = now * before[p + 1], sum(counts[: max(p - 2, 0)]) + before[p] + 2
        windows += chain_flops(number, width, quantities) + 10 * number * quantities
    asked = 6 * (letters + members)
    sides = 6 * asked * w * w + 2 * asked * w * (letters + 2 * members) + 6 * asked * letters
    return each * (scored + windows + sides + chain_flops(1, letters, asked))


def _attended(letters: Letters) -> int:
    """The letter that the last position attends to most in layer 3, of one sequence."""
    form, choice = letters.form, [size // 2 for size in letters.sizes]
    n = len(choice)
    states = form.atoms[np.arange(n), [t[k] for t, k in zip(letters.tokens, choice, strict=True)]]
    later = np.arange(n)[None] > np.arange(n)[:, None]
    for layer in range(2):
        found = np.where(later, -np.inf, states @ form.scores[layer, 0] @ states.T)
        weights = np.exp(found - found.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        states = states + weights @ states @ form.values[layer, 0]
    at = int((states[-1] @ form.scores[2, 0] @ states.T).argmax())
    return int(letters.number(at, choice[at], choice[at - 1] if at else 0))
