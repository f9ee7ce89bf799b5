"""Cases of induction: product sets of sequences that have one right answer (Theorem 10.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from probbound.draws.random_streams import Stream
from probbound.tasks.induction.task import Induction, matched, matched_at, places

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


def case_around(
    task: Induction, tokens: Int[np.ndarray, " n_ctx"], given: Bool[np.ndarray, " n_ctx"]
) -> Case:
    """All sequences with the same answer at the same place that agree where tokens are given."""
    place = int(matched(tokens[None])[0])
    case = case_of(task, int(tokens[-1]), place, int(tokens[place + 1]))
    same = np.arange(task.d_vocab) == tokens[:, None]
    return Case(case.allowed & (same | ~given[:, None]), case.label)


def revealed(
    task: Induction, stream: Stream, start: int, stop: int, number: int
) -> Bool[np.ndarray, "n n_ctx"]:
    """So many places of draws `start` to `stop` - 1 of "once", uniform among those that are free.

    The k-th choice, from 0, is number r of the free places that are left, in order, r below their
    number being integer i of the stream `k` of draw i.
    """
    tokens = task.sample(stream.fold_in("sequences"), start, stop)
    known = np.arange(task.n_ctx)[None] == task.n_ctx - 1
    place = matched(tokens)[:, None]
    free = ~(known | (np.arange(task.n_ctx) == place) | (np.arange(task.n_ctx) == place + 1))
    given = np.zeros_like(free)
    for k in range(number):
        left = free & ~given
        rank = stream.fold_in(str(k)).integers(start, stop, task.n_ctx - 3 - k)
        chosen = (left.cumsum(axis=1) == rank[:, None] + 1) & left
        given |= chosen
    return given


def cases(task: Induction) -> Iterator[Case]:
    """All of them, disjoint, by query, place and label."""
    for query in range(task.d_vocab):
        for place in places(task.n_ctx, task.repeats):
            for label in np.flatnonzero(matched_at(task, query, place)[place + 1]):
                yield case_of(task, query, place, int(label))
