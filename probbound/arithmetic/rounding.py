"""Numbers that leave the exact arithmetic rounded in the safe direction."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float

T = TypeVar("T", float, np.ndarray)

FLOOR = 2.0**-600  # far above what underflow can hide in a sum of terms (Theorem 5.5)


def ratio_up(count: Fraction | int, total: int) -> float:
    """The least float that is not below count / total (Theorem 5.1)."""
    exact = Fraction(count) / total
    nearest = float(exact)
    return nearest if Fraction(nearest) >= exact else math.nextafter(nearest, math.inf)


def ratio_down(count: Fraction | int, total: int) -> float:
    """The largest float that is not above count / total (Theorem 5.1)."""
    return 0.0 - ratio_up(-Fraction(count), total)


def product_up(a: float, b: float) -> float:
    """The least float that is not below the exact product of two floats (Theorem 5.1)."""
    return ratio_up(Fraction(a) * Fraction(b), 1)


def one_minus_down(x: float) -> float:
    """The largest float that is not above 1 - x (Theorem 5.1)."""
    return -ratio_up(Fraction(x) - 1, 1)


def gamma(operations: int) -> float:
    """γ_n = n·u/(1 - n·u), u = 2^-53, rounded up: the relative error of n roundings (Theorem 5.2).

    Raises:
        OverflowError: if n·u is above 1/16.
    """
    if operations > 2**49:
        raise OverflowError(f"no rounding error bound for {operations} operations")
    return ratio_up(operations, 2**53 - operations)


def inflated(value: T, roundings: int) -> T:
    """An upper bound on a non-negative number computed with that many roundings (Theorem 5.2).

    `value`, a number or an array, is a computed sum of products of non-negative numbers (or a
    root of one, then `roundings` is at least 2), each of which went through at most `roundings`
    operations; there is room for one more operation on the result.
    """
    return value * (1.0 + 2.0 * gamma(roundings + 2))


def certainly_negative(
    total: Float[np.ndarray, "*shape"] | float,
) -> Bool[np.ndarray, "*shape"]:
    """Whether a sum whose terms hold a slack for rounding is below zero for sure (Theorem 5.5).

    False for a tie, a NaN, and what underflow could have made.
    """
    return np.asarray(np.asarray(total) < -FLOOR)
