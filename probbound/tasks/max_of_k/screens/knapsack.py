"""How many token tuples fit a capacity: exact integer counts, and the tuples by number.

A batch of problems. Position p of problem b offers the tokens t < required[b] at the integer
price `prices[b, p, t]`, and the token required[b] at its own price. Count the tuples whose
prices sum to at most `capacity`, all of them or only those with the required token in them, each
as often as the product of its tokens' weights.
Everything here is integer arithmetic; Theorem 1.3 says what is exact and what is rounded up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from jaxtyping import Bool, Float, Int, UInt64

from probbound.machine.errors import UserError

Prices = Int[np.ndarray, "batch positions tokens"]
Table = Int[np.ndarray, "batch 2 states"]
Weights = Int[np.ndarray, " tokens"]
MANTISSA_BITS = 62


@dataclass(frozen=True)
class Scale:
    """Units of the counts: tables with r positions to go count in multiples of 2^exponents[r].

    Counts are rounded up to their unit, so that all fit an int64 with room for the sums over
    tokens and over `problems` problems.
    """

    exponents: tuple[int, ...]

    @classmethod
    def fitting(cls, tokens: int, positions: int, problems: int) -> Scale:
        """The finest units for `positions` free positions of `tokens` tokens each."""
        bits = MANTISSA_BITS - (tokens * problems).bit_length()
        lengths = ((tokens**r).bit_length() for r in range(positions + 1))
        return cls(tuple(max(0, length - bits) for length in lengths))

    def shift(self, to_go: int) -> int:
        """log2 of the unit with `to_go` positions to go, in units of one position fewer."""
        return self.exponents[to_go] - self.exponents[to_go - 1]


def tables_of(
    prices: Prices,
    required: Int[np.ndarray, " batch"],
    capacity: int,
    scale: Scale,
    weights: Weights,
) -> list[Table]:
    """Tables T[r][b, s, g]: tuples of the last r positions with prices summing to at most g.

    State s = 0 counts them all, s = 1 those that contain the required token. The table for all
    positions is left out: `root_counts` reads the two entries of it that are ever needed.
    A tuple counts as often as the product of its tokens' weights.
    """
    batch, positions, tokens = prices.shape
    first = np.zeros((batch, 2, capacity + 1), dtype=np.int64)
    first[:, 0] = 1
    tables = [first]
    rows = np.arange(batch)
    smaller = np.arange(tokens) < required[:, None]
    for to_go in range(1, positions):
        offered = prices[:, positions - to_go]
        table = _convolve(tables[-1], np.where(smaller, offered, capacity + 1), weights)
        one = _shifted(tables[-1][:, 0], offered[rows, required])
        table += (one * weights[required, None])[:, None]
        tables.append(_rounded_up(table, scale.shift(to_go)))
    return tables


def root_counts(
    prices: Prices,
    required: Int[np.ndarray, " batch"],
    must_contain: Bool[np.ndarray, " batch"],
    capacity: int,
    scale: Scale,
    tables: list[Table],
    weights: Weights,
) -> Int[np.ndarray, " batch"]:
    """Number of tuples of all positions, in units of the scale's last exponent, rounded up."""
    batch, positions, _ = prices.shape
    budget = np.full(batch, capacity)
    if positions == 0:
        return np.where(must_contain, 0, 1)
    options = weights * _options(prices[:, 0], required, must_contain, budget, tables[-1])
    return _rounded_up(options.sum(axis=1), scale.shift(positions))


def tuples_by_number(
    prices: Int[np.ndarray, "positions tokens"],
    required: int,
    must_contain: bool,
    capacity: int,
    scale: Scale,
    tables: list[Table],
    weights: Weights,
    numbers: Int[np.ndarray, " n"],
    words: UInt64[np.ndarray, "n positions"],
) -> tuple[Int[np.ndarray, "n positions"], Bool[np.ndarray, " n"]]:
    """The tuples number `numbers` of one problem, and which numbers are blank.

    Where a unit holds several tuples, the high bits of `words` choose uniformly among them. Each
    tuple gets the same share of numbers × words; what rounding up added is blank.
    """
    n, positions = words.shape
    tuples = np.zeros((n, positions), dtype=np.int64)
    blank = np.zeros(n, dtype=bool)
    budget, needed = np.full(n, capacity), np.full(n, must_contain)
    for position in range(positions):
        shift = scale.shift(positions - position)
        within = _high_bits(words[:, position], shift)
        target = (numbers << shift) + within
        table = np.broadcast_to(tables[positions - position - 1], (n, 2, capacity + 1))
        offered = np.broadcast_to(prices[position], (n, prices.shape[1]))
        options = weights * _options(offered, np.full(n, required), needed, budget, table)
        ends = options.cumsum(axis=1)
        chosen = (ends <= target[:, None]).sum(axis=1)
        blank |= chosen == ends.shape[1]
        chosen = np.minimum(chosen, ends.shape[1] - 1)
        before = np.where(chosen > 0, ends[np.arange(n), chosen - 1], 0)
        numbers = np.where(blank, 0, (target - before) // np.maximum(weights[chosen], 1))
        budget = np.where(blank, 0, budget - prices[position, chosen])
        needed &= chosen != required
        tuples[:, position] = chosen
    return tuples, blank


def _options(
    offered: Int[np.ndarray, "n tokens"],
    required: Int[np.ndarray, " n"],
    needed: Bool[np.ndarray, " n"],
    budget: Int[np.ndarray, " n"],
    table: Table,
) -> Int[np.ndarray, "n tokens"]:
    """How many completions each token leaves, in the units of `table`."""
    tokens = np.arange(offered.shape[1])
    left = budget[:, None] - offered
    still_needed = needed[:, None] & (tokens != required[:, None])
    rows = np.arange(len(offered))[:, None]
    counts = table[rows, still_needed.astype(np.intp), np.maximum(left, 0)]
    return np.where((left >= 0) & (tokens <= required[:, None]), counts, 0)


def _shifted(
    table: Int[np.ndarray, "batch states"], by: Int[np.ndarray, " batch"]
) -> Int[np.ndarray, "batch states"]:
    source = np.arange(table.shape[1]) - by[:, None]
    moved = np.take_along_axis(table, np.maximum(source, 0), axis=1)
    return np.where(source >= 0, moved, 0)


def _rounded_up(counts: Int[np.ndarray, "..."], shift: int) -> Int[np.ndarray, "..."]:
    return -(-counts >> shift)


def _high_bits(words: UInt64[np.ndarray, " n"], bits: int) -> Int[np.ndarray, " n"]:
    return (words >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(words), int)


def _convolve(table: Table, offered: Int[np.ndarray, "batch tokens"], weights: Weights) -> Table:
    """Weighted sum of `table` shifted by each offered price; one past the capacity adds nothing.

    By FFT of limbs so short that the rounding error of the transform is below 1/4, hence exact
    after rounding (Theorem 1.3).
    """
    batch, _, states = table.shape
    length = convolution_length(states)
    flat = np.minimum(offered, states) + (states + 1) * np.arange(batch)[:, None]
    each = np.broadcast_to(weights, flat.shape).ravel()
    counts = np.bincount(flat.ravel(), each, minlength=batch * (states + 1))
    histogram = counts.reshape(batch, states + 1)[:, :states]
    spectrum = _transform(histogram, length)[:, None]
    result = np.zeros_like(table)
    bits = _limb_bits(int(weights.sum()), states, length)
    for low in range(0, max(int(table.max()).bit_length(), 1), bits):
        limb = (table >> low) & ((1 << bits) - 1)
        product = _transform(limb.astype(np.float64), length) * spectrum
        exact = np.rint(np.asarray(scipy.fft.irfft(product, length, axis=-1))[..., :states])
        result += exact.astype(np.int64) << low
    return result


def _transform(values: Float[np.ndarray, "*batch states"], length: int) -> np.ndarray:
    return np.asarray(scipy.fft.rfft(values, length, axis=-1))


def convolution_length(states: int) -> int:
    """Length of the transforms: a power of two with no wrap-around into `states` entries."""
    return 1 << (2 * states - 1).bit_length()


def _limb_bits(total: int, states: int, length: int) -> int:
    """Bits a limb may have for a rounding error of at most 1/4 (Theorems 1.3 and 1.11).

    Raises:
        UserError: if there are none.
    """
    unit = 2.0**-53
    relative = 32 * unit * np.log2(length)
    bits = int(np.floor(np.log2(0.25 / (relative * total * np.sqrt(states)))))
    if bits < 1:
        raise UserError(
            f"{states - 1} grid points are too many for a prior whose weights add up to {total}"
        )
    return bits
