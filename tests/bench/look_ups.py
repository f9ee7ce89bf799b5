"""One sequence of induction by look-ups (10.10), by pre-multiplied tables, and by a forward pass.

In chunks of the size that suits each best: look-ups in those that they choose themselves, the two
others in the fastest of a few. Tables are made before the clock runs. Times are of the processor;
`left` is the share of draws that look-ups do not prove, the last three columns are ratios to them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from probbound.draws.random_streams import Stream
from probbound.models.registry import load
from probbound.models.transformer.attention_alone.factored import Factored
from probbound.models.transformer.attention_alone.factored import operations as of_look_ups
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.running import outcomes
from probbound.tasks.induction.task import Induction, matched
from tests.probbound.models.transformer.attention_alone.tabled import Tabled, operations

MODELS = ("induction-v16", "induction-v32", "induction-v64")
SHARE_OF, LOOKED_UP, RUN, ROUNDS = 1 << 20, 1 << 16, 1 << 12, 15
CHUNKS = tuple(1 << k for k in range(7, 13))


def rows() -> list[dict]:
    """One row for each network."""
    return [_row(name) for name in MODELS]


def _row(name: str) -> dict:
    model = load(name)
    form, n, v = form_of(model), model.n_ctx, model.d_vocab
    members = Induction(v, n).sample(Stream.from_seed(0), 0, SHARE_OF)
    started = time.process_time()
    look_ups, tables = Factored(form).tables(), Tabled(form)
    made = time.process_time() - started
    tabled, passes = members[:RUN], partial(outcomes, model)
    seconds = _alternating(
        {
            "look-ups": (lambda part: look_ups.right(part, matched(part)), members[:LOOKED_UP], 0),
            "tables": (tables.outcomes, tabled, _best(tables.outcomes, tabled)),
            "forward": (passes, tabled, _best(passes, tabled)),
        }
    )
    return {
        "name": name,
        "left": int((~look_ups.right(members, matched(members))).sum()) / SHARE_OF,
        "made in, s": made,
        "operations": of_look_ups(n),
        "µs": 1e6 * seconds["look-ups"],
        "tables, µs": 1e6 * seconds["tables"],
        "forward, µs": 1e6 * seconds["forward"],
        "tables: operations": operations(n, v) / of_look_ups(n),
        "tables: time": seconds["tables"] / seconds["look-ups"],
        "forward: time": seconds["forward"] / seconds["look-ups"],
    }


Run = Callable[[np.ndarray], object]


def _best(run: Run, members: np.ndarray) -> int:
    """The size of chunks in which it is fastest."""
    found = {}
    for chunk in CHUNKS:
        _once(run, members, chunk)
        found[chunk] = min(_once(run, members, chunk) for _ in range(3))
    return min(found, key=found.__getitem__)


def _alternating(runs: dict[str, tuple[Run, np.ndarray, int]]) -> dict[str, float]:
    """Seconds a sequence, the median of ROUNDS, each of which runs all of them in turn."""
    seconds: dict[str, list[float]] = {each: [] for each in runs}
    for _ in range(ROUNDS):
        for each, (run, members, chunk) in runs.items():
            seconds[each].append(_once(run, members, chunk or len(members)) / len(members))
    return {each: statistics.median(found) for each, found in seconds.items()}


def _once(run: Run, members: np.ndarray, chunk: int) -> float:
    started = time.process_time()
    for at in range(0, len(members), chunk):
        run(members[at : at + chunk])
    return time.process_time() - started
