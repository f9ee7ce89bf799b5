"""What a unit of work costs in the currency of a budget: operations, or seconds here and now."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from probbound.draws.random_streams import Stream
from probbound.models.attention_only.evaluation import wrong_answers
from probbound.models.attention_only.transformer import Transformer, forward_flops, in_float64
from probbound.tasks.max_of_k.screens.sequences import AdditiveCheck, CopyingCheck, SequenceTables
from probbound.tasks.max_of_k.task import MaxOfK

TIMED_PASSES, TIMED_ROWS = 1 << 12, 256


@dataclass(frozen=True)
class Prices:
    """What an operation of each kind of work costs, `noise` that of evaluating its entries.

    In operations every price is one; in seconds it is one over a measured rate.
    """

    proof: float
    forward: float
    cheap: float
    noise: float


def prices_in_flops() -> Prices:
    """Every operation costs one."""
    return Prices(1.0, 1.0, 1.0, 1.0)


def prices_in_seconds(model: Transformer, task: MaxOfK, seed: int) -> Prices:
    """Seconds an operation of each kind takes on this machine, timed on a small piece of each."""
    stream = Stream.from_seed(seed).fold_in("timing")
    tokens = task.sample(stream, 0, TIMED_PASSES)
    wrong_answers(model, task, tokens)
    forward = _seconds(lambda: wrong_answers(model, task, tokens))
    tables = SequenceTables.of(model)
    copying = CopyingCheck.quadratic(tables)
    many = task.sample(stream, 0, 1 << 15)
    cheap = _seconds(lambda: copying.uncertified(many))
    additive = AdditiveCheck(tables)
    few = many[:1024]
    proof = _seconds(lambda: additive.uncertified(few))
    exact = in_float64(model)
    rows, outputs = np.asarray(exact.W_E[:TIMED_ROWS]), np.asarray(exact.W_U)
    (rows @ outputs).max(axis=1)
    noise = _seconds(lambda: (rows @ outputs).max(axis=1))
    return Prices(
        proof=proof / (len(few) * additive.flops),
        forward=forward / (len(tokens) * forward_flops(model)),
        cheap=cheap / (len(many) * copying.flops),
        noise=noise / (rows.size * 2 * outputs.shape[1]),
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
