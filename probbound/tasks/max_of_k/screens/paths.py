"""The paths of a one-head model, each known exactly or up to noise (Theorems 4.4 to 4.7)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.contract.cost import CostMeter
from probbound.models.attention_only.additive import Circuits
from probbound.models.attention_only.transformer import AnyArray, Transformer
from probbound.noise.contract import Quantity, Settings
from probbound.noise.registry import method_named
from probbound.noise.term import NoiseTerm, Reads
from probbound.tasks.max_of_k.screens.split import Matrix, split, split_flops


@dataclass(frozen=True)
class Treatment:
    """Split a path into structure and noise, and bound the noise's row spreads by a method.

    `settings` holds the coins and the δ of a method that uses them.
    """

    method: str
    rank: int
    settings: Settings


@dataclass(frozen=True)
class Known:
    """A matrix M with M[i, j] - known[i, j] in [c_i, c_i + spread[i]] for some c_i, all i and j.

    But for the rounding of products that were multiplied out (Theorem 5.7), and for `error` in
    each entry, the rounding of a split (Theorem 5.8).
    """

    known: Float[np.ndarray, "m n"]
    spread: Float[np.ndarray, " m"]
    error: float = 0.0


def token_scores(
    m: Transformer,
    treatment: Treatment | None,
    meter: CostMeter,
    products: Circuits | None = None,
) -> Known:
    """s(q, t) up to a constant a row: the keys are centred, which moves rows by constants."""
    if treatment is None and products is not None:
        return _exactly(products.token_scores[0])
    chain, extra = _score_chain(m)
    bias = (m.b_Q[0] / m.attn_scale) @ m.W_K[0].T @ chain[-1]
    found = _path("QK", chain, "pairs", treatment, extra, meter)
    return replace(found, known=found.known + bias)


def _score_chain(m: Transformer) -> tuple[list[Matrix], int]:
    """The factors of the scores, and the operations of forming them and adding the bias."""
    keys = m.W_E - m.W_E.mean(axis=0)
    queries = (m.W_E + m.W_pos[-1]) / m.attn_scale
    extra = 4 * keys.size + 2 * (keys.size + m.W_K[0].size) + m.d_vocab**2
    return [np.asarray(f) for f in (queries, m.W_Q[0], m.W_K[0].T, keys.T)], extra


def position_scores(m: Transformer) -> Float[np.ndarray, "d_vocab n_ctx"]:
    """s(q, p), multiplied out from the right: linear in d_vocab."""
    queries = (m.W_E + m.W_pos[-1]) @ (m.W_Q[0] @ (m.W_K[0].T @ m.W_pos.T))
    return np.asarray((queries + m.b_Q[0] @ m.W_K[0].T @ m.W_pos.T) / m.attn_scale)


def position_score_flops(m: Transformer) -> int:
    """Operations of `position_scores`."""
    v, k, d, e = m.d_vocab, m.n_ctx, m.d_model, m.d_head
    return v * d + 2 * k * d * (2 * e + v) + 2 * d * e + 2 * d * k + 2 * v * k


def direct_path(
    m: Transformer,
    treatment: Treatment | None,
    meter: CostMeter,
    products: Circuits | None = None,
) -> tuple[Known, Float[np.ndarray, " d_vocab_out"]]:
    """D(q, ·) as what differs between queries, and the mean over queries with every bias."""
    if treatment is None and products is not None:
        size = m.d_vocab * m.d_vocab_out
        with meter.phase("mean of the direct path", "proof", 2 * size):
            direct = np.asarray(products.direct)
            mean = direct.mean(axis=0)
            return _exactly(direct - mean), mean
    chain, extra = _direct_chain(m)
    bias = (m.b_V @ m.W_O).sum(axis=(0, 1)) + m.b_O + m.W_E.mean(axis=0) + m.W_pos[-1]
    found = _path("direct", chain, "last-row", treatment, extra, meter)
    return found, np.asarray(bias @ m.W_U + m.b_U)


def _direct_chain(m: Transformer) -> tuple[list[Matrix], int]:
    """The factors of what differs between queries; operations of forming them and the mean."""
    extra = 2 * m.W_E.size + 2 * (m.W_U.size + m.W_O.size)
    return [np.asarray(m.W_E - m.W_E.mean(axis=0)), np.asarray(m.W_U)], extra


def path_flops(
    m: Transformer, scores: Treatment | None, direct: Treatment | None, known: bool
) -> int:
    """Operations of `token_scores` and `direct_path` but for bounding noise.

    `known` is whether the products are given.
    """
    total = 2 * m.d_vocab * m.d_vocab_out if known and direct is None else 0
    for treatment, (chain, extra) in ((scores, _score_chain(m)), (direct, _direct_chain(m))):
        if treatment is not None:
            rank = treatment.rank
            width = rank * (len(chain) + 2)
            structure = 2 * chain[0].shape[0] * width * chain[-1].shape[1]
            total += extra + split_flops(chain, rank) + structure
        elif not known:
            total += extra + _product_flops(FactoredMatrix(*chain))
    return total


def _product_flops(product: FactoredMatrix) -> int:
    return product.two_factor_flops() + 2 * product.inner * product.size


def _exactly(matrix: Float[AnyArray, "m n"]) -> Known:
    return Known(np.asarray(matrix), np.zeros(len(matrix)))


def _path(
    name: str,
    chain: Sequence[Matrix],
    reads: Reads,
    treatment: Treatment | None,
    extra: int,
    meter: CostMeter,
) -> Known:
    """The product of a chain; `extra` operations are booked with it."""
    product = FactoredMatrix(*chain)
    if treatment is None:
        with meter.phase(f"{name} multiplied out", "proof", extra + _product_flops(product)):
            return _exactly(product.tile(slice(None), slice(None)))
    started = time.perf_counter()
    parts = split(chain, treatment.rank)
    known = parts.structure
    flops = extra + split_flops(chain, treatment.rank) + parts.structure_flops
    meter.record(f"{name} structure", "proof", flops, time.perf_counter() - started)
    term = NoiseTerm(product, parts.noise, reads=reads)
    quantity = Quantity("largest-row-spread")
    (bound,) = method_named(treatment.method).bounds(term, [quantity], treatment.settings)
    meter.record(f"{name} noise by {treatment.method}", "proof", bound.flops, bound.seconds)
    spread = np.full(product.shape[0], bound.bound) if bound.per_row is None else bound.per_row
    return Known(known, spread, parts.error)
