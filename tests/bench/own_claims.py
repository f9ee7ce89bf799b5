"""What the engine adds to a user's check: a million draws, beside a loop in plain NumPy."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

import probbound
from probbound.own.question import DEFAULT_BATCH

DRAWS = 10**6
RUNS = 5
CASES = {  # name: rows of each factor, columns
    "entry of 65,536² of rank 64": (65_536, 64),
    "entry of 65,536² of rank 1": (65_536, 1),
    "entry of 4,096² of rank 64": (4_096, 64),
    "entry of 4,096² of rank 1": (4_096, 1),
}


def rows() -> list[dict]:
    """One row a population; the shorter of two of them is dense, so that draws must differ."""
    return [_row(name, *sizes) for name, sizes in CASES.items()]


def bare(check: Callable[[np.ndarray], np.ndarray], sizes: tuple[int, ...]) -> int:
    """The loop that a user would write: draws with replacement, counted."""
    rng, failed = np.random.default_rng(0), 0
    for start in range(0, DRAWS, DEFAULT_BATCH):
        number = min(DEFAULT_BATCH, DRAWS - start)
        members = rng.integers(0, sizes, size=(number, len(sizes)))
        failed += int((~check(members)).sum())
    return failed


def _row(name: str, size: int, rank: int) -> dict:
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(2, size, rank))

    def check(pairs: np.ndarray) -> np.ndarray:
        return np.einsum("nd,nd->n", left[pairs[:, 0]], right[pairs[:, 1]]) < 3 * rank**0.5

    population = probbound.Product(size, size)
    asked = partial(probbound.bound_share, population, check, name=name, budget=DRAWS, version="1")
    pairs = [(_seconds(partial(bare, check, (size, size))), _seconds(asked)) for _ in range(RUNS)]
    loop, engine = (min(column) for column in zip(*pairs, strict=True))
    return {"name": name, "loop, s": loop, "bound_share, s": engine, "ratio": engine / loop}


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
