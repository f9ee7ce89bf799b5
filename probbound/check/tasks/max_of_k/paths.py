"""Attention scores and direct path of each rung: exact, or structure and noise (4.4 to 4.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from probbound.check.models.attention_only.network import Network
from probbound.check.tasks.max_of_k.noise import SPREADS, Factors
from probbound.check.tasks.max_of_k.recipe import SUB_CUBIC, Screen
from probbound.check.tasks.max_of_k.sketch import Coins
from probbound.check.tasks.max_of_k.split import taken_apart

_RANKS = {
    SUB_CUBIC: (0, 0),
    "low-rank-qk": (1, 0),
    "low-rank-eu": (0, 4),
    "low-rank-qk-eu": (1, 4),
    "quadratic-qk": (4, 0),
    "quadratic-qk-eu": (4, 4),
}


@dataclass(frozen=True)
class Path:
    """Row i of a matrix is known but for a constant and a spread; entries are off by `error`."""

    known: np.ndarray
    spread: np.ndarray
    error: float = 0.0


def paths(network: Network, screen: Screen, coins: Coins) -> tuple[Path, Path, np.ndarray]:
    """Attention scores, what differs between queries in the direct path, and its mean."""
    w, (score_rank, direct_rank) = network.weights, _RANKS[screen.name]
    centre, none = w.W_E.mean(axis=0), np.zeros(len(w.W_E))
    scores = Path(network.token[0], none)
    if score_rank:
        keys = (w.W_E - centre).T
        chain = [(w.W_E + w.W_pos[-1]) / w.attn_scale, w.W_Q[0], w.W_K[0].T, keys]
        scores = _bounded(chain, score_rank, _method(screen, "attention", coins))
        bias = (w.b_Q[0] / w.attn_scale) @ w.W_K[0].T @ keys
        scores = replace(scores, known=scores.known + bias)
    if not direct_rank:
        mean = network.direct.mean(axis=0)
        return scores, Path(network.direct - mean, none), mean
    direct = _bounded([w.W_E - centre, w.W_U], direct_rank, _method(screen, "direct", coins))
    bias = (w.b_V[:, None] @ w.W_O).sum(axis=(0, 1)) + w.b_O + centre + w.W_pos[-1]
    return scores, direct, bias @ w.W_U + w.b_U


def _bounded(chain: Factors, rank: int, spreads: Callable[[Factors], np.ndarray]) -> Path:
    known, noise, error = taken_apart(chain, rank)
    return Path(known, spreads(noise), error)


def _method(screen: Screen, path: str, coins: Coins) -> Callable[[Factors], np.ndarray]:
    """How the noise of a path is bounded.

    Raises:
        LookupError: if the screen has none.
    """
    if screen.by_chance:
        return coins.of_path(path, sum(map(bool, _RANKS[screen.name]))).spreads
    if screen.noise is None:
        raise LookupError(f"{screen.text} splits no path")
    return SPREADS[screen.noise]
