"""A chain of matrices as a low-rank structure and a chain of small factors (4.6 and 5.8)."""

from __future__ import annotations

import math

import numpy as np

from probbound.check.models.attention_only.slack import UNDERFLOW, gamma
from probbound.check.tasks.max_of_k.noise import Factors, lengths, norm, require_usual, up

_STEPS = 2


@np.errstate(over="ignore", invalid="ignore")
def taken_apart(chain: Factors, rank: int) -> tuple[np.ndarray, Factors, float]:
    """The structure, multiplied out, the factors of the noise, and κ of Theorem 5.8.

    Raises:
        Refused: if the noise is too large or too small for sound arithmetic.
    """
    left, right = _leading(chain, rank)
    columns = _through(chain, right)
    known = left @ _onward(left.T, chain)
    known += (columns - left @ (left.T @ columns)) @ right.T
    rest = list(chain)
    rest[-1] = rest[-1] - (rest[-1] @ right) @ right.T
    rest[0] = rest[0] - left @ (left.T @ rest[0])
    directions, small, zeroed = [], [], []
    for number, factor in enumerate(rest):
        direction = _leading([factor], rank)[0]
        row = direction.T @ factor
        known += _through(small, direction) @ _onward(row, rest[number + 1 :])
        left_over = factor - direction @ row
        given = chain[number]
        least = 16 * max(given.shape) * 2.0**-53 * np.abs(given).max()
        kept = left_over if np.abs(left_over).max() > least else np.zeros_like(left_over)
        directions.append(direction)
        small.append(kept)
        zeroed.append(left_over - kept)
    require_usual(small)
    sizes = _sizes(chain, rest, small, left, right, directions[0])
    return known, small, _error(sizes, [left, right, *directions], zeroed, chain)


def _sizes(
    chain: Factors,
    rest: Factors,
    small: Factors,
    left: np.ndarray,
    right: np.ndarray,
    direction: np.ndarray,
) -> list[float]:
    """g_1 … g_n."""
    first, last = (chain[0], rest[0], small[0]), (chain[-1], rest[-1], small[-1])
    start = max(lengths(m).max() for m in first)
    start += lengths(left).max() * norm(left) * norm(chain[0])
    start += lengths(direction).max() * norm(direction) * norm(rest[0])
    end = max(lengths(m.T).max() for m in last)
    end += lengths(right).max() * norm(right) * norm(chain[-1])
    middle = [max(norm(a), norm(b)) for a, b in zip(chain[1:-1], small[1:-1], strict=True)]
    return [float(start), *middle, float(end)]


def _error(sizes: list[float], directions: Factors, zeroed: Factors, chain: Factors) -> float:
    count, rank = len(chain), max(d.shape[1] for d in directions)
    spread = max(1.0, *map(norm, directions))
    dimensions = len(chain[0]) + sum(factor.shape[1] for factor in chain)
    steps = 2 * (dimensions + rank * (count + 2) + 16)
    moved = 9 * (count + 1) * spread**2 * gamma(steps) * (math.prod(sizes) + UNDERFLOW)
    for number, lost in enumerate(zeroed):
        moved += norm(lost) * math.prod(sizes[:number] + sizes[number + 1 :])
    return up(moved, 4 * count + 16)


def _leading(chain: Factors, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearly the leading singular vectors of both sides; soundness does not depend on them."""
    start = np.random.default_rng(0).standard_normal((chain[-1].shape[1], rank))
    right = np.linalg.qr(start)[0]
    for _ in range(_STEPS):
        right = np.linalg.qr(_onward(_through(chain, right).T, chain).T)[0]
    return np.linalg.qr(_through(chain, right))[0], right


def _through(chain: Factors, columns: np.ndarray) -> np.ndarray:
    """X_1 ⋯ X_n C, from the right."""
    for factor in reversed(chain):
        columns = factor @ columns
    return columns


def _onward(rows: np.ndarray, chain: Factors) -> np.ndarray:
    """R X_1 ⋯ X_n, from the left."""
    for factor in chain:
        rows = rows @ factor
    return rows
