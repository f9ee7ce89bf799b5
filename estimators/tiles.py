"""The share of a table's cells that are marked, from counts in random tiles.

A tile is a block of rows times a block of columns, all of whose cells were looked at. Its cells
depend on each other, so that a tile is worth fewer independent draws than it has cells. How many
fewer is learned from the counts, and never fewer than `side`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from estimators._numbers import whole, whole_number
from estimators.confidence import Delta, one_log_delta
from estimators.errors import EstimatorError
from estimators.guarantee import Guarantee
from estimators.interval import Interval

_FLOOR = 0.1  # what a tile full of marks leaves of the capital; keeps one tile from ending it
_GRID_RATIO = 1.15
_SMALLEST_SLOPE = 0.1


def share(
    counts: ArrayLike,
    side: int,
    *,
    delta: Delta = None,
    log_delta: Delta = None,
) -> Interval:
    """Upper bound on the share of marked cells, from independent tiles (Theorem 3.23; fixed-n).

    Each tile crosses `side` rows with `side` columns, all drawn independently and uniformly with
    replacement, and afresh for each tile. The bound adapts to the variance of the counts: cells
    that are marked independently of each other are worth side² draws a tile, cells whose marks
    depend on the row or the column alone about `side`. A count that is too high only raises it.

    Args:
        counts: marked cells of each tile, whole, 0 <= count <= side²; one axis, in the order
            drawn, their number fixed beforehand. No tiles give [0, 1].
        side: rows, and columns, of a tile, from 1 to 1024.
        delta: probability of failure, inside (0, 1), or `log_delta`, its logarithm.

    Returns:
        The share's `Interval`, high-probability; its lower end is 0, its `n` the tiles.

    Raises:
        EstimatorError: on counts that are no whole numbers up to side², more than one axis, a
            side out of range, or δ outside (0, 1).
    """
    values, side = _checked(counts, side)
    log = one_log_delta(delta, log_delta)
    upper = 1.0
    if len(values):
        slopes = _slopes(values, side, -log)
        upper = _bound(values, slopes, side, -log)
    return Interval(
        lower=0.0,
        upper=upper,
        log_delta=log,
        method="tile betting",
        guarantee=Guarantee.HIGH_PROBABILITY,
        n=len(values),
    )


def effective_cells(counts: ArrayLike, side: int) -> float:
    """Independent draws of single cells whose mean has the variance seen between tile means.

    An estimate, of use for planning and reports; no bound rests on it. Where the counts show no
    variance it is the number of cells, and it is never put below `side` a tile.

    Raises:
        EstimatorError: as `share` does of counts and side.
    """
    values, side = _checked(counts, side)
    tiles = len(values)
    if tiles < 2:
        return float(tiles * side)
    mean, spread = float(values.mean()), float(values.var(ddof=1))
    most, least = float(tiles * side**2), float(tiles * side)
    return most if spread == 0 else float(np.clip(tiles * mean * (1 - mean) / spread, least, most))


def _checked(counts: ArrayLike, side: int) -> tuple[Float[np.ndarray, " tiles"], int]:
    side = whole_number("side", side, least=1)
    if side > 1024:
        raise EstimatorError(f"side must lie between 1 and 1024, got {side}")
    values = whole("counts", counts)
    if values.ndim != 1 or np.any(values > side**2):
        raise EstimatorError(f"counts must be one axis of numbers up to side² = {side**2}")
    return values / side**2, side


def _slopes(
    values: Float[np.ndarray, " tiles"], side: int, log_inverse: float
) -> Float[np.ndarray, " tiles"]:
    """The slope of each tile's bet, from the tiles before it alone.

    It is chosen anew at times twofold apart: the one that gives the least bound if all tiles are
    like those before, and one more with a mark in a single row.
    """
    points = math.ceil(math.log(side / _SMALLEST_SLOPE) / math.log(_GRID_RATIO)) + 1
    grid = _SMALLEST_SLOPE * _GRID_RATIO ** np.arange(points)
    slopes, start = np.empty(len(values)), 0
    while start < len(values):
        stop = max(start + 1, 2 * start)
        seen, times = np.unique(np.append(values[:start], 1 / side), return_counts=True)
        gain = np.log(np.maximum(_FLOOR, 1 - grid[:, None] * seen)) @ times / (start + 1)
        goal = log_inverse / len(values) - gain
        bounds = _least(lambda p, goal=goal: _log_ceiling(p, grid, side) <= -goal, points, 20)
        slopes[start:stop] = grid[np.argmin(bounds)]
        start = stop
    return slopes


def _bound(
    values: Float[np.ndarray, " tiles"],
    slopes: Float[np.ndarray, " tiles"],
    side: int,
    log_inverse: float,
) -> float:
    """The least share against which the capital of all the bets together reached 1/δ."""
    capital = float(np.log(np.maximum(_FLOOR, 1 - slopes * values)).sum())
    goal = log_inverse - capital + 1e-9 + 1e-14 * side * len(values)
    used, bets = np.unique(slopes, return_counts=True)
    return float(_least(lambda p: _log_ceiling(p, used, side) @ bets <= -goal, 1, 64)[0])


def _least(
    rejected: Callable[[Float[np.ndarray, " problems"]], ArrayLike], problems: int, halvings: int
) -> Float[np.ndarray, " problems"]:
    """The least rejected shares, by bisection that ends on the rejected side, or at one."""
    low, high = np.zeros(problems), np.ones(problems)
    for _ in range(halvings):
        middle = np.where(low > 0, (low + high) / 2, np.maximum(high * 0.25, 1e-300))
        out = np.asarray(rejected(middle))
        low, high = np.where(out, low, middle), np.where(out, middle, high)
    return high


def _log_ceiling(
    share: Float[np.ndarray, " problems"], slopes: Float[np.ndarray, " slopes"], side: int
) -> Float[np.ndarray, " slopes"]:
    """log E max(floor, 1 - slope · B/side), B binomial(side, share): no tile has a higher mean."""
    marked = np.arange(side + 1)
    log_law = (
        special.gammaln(side + 1)
        - special.gammaln(marked + 1)
        - special.gammaln(side - marked + 1)
        + special.xlogy(marked, share[:, None])
        + special.xlog1py(side - marked, -share[:, None])
    )
    above = np.maximum(_FLOOR - 1 + slopes[:, None] * (marked / side), 0.0)
    return np.log1p((above * np.exp(log_law)).sum(axis=1) * (1 + 1e-11) - slopes * share)
