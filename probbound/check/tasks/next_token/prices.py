"""How many rows operations pay for (Definition 9.7)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from probbound.check.models.transformer.configuration import Configuration
from probbound.check.models.transformer.prices import price, price_once


def looks(
    operations: float,
    networks: Iterable[Configuration],
    length: int,
    rows: int,
    *,
    real: bool,
    balls: bool,
) -> int:
    """How many rows such a budget of operations looks at."""
    networks = tuple(networks)
    once = sum(price_once(said, real=real) for said in networks)
    each = sum(price(said, length, real=real) for said in networks)
    if balls:
        each += sum(price(said, length, real=False) for said in networks)
    return max(0, min(rows, (Fraction(operations) - once) // each))
