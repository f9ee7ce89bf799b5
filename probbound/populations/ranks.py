"""A uniform ordered sample of tickets without replacement, from a stream of words."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream
from probbound.populations.contract import MOST_TICKETS, Tickets

MOST_DIFFERENT = 1 << 26  # draws that are kept to see whether they differ, in half a gigabyte
FEW = 1 << 16  # draws that differ in no time
DENSE = 64  # tickets for each draw, from which on it matters little whether draws differ
_BLOCK = 1 << 14  # so that what was written of a block is near when it is read again
_WORDS = 1 << 18
_TABLE = 1 << 27  # tickets that are remembered one by one, in a quarter of a gigabyte


def may_repeat(draws: int, tickets: int, *, uniform: bool) -> bool:
    """Whether draws are made with replacement, from these numbers alone (Theorem 7.2).

    So they are where tickets have no numbers, where there are too many draws, and where there are
    many draws, tickets for each of them DENSE times over, and no member has several.
    """
    if tickets > MOST_TICKETS or draws > MOST_DIFFERENT:
        return True
    return uniform and draws > FEW and tickets > DENSE * draws


def different(stream: Stream, n: int, tickets: int) -> Tickets:
    """The first n different values, in order, of the stream's integers below `tickets`.

    A uniformly random ordered sample without replacement (Theorem 7.1); n is at most `tickets`.
    """
    if tickets <= _TABLE and n > _BLOCK:
        return _by_table(stream, n, tickets)
    kept, start = np.empty(0, dtype=np.int64), 0
    while len(kept) < n:
        stop = start + _words_wanted(len(kept), n, tickets)
        kept = _in_order_of_first(np.concatenate((kept, stream.integers(start, stop, tickets))))
        start = stop
    return kept[:n]


def _words_wanted(kept: int, n: int, tickets: int) -> int:
    """About as many words as it takes to get from `kept` different ones to n."""
    expected = tickets * -math.log1p(-(n - kept) / (tickets - kept + 1))
    return int(expected + 4 * math.sqrt(expected - (n - kept) + 1)) + 1


def _by_table(stream: Stream, n: int, tickets: int) -> Tickets:
    """The same by a table that says of a ticket where it stood in the block that it came first in.

    Of numbers written to one place NumPy leaves the last, so a block is written from its end.
    """
    place, places = np.zeros(tickets, dtype=np.int16), np.arange(1, _BLOCK + 1, dtype=np.int16)
    found, number, start = [], 0, 0
    while number < n:
        words = stream.integers(start, start + _WORDS, tickets)
        for at in range(0, _WORDS, _BLOCK):
            block = words[at : at + _BLOCK]
            fresh = block[place[block] == 0]
            own = places[: len(fresh)]
            place[fresh[::-1]] = own[::-1]
            found.append(fresh[place[fresh] == own])
            number += len(found[-1])
            if number >= n:
                break
        start += _WORDS
    return np.concatenate(found)[:n]


def _in_order_of_first(values: Tickets) -> Int[np.ndarray, " different"]:
    rising = np.sort(values)
    repeated = rising[1:][rising[1:] == rising[:-1]]
    if not len(repeated):
        return values
    at = np.flatnonzero(np.isin(values, repeated))
    keep = np.ones(len(values), dtype=bool)
    keep[at] = False
    keep[at[np.unique(values[at], return_index=True)[1]]] = True
    return values[keep]
