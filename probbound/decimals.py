"""Numbers for people: few digits that never say less than the float does."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal


def about(number: int) -> str:
    """Three digits of a count of any size."""
    return f"{Decimal(number):.3g}"


def rounded_up(x: float, digits: int) -> float:
    """`x` itself where that many digits read back as the same float, as those of 0.001 do."""
    if x == float(f"{x:.{digits}g}"):
        return x
    unit = Decimal(10) ** (Decimal(x).adjusted() - digits + 1)
    return float(Decimal(x).quantize(unit, ROUND_CEILING))
