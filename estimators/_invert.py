"""Roots of monotone tests, always from the side that the test rejects, for many problems at once.

A test is a function of the parameter and of the indices of the problems still open. It returns
h, positive where the parameter value is kept and at most zero where it is surely rejected, and
the slope of h. Newton steps are kept inside a bracket of a kept and a rejected value, so that
what is returned was rejected by evaluation, whatever the steps did (Theorem 2.2).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy import special

Array = Float[np.ndarray, "..."]
Test = Callable[[Array, np.ndarray], tuple[Array, Array]]

_SMALLEST = 1e-300
_LARGEST = 1.0 - 2.0**-53
_BLOCK = 4096
_NEWTON_STEPS = 12
_MOST_STEPS = 200


def score_start(observed: Array, n: Array, log_delta: Array, *, upper: bool) -> Array:
    """A rate near the bound, from the score interval and two Newton steps on the exponent.

    It is a guess and no more, so that what overflows on the way does no harm.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        z = -special.ndtri_exp(log_delta)
        centre = observed / n
        spread = np.abs(z) * np.sqrt(centre * (1 - centre) / n + (z / (2 * n)) ** 2)
        scale = 1 + z * z / n
        outer = (centre + z * z / (2 * n) + spread) / scale
        rate = np.where(upper == (z > 0), outer, centre * centre / scale / outer)
        rate = np.clip(rate, _SMALLEST, _LARGEST)
        for _ in range(2):
            exponent = special.rel_entr(centre, rate) + special.rel_entr(1 - centre, 1 - rate)
            slope = rate - centre
            level = z * z / (2 * n)
            usable = np.abs(slope) > 0.1 * np.sqrt(centre * (1 - centre) / n)
            step = np.where(usable, (level - exponent) / np.where(usable, slope, 1.0), 0.0)
            rate = _move(rate, np.clip(step, -3, 3))
    return np.where(np.isfinite(rate), rate, 0.5)


def _move(rate: Array, step: Array) -> Array:
    """`rate` after a step in log-odds."""
    odds = rate * np.exp(np.clip(step, -50, 50))
    return np.clip(odds / (odds + (1 - rate)), _SMALLEST, _LARGEST)


def rejected_rate(test: Test, start: Array, margin: Array, *, upper: bool) -> Array:
    """The rejected rate next to the kept ones: smallest if `upper`, else largest.

    `start` and `margin` are flat. h is to fall from kept to rejected as the rate moves outward
    (up if `upper`), its slope is taken in log-odds, and the search stops once -margin <= h <= 0,
    or at most a few floats are left in between. 1 (or 0) is returned where no rate inside (0, 1)
    is rejected.
    """
    result = np.empty_like(start)
    for begin in range(0, start.size, _BLOCK):
        block = np.arange(begin, min(begin + _BLOCK, start.size))
        result[block] = _rate_block(test, start[block], margin[block], block, upper)
    return result


def _rate_block(test: Test, rate: Array, margin: Array, index: np.ndarray, upper: bool) -> Array:
    outward = 1.0 if upper else 0.0
    kept = np.full_like(rate, 1.0 - outward)
    rejected = np.full_like(rate, outward)
    open_ = np.arange(rate.size)
    for count in range(_MOST_STEPS):
        value = rate[open_]
        h, slope = test(value, index[open_])
        out = h <= 0
        rejected[open_] = np.where(out, value, rejected[open_])
        kept[open_] = np.where(out, kept[open_], value)
        inside, outside = kept[open_], rejected[open_]
        usable = ((slope < 0) == upper) & (slope != 0)
        with np.errstate(over="ignore"):
            step = np.where(usable, -(h + 0.5 * margin[open_]) / np.where(usable, slope, 1.0), 0.0)
        proposal = _move(value, step)
        low, high = np.minimum(inside, outside), np.maximum(inside, outside)
        halves = np.sqrt(np.maximum(inside, _SMALLEST)) * np.sqrt(outside)
        middle = 0.5 * (inside + outside) if upper else np.maximum(halves, _SMALLEST)
        if count >= _NEWTON_STEPS:
            proposal = middle
        nudge = 4 * np.spacing(value)
        past_high, past_low = proposal >= high, proposal <= low
        proposal = np.where(past_high, np.where(value == high, high - nudge, middle), proposal)
        proposal = np.where(past_low, np.where(value == low, low + nudge, middle), proposal)
        exhausted = (proposal <= low) | (proposal >= high) | (high <= _SMALLEST)
        done = (out & (h >= -margin[open_])) | exhausted
        rate[open_] = proposal
        open_ = open_[~done]
        if not open_.size:
            break
    return rejected


def last_kept(test: Test, start: Array, kept: Array, rejected: Array) -> Array:
    """The largest kept whole number, of those from `kept` (known so) to below `rejected`.

    All flat; h is to fall as the number grows, its slope is taken per unit.
    """
    result = np.empty_like(start)
    for begin in range(0, start.size, _BLOCK):
        block = np.arange(begin, min(begin + _BLOCK, start.size))
        result[block] = _whole_block(test, start[block], kept[block], rejected[block], block)
    return result


def _whole_block(
    test: Test, value: Array, kept: Array, rejected: Array, index: np.ndarray
) -> Array:
    kept, rejected = kept.copy(), rejected.copy()
    open_ = np.flatnonzero(rejected - kept > 1)
    proposal = value
    for count in range(_MOST_STEPS):
        if not open_.size:
            break
        inside, outside = kept[open_], rejected[open_]
        middle = np.floor(0.5 * (inside + outside))
        trial = middle if count >= _NEWTON_STEPS else np.floor(proposal)
        trial = np.clip(trial, inside + 1, outside - 1)
        h, slope = test(trial, index[open_])
        out = h <= 0
        rejected[open_] = np.where(out, trial, outside)
        kept[open_] = np.where(out, inside, trial)
        usable = slope < 0
        with np.errstate(over="ignore"):
            proposal = trial - np.where(usable, h / np.where(usable, slope, -1.0), 0.0)
        ahead = np.where(out, trial - 1, trial + 1)
        proposal = np.where(usable, proposal, middle)
        proposal = np.where(np.abs(proposal - trial) < 1, ahead, proposal)
        left = rejected[open_] - kept[open_] > 1
        open_, proposal = open_[left], proposal[left]
    return kept
