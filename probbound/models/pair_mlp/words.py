"""A pair network of a claim in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = {"activation": "ReLU", "operands": "operands added before it"}


def described(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The network of a claim in a line, what is assumed of it last."""
    there = set(parts["weights"]["value"].split())
    assumed = [text for part, text in WORDS.items() if parts[part]["source"] == "assumed"]
    read = [text for part, text in WORDS.items() if parts[part]["source"] == "read"]
    own = {"W_E2", "W_in2"} & there
    words = [
        "one layer of neurons on two operands",
        *read,
        "each operand with weights of its own" if own else "both operands with the same weights",
        *(["biases"] if {"b_in", "b_out", "b_U"} & there else []),
        *(["a path past the neurons"] if "W_skip" in there else []),
    ]
    rest = f"; assumed, as the file does not say: {', '.join(assumed)}" if assumed else ""
    return ", ".join(words) + rest
