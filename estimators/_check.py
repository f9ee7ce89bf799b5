"""What the public functions refuse, and the shapes they work in."""

from __future__ import annotations

import math
from typing import NamedTuple, get_args

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from estimators.confidence import EstimatorError, resolve_log_delta
from estimators.interval import Side

_LARGEST_COUNT = 2.0**53
LOG_TWO = math.log(2.0)


class Draw(NamedTuple):
    """k successes in n draws (from a population), broadcast to one shape, as float64."""

    k: Float[np.ndarray, "..."]
    n: Float[np.ndarray, "..."]
    population: Float[np.ndarray, "..."] | None
    log_delta: Float[np.ndarray, "..."]


def check_side(side: Side) -> None:
    """Refuse a `side` that is not lower, upper or two."""
    if side not in get_args(Side):
        raise EstimatorError(f"side must be 'lower', 'upper' or 'two', got {side!r}")


def whole(name: str, value: ArrayLike) -> Float[np.ndarray, "..."]:
    """`value` as float64, refused unless it holds whole numbers from 0 to 2^53."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise EstimatorError(f"{name} must be a whole number or an array of them, got {value!r}")
    array = array.astype(np.float64)
    if not np.all((array >= 0) & (array <= _LARGEST_COUNT) & (array == np.floor(array))):
        raise EstimatorError(f"{name} must be whole numbers from 0 to 2^53, got {value}")
    return array


def numbers(name: str, value: ArrayLike) -> Float[np.ndarray, "..."]:
    """`value` as float64, refused if it is not numeric or holds NaN."""
    if np.ma.is_masked(value):
        raise EstimatorError(f"{name} must not hold masked values")
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise EstimatorError(f"{name} must be numbers, got {value!r}")
    array = array.astype(np.float64)
    if np.isnan(array).any():
        raise EstimatorError(f"{name} must not hold NaN")
    return array


def samples_along_last_axis(
    samples: ArrayLike, population: int | None = None
) -> Float[np.ndarray, "*batch n"]:
    """`samples` as float64 with at least one axis, refused if n exceeds the population."""
    array = numbers("samples", samples)
    if array.ndim == 0:
        raise EstimatorError("samples must have at least one axis, the last, got a single number")
    if population is not None and array.shape[-1] > whole("population", population):
        raise EstimatorError(
            f"n must not exceed population, got n = {array.shape[-1]}, population = {population}"
        )
    return array


def plain(array: Float[np.ndarray, "..."]) -> float | Float[np.ndarray, "..."]:
    """A plain number in place of an array without axes."""
    return array.item() if array.ndim == 0 else array


def count(array: Float[np.ndarray, "..."] | Int[np.ndarray, "..."]) -> int | Int[np.ndarray, "..."]:
    """The whole numbers of an array as integers, one without axes as a plain one."""
    return int(array.item()) if array.ndim == 0 else array.astype(np.int64)


def check_draw(
    k: ArrayLike,
    n: ArrayLike,
    population: ArrayLike | None,
    delta: float | Float[np.ndarray, "..."] | None,
    log_delta: float | Float[np.ndarray, "..."] | None,
) -> Draw:
    """The arguments of a proportion estimator, checked against each other and broadcast."""
    counts = [whole("k", k), whole("n", n)]
    if population is not None:
        counts.append(whole("population", population))
    try:
        *counts, log = np.broadcast_arrays(*counts, resolve_log_delta(delta, log_delta))
    except ValueError as error:
        if isinstance(error, EstimatorError):
            raise
        raise EstimatorError(f"k, n, population and delta do not broadcast: {error}") from None
    if np.any(counts[0] > counts[1]):
        raise EstimatorError(f"k must not exceed n, got k = {k}, n = {n}")
    if population is not None and np.any(counts[1] > counts[2]):
        raise EstimatorError(
            f"n must not exceed population, got n = {n}, population = {population}"
        )
    return Draw(counts[0], counts[1], counts[2] if len(counts) == 3 else None, log.astype(float))
