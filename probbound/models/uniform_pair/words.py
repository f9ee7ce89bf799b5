"""A nearly uniform transformer of pairs of a claim in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def described(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The network of a claim in a line."""
    heads, coefficient = parts["heads"]["value"], parts["attention_coefficient"]["value"]
    own = parts["operands"]["value"] == "own"
    words = [
        f"one layer of attention, {heads} head{'s' * (heads > 1)}, to two operands",
        f"each by {coefficient:.6g} of a softmax and {1 - coefficient:.6g} of 1",
        "one layer of ReLU beside the residual stream",
        "each operand with tokens of its own" if own else "both operands with the same tokens",
    ]
    return ", ".join(words)
