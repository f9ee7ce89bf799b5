"""Hostile finite populations on which every estimator has to cover.

`POPULATIONS` maps a name to a flat float64 array of `SIZE` values in [0, 1]; the arrays are read
only and the same in every run. A mean estimator samples the values, a proportion estimator the
indicator of `values > THRESHOLD`. `CLUSTERS` is the population to sample by whole rows, and
`STRATA` a population cut into strata, some of them empty or tiny. `SAMPLE_SIZES` ends in n = N.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from scipy import special

SIZE = 400
THRESHOLD = 0.5
SAMPLE_SIZES = (1, 10, 100, SIZE)

_GRID = (np.arange(SIZE) + 0.5) / SIZE


def _spike(background: float) -> Float[np.ndarray, " N"]:
    values = np.full(SIZE, background)
    values[SIZE // 3] = 1.0
    return values


def _low_rank_noise() -> Float[np.ndarray, " N"]:
    rng = np.random.default_rng(11)
    side = int(np.sqrt(SIZE))
    factors = rng.normal(size=(2, side, 2))
    noise = factors[0] @ factors[1].T
    return (0.5 + 0.5 * noise / np.abs(noise).max()).ravel()


def _read_only(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    values = np.ascontiguousarray(values, dtype=np.float64)
    values.flags.writeable = False
    return values


_CLUSTER_ROWS = np.sort(np.random.default_rng(12).beta(0.3, 0.6, SIZE)).reshape(20, 20)

CLUSTERS = _read_only(_CLUSTER_ROWS)
"""20 clusters of 20: sorted, so that a cluster is all alike and clusters are not."""

POPULATIONS: dict[str, Float[np.ndarray, " N"]] = {
    name: _read_only(values)
    for name, values in {
        "one spike in N": _spike(0.3),
        "rate 1/N": _spike(0.0),
        "rate 1 - 1/N": 1.0 - _spike(0.0),
        "u-shaped": special.betaincinv(0.2, 0.2, _GRID),
        "two points at the ends": np.repeat([0.0, 1.0], [SIZE - 20, 20]),
        "two points, evenly": np.repeat([0.0, 1.0], SIZE // 2),
        "heavy tail clipped": np.minimum(1.0, 0.01 * (1.0 - _GRID) ** -1.2),
        "constant": np.full(SIZE, 0.3),
        "constant at the top": np.ones(SIZE),
        "sorted clusters": _CLUSTER_ROWS.ravel(),
        "coherent low-rank noise": _low_rank_noise(),
        "ties at the threshold": np.repeat(
            [0.2, THRESHOLD, 0.8], [SIZE // 4, SIZE // 2, SIZE // 4]
        ),
    }.items()
}

STRATA: dict[str, tuple[Float[np.ndarray, " N_h"], ...]] = {
    "empty and tiny": tuple(
        _read_only(values)
        for values in (
            np.array([]),
            np.array([1.0]),
            np.array([0.0, 1.0]),
            _spike(0.0)[:200],
            POPULATIONS["u-shaped"],
        )
    ),
    "one stratum": (POPULATIONS["two points at the ends"],),
    "alike within": tuple(_read_only(row) for row in _CLUSTER_ROWS),
}


def draw(
    rng: np.random.Generator,
    values: Float[np.ndarray, " N"],
    n: int,
    replicates: int,
    *,
    replace: bool,
) -> Float[np.ndarray, "replicates n"]:
    """`replicates` independent samples of n values, in the order drawn."""
    if replace:
        return values[rng.integers(len(values), size=(replicates, n))]
    order = np.argsort(rng.random((replicates, len(values))), axis=-1)
    return values[order[:, :n]]


def batches(
    rng: np.random.Generator,
    values: Float[np.ndarray, " N"],
    n: int,
    replicates: int,
    *,
    replace: bool,
    size: int = 2_000,
) -> Iterator[Float[np.ndarray, "batch n"]]:
    """The same as `draw`, in batches of at most `size` replicates to keep the memory small."""
    for start in range(0, replicates, size):
        yield draw(rng, values, n, min(size, replicates - start), replace=replace)
