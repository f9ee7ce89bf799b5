"""Upper bounds on losses: of single inputs, of all, and at a margin (5.10 to 5.12)."""

from __future__ import annotations

import math

import numpy as np

from probbound.check.models.attention_only.network import Network, best_rival
from probbound.check.models.attention_only.slack import ABOVE, Sizes, gamma
from probbound.check.prior import Law
from probbound.check.report import Refused

LEAST = 2.0**-900  # no loss is said to be below it
_NEXT_TO_ONE = 1 + 2.0**-30
_ROWS = 1 << 12
_TOKENS_AT_ONCE = 256


def losses(network: Network, tokens: np.ndarray, largest: float) -> np.ndarray:
    """A number that the true loss of each sequence (n, k) does not exceed, (n,).

    What is not known to be less counts as `largest`. The network is one at margin 0.
    """
    parts = [_losses(network, tokens[at : at + _ROWS]) for at in range(0, len(tokens), _ROWS)]
    found = np.concatenate([np.zeros(0), *parts])
    return np.where(found <= largest, found, largest)


def _losses(network: Network, tokens: np.ndarray) -> np.ndarray:
    rows, slack = np.arange(len(tokens)), network.slack.logits
    with np.errstate(all="ignore"):
        logits = network.logits(tokens)
        gaps = logits - logits[rows, tokens.max(axis=1)][:, None]
        top = gaps.max(axis=1)
        gaps[rows, gaps.argmax(axis=1)] = -np.inf
        computed = top + np.log1p(np.exp(gaps - top[:, None]).sum(axis=1))
        raised = (computed + LEAST) * (1 + 2 * gamma(logits.shape[1] + 82))
        return raised + np.minimum(slack, np.expm1(slack) * raised)


def loss_at(margin: float, outputs: int) -> float:
    """No input has a larger loss if its margin is at least this (Theorem 5.12)."""
    if outputs == 1:
        return LEAST
    rivals = math.log(outputs - 1) - margin
    return (max(rivals, 0.0) + math.log1p(math.exp(-abs(rivals)))) * _NEXT_TO_ONE + LEAST


def margin_for(loss: float, outputs: int) -> float:
    """The margin μ with log(1 + (outputs - 1) e^-μ) = loss, before rounding."""
    return math.log(max(outputs - 1, 1)) - loss - math.log(-math.expm1(-loss))


def largest_loss(network: Network, law: Law) -> float:
    """What no loss of an input of positive mass exceeds (Theorems 1.12 and 5.11).

    The free vectors of 1.12 are the means over positions and over tokens of positive weight.

    Raises:
        Refused: if there is no finite bound.
    """
    tokens, sizes = np.flatnonzero(law.weights), Sizes.of(network.weights)
    with np.errstate(all="ignore"):
        direct, places = network.direct[tokens].mean(axis=0), network.position.mean(axis=1)
        worst = _worst_token(network.direct - direct, tokens)
        for value, position, place in zip(network.value, network.position, places, strict=True):
            worst = worst + _worst_token(value + (place + direct / network.heads), tokens)
            around = position - place
            worst = worst + (best_rival(around, tokens) - around[:, tokens]).max(axis=0)
        error = 8 * ABOVE * gamma(sizes.logit_steps) * sizes.logits
        lead = -(float(worst.max()) + error)
    if not math.isfinite(lead):
        raise Refused("its losses have no finite bound in float64")
    return loss_at(lead, network.weights.W_U.shape[1])


def _worst_token(rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """For each label among the tokens, the largest excess of a row whose token is not above it."""
    worst = np.full(len(tokens), -np.inf)
    for at in range(0, len(tokens), _TOKENS_AT_ONCE):
        some = tokens[at : at + _TOKENS_AT_ONCE]
        excess = best_rival(rows[some], tokens) - rows[some][:, tokens]
        worst = np.maximum(worst, np.where(some[:, None] <= tokens, excess, -np.inf).max(axis=0))
    return worst
