"""Structure + noise of any size, with the noise known: what bounds are tested on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from probbound.arithmetic.factored import FactoredMatrix
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.noise.term import NoiseTerm

Kind = Literal["gaussian", "heavy-tailed", "spike", "coherent", "block-sparse"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Factors = tuple[np.ndarray, np.ndarray]


def planted(
    kind: Kind,
    rows: int,
    columns: int,
    inner: int,
    seed: int = 0,
    *,
    structure_rank: int = 1,
    strength: float = 30.0,
    spike: float = 100.0,
) -> NoiseTerm:
    """A low-rank structure plus noise of inner dimension `inner`; O((rows + columns) inner) memory.

    The structure has rank `structure_rank` and entries of about `strength`. The noise has entries
    of about 1 and is, by `kind`:

    - `gaussian`: a product of two Gaussian factors;
    - `heavy-tailed`: the same with rows and columns rescaled by Pareto(2) numbers;
    - `spike`: Gaussian but for a single entry, at `spike_position`, raised by exactly `spike`
      (with `inner` 1 the spike is all there is);
    - `coherent`: one nearly constant direction holds nearly all of it;
    - `block-sparse`: row i and column j belong to one of `inner` blocks each, and entries are
      zero unless the blocks are the same.

    Raises:
        UserError: if the kind does not exist, or a size is not positive.
    """
    if kind not in KINDS:
        raise UserError(f"there is no kind {kind!r} of noise; choose from {', '.join(KINDS)}")
    if min(rows, columns, inner) < 1 or structure_rank < 0:
        raise UserError(
            "rows, columns and inner must be at least 1 and structure_rank at least 0, got "
            f"{rows}, {columns}, {inner} and {structure_rank}"
        )
    stream = Stream.from_seed(seed).fold_in(f"planted/{kind}/{rows}x{columns}x{inner}")
    rng = stream.generator()
    noise = FactoredMatrix(*_NOISE[kind](rng, rows, columns, inner, spike))
    original = noise
    if structure_rank:
        left, right = _gaussian(rng, rows, columns, structure_rank, 0.0)
        original = FactoredMatrix(strength * left, right) + noise
    return NoiseTerm(
        original, noise, name=f"planted-{kind}", reads="pairs" if rows == columns else "rows"
    )


def spike_position(rows: int, columns: int) -> tuple[int, int]:
    """Where `planted("spike", …)` puts its large entry."""
    return rows // 3, columns // 2


def _gaussian(rng: np.random.Generator, rows: int, columns: int, inner: int, _: float) -> Factors:
    right = rng.standard_normal((columns, inner)).T
    return rng.standard_normal((rows, inner)) / math.sqrt(inner), right


def _heavy_tailed(
    rng: np.random.Generator, rows: int, columns: int, inner: int, _: float
) -> Factors:
    left, right = _gaussian(rng, rows, columns, inner, _)
    return left * (1 + rng.pareto(2.0, (rows, 1))), right * (1 + rng.pareto(2.0, columns))


def _spike(rng: np.random.Generator, rows: int, columns: int, inner: int, spike: float) -> Factors:
    left, right = _gaussian(rng, rows, columns, inner, spike)
    i, j = spike_position(rows, columns)
    left[:, -1], right[-1] = 0.0, 0.0
    left[i, -1], right[-1, j] = 1.0, spike
    return left, right


def _coherent(rng: np.random.Generator, rows: int, columns: int, inner: int, _: float) -> Factors:
    left, right = _gaussian(rng, rows, columns, inner, _)
    left *= 0.01
    left[:, 0] = 1 + 0.1 * rng.standard_normal(rows)
    right[0] = 1 + 0.1 * rng.standard_normal(columns)
    return left, right


def _block_sparse(
    rng: np.random.Generator, rows: int, columns: int, inner: int, _: float
) -> Factors:
    left, right = np.zeros((rows, inner)), np.zeros((columns, inner))
    left[np.arange(rows), rng.integers(inner, size=rows)] = rng.standard_normal(rows)
    right[np.arange(columns), rng.integers(inner, size=columns)] = rng.standard_normal(columns)
    return left, right.T


_NOISE: dict[Kind, Callable[[np.random.Generator, int, int, int, float], Factors]] = {
    "gaussian": _gaussian,
    "heavy-tailed": _heavy_tailed,
    "spike": _spike,
    "coherent": _coherent,
    "block-sparse": _block_sparse,
}
