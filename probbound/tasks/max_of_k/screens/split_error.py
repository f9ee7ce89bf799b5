"""What rounding can do to a split of a chain into structure and noise (Theorem 5.8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.rounding import gamma, inflated
from probbound.models.attention_only.forward_error import UNDERFLOW
from probbound.noise.norms import lengths_upper, stored_norm_upper

Matrix = Float[np.ndarray, "_ _"]


@dataclass(frozen=True)
class Peeled:
    """A factor X; Y, what the product's directions left of it; a; X' as stored; what was zeroed."""

    given: Matrix
    before: Matrix
    direction: Matrix
    after: Matrix
    zeroed: Matrix


def structure_error(factors: Sequence[Peeled], left: Matrix, right: Matrix) -> float:
    """κ: the largest error of an entry of the computed structure (Theorem 5.8)."""
    first, *middle, last = factors
    count = len(factors)
    sizes = [
        max(_longest(m) for m in (first.given, first.before, first.after))
        + _projected(left, first.given)
        + _projected(first.direction, first.before),
        *(max(stored_norm_upper(m) for m in (f.given, f.after)) for f in middle),
        max(_longest(m.T) for m in (last.given, last.before, last.after))
        + _projected(right, last.given),
    ]
    directions = [left, right, *(f.direction for f in factors)]
    rank = max(m.shape[1] for m in directions)
    spread = max(1.0, *(stored_norm_upper(m) for m in directions))
    dimensions = len(first.given) + sum(f.given.shape[1] for f in factors)
    steps = 2 * (dimensions + rank * (count + 2) + 16)
    rounding = 9 * (count + 1) * spread**2 * gamma(steps) * (math.prod(sizes) + UNDERFLOW)
    zeroed = sum(
        stored_norm_upper(f.zeroed) * math.prod(sizes[:i] + sizes[i + 1 :])
        for i, f in enumerate(factors)
    )
    return inflated(rounding + zeroed, 4 * count + 16)


def structure_error_flops(shapes: Sequence[tuple[int, int]], rank: int) -> int:
    """Operations of `structure_error` for factors of these shapes: norms of what is stored."""
    rows, columns = shapes[0][0], shapes[-1][1]
    first, *middle, last = (m * n for m, n in shapes)
    stored = 12 * first + 6 * sum(middle) + 10 * last
    directions = rank * (12 * rows + 6 * columns + 2 * sum(m for m, _ in shapes[1:]))
    return stored + directions + 15 * rows + 12 * columns


def _longest(rows: Matrix) -> float:
    return float(lengths_upper(rows).max())


def _projected(directions: Matrix, factor: Matrix) -> float:
    """The largest row of |a| |a|ᵀ |X|, bounded by norms."""
    return _longest(directions) * stored_norm_upper(directions) * stored_norm_upper(factor)
