"""The number of sequences that are not right for sure, by running them all."""

from __future__ import annotations

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from probbound.additive import AdditiveTables, additive_tables, table_flops
from probbound.cost import CostMeter
from probbound.errors import UserError
from probbound.evaluation import wrong_from_logits
from probbound.models.transformer import Transformer
from probbound.progress import track
from probbound.rounding import FLOOR, ratio_up
from probbound.strategies.outcome import Level, Outcome, Question
from probbound.tasks import MaxOfK

MAX_FLOPS = 10**12
CHUNK_LOGITS = 1 << 24


def brute_force(question: Question, meter: CostMeter) -> Outcome:
    """Every sequence of the population, answered in float64; too close to call is wrong.

    Deterministic; exact but for margins within the rounding error (Theorems 1.1 and 5.6).

    Raises:
        UserError: if it would take more than MAX_FLOPS operations.
    """
    model, size = question.model, question.task.size
    operations = brute_force_flops(model, question.task) - table_flops(model)
    if operations > MAX_FLOPS:
        raise UserError(
            f"brute force would run {size:.3g} sequences ({operations:.2g} operations, the limit "
            f"is {MAX_FLOPS:.0e}); use a strategy that samples, such as hybrid or iid"
        )
    with meter.phase("tables", "proof", table_flops(model)):
        tables = additive_tables(model)
    with meter.phase("all sequences", "proof", operations):
        wrong = count_all_wrong(tables)
    failure = ratio_up(wrong, size)
    return Outcome(failure, failure, (Level.enumerated("forward pass", failure),))


def brute_force_flops(model: Transformer, task: MaxOfK) -> int:
    """Operations of brute force: the tables, then the logits of all sums of two halves."""
    per_logit = 2 * model.n_heads + 2 if model.n_heads > 1 else 3
    return table_flops(model) + task.size * (per_logit * model.d_vocab_out + model.n_heads + 3)


def count_all_wrong(tables: AdditiveTables) -> int:
    """How many of the d_vocab^n_ctx sequences of max-of-K are not answered rightly for sure.

    Numerators and normalisers of the attention are sums over positions, so each half of the
    sequence is summed once and only their combinations are formed, in chunks of about
    CHUNK_LOGITS logits.
    """
    count = 0
    with jax.enable_x64(True):
        for query in track(range(tables.d_vocab), "running every sequence"):
            sums, labels = _halves(tables, query)
            rows = max(1, CHUNK_LOGITS // sums[1].size)
            for at in range(0, len(sums[0]), rows):
                part = slice(at, at + rows)
                direct = tables.direct[query]
                left = sums[0][part], labels[0][part]
                count += int(_count_wrong(*left, sums[1], labels[1], direct, tables.slack))
    return count


def _halves(
    tables: AdditiveTables, query: int
) -> tuple[list[Float[np.ndarray, "n n_heads channels"]], list[Int[np.ndarray, " n"]]]:
    """Sums of numerators (and, last, the normaliser) over each half of the positions."""
    free = tables.n_ctx - 1
    everything = np.arange(tables.d_vocab)
    positions = [everything] * free + [np.array([query])]
    sums, labels = [], []
    for half in (range(free // 2), range(free // 2, tables.n_ctx)):
        parts = [_channels(tables, query, p)[positions[p]] for p in half]
        channels = tables.direct.shape[1] + 1
        empty = np.zeros((1, tables.n_heads, channels))
        sums.append(reduce(_outer_sum, parts, empty))
        tokens = [positions[p] for p in half]
        labels.append(reduce(_outer_max, tokens, np.zeros(1, dtype=np.int64)))
    return sums, labels


def _channels(
    tables: AdditiveTables, query: int, position: int
) -> Float[np.ndarray, "d_vocab n_heads channels"]:
    numerators = tables.value + tables.position[:, position, None]
    weight = tables.pattern[:, query, position, :, None]
    return np.concatenate([weight * numerators, weight], axis=2).swapaxes(0, 1)


def _outer_sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a[:, None] + b).reshape(-1, *a.shape[1:])


def _outer_max(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum(a[:, None], b).ravel()


@jax.jit
def _count_wrong(
    left: Float[Array, "a n_heads channels"],
    left_labels: Int[Array, " a"],
    right: Float[Array, "b n_heads channels"],
    right_labels: Int[Array, " b"],
    direct: Float[Array, " d_vocab_out"],
    slack: Float[Array, ""],
) -> Int[Array, ""]:
    total = (left[:, None] + right).reshape(-1, *left.shape[1:])
    labels = jnp.maximum(left_labels[:, None], right_labels).ravel()
    numerators, normalisers = total[..., :-1], total[..., -1:]
    normalisers = jnp.where(normalisers > FLOOR, normalisers, jnp.nan)
    if left.shape[1] == 1:
        logits = numerators[:, 0] + normalisers[:, 0] * direct
        slack = slack * normalisers[:, 0, 0]
    else:
        logits = (numerators / normalisers).sum(axis=1) + direct
    return wrong_from_logits(logits, labels, slack).sum()
