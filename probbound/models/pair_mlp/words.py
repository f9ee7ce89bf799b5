"""A pair network of a claim in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.models.stating import from_source, with_assumed

WORDS = {"activation": "ReLU", "operands": "operands added before it"}


def described(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The network of a claim in a line, what is assumed of it last."""
    there = set(parts["weights"]["value"].split())
    own = {"W_E2", "W_in2"} & there
    words = [
        "one layer of neurons on two operands",
        *from_source(WORDS, parts, "read"),
        "each operand with weights of its own" if own else "both operands with the same weights",
        *(["biases"] if {"b_in", "b_out", "b_U"} & there else []),
        *(["a path past the neurons"] if "W_skip" in there else []),
    ]
    return with_assumed(words, from_source(WORDS, parts, "assumed"))
