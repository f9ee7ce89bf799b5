"""Row spreads of a product of small factors, bounded from its weights (chapter 3 of the theory).

Every function takes the factors and gives at least max_j N_ij - min_j N_ij for each row i of their
exact product N.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from probbound.check.norms import gamma, largest_eigenvalue, norm, up
from probbound.check.report import Refused

T = TypeVar("T", float, np.ndarray)
Factors = list[np.ndarray]

_TILE = 1 << 22
_STEPS = 64
_MOST_BINARY_ORDERS = 240
_ROOT_TWO = math.nextafter(math.sqrt(2), math.inf)


def lengths(rows: np.ndarray) -> np.ndarray:
    """‖·‖₂ of every row."""
    return up(np.sqrt((rows * rows).sum(axis=1)), rows.shape[1] + 1)


def require_usual(factors: Factors) -> None:
    """Refuse factors of which squares could underflow or overflow in the bounds below.

    Raises:
        Refused: if they are too large or too small.
    """
    largest = [float(np.abs(factor).max()) for factor in factors]
    orders = sum(abs(math.frexp(size)[1]) for size in largest if size)
    if not (all(map(math.isfinite, largest)) and orders <= _MOST_BINARY_ORDERS):
        raise Refused("its noise is too far from 1 for sound arithmetic")


def exact(factors: Factors) -> np.ndarray:
    """Every entry, some rows at a time (Theorem 3.14)."""
    spread = [tile.max(axis=1) - tile.min(axis=1) for tile in _tiles(factors)]
    return up(np.concatenate(spread) + 2 * _entry_error(factors), 2)


def max_diff(factors: Factors) -> np.ndarray:
    """Twice the largest entry of each row (Theorem 3.10)."""
    largest = np.concatenate([np.abs(tile).max(axis=1) for tile in _tiles(factors)])
    return 2 * up(largest + _entry_error(factors), 2)


def frobenius(factors: Factors) -> np.ndarray:
    """Products of norms (Theorems 3.7, 3.8 and 3.10)."""
    first, last = lengths(factors[0]), lengths(factors[-1].T).max()
    middle = math.prod(map(norm, factors[1:-1]))
    whole = norm_product(factors)
    entry = np.minimum(up(first * (middle * last), len(factors)), whole)
    return np.minimum(up(_ROOT_TWO * whole, 1), 2 * entry)


def svd(factors: Factors) -> np.ndarray:
    """√2 times the largest singular value (Theorems 3.7 and 3.9)."""
    return np.full(len(factors[0]), up(_ROOT_TWO * spectral(factors), 1))


def second_moments(factors: Factors) -> np.ndarray:
    """√2 times the norms of the rows less their means (Theorems 3.2 and 3.7)."""
    last = factors[-1] - factors[-1].mean(axis=1, keepdims=True)
    centred = [*factors[:-1], last]
    norms = row_norms(centred) + gamma(2) * norm_product(centred)
    return up(math.sqrt(2) * norms, _STEPS)


def row_norms(factors: Factors) -> np.ndarray:
    """‖·‖₂ of every row, by a Gram matrix (Theorem 3.2)."""
    left, right = _two(factors)
    squares = ((left @ (right @ right.T)) * left).sum(axis=1)
    error = gamma(right.shape[1] + 2 * left.shape[1]) * (lengths(left) * norm(right)) ** 2
    return up(np.sqrt(np.maximum(squares, 0) + error) + row_errors(factors), _STEPS)


def recursive(factors: Factors) -> np.ndarray:
    """The spreads of the last factor's rows, then |F| times them, factor by factor (3.11)."""
    known = _spreads(factors[-1])
    for factor in factors[-2::-1]:
        known = up(np.abs(factor) @ known, factor.shape[1])
    return known


def subproduct(factors: Factors) -> np.ndarray:
    """One step of the recursion between the halves of each cut; the least (Theorem 3.12)."""
    found = []
    for cut in range(1, len(factors)):
        left, right = _product(factors[:cut]), _product(factors[cut:])
        found.append(up(np.abs(left) @ _spreads(right), left.shape[1]))
    return up(np.min(found, axis=0) + 2 * row_errors(factors), 2)


SPREADS: dict[str, Callable[[Factors], np.ndarray]] = {
    "exact": exact,
    "max-diff": max_diff,
    "second-moments": second_moments,
    "svd": svd,
    "subproduct": subproduct,
    "recursive": recursive,
    "frobenius": frobenius,
}


def _spreads(rows: np.ndarray) -> np.ndarray:
    return up(rows.max(axis=1) - rows.min(axis=1), 1)


def _product(factors: Factors) -> np.ndarray:
    return factors[0] if len(factors) == 1 else np.linalg.multi_dot(factors)


def _two(factors: Factors) -> tuple[np.ndarray, np.ndarray]:
    """The same product in two factors, cut where that is narrowest."""
    cut = 1 + int(np.argmin([factor.shape[1] for factor in factors[:-1]]))
    return _product(factors[:cut]), _product(factors[cut:])


def _tiles(factors: Factors) -> Iterator[np.ndarray]:
    left, right = _two(factors)
    rows = max(1, _TILE // right.shape[1])
    for at in range(0, len(left), rows):
        yield left[at : at + rows] @ right


def _roundings(factors: Factors) -> int:
    """K of Theorem 3.1."""
    return 1 + sum(factor.shape[1] for factor in factors[:-1])


def norm_product(factors: Factors) -> np.ndarray:
    """‖F_1,i‖ ‖F_2‖_F …, at least the norm of row i (Theorem 3.8)."""
    others = math.prod(map(norm, factors[1:]))
    return up(lengths(factors[0]) * others, len(factors))


def row_errors(factors: Factors) -> np.ndarray:
    return up(gamma(_roundings(factors)) * norm_product(factors), 1)


def _entry_error(factors: Factors) -> float:
    """What rounding adds to an entry at most (Theorem 3.1)."""
    ends = lengths(factors[0]).max() * lengths(factors[-1].T).max()
    scale = float(ends) * math.prod(map(norm, factors[1:-1]))
    return up(gamma(_roundings(factors)) * scale, len(factors))


def spectral(factors: Factors) -> float:
    """‖N‖₂ by Gram matrices of two factors (Theorem 3.9 b)."""
    left, right = _two(factors)
    wide = left.shape[1]
    gram, other = left.T @ left, right @ right.T
    if not (np.isfinite(gram).all() and np.isfinite(other).all()):
        return math.inf
    error = gamma(len(left)) * norm(left) ** 2
    values, vectors = np.linalg.eigh(other)
    root = (vectors * np.sqrt(np.maximum(values, 0))).T
    square = norm(root) ** 2
    residual = norm(other - root.T @ root) + gamma(wide + 1) * (square + norm(other))
    residual += gamma(right.shape[1]) * norm(right) ** 2
    core = root @ gram @ root.T
    largest = largest_eigenvalue((core + core.T) / 2)
    largest += gamma(2 * wide + 1) * square * norm(gram)
    largest += error * square + residual * (norm(gram) + error)
    rows = norm(row_errors(factors)[None])
    return up(math.sqrt(up(largest, _STEPS)) + rows, _STEPS)
