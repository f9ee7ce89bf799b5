"""How many members a second the checks of max-of-K look at, and the draws themselves.

The forward pass runs on whatever JAX runs on; draws and the copying check are NumPy's, on one core.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import jax

from probbound.draws.random_streams import Stream
from probbound.models.attention_only.additive import circuits
from probbound.models.attention_only.evaluation import ForwardPass
from probbound.models.attention_only.forward_error import logit_slack
from probbound.models.attention_only.transformer import in_float64
from probbound.models.registry import load
from probbound.tasks.max_of_k.screens.sequences import CopyingCheck, SequenceTables
from probbound.tasks.registry import task_for

MODELS = ("max-of-4", "max-of-10", "max-of-4-v1024", "max-of-4-v4096")
DRAWS, RUNS = 1 << 17, 5


def rows() -> list[dict]:
    """One row for each network."""
    return [_row(name) for name in MODELS]


def _row(name: str) -> dict:
    model = load(name)
    task, stream = task_for(model), Stream.from_seed(0)
    members = task.sample(stream, 0, DRAWS)
    forward = ForwardPass.of(model, task)
    slack = logit_slack(model)
    tables = SequenceTables.from_circuits(circuits(in_float64(model)), slack, 0.0)
    copying = CopyingCheck.quadratic(tables)
    passes = _each_second(lambda: forward.uncertified(members))
    return {
        "name": name,
        "device": jax.devices()[0].device_kind,
        "forward passes/s": passes,
        "GFLOP/s": passes * forward.flops / 1e9,
        "draws/s": _each_second(lambda: task.sample(stream, 0, DRAWS)),
        "copying checks/s": _each_second(lambda: copying.uncertified(members)),
    }


def _each_second(run: Callable[[], object]) -> float:
    """The median of RUNS, after one that compiles."""
    run()
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return DRAWS / statistics.median(seconds)
