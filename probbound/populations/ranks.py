"""A uniform ordered sample of tickets without replacement, from a stream of words."""

from __future__ import annotations

import math

import numpy as np

from probbound.draws.random_streams import Stream
from probbound.populations.contract import Tickets

MOST_DIFFERENT = 1 << 26  # draws that are kept to see whether they differ, in half a gigabyte
_BLOCK = 1 << 22


def different(stream: Stream, n: int, tickets: int) -> Tickets:
    """The first n different values, in order, of the stream's integers below `tickets`.

    A uniformly random ordered sample without replacement (Theorem 7.1); n is at most `tickets`.
    """
    kept, start = np.empty(0, dtype=np.int64), 0
    while len(kept) < n:
        stop = start + _words_wanted(len(kept), n, tickets)
        kept = _in_order_of_first(np.concatenate((kept, stream.integers(start, stop, tickets))))
        start = stop
    return kept[:n]


def _words_wanted(kept: int, n: int, tickets: int) -> int:
    """About as many words as it takes to get from `kept` different ones to n."""
    expected = tickets * -math.log1p(-(n - kept) / (tickets - kept + 1))
    return min(int(expected + 4 * math.sqrt(expected - (n - kept) + 1)) + 1, max(2 * n, _BLOCK))


def _in_order_of_first(values: Tickets) -> Tickets:
    rising = np.sort(values)
    repeated = rising[1:][rising[1:] == rising[:-1]]
    if not len(repeated):
        return values
    at = np.flatnonzero(np.isin(values, repeated))
    keep = np.ones(len(values), dtype=bool)
    keep[at] = False
    keep[at[np.unique(values[at], return_index=True)[1]]] = True
    return values[keep]
