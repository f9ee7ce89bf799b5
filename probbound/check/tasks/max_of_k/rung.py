"""What one rung of the ladder certifies: last token by last token (Theorems 4.1 to 4.4, 5.7)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from probbound.check.models.attention_only.network import Network, best_rival
from probbound.check.models.attention_only.slack import FLOOR, Sizes, ladder_slack
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.tasks.max_of_k.gaps import Gaps, class_starts
from probbound.check.tasks.max_of_k.paths import paths
from probbound.check.tasks.max_of_k.recipe import Screen
from probbound.check.tasks.max_of_k.sketch import Coins
from probbound.check.tasks.max_of_k.windows import trailing

_LEAST = 1e-300


class Rung:
    """The brackets and the attention of a model with one head, in the worst case of each class.

    `coins` are used if the rung rests on a sketch.

    Raises:
        Refused: if the model has several heads.
    """

    def __init__(self, network: Network, screen: Screen, law: Law, coins: Coins) -> None:
        if network.heads > 1:
            heads = network.heads
            raise Refused(f"{screen.text} is for models with one head, and this one has {heads}")
        self.place = network.place[0]
        self.scores, direct, mean = paths(network, screen, coins)
        vocabulary, length = self.place.shape
        rise = float(np.ptp(self.scores.known, axis=1).mean()) / vocabulary
        step = min(max(1.0, 1 / max(rise, 1e-9)), float(vocabulary))
        offset = min(float(np.median(self.scores.spread)) * step, float(vocabulary))
        self.gaps = Gaps(class_starts(vocabulary, length - 1, offset, step), length - 1, law)
        relative, lift = ladder_slack(
            Sizes.of(network.weights),
            np.abs(self.scores.known).max() + self.scores.spread.max() + np.abs(self.place).max(),
            (self.scores.error, direct.error),
            float(direct.spread.max()),
            network.margin,
            length,
        )
        self.relative = relative
        labels = np.arange(vocabulary)
        average = network.position[0].mean(axis=0)
        if not screen.mean_diff:
            direct, mean = replace(direct, known=direct.known + mean), np.zeros_like(mean)
            average = np.zeros_like(mean)
        self.token = excess(network.value[0] + (average + mean), labels)
        self.by_class = self._worst_tokens()
        place = excess(network.position[0] - average, labels)
        self.last_place = place[-1]
        self.free_place = (place[:-1] if length > 1 else place).max(axis=0)
        self.direct = direct
        self.raised = network.margin + lift

    def left(self, query: int) -> np.ndarray:
        """Which multisets it cannot certify, (labels from the query on, multisets)."""
        labels = np.arange(query, len(self.place))
        own = excess(self.direct.known[query : query + 1], labels)[0]
        own = own + (self.direct.spread[query] + self.raised)
        high, low, last_high, last_low = self._attention(query)
        with np.errstate(invalid="ignore", over="ignore"):
            free = self.by_class[:, labels] + (own + self.free_place[labels])
            last = self.token[query, labels] + (own + self.last_place[labels])
            terms = free * np.where(free > 0, high[:, labels], low[:, labels])
            last = last * np.where(last > 0, last_high, last_low)
            terms = np.where(labels >= np.array(self.gaps.starts)[:, None], terms, 0.0)
            totals = (self.gaps.counts.astype(np.float64) @ terms + last).T
        found = ~(totals < -FLOOR) & (self.gaps.units[labels] > 0)
        found[1:] &= self.gaps.counts[:, 0] > 0
        return found

    @np.errstate(over="ignore", invalid="ignore")
    def _attention(self, query: int) -> tuple[np.ndarray, np.ndarray, float, float]:
        """The ends of e^{score} over the tokens of each class, (class, label), and at the last.

        What overflows has a relative error without bound, so that it certifies nothing (5.7).
        """
        known, spread = self.scores.known[query], self.scores.spread[query]
        place = self.place[query]
        free = place[:-1] if len(place) > 1 else place
        top = known.max() + spread + place.max()
        more, less = 1 + self.relative, max(1 - self.relative, 0.0)
        upper = np.maximum(np.exp(known + (spread + free.max() - top)), _LEAST) * more
        lower = np.exp(known + (free.min() - top)) * less
        last = known[query] + place[-1] - top
        high, low = np.zeros((2, len(self.gaps.starts), len(known)))
        for c, (start, stop) in enumerate(zip(self.gaps.starts, self.gaps.stops, strict=True)):
            count = len(known) - start
            high[c, start:] = trailing(np.maximum, upper, stop - start)[:count]
            low[c, start:] = trailing(np.minimum, lower, stop - start)[:count]
        return high, low, max(float(np.exp(last + spread)), _LEAST) * more, np.exp(last) * less

    def _worst_tokens(self) -> np.ndarray:
        """The largest part of a bracket that a token of each class has, (class, label)."""
        found = np.full((len(self.gaps.starts), len(self.token)), -np.inf)
        for c, (start, stop) in enumerate(zip(self.gaps.starts, self.gaps.stops, strict=True)):
            for gap in range(start, stop):
                part = found[c, gap:]
                np.maximum(part, np.diagonal(self.token, gap), out=part)
        return found


def excess(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """max over j ≠ m of logits[i, j], less logits[i, m], for every row and label m."""
    return best_rival(logits, labels) - logits[:, labels]
