"""What the last layer reads at one position (Theorems 10.8 and 10.18)."""

from __future__ import annotations

import numpy as np

from probbound.check.models.transformer.alone.mean import weights


class Link:
    """One position: of its token y, those before it (z, …), every head g and answer j."""

    def __init__(self, value: np.ndarray, below: np.ndarray, above: np.ndarray) -> None:
        self.value = value
        self.below = below
        self.above = above

    def over(self, at: np.ndarray, top: np.ndarray) -> np.ndarray:
        """k of 10.8 [y, z, …, g, j], λ being `at` [g, j]; scores less `top` [g]."""
        low, high = weights(self.below - top, self.above - top)
        over = self.value - at
        over += 2.0**-46 * (np.abs(self.value) + np.abs(at))
        return np.maximum(over * high[..., None], over * low[..., None])
