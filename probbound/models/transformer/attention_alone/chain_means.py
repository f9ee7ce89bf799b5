"""The largest weighted mean over chains of tokens (Theorem 10.16)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from probbound.models.transformer.attention_alone.form import LEAST
from probbound.models.transformer.attention_alone.letters import Letters
from probbound.models.transformer.attention_alone.mean_range import SLACK

STEPS = 40
USUAL_STEPS = 6  # or fewer, where weights are nearly known
CHUNK_ENTRIES = 1 << 17
_ENOUGH = 2.0**-36  # of the largest value: how near the root is near enough


@dataclass(frozen=True)
class Ends:
    """Chains side by side whose last letters are given, by their numbers.

    `last` are those of the last positions, the latest first; `row` are those that may stand before
    them (none where nothing does), and before that come the `free` first positions.
    """

    last: Int[np.ndarray, "chains given"]
    row: Int[np.ndarray, "chains choices"]
    free: int

    def some(self, part: slice) -> Ends:
        """Those chains alone."""
        return Ends(self.last[part], self.row[part], self.free)


def ends(letters: Letters, at: int, given: int) -> tuple[Ends, tuple[int, ...]]:
    """Every way in which so many letters end a chain at a position, and how many there are.

    The latter by token, that of the position first; they are in that order, the last one fastest.
    """
    shape = tuple(letters.sizes[at - k] if k <= at else 1 for k in range(given + 1))
    tokens = np.indices(shape).reshape(given + 1, -1)
    kept = range(min(given, at + 1))
    last = np.stack([letters.number(at - k, tokens[k], tokens[k + 1]) for k in kept], axis=1)
    behind = at - given
    if behind < 0:
        return Ends(last, np.zeros((len(last), 0), dtype=np.int64), 0), shape
    earlier = np.arange(letters.shape(behind)[1])
    return Ends(last, letters.number(behind, tokens[given][:, None], earlier), behind), shape


def largest_chain_means(
    letters: Letters,
    chains: Ends,
    low: Float[np.ndarray, "chains letters"],
    high: Float[np.ndarray, "chains letters"],
    values: Float[np.ndarray, "letters quantities"],
) -> Float[np.ndarray, "chains quantities"]:
    """At least Σ E W / Σ E on every chain, E between `low` and `high` and W at most `values`.

    Weights are at most about 1, and 2^-1000 or more from above.
    """
    width = sum(letters.counts[: chains.free]) + chains.row.shape[1] + chains.last.shape[1]
    number, quantities = len(chains.last), values.shape[1]
    wide = max(1, min(quantities, CHUNK_ENTRIES // width))
    deep = max(1, CHUNK_ENTRIES // (width * wide))
    found = np.empty((number, quantities))
    for k in range(0, number, deep):
        part, some = slice(k, k + deep), chains.some(slice(k, k + deep))
        for j in range(0, quantities, wide):
            links = _links(letters, some, low[part], high[part], values[:, j : j + wide])
            found[part, j : j + wide] = _largest(list(links))
    return found


def flops(chains: int, width: int, quantities: int) -> int:
    """Operations of chains of so many letters, at most about."""
    return 7 * USUAL_STEPS * chains * width * quantities


@dataclass(frozen=True)
class _Link:
    """Of one position: [before, now, chains, quantities], weights alike for every quantity."""

    low: Float[np.ndarray, "before now chains 1"]
    high: Float[np.ndarray, "before now chains 1"]
    value: Float[np.ndarray, "before now _ quantities"]


def _links(
    letters: Letters, chains: Ends, low: np.ndarray, high: np.ndarray, values: np.ndarray
) -> Iterator[_Link]:
    for at in range(chains.free):
        block, shape = letters.blocks[at], letters.shape(at)

        def split(x: np.ndarray, shape: tuple[int, int] = shape) -> np.ndarray:
            return np.ascontiguousarray(x.reshape(*shape, *x.shape[1:]).swapaxes(0, 1))

        below, above = (split(each[:, block].T[..., None]) for each in (low, high))
        yield _Link(below, above, split(values[block][:, None]))
    rows = np.arange(len(chains.last))[:, None]
    given = [chains.last[:, k : k + 1] for k in range(chains.last.shape[1])]
    for at in [*([chains.row] if chains.row.shape[1] else []), *given[::-1]]:
        below, above = (each[rows, at].T[:, None, :, None] for each in (low, high))
        yield _Link(below, above, values[at].swapaxes(0, 1)[:, None])


def _largest(links: Sequence[_Link]) -> Float[np.ndarray, "chains quantities"]:
    least = np.add.reduce([link.low.min(axis=(0, 1)) for link in links])
    most = np.add.reduce([link.high.max(axis=(0, 1)) for link in links])
    shape = len(least), links[0].value.shape[3]
    tops = [np.broadcast_to(link.value.max(axis=(0, 1)), shape) for link in links]
    lows = [np.broadcast_to(link.value.min(axis=(0, 1)), shape) for link in links]
    best, bottom = np.maximum.reduce(tops), np.minimum.reduce(lows)
    size = np.maximum(np.abs(best), np.abs(bottom))
    middle = [link.high.mean(axis=(0, 1)) for link in links]
    slope = np.add.reduce(middle)
    level = np.add.reduce([w * top for w, top in zip(middle, tops, strict=True)]) / slope
    low, width = bottom, best - bottom
    before, f_before = level, None
    for step in range(1, STEPS + 1):
        f, spread = _largest_sum(links, level), np.maximum(size, np.abs(level))
        above = np.maximum(f, 0.0) + SLACK * most * spread + LEAST * (1 + spread)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            risen = above / least * (1 + 2.0**-40)
            best = np.fmin(best, level + risen + 2.0**-50 * (np.abs(level) + risen))
            low = np.fmax(low, level + f / np.where(f > 0, most, least))
            if f_before is not None:
                slope = (f_before - f) / (level - before)
            stepped = level + f / slope
        inside = (stepped >= low) & (stepped <= best)
        if step % 3 == 0:
            inside, width = inside & (best - low <= width / 2), best - low
        stepped = np.where(inside, stepped, (low + best) / 2)
        near = np.minimum(best - low, np.abs(stepped - level))
        if np.all(near <= _ENOUGH * size):
            break
        before, f_before, level = level, f, stepped
    return best


def _largest_sum(
    links: Sequence[_Link], level: Float[np.ndarray, "chains quantities"]
) -> Float[np.ndarray, "chains quantities"]:
    """F, the largest sum over chains of E (W - level)."""
    reached = np.zeros((1, *level.shape))
    for link in links:
        over = link.value - level
        term = over * link.high
        over *= link.low
        np.maximum(term, over, out=term)
        term += reached[:, None]
        reached = term.max(axis=0)
    return reached.max(axis=0)
