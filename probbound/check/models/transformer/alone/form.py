"""A network of attention alone as bilinear forms, and how far its numbers are off (10.3, 10.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from probbound.check.models.transformer.configuration import Configuration
from probbound.check.models.transformer.weights import Weights
from probbound.check.report import require

_UNIT = 2.0**-53
_UNDERFLOW = 2.0**-500
_LONGEST, _LARGEST = 512, 2.0**200


@dataclass(frozen=True)
class Form:
    """Definition 10.3, a 1 behind every state of `d` numbers, each array beside its size.

    Attributes:
        atoms: X̃ (n, v, d + 1), none larger than `atom_size`.
        scores: A (layers, heads, d + 1, d + 1), sizes (layers, heads).
        moves: Z, the same.
        outcomes: [W_U; b_U] (d + 1, out), sizes (out,).
        unit: γ_K of Theorem 10.4.
    """

    atoms: np.ndarray
    atom_size: float
    scores: np.ndarray
    score_sizes: np.ndarray
    moves: np.ndarray
    move_sizes: np.ndarray
    outcomes: np.ndarray
    outcome_sizes: np.ndarray
    unit: float

    @property
    def layers(self) -> int:
        """How many."""
        return self.scores.shape[0]

    @property
    def heads(self) -> int:
        """How many each layer has."""
        return self.scores.shape[1]

    @property
    def length(self) -> int:
        """n, positions of a sequence."""
        return self.atoms.shape[0]

    @property
    def tokens(self) -> int:
        """v."""
        return self.atoms.shape[1]

    def error(self, sizes: Any) -> Any:
        """How far what is computed of such a size may be off (Theorem 10.4)."""
        return self.unit * np.asarray(sizes) * (1 + 2.0**-29) + 2.0**-890

    @cached_property
    def first(self) -> list[tuple[np.ndarray, float]]:
        """Of each head of layer 1 the scores, (query n, v, key n, v), and how far they are off."""
        found = []
        for a, size in zip(self.scores[0], self.score_sizes[0], strict=True):
            table = np.tensordot(self.atoms @ a, self.atoms, axes=(2, 2))
            found.append((table, float(self.error(self.atom_size**2 * size))))
        return found


def form_of(weights: Weights) -> Form:
    """The form of a network.

    Raises:
        Refused: if it is not of attention alone as Definition 10.3 has it, is longer than 512
            positions, or has sizes above 2^200.
    """
    said = weights.configuration
    require(_strange(said))
    atoms, atom_size = _atoms(weights)
    parts = [
        [_head(weights, layer, h) for h in range(said.n_heads)] for layer in range(said.n_layers)
    ]
    scores, score_sizes, moves, move_sizes = (
        np.array([[head[k] for head in layer] for layer in parts]) for k in range(4)
    )
    outcomes = np.vstack([_of(weights, "unembed.W_U"), _of(weights, "unembed.b_U", said.d_out)])
    outcome_sizes = np.array([_norm(column) for column in outcomes.T])
    inner = 64 * (said.d_model + said.d_head + 2) * (said.n_layers + 1) * _UNIT
    found = Form(
        atoms,
        atom_size,
        scores,
        score_sizes,
        moves,
        move_sizes,
        outcomes,
        outcome_sizes,
        inner / (1 - inner),
    )
    state = atom_size * float(np.prod(1 + move_sizes.sum(axis=1)))
    whole = (1 + state) ** 2 * (1 + score_sizes.max()) * (1 + outcome_sizes.max())
    require(
        [] if whole <= _LARGEST else ["its weights are too large for proofs about attention alone"]
    )
    return found


def _strange(said: Configuration) -> Iterator[str]:
    """Why Definition 10.3 does not fit."""
    at_fault = {
        "has no layer": said.n_layers < 1,
        "has norms": said.norm != "none",
        "has an MLP": said.d_mlp > 0,
        "has other positions than learned ones": said.positions != "learned",
        "is not causal": not said.causal,
        "has windows": any(window is not None for window in said.windows),
        "has caps": said.score_cap is not None or said.logit_cap is not None,
        "has another head than unembed": said.head != "unembed",
        "has more than 512 positions": said.n_ctx > _LONGEST,
    }
    for reason, there in at_fault.items():
        if there:
            yield f"proofs about attention alone were wanted, and the network {reason}"


def _of(weights: Weights, name: str, *shape: int) -> np.ndarray:
    """An array in float64, zeros of that shape where it is left out."""
    values = weights.arrays.get(name)
    return np.zeros(shape) if values is None else values.astype(np.float64)


def _norm(values: np.ndarray) -> float:
    """The root of the sum of squares, or more: squares may underflow."""
    return float(np.sqrt((values * values).sum())) * (1 + 2.0**-30) + _UNDERFLOW


def _atoms(weights: Weights) -> tuple[np.ndarray, float]:
    """Token and position together, and the largest sum of the norms of its parts."""
    tokens, places = _of(weights, "embed.W_E"), _of(weights, "pos_embed.W_pos")
    bias = _of(weights, "embed.b_E", tokens.shape[1])
    sums = tokens + bias + places[:, None]
    size = sum(max(map(_norm, rows)) for rows in (tokens, places)) + _norm(bias) + 1
    return np.concatenate([sums, np.ones((*sums.shape[:2], 1))], axis=2), size


def _head(weights: Weights, layer: int, head: int) -> tuple[np.ndarray, float, np.ndarray, float]:
    """A and Z of one head, each with its size."""
    said, at = weights.configuration, f"blocks.{layer}.attn"
    group = head * said.n_key_value_heads // said.n_heads

    def below(part: str, number: int, count: int) -> np.ndarray:
        bias = _of(weights, f"{at}.b_{part}", count, said.d_head)[number]
        return np.vstack([_of(weights, f"{at}.W_{part}")[number], bias])

    query = below("Q", head, said.n_heads)
    key, value = (below(part, group, said.n_key_value_heads) for part in "KV")
    out = _of(weights, f"{at}.W_O")[head]
    move, move_size = value @ out, _norm(value) * _norm(out)
    if head == 0:
        bias = _of(weights, f"{at}.b_O", said.d_model)
        move[-1] += bias
        move_size += _norm(bias)
    score = query @ key.T / said.attn_scale
    score_size = _norm(query) * _norm(key) / said.attn_scale
    return score, score_size, np.pad(move, ((0, 0), (0, 1))), move_size
