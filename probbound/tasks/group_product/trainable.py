"""What a training on products of a group can be told."""

from __future__ import annotations

from probbound.tasks.pairs.options import PAIR_OPTIONS
from probbound.tasks.trainable import Option

OPTIONS = (
    Option("group", "s5", "c113, s5, a5, or a .npy file with a multiplication table."),
    Option("tied", False, "Give both operands one embedding; for commutative groups alone."),
    *PAIR_OPTIONS,
)
