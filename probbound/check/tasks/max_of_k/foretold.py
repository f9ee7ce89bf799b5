"""What the sub-cubic screen would leave, sequence by sequence (Theorem 4.24): a forecast only."""

from __future__ import annotations

import numpy as np

from probbound.check.models.attention_only.network import Network
from probbound.check.tasks.max_of_k.rung import excess

_ROWS = 1 << 13


class Foretold:
    """Brackets apart, and one bound for the attention of all free positions, of one head.

    Rounding is not looked at, since nothing is certified by it.
    """

    def __init__(self, network: Network) -> None:
        value, position, direct = network.value[0], network.position[0], network.direct
        labels = np.arange(len(value))
        places, mean = position.mean(axis=0), direct.mean(axis=0)
        place = excess(position - places, labels)
        own = excess(direct - mean, labels)
        self.token = excess(value + (places + mean), labels)
        self.free = own + (place[:-1] if len(place) > 1 else place).max(axis=0)
        self.last = own + place[-1]
        scores, spots = network.token[0], network.place[0]
        top = scores.max(axis=1) + spots.max(axis=1)
        spots = spots - top[:, None]
        free = spots[:, :-1] if spots.shape[1] > 1 else spots
        self.scores, self.end = scores, spots[:, -1]
        self.high, self.low = free.max(axis=1), free.min(axis=1)

    def left(self, tokens: np.ndarray) -> int:
        """How many sequences (n, k) it does not certify."""
        parts = (tokens[at : at + _ROWS] for at in range(0, len(tokens), _ROWS))
        return sum(int(self._left(part).sum()) for part in parts)

    def _left(self, tokens: np.ndarray) -> np.ndarray:
        query, label = tokens[:, -1], tokens.max(axis=1)
        own = np.exp(self.scores[query, query] + self.end[query])
        total = own * (self.token[query, label] + self.last[query, label])
        for token in tokens.T[:-1]:
            bracket = self.token[token, label] + self.free[query, label]
            spot = np.where(bracket > 0, self.high[query], self.low[query])
            total += bracket * np.exp(self.scores[query, token] + spot)
        return ~(total < 0)
