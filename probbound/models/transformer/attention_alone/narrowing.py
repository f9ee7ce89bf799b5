"""What may be wrong of cases that are not proved: sets narrowed and split (Theorem 10.21)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

NEAR_TOP = 0.75
SMALL_BITS = 16  # a set 2^16 times smaller than its case is not split

Allowed = Bool[np.ndarray, "n_ctx d_vocab"]


@dataclass(frozen=True)
class Open:
    """A product set of sequences, their right answer, and which answers may lead there.

    It is part of a case of `whole` sequences, and `waiting` to be looked at again or not.
    """

    allowed: Allowed
    label: int
    rivals: Bool[np.ndarray, " wrong"]
    whole: int
    waiting: bool = True

    @property
    def size(self) -> int:
        """Sequences."""
        return prod(self.allowed.sum(axis=1).tolist())


@runtime_checkable
class Sums(Protocol):
    """Largest sums of terms, positive wherever an answer leads (10.8)."""

    @property
    def off(self) -> Float[np.ndarray, "right wrong"]:
        """What is computed as at most -`off` is not positive."""
        ...

    def through(
        self,
        allowed: Bool[np.ndarray, "sets n_ctx d_vocab"],
        label: Int[np.ndarray, " sets"],
        rivals: Bool[np.ndarray, "sets wrong"],
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For rows of sets and rivals, some at a time, the largest sum through each token."""
        ...


def narrowed(sums: Sums, cases: Sequence[Open], rows: int) -> list[Open]:
    """Disjoint parts of the cases that hold every sequence on which something may lead.

    At most `rows` answers to sets are looked at, those of the largest sets first.
    """
    sets = list(cases)
    while taken := _affordable(sets, rows):
        looked_at = [sets[k] for k in taken]
        rows -= sum(_rows(one) for one in looked_at)
        parts = dict(zip(taken, _parts(sums, looked_at), strict=True))
        sets = [part for k, one in enumerate(sets) for part in parts.get(k, [one])]
    return sets


def _rows(one: Open) -> int:
    return int(np.count_nonzero(one.rivals))


def _affordable(sets: Sequence[Open], rows: int) -> list[int]:
    """The largest sets that wait, as many as have so many rows; of a size those before others."""
    size = {k: one.size for k, one in enumerate(sets) if one.waiting}
    taken = []
    for k in sorted(size, key=lambda k: (-size[k], k)):
        rows -= _rows(sets[k])
        if rows < 0:
            break
        taken.append(k)
    return taken


def _parts(sums: Sums, sets: Sequence[Open]) -> Iterator[list[Open]]:
    """What is left of each set: nothing, itself without needless tokens, or that in two parts."""
    allowed = np.array([one.allowed for one in sets])
    label = np.array([one.label for one in sets])
    rivals = np.array([one.rivals for one in sets])
    kept, high, open_ = np.zeros_like(allowed), np.zeros_like(allowed), np.zeros_like(rivals)
    for owner, j, through in sums.through(allowed, label, rivals):
        off = sums.off[label[owner], j][:, None, None]
        may_lead = ~(through <= -off)
        leads = np.all(may_lead.any(axis=2), axis=1)
        open_[owner, j] = leads
        may_lead &= leads[:, None, None]
        top = through[:, -1].max(axis=1)[:, None, None]
        near_top = (through > NEAR_TOP * top) & (through > off)
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        kept[owner[starts]] |= np.logical_or.reduceat(may_lead, starts)
        high[owner[starts]] |= np.logical_or.reduceat(near_top & may_lead, starts)
    for one, tokens, above, leading in zip(sets, kept, high, open_, strict=True):
        if leading.any():
            yield _split(replace(one, allowed=tokens, rivals=leading, waiting=False), above)
        else:
            yield []


def _split(one: Open, above: Allowed) -> list[Open]:
    """In two where fewest of the tokens of a place are above, the first such place, or not."""
    tokens, some = one.allowed.sum(axis=1), above.sum(axis=1)
    share = np.where((some > 0) & (some < tokens), some / tokens, np.inf)
    place = int(share.argmin())
    if one.size << SMALL_BITS <= one.whole or share[place] == np.inf:
        return [one]
    parts = [one.allowed.copy(), one.allowed.copy()]
    parts[0][place], parts[1][place] = above[place], one.allowed[place] & ~above[place]
    return [replace(one, allowed=part, waiting=True) for part in parts]
