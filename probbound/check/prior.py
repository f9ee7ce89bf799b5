"""The law that tokens are drawn from: integer weights, one for each token if none are given."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from probbound.check.report import Refused

_MOST_TOTAL = 1 << 32
_BITS = 62
_ROUNDED_BITS = 24


class Law:
    """Tokens are independent, t with probability weights[t] / total (Theorem 1.10)."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights, self.total = weights, int(weights.sum())

    @classmethod
    def equal(cls, vocabulary: int) -> Law:
        """All tokens alike."""
        return cls(np.ones(vocabulary, dtype=np.int64))

    @classmethod
    def of(cls, claim: Mapping[str, Any]) -> Law:
        """The law of a claim.

        Raises:
            Refused: if what the claim says of its prior is not consistent.
        """
        stated = claim["population"]
        prior, vocabulary = stated["prior"], stated["d_vocab"]
        if prior is None:
            return cls.equal(vocabulary)
        weights = prior["weights"]
        text = ",".join(map(str, weights)).encode()
        if (
            len(weights) != vocabulary
            or math.gcd(*weights) != 1
            or not 0 < sum(weights) < _MOST_TOTAL
            or prior["total"] != sum(weights)
            or prior["rounded_bits"] not in (None, _ROUNDED_BITS)
            or prior["sha256"] != hashlib.sha256(text).hexdigest()
        ):
            raise Refused(
                "its prior does not fit its vocabulary, its total, its digest or a rounding"
            )
        return cls(np.array(weights, dtype=np.int64))

    @property
    def even(self) -> bool:
        """Whether all weights are one."""
        return bool((self.weights == 1).all())

    def tokens(self, numbers: np.ndarray) -> np.ndarray:
        """The token of each number below the total: a token has as many as its weight."""
        return np.searchsorted(self.weights.cumsum(), numbers, side="right")

    def masses(self, tokens: np.ndarray) -> np.ndarray:
        """The product of the weights of each sequence (n, k), as exact integers (n,)."""
        length = tokens.shape[1]
        wide = self.total**length >= 1 << _BITS
        found = np.ones(len(tokens), dtype=object if wide else np.int64)
        at_once = max(1, _BITS // self.total.bit_length())
        for start in range(0, length, at_once):
            found = found * self.weights[tokens[:, start : start + at_once]].prod(axis=1)
        return found
