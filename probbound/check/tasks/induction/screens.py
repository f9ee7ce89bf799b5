"""What screens leave of the sequences of induction, as a list of sets (docs/induction.md)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from probbound.check.models.transformer.alone import filling, form, lookups, pairs, soft
from probbound.check.models.transformer.weights import Weights
from probbound.check.report import Refused
from probbound.check.tasks.induction.left import Left
from probbound.check.tasks.induction.recipe import SOFT
from probbound.check.tasks.induction.sequences import Case, Sequences, places_of

RUN_AT_MOST = 256
LOOKED_AT = 8
_MOST_ENTRIES = 1 << 28
_MOST_SOFT = 1 << 24

Wrong = Callable[[np.ndarray, np.ndarray], np.ndarray]  # which of sequences (m, n) by labels (m,)


@dataclass(frozen=True)
class Screens:
    """Those of a network on sequences, whose right answers lead by more than a margin."""

    weights: Weights
    sequences: Sequences
    margin: float

    @cached_property
    def form(self) -> form.Form:
        """The network as chapter 10 sees it.

        Raises:
            Refused: if it is not of attention alone.
        """
        return form.form_of(self.weights)

    @cached_property
    def two_layers(self) -> bool:
        """Whether the network is of attention alone, two layers of one head."""
        try:
            return (self.form.layers, self.form.heads) == (2, 1)
        except Refused:
            return False

    @property
    def has_pairs(self) -> bool:
        """Whether `pairs` can run (docs/induction.md)."""
        n, v, out = self.weights.reads
        return self.two_layers and self.sequences.once and n * v**2 * out**2 <= _MOST_ENTRIES

    @property
    def has_lookups(self) -> bool:
        """Whether `factored` can run (docs/induction.md)."""
        n, v, _ = self.weights.reads
        return self.two_layers and n * v**3 <= _MOST_ENTRIES

    @property
    def has_soft(self) -> bool:
        """Whether `soft` can run (docs/induction.md)."""
        n, v, _ = self.weights.reads
        return self.two_layers and n**2 * v**3 <= _MOST_SOFT

    def share_looked_at(self) -> float:
        """The share of cases proved at the (q, u) of Definition 10.14 (a)."""
        return pairs.looked_at(self.form, self.margin, LOOKED_AT)

    def by_pairs(self) -> Left:
        """What `pairs` leaves.

        Raises:
            Refused: if it cannot run.
        """
        return self._left(case.allowed for case in self._cases_left())

    def by_tree(self, nodes: int, wrong: Wrong) -> Left:
        """What a tree of so many nodes leaves.

        Raises:
            Refused: if the network is not of attention alone, or its roots cannot be found.
        """
        known, met = self.form, []
        from_pairs = self.two_layers and self.sequences.once
        waiting = deque(self._cases_left() if from_pairs else self.sequences.cases())
        for _ in range(nodes):
            if not waiting:
                break
            case = waiting.popleft()
            if case.number <= RUN_AT_MOST:
                met += _failing(case, wrong)
            elif not filling.right(known, case.allowed, case.label, self.margin):
                waiting.extend(_parts(case))
        return self._left([*met, *(case.allowed for case in waiting)])

    def proves(self, case: Case) -> bool:
        """Whether a case is right on every filling, whole or split at the place before the last."""
        if filling.right(self.form, case.allowed, case.label, 0.0):
            return True
        free = np.flatnonzero(case.allowed[-2])
        parts = (part for part in _split(case, self.sequences.n - 2))
        return len(free) > 1 and all(
            filling.right(self.form, part.allowed, part.label, 0.0) for part in parts
        )

    def unproved(self, name: str | None) -> Callable[[np.ndarray], np.ndarray]:
        """Which sequences (m, n) look-ups, or the first layer's own weights, do not prove right.

        Raises:
            Refused: if it cannot run.
        """
        if not (self.has_soft if name == SOFT else self.has_lookups):
            raise Refused("tables of look-ups are for two layers of one head, and of that size")
        right = (soft if name == SOFT else lookups).right(self.form, self.margin)
        return lambda tokens: ~right(tokens, places_of(tokens))

    def _cases_left(self) -> Iterator[Case]:
        if not self.has_pairs:
            raise Refused("pairs are for two layers of one head, tokens once, and of that size")
        return (Case(*each) for each in pairs.left(self.form, self.margin))

    def _left(self, sets: Iterator[np.ndarray] | list[np.ndarray]) -> Left:
        return Left.of(list(sets), self.sequences.n, self.sequences.v)


def _failing(case: Case, wrong: Wrong) -> list[np.ndarray]:
    """The sequences that are not certainly right, each as a set, in the order of their numbers."""
    tokens = np.concatenate(list(Left(case.allowed[None]).everything()))
    failing = tokens[wrong(tokens, np.full(len(tokens), case.label))]
    return list(failing[:, :, None] == np.arange(case.allowed.shape[1]))


def _parts(case: Case) -> Iterator[Case]:
    """It with each token of the place that has most, the latest of these places."""
    sizes = case.allowed.sum(axis=1)
    return _split(case, int(np.flatnonzero(sizes == sizes.max())[-1]))


def _split(case: Case, place: int) -> Iterator[Case]:
    """It with each token of a place."""
    for token in np.flatnonzero(case.allowed[place]):
        allowed = case.allowed.copy()
        allowed[place] = np.arange(allowed.shape[1]) == token
        yield Case(allowed, case.label)
