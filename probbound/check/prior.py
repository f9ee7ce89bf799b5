"""The law that tokens are drawn from: integer weights, one for each token if none are given."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from probbound.check.report import Refused

_MOST_TOTAL = 1 << 32


class Law:
    """Tokens are independent, t with probability weights[t] / total (Theorem 1.10)."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights, self.total = weights, int(weights.sum())

    @classmethod
    def of(cls, claim: Mapping[str, Any]) -> Law:
        """The law of a claim.

        Raises:
            Refused: if what the claim says of its prior is not consistent.
        """
        prior, vocabulary = claim["prior"], claim["d_vocab"]
        if prior is None:
            return cls(np.ones(vocabulary, dtype=np.int64))
        weights = prior["weights"]
        text = ",".join(map(str, weights)).encode()
        if (
            len(weights) != vocabulary
            or math.gcd(*weights) != 1
            or not 0 < sum(weights) < _MOST_TOTAL
            or prior["total"] != sum(weights)
            or prior["sha256"] != hashlib.sha256(text).hexdigest()
        ):
            raise Refused("its prior does not fit its vocabulary, its total or its digest")
        return cls(np.array(weights, dtype=np.int64))

    def tokens(self, numbers: np.ndarray) -> np.ndarray:
        """The token of each number below the total: a token has as many as its weight."""
        return np.searchsorted(self.weights.cumsum(), numbers, side="right")

    def masses(self, tokens: np.ndarray) -> np.ndarray:
        """The product of the weights of each sequence (n, k), as exact integers (n,)."""
        wide = self.total ** tokens.shape[1] >= 1 << 62
        return self.weights.astype(object if wide else np.int64)[tokens].prod(axis=1)
