"""The network from its definition, its additive form, and the checks of single sequences.

Straight from docs/theory.md: Theorems 1.1, 1.2 and 4.20. Everything is float64, and whatever is
not certainly below is counted against the claim.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from probbound.check.bounds import up
from probbound.check.models.attention_only.weights import Weights

_NONE = -1e300
_ROWS = 1 << 13


@dataclass(frozen=True)
class Slack:
    """How far rounding can have moved what is compared.

    A logit or a bracket, a sum of terms absolutely, and the sum of the best terms of a knapsack
    relative to their sizes.
    """

    logits: float = 0.0
    sums: float = 0.0
    relative: float = 2.0**-48


@dataclass(frozen=True)
class Network:
    """A network whose answer is right where it leads by more than `margin` (Theorem 1.8).

    `most` operations may be spent on inputs that only a screen can show to be left. Its products
    of weight matrices are multiplied out when they are first asked for.
    """

    weights: Weights
    slack: Slack
    margin: float = 0.0
    most: float = math.inf

    @cached_property
    def token(self) -> np.ndarray:
        """token[h, q, t], the part of the score s_h(q, t, p), but for a constant of (h, q)."""
        w = self.weights
        return self._queries @ (w.W_E @ w.W_K).swapaxes(1, 2)

    @cached_property
    def place(self) -> np.ndarray:
        """place[h, q, p], the rest of the score."""
        w = self.weights
        return self._queries @ (w.W_pos @ w.W_K).swapaxes(1, 2)

    @cached_property
    def value(self) -> np.ndarray:
        """value[h, t, j], what a token adds to logit j per unit of attention."""
        w = self.weights
        return w.W_E @ w.W_V @ (w.W_O @ w.W_U)

    @cached_property
    def position(self) -> np.ndarray:
        """position[h, p, j], what a position adds."""
        w = self.weights
        return w.W_pos @ w.W_V @ (w.W_O @ w.W_U)

    @cached_property
    def direct(self) -> np.ndarray:
        """direct[q, j], the rest of logit j."""
        w = self.weights
        constant = ((w.b_V[:, None] @ w.W_O).sum(axis=(0, 1)) + w.b_O) @ w.W_U + w.b_U
        return (w.W_E + w.W_pos[-1]) @ w.W_U + constant

    @property
    def _queries(self) -> np.ndarray:
        w = self.weights
        return ((w.W_E + w.W_pos[-1]) @ w.W_Q + w.b_Q[:, None]) / w.attn_scale

    @property
    def heads(self) -> int:
        """Number of heads."""
        return len(self.weights.W_Q)

    def attention(self, head: int, query: int) -> np.ndarray:
        """e^s for each (position, token), the largest one 1."""
        scores = self.token[head, query][None, :] + self.place[head, query][:, None]
        return np.exp(scores - scores.max())

    def terms(self, head: int, query: int) -> np.ndarray:
        """f_h(p, t; m) of Theorem 1.2 as [p, t, m - query], for the labels m >= query."""
        labels = np.arange(query, len(self.token[0]))
        raised = up(Fraction(self.margin) / self.heads) + self.slack.logits
        attention = self.attention(head, query)
        found = np.empty((*attention.shape, len(labels)))
        for p, weight in enumerate(attention):
            logits = self.value[head] + (self.position[head, p] + self.direct[query] / self.heads)
            bracket = best_rival(logits, labels) - logits[:, labels]
            with np.errstate(invalid="ignore"):
                found[p] = weight[:, None] * (bracket + raised)
        return found

    def wrong(self, tokens: np.ndarray) -> np.ndarray:
        """Which sequences (n, k) are not certainly answered with their largest token.

        Where there is one output only, no other can be as large.
        """
        if self.weights.W_U.shape[1] == 1:
            return np.zeros(len(tokens), dtype=bool)
        parts = [self._wrong(tokens[at : at + _ROWS]) for at in range(0, len(tokens), _ROWS)]
        return np.concatenate([np.zeros(0, dtype=bool), *parts])

    def _wrong(self, tokens: np.ndarray) -> np.ndarray:
        rows, labels = np.arange(len(tokens)), tokens.max(axis=1)
        logits = self.logits(tokens)
        own = logits[rows, labels] - (self.margin + self.slack.logits)
        logits[rows, labels] = -np.inf
        return ~(logits.max(axis=1) < own)

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """The forward pass, (n, out)."""
        w = self.weights
        residual = w.W_E[tokens] + w.W_pos
        out = residual[:, -1] + w.b_O
        for h in range(self.heads):
            query = residual[:, -1] @ w.W_Q[h] + w.b_Q[h]
            probe, constant = query @ w.W_K[h].T, query @ w.b_K[h]
            scores = (np.einsum("npd,nd->np", residual, probe) + constant[:, None]) / w.attn_scale
            pattern = np.exp(scores - scores.max(axis=1, keepdims=True))
            pattern /= pattern.sum(axis=1, keepdims=True)
            mixed = np.einsum("np,npd->nd", pattern, residual)
            out = out + (mixed @ w.W_V[h] + w.b_V[h]) @ w.W_O[h]
        return out @ w.W_U + w.b_U


class Copying:
    """The check of Theorem 4.20: rivals in the sequence exactly, all others in the worst case."""

    def __init__(self, network: Network, *, cubic: bool) -> None:
        self.network = network
        heads, mean = network.heads, network.position.mean(axis=1)
        if cubic:
            joined = network.value + mean[:, None]
            rows = [_off_diagonal(joined + d / heads) for d in network.direct]
            self.outside = np.stack(rows, axis=1)
        else:
            average = network.direct.mean(axis=0) / heads
            spread = (network.direct / heads - average).max(axis=1)
            worst = _off_diagonal(network.value + (mean + average)[:, None])
            self.outside = worst[:, None, :] + spread[:, None]
        self.place = (network.position - mean[:, None]).max(axis=2)

    def left(self, tokens: np.ndarray) -> np.ndarray:
        """Which sequences (n, k) it cannot certify."""
        parts = [self._left(tokens[at : at + _ROWS]) for at in range(0, len(tokens), _ROWS)]
        return np.concatenate([np.zeros(0, dtype=bool), *parts])

    def _left(self, tokens: np.ndarray) -> np.ndarray:
        net, query = self.network, tokens[:, -1]
        rows, k = np.arange(len(tokens)), tokens.shape[1]
        inside = net.direct[query[:, None], tokens]
        outside = np.zeros(len(tokens))
        for h in range(net.heads):
            scores = net.token[h][query[:, None], tokens] + net.place[h][query]
            pattern = np.exp(scores - scores.max(axis=1, keepdims=True))
            pattern /= pattern.sum(axis=1, keepdims=True)
            for p in range(k):
                source = tokens[:, p]
                term = net.value[h][source[:, None], tokens] + net.position[h, p][tokens]
                inside = inside + pattern[:, p, None] * term
                outside += pattern[:, p] * (self.outside[h][query, source] + self.place[h, p])
        labels = tokens.max(axis=1)
        own = inside[rows, tokens.argmax(axis=1)] - (net.margin + net.slack.logits)
        inside[tokens == labels[:, None]] = -np.inf
        return ~((inside.max(axis=1) < own) & (outside < own))


def best_rival(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """max over j ≠ m of logits[t, j], for every t and every label m."""
    rows = np.arange(len(logits))
    first = logits.argmax(axis=1)
    rest = logits.copy()
    rest[rows, first] = _NONE
    return np.where(
        first[:, None] == labels, rest.max(axis=1)[:, None], logits.max(axis=1)[:, None]
    )


def _off_diagonal(values: np.ndarray) -> np.ndarray:
    """max over j ≠ t of values[h, t, j]."""
    values = values.copy()
    diagonal = np.arange(values.shape[1])
    values[:, diagonal, diagonal] = _NONE
    return values.max(axis=2)
