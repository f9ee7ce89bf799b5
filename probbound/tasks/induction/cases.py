"""Cases of induction: product sets of sequences that have one right answer (Theorem 10.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from probbound.tasks.induction.task import Induction, matched_at, places

Allowed = Bool[np.ndarray, "n_ctx d_vocab"]


@dataclass(frozen=True)
class Case:
    """Sequences that have the same right answer."""

    allowed: Allowed
    label: int

    @property
    def free(self) -> int:
        """Sequences."""
        made = 1
        for each in self.allowed.sum(axis=1):
            made *= int(each)
        return made


def case_of(task: Induction, query: int, place: int, label: int) -> Case:
    """That of a last token, the place where it stood, and what followed; label != query there,
    but where the place is the last but one of "any", whose label is the query.
    """
    allowed = matched_at(task, query, place)
    allowed[place + 1] = False
    allowed[place + 1, label] = True
    return Case(allowed, label)


def cases(task: Induction) -> Iterator[Case]:
    """All of them, disjoint, by query, place and label."""
    for query in range(task.d_vocab):
        for place in places(task.n_ctx, task.repeats):
            for label in np.flatnonzero(matched_at(task, query, place)[place + 1]):
                yield case_of(task, query, place, int(label))
