"""Numbers for people: few digits that never say more than the float does.

An upper bound is rounded up and a lower one down. A number that so many digits read back as the
very same float, as those of 0.001 do, is left as it is.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Literal, SupportsFloat

Style = Literal["g", "e"]


def about(number: int) -> str:
    """Three digits of a count of any size."""
    return f"{Decimal(number):.3g}"


def rounded_up(x: SupportsFloat, digits: int) -> float:
    """At least `x`, with that many significant digits; what is not finite is left as it is."""
    return _rounded(float(x), digits, ROUND_CEILING)


def rounded_down(x: SupportsFloat, digits: int) -> float:
    """At most `x`, with that many significant digits; what is not finite is left as it is."""
    return _rounded(float(x), digits, ROUND_FLOOR)


def upper(x: SupportsFloat, digits: int = 3, style: Style = "g") -> str:
    """An upper bound as text that reads back as no less; digits as in the format `.3g` or `.2e`."""
    return _text(rounded_up(x, digits), digits, style)


def lower(x: SupportsFloat, digits: int = 3, style: Style = "g") -> str:
    """A lower bound as text that reads back as no more."""
    return _text(rounded_down(x, digits), digits, style)


def percent_down(share: SupportsFloat) -> str:
    """A lower bound on a share in percent: two decimals, or as many as tell it from 100."""
    percentage = 100 * Fraction(float(share))
    missing, decimals = 100 - percentage, 2
    while 0 < missing < Fraction(10) ** (1 - decimals):
        decimals += 1
    whole, rest = divmod(percentage * 10**decimals // 1, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


def _rounded(x: float, digits: int, rounding: str) -> float:
    if x == float(f"{x:.{digits}g}") or x != x:
        return x
    unit = Decimal((0, (1,), Decimal(x).adjusted() - digits + 1))
    return float(Decimal(x).quantize(unit, rounding))


def _text(rounded: float, digits: int, style: Style) -> str:
    shown = rounded + 0.0  # no -0
    return f"{shown:.{digits}g}" if style == "g" else f"{shown:.{digits - 1}e}"
