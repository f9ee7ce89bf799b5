"""What is certain of an own claim about a share, from its certificate, and the axis made of it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from probbound.arithmetic.rounding import ratio_up


def certain_upper(predicate: Mapping[str, Any]) -> Fraction:
    """The share that fails is at most this for certain, whatever the draws (Theorem 2.20)."""
    return sum((Fraction(*part["share"]) * _of_part(part) for part in predicate["parts"]), _NONE)


def own_weighted_upper(predicate: Mapping[str, Any]) -> float:
    """(1 - δ) u + δ u0, rounded up: u is `failure_upper`, u0 what is certain (Theorem 1.15)."""
    credence = 1 - Fraction(predicate["delta"])
    claimed, certain = Fraction(predicate["failure_upper"]), certain_upper(predicate)
    return ratio_up(credence * claimed + (1 - credence) * certain, 1)


_NONE = Fraction(0)


def _of_part(part: Mapping[str, Any]) -> Fraction:
    """Of what was not looked at everything may fail; of draws with replacement all may be."""
    last, taken = part["levels"][-1], part["take_all"]
    tickets, rest = part["tickets"] or 1, part["rest"] or 1
    if part["mode"] == "listed":
        return Fraction(last["failures"], tickets)
    bad = rest if part["replace"] else rest - part["draws"] + last["failures"]
    return Fraction(bad + (taken["failures"][0] if taken else 0), tickets)
