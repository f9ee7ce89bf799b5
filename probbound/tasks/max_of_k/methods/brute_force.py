"""The exact number of wrong sequences, by running them all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from probbound.arithmetic.decimals import about
from probbound.arithmetic.operations import floats, integers, operations_each
from probbound.arithmetic.rounding import FLOOR, inflated, ratio_up
from probbound.contract.cost import CostMeter
from probbound.draws.priors import Prior, Whole
from probbound.machine.errors import UserError
from probbound.machine.progress import track
from probbound.models.answering import wrong_from_logits
from probbound.models.attention_only.additive import AdditiveTables, additive_tables, table_flops
from probbound.models.attention_only.evaluation import stored_losses
from probbound.models.attention_only.transformer import AnyArray, Transformer
from probbound.strategies.losses import capped
from probbound.strategies.outcome import Level, Outcome
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.task import MaxOfK

MAX_FLOPS = 10**12
CHUNK_LOGITS = 1 << 24


def brute_force(question: Question, meter: CostMeter) -> Outcome:
    """Every sequence of the population, answered in float64; too close to call is wrong.

    Deterministic; exact but for margins within the rounding error (Theorems 1.1, 1.8 and 5.6).
    Sequences count with their mass (1.10).

    Raises:
        UserError: if it would take more than MAX_FLOPS operations.
    """
    task = question.task
    with all_sequences(question, meter) as tables:
        wrong = count_all_wrong(tables, task.law)
    failure = ratio_up(wrong, task.mass)
    return Outcome(failure, failure, (Level.enumerated("forward pass", failure),))


@contextmanager
def all_sequences(question: Question, meter: CostMeter) -> Iterator[AdditiveTables]:
    """The tables, and the phase in which every sequence is run from them.

    Raises:
        UserError: if it would take more than MAX_FLOPS operations.
    """
    model, task = question.model, question.task
    loss = question.claim.kind == "loss"
    operations = brute_force_flops(model, task, loss=loss) - table_flops(model)
    if operations > MAX_FLOPS:
        raise UserError(
            f"brute force would run {about(task.size)} sequences ({about(operations)} operations, "
            f"the limit is {MAX_FLOPS:.0e}); use a strategy that samples, such as hybrid or iid"
        )
    with meter.phase("tables", "proof", table_flops(model)):
        tables = additive_tables(model, question.claim.margin)
    with meter.phase("all sequences", "proof", operations):
        yield tables


def brute_force_flops(model: Transformer, task: MaxOfK, *, loss: bool = False) -> int:
    """Operations of brute force: the tables, the halves, then whatever is made of all sequences.

    A loss is compared with the largest, weighted and summed.
    """
    h, out = model.n_heads, model.d_vocab_out

    def halves(n: int) -> tuple[Any, ...]:
        sums = floats(1, h, out + 1), floats(n, h, out + 1)
        return *sums, integers(1), integers(n), floats(out), floats()

    each = operations_each(_losses, halves) + 3 if loss else operations_each(_wrong, halves)
    return table_flops(model) + halves_flops(model) + task.size * each


def halves_flops(model: Transformer) -> int:
    """Operations of the sums over either half of the positions, for all last tokens."""
    v, h, out, free = model.d_vocab, model.n_heads, model.d_vocab_out, model.n_ctx - 1
    left, right = free // 2, free - free // 2
    rows = sum(v**n for half in (left, right) for n in range(1, half + 1)) + v**right
    return v * (2 * h * v * out * model.n_ctx + rows * (h * (out + 1) + 2))


def count_all_wrong(tables: AdditiveTables, law: Prior) -> int:
    """The mass of the sequences of max-of-K whose margin is not for sure above the tables'."""
    count = 0
    for wrong, left, right in _all_sequences(tables, law, _wrong):
        rows, columns = np.nonzero(wrong)
        count += int((left[rows] * right[columns]).sum())
    return count


def mean_loss(tables: AdditiveTables, law: Prior, largest: float) -> float:
    """A bound on the mean cross-entropy over the sequences of max-of-K (Theorem 5.13).

    No loss is above `largest`, which is what a loss that is not known counts.
    """
    before = (tables.n_ctx - 1) // 2
    total, rest = float(law.total**before), float(law.total ** (tables.n_ctx - before))
    parts, summed = [], 0
    for loss, left, right in _all_sequences(tables, law, _losses):
        shares = (left / total).astype(float), (right / rest).astype(float)
        parts.append(float(shares[0] @ (capped(loss, largest) @ shares[1])))
        summed = max(summed, len(left) + len(right))
    return min(inflated(math.fsum(parts), summed + 16), largest)


def _all_sequences(
    tables: AdditiveTables, law: Prior, function: Callable[..., Array]
) -> Iterator[tuple[np.ndarray, Whole, Whole]]:
    """A function of every sequence, and the masses of the two halves, in chunks.

    Numerators and normalisers of the attention are sums over positions, so each half of the
    sequence is summed once and only their combinations are formed, in chunks of about
    CHUNK_LOGITS logits.
    """
    lead = np.float64(tables.lead)
    for query in track(range(tables.d_vocab), "running every sequence"):
        sums, labels, masses = _halves(tables, law, query)
        rows = max(1, CHUNK_LOGITS // sums[1].size)
        for at in range(0, len(sums[0]), rows):
            part = slice(at, at + rows)
            halves = (sums[0][part], sums[1], labels[0][part], labels[1])
            with jax.enable_x64(True):
                found = np.asarray(function(*halves, tables.direct[query], lead))
            yield found.reshape(-1, len(sums[1])), masses[0][part], masses[1]


def _halves(
    tables: AdditiveTables, law: Prior, query: int
) -> tuple[list[Float[np.ndarray, "n n_heads channels"]], list[Int[np.ndarray, " n"]], list[Whole]]:
    """For each half of the positions, sums of numerators (and, last, the normaliser), and more.

    With them the largest tokens, and the products of the tokens' weights.
    """
    free = tables.n_ctx - 1
    everything = np.arange(tables.d_vocab)
    positions = [everything] * free + [np.array([query])]
    weights = law.array.astype(law.integers(tables.n_ctx))
    sums, labels, masses = [], [], []
    for half in (range(free // 2), range(free // 2, tables.n_ctx)):
        parts = [_channels(tables, query, p)[positions[p]] for p in half]
        channels = tables.direct.shape[1] + 1
        empty = np.zeros((1, tables.n_heads, channels))
        sums.append(reduce(_outer_sum, parts, empty))
        tokens = [positions[p] for p in half]
        labels.append(reduce(_outer_max, tokens, np.zeros(1, dtype=np.int64)))
        masses.append(reduce(_outer_product, [weights[t] for t in tokens], weights[:1] * 0 + 1))
    return sums, labels, masses


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


def _outer_product(a: Whole, b: Whole) -> Whole:
    return (a[:, None] * b).ravel()


def _scaled_logits(
    left: Float[Array, "a n_heads channels"],
    right: Float[Array, "b n_heads channels"],
    left_labels: Int[Array, " a"],
    right_labels: Int[Array, " b"],
    direct: Float[Array, " d_vocab_out"],
) -> tuple[Float[Array, "n d_vocab_out"], Int[Array, " n"], Float[Array, "n 1"]]:
    """The logits of each combination times a positive number, its label, and the number."""
    total = (left[:, None] + right[None]).reshape(-1, *left.shape[1:])
    labels = jnp.maximum(left_labels[:, None], right_labels[None]).ravel()
    numerators, normalisers = total[..., :-1], total[..., -1:]
    normalisers = jnp.where(normalisers > FLOOR, normalisers, jnp.nan)
    if left.shape[1] == 1:
        scale = normalisers[:, 0]
        return numerators[:, 0] + scale * direct[None], labels, scale
    logits = (numerators / normalisers).sum(axis=1) + direct[None]
    return logits, labels, jnp.ones_like(normalisers[:, 0])


@jax.jit
def _wrong(*halves: Array) -> Bool[Array, " n"]:
    logits, labels, scale = _scaled_logits(*halves[:-1])
    return wrong_from_logits(logits, labels, halves[-1] * scale)


def _losses(*halves: AnyArray | np.floating) -> Float[Array, " n"]:
    return stored_losses(*_logits(*halves[:-1]), halves[-1])


@jax.jit
def _logits(*halves: Array) -> tuple[Float[Array, "n d_vocab_out"], Int[Array, " n"]]:
    logits, labels, scale = _scaled_logits(*halves)
    return logits / scale, labels
