"""What is left of cases that are not proved: tokens taken out, sets cut in two (Theorem 10.21)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from probbound.check.models.transformer.alone.chain import Chain

_HIGH = 0.75
_SMALL = 1 << 16


class Part(NamedTuple):
    """Sequences of a case of so many: tokens (n, v), and the columns of what may lead on them."""

    tokens: np.ndarray
    rivals: np.ndarray
    case: int
    waits: bool = True


def size_of(tokens: np.ndarray) -> int:
    """How many sequences a set has."""
    return math.prod(int(number) for number in np.count_nonzero(tokens, axis=1))


def parts_of(cases: Sequence[Part], chain: Chain, rows: int) -> list[Part]:
    """What is left of the cases of a pair, in order, if so many rows are looked at again."""
    parts = list(cases)
    while True:
        waiting = [(-size_of(part.tokens), at) for at, part in enumerate(parts) if part.waits]
        used, chosen = 0, set()
        for _, at in sorted(waiting):
            if used + len(parts[at].rivals) > rows:
                break
            used += len(parts[at].rivals)
            chosen.add(at)
        if not chosen:
            return parts
        rows -= used
        before, parts = parts, []
        for at, part in enumerate(before):
            parts.extend(_less(part, chain) if at in chosen else [part])


def _less(part: Part, chain: Chain) -> list[Part]:
    """What takes the place of one that is looked at."""
    sums = chain.through(part.tokens, part.rivals)
    least, over = chain.least[part.rivals], _HIGH * sums[0].max(axis=0)
    may = [~(each <= least) for each in sums]
    leads = np.all([each.any(axis=0) for each in may], axis=0)
    if not leads.any():
        return []
    tokens, high = np.zeros_like(part.tokens), np.zeros_like(part.tokens)
    for place, (each, total) in enumerate(zip(may, sums, strict=True)):
        each &= leads
        tokens[place, part.tokens[place]] = each.any(axis=1)
        high[place, part.tokens[place]] = (each & (total > np.maximum(over, -least))).any(axis=1)
    kept = part._replace(tokens=tokens, rivals=part.rivals[leads], waits=False)
    place = _cut(np.count_nonzero(tokens, axis=1), np.count_nonzero(high, axis=1))
    if place is None or _SMALL * size_of(tokens) <= part.case:
        return [kept]
    first, second = tokens.copy(), tokens.copy()
    first[place], second[place] = high[place], tokens[place] & ~high[place]
    return [kept._replace(tokens=each, waits=True) for each in (first, second)]


def _cut(tokens: np.ndarray, high: np.ndarray) -> int | None:
    """The first place with the least share of high tokens, of those that have some, not all."""
    places = np.flatnonzero((high > 0) & (high < tokens))
    if not places.size:
        return None
    return int(min(places, key=lambda place: (high[place] / tokens[place], place)))
