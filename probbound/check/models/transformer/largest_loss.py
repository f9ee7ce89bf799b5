"""What no loss of a transformer exceeds, whatever it reads (Theorem 9.10)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from probbound.check.models.transformer.configuration import NONE, Configuration
from probbound.check.models.transformer.weights import Weights

_LEAST_MORE = 2.0**-20
_COLUMNS = 1 << 12


class _Answers(NamedTuple):
    """Of every answer j ν_j, c_j and ‖W_U·j‖, (n,), and the sizes that c is made of."""

    reach: np.ndarray
    middle: np.ndarray
    lengths: np.ndarray
    bias: float
    answer_bias: float


def largest_loss(weights: Weights) -> float:
    """C in nats, infinite if neither a cap of the outcomes nor a last norm bounds losses."""
    said = weights.configuration
    bounds = [math.inf]
    if said.logit_cap is not None:
        bounds.append(_raised(2 * said.logit_cap + math.log(said.d_out), 1.0))
    if (name := _last_norm(said)) is not None:
        with np.errstate(all="ignore"):
            bounds.append(_behind(_answers(weights, name), said.d_model))
    return min(bound for bound in bounds if not math.isnan(bound))


def _behind(answers: _Answers, width: int) -> float:
    """C from what a vector of norm at most √width can make of the answers."""
    reach, middle = math.sqrt(width) * answers.reach, answers.middle
    highest = (reach + middle).max()
    everything = highest + np.log(np.exp(reach + middle - highest).sum())
    sizes = 1 + reach.max() + np.abs(middle).max()
    sizes += answers.bias * answers.lengths.max() + answers.answer_bias
    return _raised(float((reach - middle).max() + everything), float(sizes))


def _raised(bound: float, sizes: float) -> float:
    """By more than the rounding of numbers of such sizes."""
    return bound * (1 + _LEAST_MORE) + _LEAST_MORE * sizes


def _answers(weights: Weights, norm: str) -> _Answers:
    said, arrays = weights.configuration, weights.arrays
    weight = arrays.get(f"{norm}.w", np.ones(said.d_model)).astype(np.float64)
    bias = arrays.get(f"{norm}.b", np.zeros(said.d_model)).astype(np.float64)
    length = float(np.linalg.norm(bias))
    if said.head == NONE:
        return _Answers(np.abs(weight), bias, np.ones(said.d_model), length, 0.0)
    matrix = arrays["unembed.W_U"]
    answer_bias = arrays.get("unembed.b_U", np.zeros(said.d_out)).astype(np.float64)
    parts = [
        _of_columns(matrix[:, at : at + _COLUMNS].astype(np.float64), weight, bias)
        for at in range(0, said.d_out, _COLUMNS)
    ]
    reach, middle, lengths = (np.concatenate(part) for part in zip(*parts, strict=True))
    answer_size = float(np.abs(answer_bias).max())
    return _Answers(reach, middle + answer_bias, lengths, length, answer_size)


def _of_columns(
    columns: np.ndarray, weight: np.ndarray, bias: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    reach = np.linalg.norm(weight[:, None] * columns, axis=0)
    return reach, bias @ columns, np.linalg.norm(columns, axis=0)


def _last_norm(said: Configuration) -> str | None:
    """The norm whose outcome, and nothing else, the answers are made of."""
    if said.head == "masked":
        return "head.ln"
    if said.final_norm:
        return "ln_final"
    if said.norm == NONE:
        return None
    if said.n_layers == 0:
        return "embed.ln" if said.embedding_norm else None
    if said.norm_place == "post":
        return f"blocks.{said.n_layers - 1}.{'ln2' if said.d_mlp else 'ln1'}"
    return None
