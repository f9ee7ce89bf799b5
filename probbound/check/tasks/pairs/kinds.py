"""The kinds of networks that answer pairs: what each folds to, and what it gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from probbound.check.models.pair_mlp.network import not_ahead
from probbound.check.models.pair_mlp.rounding import LARGEST, UNDERFLOW, above, gamma, lengths
from probbound.check.models.pair_mlp.weights import Weights as PairWeights
from probbound.check.models.uniform_pair.weights import Weights as UniformWeights
from probbound.check.tasks.pairs.attention import folded_attention
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.low_rank import in_parts, margin_up
from probbound.check.tasks.pairs.prices import folded_price, forward_price

Wrong = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PairKind:
    """What a kind brings: its folded form, its wrong answers, the price of one."""

    folded: Callable[[Any], Folded]
    wrong: Callable[[Any, Callable[[], Folded]], Wrong]
    price: Callable[[Any], int]


def _wrong_folded(network: Any, folded: Callable[[], Folded]) -> Wrong:
    """Which pairs are not above the margin by Theorem 8.3, in the folded network."""
    net, margin = folded(), network.margin
    with np.errstate(all="ignore"):
        size = float(lengths(net.out.T).max())
        error = gamma(len(net.out) + 8)
        fine = error <= 2.0**-7 and abs(margin) <= LARGEST
        weight = above(error * (3 * size + abs(margin))) if fine else np.inf
        first = above(margin_up(margin) + net.off_first + weight * (lengths(net.first) + 1))
        second = above(net.off_second + weight * lengths(net.second))
    lead = first + UNDERFLOW, second + UNDERFLOW

    def some(pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        a, b = pairs.T
        return not_ahead(net.features(a, b) @ net.out, labels, lead[0][a] + lead[1][b])

    return lambda pairs, labels: in_parts(some, pairs, labels, sum(net.out.shape))


KINDS = {
    PairWeights.kind: PairKind(
        lambda weights: Folded.of(weights.arrays), lambda network, _: network.wrong, forward_price
    ),
    UniformWeights.kind: PairKind(folded_attention, _wrong_folded, folded_price),
}
