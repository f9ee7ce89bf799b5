"""A one-head model as structure and the noise of three paths (Theorems 4.30 and 4.37)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from probbound.check.models.attention_only.slack import ABOVE, UNDERFLOW, Sizes, gamma
from probbound.check.models.attention_only.weights import Weights
from probbound.check.tasks.max_of_k.noise import lengths

PATHS = ("QK", "OV", "direct")
_STEPS = 4
_COLUMNS = 512
_NUMBERS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Structure:
    """λ, κ, h, ℓ, π and C of Theorem 4.30, and N_s, N_o and N_d as factors that are not multiplied.

    `factors[path]` is (left, right) with the noise at (i, j) the product of row i of the one and
    column j of the other; `own_score` and `own_direct` are the diagonals of N_s and N_d. No entry
    of row t of N_o is above value_norm[t], none of N_d above direct_norm[t]. `scale` is about the
    root mean square of each row of N_o.
    """

    steepness: np.ndarray
    size: np.ndarray
    place: np.ndarray
    mean: np.ndarray
    position: np.ndarray
    copying: np.ndarray
    own_value: np.ndarray
    own_score: np.ndarray
    own_direct: np.ndarray
    scale: np.ndarray
    value_norm: np.ndarray
    direct_norm: np.ndarray
    factors: dict[str, tuple[np.ndarray, np.ndarray]]
    score_error: float
    output_error: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Tokens, positions, outputs."""
        return len(self.size), *self.position.shape

    def entries(self, path: str, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """The noise at pairs of tokens."""
        left, right = self.factors[path]
        columns, found = right.T, np.empty(len(i))
        step = max(1, _NUMBERS_AT_ONCE // left.shape[1])
        for at in range(0, len(i), step):
            part = slice(at, at + step)
            found[part] = (left[i[part]] * columns[j[part]]).sum(axis=1)
        return found

    def pairs(self, path: str, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """What a pair takes of its tolerance: |N_s|, -N_o or -N_d; nothing where i > j.

        The label is no smaller than any other token.
        """
        found = self.entries(path, i, j)
        return np.abs(found) if path == "QK" else np.where(i < j, -found, -np.inf)

    def rows(self, path: str, tokens: np.ndarray) -> np.ndarray:
        """What a row takes of its tolerance, the largest over all outputs but the token."""
        left, right = self.factors[path]
        found, step = np.empty(len(tokens)), max(1, _NUMBERS_AT_ONCE // right.shape[1])
        for at in range(0, len(tokens), step):
            some = tokens[at : at + step]
            each = np.arange(len(some))
            values = left[some] @ right
            values[each, some] = -np.inf
            worst = values.max(axis=1)
            if path == "OV":
                values += self.mean
                places = [(values + p).max(axis=1) - p[some] for p in self.position]
                worst = np.max(places, axis=0)
            found[at : at + step] = worst
        return found


def structure_of(w: Weights) -> Structure:
    """Take a model with one head apart; nothing of size v² is formed."""
    centre, places = w.W_E.mean(axis=0), w.W_pos.mean(axis=0)
    tokens = w.W_E - centre
    outputs = w.W_U - w.W_U.mean(axis=1, keepdims=True)
    keys = w.W_Q[0] @ w.W_K[0].T
    queries = ((w.W_E + w.W_pos[-1]) @ keys + w.b_Q[0] @ w.W_K[0].T) / w.attn_scale
    size = _leading(queries, tokens)
    direction = size @ tokens
    onward = w.W_V[0] @ w.W_O[0]
    copied = onward @ outputs
    constant = (centre + places) @ onward + centre + w.W_pos[-1] + w.b_V[0] @ w.W_O[0] + w.b_O
    factors = {
        "QK": (queries, (tokens - size[:, None] * direction).T),
        "OV": (tokens, copied),
        "direct": (tokens, outputs),
    }
    mean = constant @ outputs + w.b_U
    diagonals = {
        path: (left * right.T[: len(left)]).sum(axis=1) for path, (left, right) in factors.items()
    }
    score_error, output_error = _errors(w)
    return Structure(
        steepness=queries @ direction,
        size=size,
        place=np.ptp(queries @ w.W_pos.T, axis=1) / 2,
        mean=mean,
        position=(w.W_pos - places) @ copied,
        copying=mean[: len(tokens)] + diagonals["OV"],
        own_value=diagonals["OV"],
        own_score=diagonals["QK"],
        own_direct=diagonals["direct"],
        scale=_scale(tokens, copied),
        value_norm=_norm_product(tokens, copied),
        direct_norm=_norm_product(tokens, outputs),
        factors=factors,
        score_error=score_error,
        output_error=output_error,
    )


def _norm_product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The norm of each row times the largest norm of a column, the underflow of squares allowed."""
    return (lengths(left) + UNDERFLOW) * (lengths(right.T).max() + UNDERFLOW) * ABOVE


def _errors(w: Weights) -> tuple[float, float]:
    """e_s and e_o of Theorem 4.37."""
    vocabulary, *_, out = w.sizes
    sizes, sums = Sizes.of(w), 2 * (vocabulary + out) + 64
    score = 8 * (1 + math.sqrt(vocabulary)) * gamma(sizes.score_steps + sums) * sizes.scores
    return ABOVE * score, ABOVE * 4 * gamma(sizes.logit_steps + sums) * sizes.logits


def _leading(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """κ: nearly the leading right singular vector of the scores.

    A choice that soundness does not depend on, made as the makers of certificates make it.
    """
    size = np.linspace(-1.0, 1.0, len(keys))
    for _ in range(_STEPS):
        found = keys @ (queries.T @ (queries @ (keys.T @ size)))
        norm = float(np.linalg.norm(found))
        if not norm > 0:
            return np.zeros(len(keys))
        size = found / norm
    return size


def _scale(tokens: np.ndarray, copied: np.ndarray) -> np.ndarray:
    """ρ(t) of Remark 4.35, over some of the outputs."""
    some = copied[:, :: max(1, copied.shape[1] // _COLUMNS)]
    squares = ((tokens @ (some @ some.T)) * tokens).sum(axis=1) / some.shape[1]
    return np.sqrt(np.maximum(squares, 0.0))
