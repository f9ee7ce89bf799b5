"""Levels of how far waves are from zero: those that lose least (Theorem 6.13)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

CANDIDATES = 81  # levels are chosen among so many
_UNITS = 2.0**30  # of what is lost without levels: losses are compared as whole numbers of them
_COMPARISONS = 7  # for a place among the candidates


def chosen_levels(
    wave: Float[np.ndarray, " p"],
    mass: Float[np.ndarray, "rows members"],
    slopes: Float[np.ndarray, " members"],
    number: int,
) -> Float[np.ndarray, " number"]:
    """The levels of |wave + wave'| whose losses are least in sum, ascending from 0.

    The wave is of whole numbers. Entry (row, member) loses mass - slope · level, if that is
    positive. Candidates lie at squares of even steps up to the largest |wave + wave'|; dynamic
    programming in whole numbers chooses among them, so that no last bit decides.
    """
    p = len(wave)
    sums = np.abs(wave + wave[(np.arange(p) - np.arange(p)[:, None]) % p])
    steps = np.arange(CANDIDATES)
    candidates = np.floor(sums.max() * steps**2 / steps[-1] ** 2)
    below = np.searchsorted(candidates, sums.ravel(), side="right")
    below = np.cumsum(np.bincount(below, minlength=CANDIDATES + 1))[:-1]
    return candidates[_best_steps(_losses(candidates, mass, slopes), below, p * p, number)]


def levels_flops(p: int, rows: int, gated: int, groups: int, number: int) -> int:
    """Operations of `chosen_levels` for all groups: rows of all gates together."""
    entries = rows * gated * (_COMPARISONS + 3) + gated
    sums = groups * p * p * (_COMPARISONS + 3)
    return entries + sums + groups * CANDIDATES * (3 * CANDIDATES * number + 8)


def _losses(
    candidates: Float[np.ndarray, " n"],
    mass: Float[np.ndarray, "rows members"],
    slopes: Float[np.ndarray, " members"],
) -> Int[np.ndarray, " n"]:
    """What is lost at each level, in whole units."""
    needed = mass / np.maximum(slopes, 1e-300)
    place = np.searchsorted(candidates, needed.ravel())
    steep = np.broadcast_to(slopes, mass.shape).ravel()
    some, slope = (
        np.cumsum(np.bincount(place, values, CANDIDATES + 1)[::-1])[-2::-1]
        for values in (mass.ravel(), steep)
    )
    lost = np.maximum(some - candidates * slope, 0.0)
    units = _UNITS / lost[0] if 0 < lost[0] < np.inf else 0.0
    return np.rint(np.nan_to_num(lost * units, posinf=0.0)).astype(np.int64)


def _best_steps(
    loss: Int[np.ndarray, " n"], below: Int[np.ndarray, " n"], total: int, number: int
) -> Int[np.ndarray, " number"]:
    """The candidates, the first among them, whose steps lose least in sum; some may repeat."""
    n, never = len(loss), np.iinfo(np.int64).max // 4
    best = np.full(n, never)
    best[0], before = 0, []
    for _ in range(number - 1):
        steps = best[:, None] + loss[:, None] * (below[None] - below[:, None])
        steps = np.where(np.arange(n)[:, None] <= np.arange(n), steps, never)
        before.append(steps.argmin(axis=0))
        best = steps.min(axis=0)
    at = int((best + loss * (total - below)).argmin())
    chosen = [at]
    for step in before[::-1]:
        at = int(step[at])
        chosen.append(at)
    return np.array(chosen[::-1])
