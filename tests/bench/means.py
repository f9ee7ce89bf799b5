"""Betting intervals against the slow reference written from the paper, and how they grow."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from estimators.mean import betting, betting_sequence
from estimators.stratified import Stratum, mean
from tests.estimators import betting_reference

_DELTA = 1e-3
_RUNS = 3


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _row(
    name: str, ours: Callable[[], object], slow: Callable[[], object], scale: float
) -> dict[str, str | float]:
    """Medians of runs taken in turn; the reference does its part and is scaled up."""
    pairs = [(_seconds(ours), _seconds(slow) * scale) for _ in range(_RUNS)]
    seconds, reference = (float(np.median(column)) for column in zip(*pairs, strict=True))
    return {
        "name": name,
        "seconds": seconds,
        "reference seconds": reference,
        "ratio": reference / seconds,
    }


def rows() -> list[dict[str, str | float]]:
    """One row per kind of interval, each of many problems at once."""
    rng = np.random.default_rng(0)
    x = rng.random((1000, 10_000))
    one, short = x[0, :1000].tolist(), x[0, :100].tolist()

    def slow_interval() -> object:
        return betting_reference.interval(one, _DELTA)

    def slow_finite() -> object:
        return betting_reference.interval(one, _DELTA, 40_000)

    def slow_sequence() -> object:
        return betting_reference.running_interval(short, _DELTA)

    def slow_strata() -> object:
        return [betting_reference.interval(short, _DELTA / 10) for _ in range(10)]

    strata = [Stratum(0.1, x[:100, 100 * i : 100 * (i + 1)]) for i in range(10)]
    finite = np.arange(20_000, 21_000)
    return [
        _row("betting, 1000 of n = 10,000", lambda: betting(x, delta=_DELTA), slow_interval, 1e4),
        _row(
            "the same, without replacement",
            lambda: betting(x, delta=_DELTA, population=finite),
            slow_finite,
            1e4,
        ),
        _row(
            "betting_sequence, 100 of n = 100",
            lambda: betting_sequence(x[:100, :100], delta=_DELTA),
            slow_sequence,
            100,
        ),
        _row(
            "product over 10 strata, 100 of n = 10 x 100 (reference: union)",
            lambda: mean(strata, delta=_DELTA),
            slow_strata,
            100,
        ),
    ]
