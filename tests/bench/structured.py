"""Where `betting` is wider than the simple bounds: the table of docs/estimators.md.

`python -m tests.bench.structured` prints, for each n, how many times as far from the sample mean
the worst end of `betting` lies as that of a simpler bound, over structured samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

from estimators.interval import Interval
from estimators.mean import betting, empirical_bernstein, hoeffding, hoeffding_serfling

SIZES = (1, 2, 5, 10, 20, 50, 100, 300, 1_000)
DELTAS = (1e-6, 0.05)

Draws = Float[np.ndarray, " n"]


def in_random_order(n: int) -> Iterator[Draws]:
    """Constants, marks, spikes, narrow and wide laws, in orders that independent draws give."""
    rng = np.random.default_rng(5)
    for value in (0, 1e-9, 0.01, 0.1, 0.25, 0.4, 0.5):
        yield np.full(n, float(value))
    for ones in sorted({min(k, n) for k in (1, 2, n // 10, n // 4, n // 3, n // 2)}):
        marks = (np.arange(n) < ones) * 1.0
        yield np.floor((np.arange(n) + 1) * ones / n) - np.floor(np.arange(n) * ones / n)
        for _ in range(3):
            yield rng.permutation(marks)
    for a in (0.05, 0.5, 1, 5):
        for b in (0.05, 0.5, 1, 5):
            yield rng.beta(a, b, n)
    for away in (0.01, 0.05, 0.1, 0.2, 0.3):
        yield 0.5 + away * np.where(rng.random(n) < 0.5, 1, -1)


def in_sorted_order(n: int) -> Iterator[Draws]:
    """Marks that all come first or last, and a ramp: orders that independent draws do not give."""
    for ones in range(0, n + 1, max(1, n // 8)):
        yield (np.arange(n) < ones) * 1.0
        yield (np.arange(n) >= n - ones) * 1.0
    yield np.linspace(0, 1, n)


def worst(
    samples: Iterator[Draws], simple: Callable[..., Interval], delta: float, population: int | None
) -> float:
    """The largest of (upper end - mean) over that of `simple`, of samples and of one minus them."""
    ratios = []
    for x in samples:
        for draws in (x, 1 - x):
            known = {} if population is None else {"population": population}
            ours = betting(draws, delta=delta, side="upper", **known)
            theirs = simple(draws, delta=delta, side="upper", **known)
            radius = float(theirs.upper) - draws.mean()
            ratios.append((float(ours.upper) - draws.mean()) / radius if radius > 1e-9 else 1.0)
    return max(ratios)


def table() -> str:
    """Markdown, a row for each order, bound and δ."""
    lines = ["| order, simple bound | δ | " + " | ".join(f"n = {n:,}" for n in SIZES) + " |"]
    lines.append("|---|---|" + "---|" * len(SIZES))
    rows = (
        ("random, Hoeffding", in_random_order, hoeffding, False),
        ("random, empirical Bernstein", in_random_order, empirical_bernstein, False),
        ("random, half of the population, Serfling", in_random_order, hoeffding_serfling, True),
        ("random, half, empirical Bernstein", in_random_order, empirical_bernstein, True),
        ("sorted, Hoeffding", in_sorted_order, hoeffding, False),
        ("sorted, empirical Bernstein", in_sorted_order, empirical_bernstein, False),
    )
    for name, samples, simple, half in rows:
        for delta in DELTAS:
            found = (worst(samples(n), simple, delta, 2 * n if half else None) for n in SIZES)
            lines.append(f"| {name} | {delta:g} | " + " | ".join(f"{r:.3f}" for r in found) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
