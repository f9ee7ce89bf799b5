"""Whole rows, drawn uniformly and evaluated exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from estimators import mean, proportion
from probbound.arithmetic.factored import FactoredMatrix
from probbound.machine.parallel import parallel_map
from probbound.noise.contract import Method, NoiseBound, Quantity, Settings
from probbound.noise.sampled.answers import Work, share_up
from probbound.noise.sampled.draws import distinct
from probbound.noise.term import NoiseTerm

_BLOCK_BYTES = 1 << 23
METHOD = "rows"


def _run(term: NoiseTerm, quantities: Sequence[Quantity], settings: Settings) -> list[NoiseBound]:
    """Rows drawn without replacement, as many as the budget of entries pays (Theorem 3.22)."""
    started = time.perf_counter()
    noise = term.remainder
    (m, n), error = noise.shape, noise.entry_error()
    count = min(settings.budget // n, m)
    drawn = distinct(settings.stream.fold_in(METHOD), count, m)
    two_factor = noise.two_factor()
    block = max(1, _BLOCK_BYTES // (8 * n))
    blocks = [drawn[at : at + block] for at in range(0, count, block)]
    seen = list(
        parallel_map(lambda at: _measured(two_factor, at, term, quantities, error), blocks, "rows")
    )
    flops = noise.two_factor_flops() + (2 * noise.inner + 3) * count * n
    flops += noise.entry_error_flops()
    work = Work(METHOD, settings.log_delta, count * n, flops, time.perf_counter() - started)
    rows = []
    for place, quantity in enumerate(quantities):
        values = np.concatenate([np.empty(0), *(part[place] for part in seen)])
        bound = _bound(term, quantity, values, m, settings.log_delta)
        rows.append(
            work.answer(quantity, bound, certain=count == m, detail=f"{count:,} of {m:,} rows")
        )
    return rows


def _measured(
    two_factor: FactoredMatrix,
    rows: Int[np.ndarray, " n"],
    term: NoiseTerm,
    quantities: Sequence[Quantity],
    error: float,
) -> list[Float[np.ndarray, " n"]]:
    """A number in [0, 1] for each row and quantity, never below what exact arithmetic gives."""
    left, right = two_factor.factors
    values = left[rows] @ right
    found = []
    for quantity in quantities:
        threshold = quantity.threshold or 0.0
        if quantity.name == "row-spread-share":
            spread = values.max(axis=1) - values.min(axis=1)
            found.append(~((spread + 2 * error) * (1 + 1e-15) <= threshold) * 1.0)
            continue
        above = ~(np.abs(values) + error <= threshold)
        share = np.count_nonzero(above, axis=1) / values.shape[1]
        if quantity.name == "input-share":
            own = above[np.arange(len(rows)), rows] if term.reads == "pairs" else None
            share = _input_share(term, quantity, share, own)
        found.append(share)
    return found


def _input_share(
    term: NoiseTerm,
    quantity: Quantity,
    share: Float[np.ndarray, " n"],
    own: np.ndarray | None,
) -> Float[np.ndarray, " n"]:
    """Given a row's share of large entries: of the inputs that read this row, how many meet one.

    With `reads` pairs the row is that of the last token; the other tokens are independent.
    """
    if own is None:
        return (share > 0) * 1.0
    others = -np.expm1(((quantity.n_ctx or 1) - 1) * np.log1p(-np.minimum(share, 1 - 2.0**-53)))
    return np.where(own | (share == 1), 1.0, np.minimum(others * (1 + 1e-14), 1.0))


def _bound(
    term: NoiseTerm,
    quantity: Quantity,
    values: Float[np.ndarray, " n"],
    population: int,
    log_delta: float,
) -> float:
    marks_rows = quantity.name == "row-spread-share"
    if marks_rows or (quantity.name == "input-share" and term.reads != "pairs"):
        marked = int(values.sum())
        found = proportion.hypergeometric(
            marked, len(values), population, log_delta=log_delta, side="upper"
        )
        upper = share_up(float(found.upper), population)
    else:
        found = mean.betting(values, log_delta=log_delta, side="upper", population=population)
        upper = float(found.upper)
    if quantity.name == "input-share" and term.reads == "rows" and upper < 1:
        length = quantity.n_ctx or 1
        return min(1.0, -math.expm1(length * math.log1p(-upper)) * (1 + 1e-14))
    return upper


ROWS = Method(
    METHOD, "samples", frozenset(("share-above", "row-spread-share", "input-share")), _run
)
