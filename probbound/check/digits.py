"""Bounds as the texts of a certificate have them: few digits, rounded to the safe side."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context


def ceiling(value: float, digits: int) -> float:
    """The least decimal of so many digits that is no less, or `value` if they name it."""
    return _cut(value, digits, ROUND_CEILING)


def floor(value: float, digits: int) -> float:
    """The largest decimal of so many digits that is no more, or `value` if they name it."""
    return _cut(value, digits, ROUND_FLOOR)


def _cut(value: float, digits: int, rounding: str) -> float:
    named = float(f"{value:.{digits - 1}e}")
    if named == value:
        return value
    return float(Context(prec=digits, rounding=rounding).create_decimal_from_float(value))
