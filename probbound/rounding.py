"""Numbers that leave the exact arithmetic rounded in the safe direction."""

from __future__ import annotations

import math
from fractions import Fraction


def ratio_up(count: Fraction | int, total: int) -> float:
    """The least float that is not below count / total (Theorem 5.1)."""
    exact = Fraction(count) / total
    nearest = float(exact)
    return nearest if Fraction(nearest) >= exact else math.nextafter(nearest, math.inf)


def product_up(a: float, b: float) -> float:
    """The least float that is not below the exact product of two floats (Theorem 5.1)."""
    return ratio_up(Fraction(a) * Fraction(b), 1)


def one_minus_down(x: float) -> float:
    """The largest float that is not above 1 - x (Theorem 5.1)."""
    return -ratio_up(Fraction(x) - 1, 1)
