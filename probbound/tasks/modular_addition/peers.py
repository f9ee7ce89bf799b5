"""Networks of modular addition that others trained, folded where their form allows it.

Those of fjzzq2002/pizza: one layer of attention that is nearly uniform, or none, and one of ReLU,
read at the last of two positions. Each head attends to token q by c · softmax + (1 - c), not
divided by the number of tokens. Weights go by the older names of TransformerLens, transposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import gamma, inflated
from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import PairMLP
from probbound.noise.norms import lengths_upper, norm_product, row_errors
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.folding import folded

Weights = Mapping[str, np.ndarray]
_BLOCK = "blocks.0."
_WITH_ATTENTION = frozenset(
    [
        *("embed.W_E", "pos_embed.W_pos", "unembed.W_U"),
        *(f"{_BLOCK}attn.{name}" for name in ("W_K", "W_Q", "W_V", "W_O", "mask")),
        *(f"{_BLOCK}mlp.{name}" for name in ("W_in", "b_in", "W_out", "b_out")),
    ]
)
_WITHOUT = frozenset(("embed.weight", "l1.weight", "l1.bias", "unembed.weight"))
_SETTINGS = frozenset(
    [
        *("C", "model_type", "n_vocab", "n_heads", "d_model", "d_hidden", "n_layers", "act_fn"),
        *("attention_dir", "attn_coeff", "diff_vocab", "eqn_sign"),
        *("name", "funcs", "func", "runid", "epoch", "batch_size", "lr", "weight_decay", "frac"),
    ]
)


@dataclass(frozen=True)
class Rows:
    """Rows, and how far each is from what is meant."""

    values: Float[np.ndarray, "n k"]
    error: Float[np.ndarray, " n"]


def folded_peer(weights: Weights, told: Mapping[str, Any]) -> Folded:
    """A network of theirs with the answers a + b mod C; attention is in the errors (8.14).

    Raises:
        UserError: naming what of it cannot be folded.
    """
    classes = told["C"]
    table = ModularAddition(classes).table
    alone = told.get("model_type") == "D"
    _require_known("settings", told, _SETTINGS)
    _require_known("weights", weights, _WITHOUT if alone else _WITH_ATTENTION)
    if alone:
        return folded(without_attention(weights), table)
    if told.get("act_fn") != "ReLU" or told.get("n_layers") != 1:
        raise UserError(
            f"only one layer of ReLU is folded, got {told.get('n_layers')} of {told.get('act_fn')}"
        )
    if told.get("eqn_sign"):
        raise UserError("a network that is read at an equals sign is not folded")
    return _with_attention(_Parts.of(weights, told), float(told["attn_coeff"]), table)


def _require_known(what: str, found: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuse what would be passed over, and another network folded."""
    if unknown := sorted(set(found) - known):
        raise UserError(f"{what} that are not known of such a network: {', '.join(unknown)}")


def without_attention(weights: Weights) -> PairMLP:
    """Their model D: both embeddings side by side into one layer of ReLU."""
    into = np.asarray(weights["l1.weight"], np.float64)
    half = into.shape[1] // 2
    return PairMLP(
        W_E=np.asarray(weights["embed.weight"], np.float64),
        W_in=into[:, :half].T,
        W_in2=into[:, half:].T,
        b_in=np.asarray(weights["l1.bias"], np.float64),
        W_U=np.asarray(weights["unembed.weight"], np.float64).T,
        name="peer",
    )


@dataclass(frozen=True)
class _Parts:
    """Embeddings of both positions, OV of every head in two factors, and what reads the stream."""

    first: Float[np.ndarray, "n d"]
    second: Float[np.ndarray, "n d"]
    values: tuple[Float[np.ndarray, "d e"], ...]
    outputs: tuple[Float[np.ndarray, "e d"], ...]
    into: Float[np.ndarray, "d m_d"]
    bias: Float[np.ndarray, " m"]
    out: Float[np.ndarray, "m d"]
    out_bias: Float[np.ndarray, " d"]
    unembed: Float[np.ndarray, "d classes"]

    @classmethod
    def of(cls, weights: Weights, told: Mapping[str, Any]) -> _Parts:
        """Of a state dict; the operands have tokens of their own if `diff_vocab`."""
        w = {name: np.asarray(x, np.float64) for name, x in weights.items()}
        n, shift = told["C"], told["C"] * bool(told.get("diff_vocab"))
        tokens, places = w["embed.W_E"].T, w["pos_embed.W_pos"]
        heads = w[f"{_BLOCK}attn.W_V"]
        width = heads.shape[1]
        mixed = w[f"{_BLOCK}attn.W_O"].T
        into = w[f"{_BLOCK}mlp.W_in"].T
        return cls(
            first=tokens[:n] + places[0],
            second=tokens[shift : shift + n] + places[1],
            values=tuple(head.T for head in heads),
            outputs=tuple(mixed[h * width : (h + 1) * width] for h in range(len(heads))),
            into=np.hstack([into, np.eye(len(into))]),
            bias=w[f"{_BLOCK}mlp.b_in"],
            out=w[f"{_BLOCK}mlp.W_out"].T,
            out_bias=w[f"{_BLOCK}mlp.b_out"],
            unembed=w["unembed.W_U"][:, :n],
        )


def _with_attention(parts: _Parts, coefficient: float, table: np.ndarray) -> Folded:
    """Every head attends by 1 - c/2 to both, and is off by at most c/2 of their difference."""
    if not 0 <= coefficient <= 1:
        raise UserError(f"attn_coeff must lie between 0 and 1, got {coefficient}")
    even = 1 - coefficient / 2
    gates = len(parts.bias)
    first, second = (_attended(parts, rows, even) for rows in (parts.first, parts.second))
    own = _product(parts.second, parts.into)
    bias = np.append(parts.bias, np.zeros(parts.into.shape[1] - gates))
    own = _sum(_sum(second, own), Rows(bias[None] + 0 * own.values, np.zeros(len(own.error))))
    loose = [
        inflated(coefficient / 2 * _reach(parts, rows), 4) for rows in (parts.first, parts.second)
    ]
    through = _product(parts.unembed.T, parts.out.T)
    classes = _product(parts.unembed.T, parts.out_bias[:, None])
    return Folded.of(
        *(first.values[:, :gates], own.values[:, :gates], through.values.T, table),
        bias=classes.values[:, 0],
        skip=(first.values[:, gates:], own.values[:, gates:], parts.unembed),
        first_error=inflated(first.error + loose[0], 1),
        second_error=inflated(own.error + loose[1], 1),
        out_error=inflated(through.error + classes.error, 1),
    )


def _attended(parts: _Parts, rows: Float[np.ndarray, "n d"], even: float) -> Rows:
    """What a token adds through all heads that attend to it evenly."""
    heads = [
        _product(rows, value, output, parts.into)
        for value, output in zip(parts.values, parts.outputs, strict=True)
    ]
    total = heads[0]
    for head in heads[1:]:
        total = _sum(total, head)
    values = even * total.values
    return Rows(values, inflated(even * total.error + gamma(4) * lengths_upper(values), 4))


def _reach(parts: _Parts, rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """Σ over heads of the length of what a token adds through each, rounded up."""
    heads = (
        _product(rows, value, output, parts.into)
        for value, output in zip(parts.values, parts.outputs, strict=True)
    )
    lengths = [inflated(lengths_upper(head.values) + head.error, 1) for head in heads]
    return inflated(np.sum(lengths, axis=0), len(lengths))


def _product(rows: Float[np.ndarray, "n k"], *factors: np.ndarray) -> Rows:
    """rows · factors in order; the rows themselves are a sum that was rounded once."""
    chain = FactoredMatrix(rows, *factors)
    values = rows
    for factor in factors:
        values = values @ factor
    return Rows(values, inflated(row_errors(chain) + gamma(2) * norm_product(chain), 2))


def _sum(one: Rows, other: Rows) -> Rows:
    values = one.values + other.values
    return Rows(values, inflated(one.error + other.error + gamma(1) * lengths_upper(values), 3))
