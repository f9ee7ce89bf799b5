"""Bounds that say nothing, in words, and what may say more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ALL_RUN = [{"level": "forward pass", "mode": "enumerated"}]


def says_nothing(predicate: Mapping[str, Any]) -> bool:
    """Whether a certificate allows that all inputs fail, or have the largest loss there can be.

    Where a forward pass ran on every input, even that would be the truth.
    """
    if predicate["ran"]["recipe"]["levels"] == _ALL_RUN:
        return False
    if predicate["claim"]["kind"] == "loss":
        return predicate["bound"] >= predicate["proof"]["largest_loss"]
    return predicate["failure_upper"] >= 1


def remedy(predicate: Mapping[str, Any]) -> str:
    """A sentence on what may say more."""
    seen = predicate["sampling"]
    if seen["samples"] and seen["samples"] == seen["failures"]:
        return (
            f"All {seen['samples']:,} that were looked at failed, so that the model itself may be "
            "the reason."
        )
    if predicate["budget_flops"] is not None and predicate["ran"]["budget"] == 0:
        return "Its operations pay for nothing to be looked at; a larger budget may say more."
    return "A larger budget or another strategy may say more."
