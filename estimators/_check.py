"""What the public functions refuse, and the shapes they work in."""

from __future__ import annotations

import math
from typing import NamedTuple, get_args

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from estimators._numbers import check_choice, numbers, shown, whole, whole_number
from estimators.confidence import Delta, resolve_log_delta
from estimators.errors import EstimatorError
from estimators.interval import Side

LOG_TWO = math.log(2.0)


class Draw(NamedTuple):
    """k successes in n draws (from a population), broadcast to one shape, as float64."""

    k: Float[np.ndarray, "..."]
    n: Float[np.ndarray, "..."]
    population: Float[np.ndarray, "..."] | None
    log_delta: Float[np.ndarray, "..."]


def check_side(side: Side) -> None:
    """Refuse a `side` that is not lower, upper or two."""
    check_choice("side", side, get_args(Side))


def samples_along_last_axis(
    samples: ArrayLike, population: int | None = None
) -> Float[np.ndarray, "*batch n"]:
    """`samples` as float64 with at least one axis, refused if n exceeds the population."""
    array = numbers("samples", samples)
    if array.ndim == 0:
        raise EstimatorError("samples must have at least one axis, the last, got a single number")
    if population is not None and array.shape[-1] > whole_number("population", population):
        raise EstimatorError(
            f"n must not exceed population, got n = {array.shape[-1]}, population = {population}"
        )
    return array


def broadcast(names: str, *arrays: ArrayLike) -> tuple[Float[np.ndarray, "..."], ...]:
    """The arrays in one shape, refused if they have none in common."""
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = ", ".join(str(np.shape(array)) for array in arrays)
        raise EstimatorError(f"{names} do not broadcast, their shapes are {shapes}") from None


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
    delta: Delta,
    log_delta: Delta,
) -> Draw:
    """The arguments of a proportion estimator, checked against each other and broadcast."""
    counts = [whole("k", k), whole("n", n)]
    if population is not None:
        counts.append(whole("population", population))
    *counts, log = broadcast(
        "k, n, population and delta", *counts, resolve_log_delta(delta, log_delta)
    )
    if np.any(counts[0] > counts[1]):
        raise EstimatorError(f"k must not exceed n, got k = {shown(k)}, n = {shown(n)}")
    if population is not None and np.any(counts[1] > counts[2]):
        raise EstimatorError(
            f"n must not exceed population, got n = {shown(n)}, population = {shown(population)}"
        )
    return Draw(counts[0], counts[1], counts[2] if len(counts) == 3 else None, log.astype(float))
