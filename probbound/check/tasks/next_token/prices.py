"""How many rows operations pay for (Definition 9.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from probbound.check.models.transformer.configuration import NONE, Configuration
from probbound.check.models.transformer.largest_loss import last_norm
from probbound.check.models.transformer.prices import price, price_once

_OF_OUTCOMES = {"loss": (9, 10), "kl": (22, 18)}  # of each outcome, and besides


def planned(
    claim: Mapping[str, Any], networks: Iterable[Configuration], length: int, *, balls: bool
) -> tuple[int, int]:
    """What a claim about such networks, and a row of it, are planned to cost: once, and each."""
    networks, real = tuple(networks), claim["population"]["arithmetic"] == "real"
    once = sum(price_once(said, real=real) for said in networks)
    each = sum(price(said, length, real=real) for said in networks)
    if balls:
        each += sum(price(said, length, real=False) for said in networks)
    first, of_outcomes = networks[0], _OF_OUTCOMES.get(claim["kind"])
    if of_outcomes is not None:
        each += of_outcomes[0] * first.d_out + of_outcomes[1]
    if claim["kind"] == "loss" and claim["at"] is None and last_norm(first) is not None:
        once += 14 * first.d_out + 2 * first.d_model
        if first.head != NONE:
            once += (7 * first.d_model + 2) * first.d_out
    return once, each


def looks(operations: float, once: int, each: int, most: int) -> int:
    """How many rows such a budget of operations looks at, of so many."""
    return max(0, min(most, (Fraction(operations) - once) // each))
