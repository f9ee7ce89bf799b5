"""Operations of a forward pass and of the screen on one pair, as certificate.md states them."""

from __future__ import annotations

from probbound.check.models.pair_mlp.weights import Weights
from probbound.check.models.uniform_pair.weights import Weights as UniformWeights

NORMS_PRICE = 7  # of one pair by waves of the weights, once tables are there


def forward_price(weights: Weights) -> int:
    """Of the logits of one pair, from tables of what depends on one operand alone."""
    there, size = weights.arrays, weights.sizes
    hidden, out, classes = size["d_mlp"], size["d_out"], size["d_vocab_out"]
    found = 2 * hidden + 2 * out * classes
    found += 2 * hidden * out if "W_out" in there else 0
    found += 2 * out if "W_skip" in there else 0
    found += out if "b_out" in there else 0
    return found + (classes if "b_U" in there else 0)


def folded_price(weights: UniformWeights) -> int:
    """Of the logits of one pair in the folded network, a bias among its features."""
    size = weights.sizes
    features = size["d_mlp"] + size["d_model"] + 1
    return features + size["d_mlp"] + 2 * features * size["d_vocab_out"]


def low_rank_price(features: int, gates: int, classes: int, rank: int) -> int:
    """Of one pair that is compared with every class in the end, the most there can be."""
    own = features + gates + 2 * features * (rank + 1) + 2 * gates + 7
    return own + _compared(classes, rank)


def gates_price(classes: int, rank: int) -> int:
    """Likewise of structured gates, once their sums are there."""
    return rank + 7 + _compared(classes, rank)


def rotating_price(features: int, classes: int, gates: int, waves: int, beside: int) -> int:
    """Of one pair that is turned by so many waves, and compared with every class in the end."""
    width, shares = 2 * waves + beside, 6
    own = features + gates + 2 * features * (width + 1) + 3 * beside + 14
    own += 7 * waves + shares * (7 * waves + 3) + 2 * features + 10
    return own + (2 * width + 4) * classes + 2


def _compared(classes: int, rank: int) -> int:
    """Of a point that its cone, near rivals and all classes are asked about."""
    cone, compared = 6 * rank + 23, 2 * rank + 5
    return 2 * cone + compared * (classes // 8 + 1) + compared * classes + 2
