"""Sums over chains x_0, x_1, … of terms of neighbours, by one recursion (10.8, 10.18)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.semirings import MAX_PLUS, reached

Terms = Float[np.ndarray, "sets quantities ..."]


def largest_sums(
    first: Float[np.ndarray, "sets quantities ..."], terms: Sequence[Terms]
) -> Float[np.ndarray, "sets quantities ..."]:
    """The largest sum over chains that end in each last token; -inf where there is none.

    Terms may be of more tokens than two; the sums are then by the last of them but one.
    """
    return deque(reached(MAX_PLUS, first, terms, first.ndim - 2), maxlen=1).pop()
