"""Proportion bounds against the loop over SciPy that one would write first."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from estimators import proportion

_DELTA = 1e-3
_PROBLEMS = 100_000
_LOOPED = 200
_LOOPED_SEARCHES = 20
_RUNS = 5


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _row(name: str, ours: Callable[[], object], loop: Callable[[], object], looped: int) -> dict:
    """Medians of runs taken in turn; the loop does `looped` of the problems and is scaled up."""
    pairs = [(_seconds(ours), _seconds(loop) * _PROBLEMS / looped) for _ in range(_RUNS)]
    seconds, slow = (float(np.median(column)) for column in zip(*pairs, strict=True))
    return {"name": name, "seconds": seconds, "reference seconds": slow, "ratio": slow / seconds}


def _binomial_loop(k: np.ndarray, n: np.ndarray) -> list[float]:
    return [
        stats.binomtest(int(x), int(size)).proportion_ci(1 - 2 * _DELTA, method="exact").high
        for x, size in zip(k, n, strict=True)
    ]


def _hypergeometric_loop(k: np.ndarray, n: np.ndarray, population: int) -> list[int]:
    """Bisection for the largest kept count, one tail of SciPy at a time."""
    found = []
    for x, size in zip(k, n, strict=True):
        kept, rejected = int(x), int(population - size + x + 1)
        while rejected - kept > 1:
            middle = (kept + rejected) // 2
            if stats.hypergeom.cdf(x, population, middle, size) > _DELTA:
                kept = middle
            else:
                rejected = middle
        found.append(kept)
    return found


def rows() -> list[dict]:
    """One row per function: name, our seconds, the loop's, and their ratio."""
    rng = np.random.default_rng(0)
    n = rng.integers(100, 10_000, _PROBLEMS)
    k = rng.binomial(n, 10 ** rng.uniform(-4, 0, _PROBLEMS))
    population, head, few = 10**6, slice(_LOOPED), slice(_LOOPED_SEARCHES)
    options = {"delta": _DELTA, "side": "upper"}
    count = f"{_PROBLEMS:,}"
    return [
        _row(
            f"{count} Clopper-Pearson upper bounds",
            lambda: proportion.clopper_pearson(k, n, **options),
            lambda: _binomial_loop(k[head], n[head]),
            _LOOPED,
        ),
        _row(
            f"{count} hypergeometric upper bounds, N = 10^6",
            lambda: proportion.hypergeometric(k, n, population, **options),
            lambda: _hypergeometric_loop(k[few], n[few], population),
            _LOOPED_SEARCHES,
        ),
        _row(
            f"{count} anytime upper bounds (loop: Clopper-Pearson)",
            lambda: proportion.anytime(k, n, **options),
            lambda: _binomial_loop(k[head], n[head]),
            _LOOPED,
        ),
    ]
