"""What a training on modular addition can be told."""

from __future__ import annotations

from probbound.tasks.pairs.options import PAIR_OPTIONS
from probbound.tasks.trainable import Option

OPTIONS = (
    Option("p", 113, "The modulus; the answer to (a, b) is a + b mod p."),
    Option("untied", False, "Give the second operand an embedding of its own."),
    *PAIR_OPTIONS,
)
