"""Sums over chains x_0, x_1, … of terms of neighbours, by one recursion (10.8, 10.18)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

Terms = Float[np.ndarray, "sets quantities ..."]


def largest_sums(
    first: Float[np.ndarray, "sets quantities ..."], terms: Sequence[Terms]
) -> Float[np.ndarray, "sets quantities ..."]:
    """The largest sum over chains that end in each last token; -inf where there is none.

    Terms may be of more tokens than two; the sums are then by the last of them but one.
    """
    reached = first
    for term in terms:
        reached = (reached[:, :, None] + term).max(axis=-1)
    return reached
