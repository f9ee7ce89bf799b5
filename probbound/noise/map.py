"""Every circuit of a network beside the others: energy that directions leave, and large entries.

A tile of the map is one circuit. Its energies are figures computed in float64; its share above a
threshold is a bound: all shares of a map hold at once, except with probability δ (Theorem 3.30).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import inflated
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.machine.progress import counting
from probbound.noise.contract import NoiseBound, Quantity, Settings
from probbound.noise.registry import method_named, proven_rms
from probbound.noise.term import NoiseTerm

DIRECTIONS = (1, 4, 16)
SAMPLING, EVERY_ENTRY = "entries", "exact"
ENTRIES_OF_A_TILE = 32  # evaluated in a tile while one is gathered (docs/noise.md)
GAUSSIAN_DRAWS = 8


@dataclass(frozen=True)
class Circuit:
    """A named chain of matrices in a layer, of one head or (None) of none.

    `factors` are matrices of finite floats, each with as many columns as the next has rows; those
    that several circuits share are best given as float64, so that they are not copied for each.
    """

    label: str
    layer: int
    head: int | None
    factors: tuple[Float[np.ndarray, "_ _"], ...]

    @property
    def name(self) -> str:
        """Such as `qk 3.11`: layer and head."""
        return f"{self.label} {self.layer}" + ("" if self.head is None else f".{self.head}")


@dataclass(frozen=True)
class Tile:
    """What the map says of one circuit, N (m × n) with its `rank` leading directions taken out.

    `left[k]` is the share Σ_{i>k} σ_i² / Σ σ_i² of ‖·‖_F² of the whole product that k leading
    directions leave, and `gaussian[k]` the same for a product of Gaussian matrices of these
    dimensions (`gaussian_left`); both are figures, not bounds. `rms` bounds the root mean square
    of N's entries for certain. `sampled` bounds the share of its entries above `threshold` in
    absolute value at δ/circuits; `exact` does so for certain, where every entry was evaluated.
    """

    label: str
    layer: int
    head: int | None
    dimensions: tuple[int, ...]
    left: Mapping[int, float]
    gaussian: Mapping[int, float]
    rms: float
    threshold: float
    sampled: NoiseBound
    exact: NoiseBound | None
    seconds: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.dimensions[0], self.dimensions[-1]


def tiles(
    circuits: Sequence[Circuit],
    settings: Settings,
    rank: int = 1,
    threshold: float | None = None,
    *,
    exact: bool = False,
) -> Iterator[Tile]:
    """The tiles of a map, circuit by circuit, in memory that does not grow with their entries.

    `settings.log_delta` is for all of them: each spends an equal part (Theorem 3.30). Entries
    above `threshold` are counted, above 3 times the proven RMS where it is None. `exact` evaluates
    every entry of all circuits; without it those alone where that takes no longer than the sample.

    Raises:
        UserError: if there are no circuits, a chain does not fit or holds a NaN, or a circuit has
            fewer than `rank` directions.
    """
    if not circuits:
        raise UserError("a map needs at least one circuit, got none")
    share = settings.log_delta - inflated(math.log(len(circuits)), 4)
    each = replace(settings, log_delta=math.nextafter(share, -math.inf))
    with counting(len(circuits), "circuits") as advance:
        for circuit in circuits:
            own = replace(each, stream=each.stream.fold_in(circuit.name))
            yield _tile(circuit, own, rank, threshold, exact)
            advance()


def _tile(
    circuit: Circuit, settings: Settings, rank: int, threshold: float | None, exact: bool
) -> Tile:
    started = time.perf_counter()
    chain = FactoredMatrix(*circuit.factors)
    pair = chain.two_factor()
    left, values, right = pair.svd()
    if not 0 <= rank <= len(values):
        raise UserError(f"rank must lie between 0 and {len(values)}, got {rank}: {circuit.name}")
    noise = NoiseTerm.whole(pair).without_directions(left[:, :rank], right[:, :rank])
    rms = proven_rms(noise, settings)
    level = 3 * rms if threshold is None else threshold
    cheap = noise.remainder.size <= ENTRIES_OF_A_TILE * settings.budget
    ks = [k for k in DIRECTIONS if k < len(values)]
    return Tile(
        *(circuit.label, circuit.layer, circuit.head, chain.dimensions),
        left=energy_left(values, ks),
        gaussian=gaussian_left(chain.dimensions, tuple(ks)),
        rms=rms,
        threshold=level,
        sampled=_share_above(SAMPLING, noise, level, settings),
        exact=_share_above(EVERY_ENTRY, noise, level, settings) if exact or cheap else None,
        seconds=time.perf_counter() - started,
    )


def _share_above(method: str, noise: NoiseTerm, threshold: float, settings: Settings) -> NoiseBound:
    quantity = Quantity("share-above", threshold=threshold)
    (row,) = method_named(method).bounds(noise, [quantity], settings)
    return row


def energy_left(singular_values: Float[np.ndarray, " r"], ks: Sequence[int]) -> dict[int, float]:
    """Σ_{i>k} σ_i² / Σ σ_i² for each k, of values in falling order; 0 where all are."""
    squares = singular_values**2
    total = float(squares.sum())
    return {k: float(squares[k:].sum()) / total if total else 0.0 for k in ks}


@cache
def gaussian_left(dimensions: tuple[int, ...], ks: tuple[int, ...]) -> dict[int, float]:
    """`energy_left` of products of independent Gaussian matrices, the mean over GAUSSIAN_DRAWS.

    The factors are (dimensions[0] × dimensions[1]), (dimensions[1] × dimensions[2]), …, their
    entries independent N(0, 1), under a seed of their own. A factor at either end that is long is
    drawn as the triangle of its QR decomposition, which has the same singular values in the
    product (Theorem 3.31): O(r² · inner) for a vocabulary of any size.
    """
    rng = Stream.from_seed(0).fold_in(f"gaussian/{dimensions}").generator()
    drawn = [
        energy_left(FactoredMatrix(*gaussian_factors(rng, dimensions)).singular_values(), ks)
        for _ in range(GAUSSIAN_DRAWS)
    ]
    return {k: math.fsum(left[k] for left in drawn) / GAUSSIAN_DRAWS for k in ks}


def gaussian_factors(
    rng: np.random.Generator, dimensions: tuple[int, ...]
) -> list[Float[np.ndarray, "_ _"]]:
    """Matrices whose product has singular values of a Gaussian product's law (Theorem 3.31)."""
    m, *inner, n = dimensions
    if not inner:
        return [_triangle(rng, max(m, n), min(m, n))]
    first, *middle, last = pairwise((m, *inner, n))
    return [
        _triangle(rng, *first),
        *(rng.standard_normal(shape) for shape in middle),
        _triangle(rng, *last[::-1]).T,
    ]


def _triangle(rng: np.random.Generator, m: int, r: int) -> Float[np.ndarray, "_ r"]:
    """R of an m × r Gaussian matrix, or the matrix itself where it is not longer than wide."""
    if m <= r:
        return rng.standard_normal((m, r))
    upper = np.triu(rng.standard_normal((r, r)), 1)
    return upper + np.diag(np.sqrt(rng.chisquare(m - np.arange(r))))
