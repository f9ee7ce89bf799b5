"""Sums over chains x_0, x_1, … of terms of neighbours, by one recursion (Theorem 10.8)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.semirings import MAX_PLUS, reached

Terms = Float[np.ndarray, "sets quantities now before"]


def largest_sums(
    first: Float[np.ndarray, "sets quantities now"], terms: Sequence[Terms]
) -> Float[np.ndarray, "sets quantities now"]:
    """The largest sum over chains that end in each last token; -inf where there is none."""
    return deque(reached(MAX_PLUS, first, terms), maxlen=1).pop()
