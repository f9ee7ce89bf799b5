"""How many sequences are right whenever their noise stays within its tolerances (4.32)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.machine.parallel import parallel_map
from probbound.tasks.max_of_k.structured.cells import Cells
from probbound.tasks.max_of_k.structured.parts import Sizes
from probbound.tasks.max_of_k.structured.tolerances import Brackets, gainful, priced, spared

_LABELS_AT_ONCE = 1 << 11
_EXACT_BITS = 62

Whole = Int[np.ndarray, "..."] | np.ndarray  # int64, or Python integers where those overflow


@dataclass(frozen=True)
class Resolution:
    """How finely cases are cut; any choice is sound.

    Queries are cut into `buckets` of like steepness; prices are rounded up to multiples of
    1/`grid`, those of at most `negligible` down to 0, for which the budget makes up.
    """

    buckets: int = 8
    grid: int = 24
    negligible: float = 1 / 512

    def counts(self, n_ctx: int) -> bool:
        """Whether sequences of that length can be counted."""
        return n_ctx * self.negligible < 1

    def capacity(self, n_ctx: int) -> int:
        """The largest sum of grid prices that leaves the real one below 1; 0 is always one.

        Raises:
            UserError: if negligible prices alone could add up to 1.
        """
        if not self.counts(n_ctx):
            raise UserError(
                f"a context of {n_ctx} is too long for entries; it counts up to "
                f"{round(1 / self.negligible) - 1} positions"
            )
        return math.ceil((1 - n_ctx * Fraction(self.negligible)) * self.grid) - 1


@dataclass(frozen=True)
class Windows:
    """Largest sizes, smallest sizes and largest brackets over each cell, [cell, label]."""

    largest: Float[np.ndarray, "n_cells d_vocab"]
    smallest: Float[np.ndarray, "n_cells d_vocab"]
    bracket: Float[np.ndarray, "n_cells d_vocab"]

    @classmethod
    def of(cls, brackets: Brackets, cells: Cells) -> Windows:
        """Of all cells; one that reaches `near` or beyond takes the far brackets too."""
        size = brackets.parts.size
        near, far = cells.largest(brackets.token), cells.largest(brackets.far_token)
        stays = np.array(cells.stops, dtype=np.int64)[:, None] <= brackets.tolerances.near
        worst = np.where(stays, near, np.maximum(near, far))
        return cls(cells.largest(size), -cells.largest(-size), worst)


def certified_count(
    brackets: Brackets,
    cells: Cells,
    meter: CostMeter,
    margin: float = 0.0,
    resolution: Resolution = Resolution(),
) -> int:
    """A lower bound on the sequences whose margin is above `margin` in tolerated noise (4.32).

    A sum of sizes of product sets, in whole numbers.
    """
    v = brackets.parts.d_vocab
    starts = range(0, v, _LABELS_AT_ONCE)
    labels = [slice(start, min(start + _LABELS_AT_ONCE, v)) for start in starts]
    with meter.phase("counting", "proof", counting_flops(brackets.parts, cells, resolution)):
        return _counted(brackets, cells, labels, margin, resolution)


def certified_estimate(brackets: Brackets, cells: Cells, n_labels: int) -> float:
    """About the share that `certified_count` counts, from some `n_labels` of the labels."""
    k, some = brackets.parts.n_ctx, _some_labels(brackets.parts, n_labels)
    labels = slice(some.start, some.stop, some.step)
    number = _counted(brackets, cells, [labels], 0.0, Resolution())
    return number / sum((m + 1) ** k - m**k for m in some)


def _some_labels(sizes: Sizes, n_labels: int) -> range:
    every = max(1, sizes.d_vocab // n_labels)
    return range(every // 2, sizes.d_vocab, every)


def _counted(
    brackets: Brackets, cells: Cells, labels: list[slice], margin: float, resolution: Resolution
) -> int:
    parts, windows = brackets.parts, Windows.of(brackets, cells)
    order = np.argsort(parts.steepness, kind="stable")
    buckets = [part for part in np.array_split(order, resolution.buckets) if len(part)]

    def count(task: tuple[Int[np.ndarray, " n"], slice]) -> int:
        queries, some = task
        prices, sure = _prices(brackets, windows, queries, some, margin)
        found = _count(prices, cells, queries, some, parts.n_ctx, resolution)
        return int(found[sure].sum())

    return sum(parallel_map(count, [(b, some) for b in buckets for some in labels], "counting"))


def _prices(
    brackets: Brackets,
    windows: Windows,
    queries: Int[np.ndarray, " n"],
    labels: slice,
    margin: float,
) -> tuple[Float[np.ndarray, "n_labels n_cells"], Bool[np.ndarray, " n_labels"]]:
    """The largest price of a token of each cell under any query of the bucket.

    And which labels gain anything at all.
    """
    parts = brackets.parts
    steepness = parts.steepness[queries]
    extra, reach = brackets.query[queries].max() + spared(margin), brackets.reach[queries].max()
    size = parts.size[labels]
    steps = (windows.smallest[:, labels] - size, windows.largest[:, labels] - size)
    with np.errstate(over="ignore", invalid="ignore"):
        corners = [end * step for end in (steepness.min(), steepness.max()) for step in steps]
        score = np.max(corners, axis=0) + reach
        gain = -(brackets.label[labels] + extra) * np.exp(-reach)
        bracket = windows.bracket[:, labels] - brackets.base[labels] + extra
        return priced(bracket, score, gain).T, gainful(gain)


def _count(
    prices: Float[np.ndarray, "n_labels n_cells"],
    cells: Cells,
    queries: Int[np.ndarray, " n"],
    labels: slice,
    n_ctx: int,
    resolution: Resolution,
) -> Whole:
    """Sequences of each label, the last token one of `queries`, whose prices stay below 1."""
    v, capacity = cells.d_vocab, resolution.capacity(n_ctx)
    whole = np.int64 if v**n_ctx < 1 << _EXACT_BITS else object
    below = np.concatenate([[0], np.cumsum(np.bincount(queries, minlength=v))])
    first, past = cells.first[:, labels].T, cells.past[:, labels].T
    gridded = np.ceil(np.minimum(prices * resolution.grid, capacity + 1.0)).astype(np.int64)
    index = np.where(prices <= resolution.negligible, 0, gridded)
    tokens = _histogram(index, past - first, capacity).astype(whole)
    last = _histogram(index, below[past] - below[first], capacity).astype(whole)
    none = _powers(tokens, n_ctx - 1)
    tokens[:, 0] += 1
    some = _powers(tokens, n_ctx - 1)
    within = np.cumsum(some - none, axis=1)[:, ::-1]
    own = np.diff(below)[labels] * some.sum(axis=1)
    return (last * within).sum(axis=1) + own


def _histogram(
    index: Int[np.ndarray, "n_labels n_cells"],
    sizes: Int[np.ndarray, "n_labels n_cells"],
    capacity: int,
) -> Int[np.ndarray, "n_labels capacity"]:
    """How many tokens of each label have each grid price up to the capacity."""
    rows, width = len(index), capacity + 2
    flat = (np.arange(rows)[:, None] * width + index).ravel()
    counts = np.bincount(flat, weights=sizes.ravel(), minlength=rows * width)
    return counts.reshape(rows, width)[:, :-1].astype(np.int64)


def _powers(tokens: Whole, free: int) -> Whole:
    """In how many ways `free` places are filled, by the sum of grid prices."""
    found = np.zeros_like(tokens)
    found[:, 0] = 1
    for _ in range(free):
        longer = np.zeros_like(tokens)
        for price in range(tokens.shape[1]):
            longer[:, price:] += tokens[:, price : price + 1] * found[:, : tokens.shape[1] - price]
        found = longer
    return found


def counting_flops(
    sizes: Sizes,
    cells: Cells,
    resolution: Resolution = Resolution(),
    n_labels: int | None = None,
) -> int:
    """Operations of `certified_count`, or of `certified_estimate` from so many labels."""
    v, k, n_cells = sizes.d_vocab, sizes.n_ctx, len(cells.starts)
    counted = v if n_labels is None else len(_some_labels(sizes, n_labels))
    buckets = min(resolution.buckets, v)
    width = resolution.capacity(k) + 1
    windows = 4 * cells.largest_flops() + 12 * v
    prices = 15 * n_cells + 6
    counting = 7 * n_cells + 2 * max(k - 2, 0) * width * (width + 1) + 6 * width
    return windows + buckets * counted * (prices + counting) + v * v.bit_length()
