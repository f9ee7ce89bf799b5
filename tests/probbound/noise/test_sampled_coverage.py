"""Every sampled method on every kind of planted noise: violated no more often than δ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from probbound.draws.random_streams import Stream
from probbound.noise.contract import Quantity, Settings
from probbound.noise.planted import KINDS, planted
from probbound.noise.sampled import SAMPLED
from tests.estimators import coverage

ROWS, INNER, DELTA, BUDGET, N_CTX = 40, 4, 0.1, 600, 3
QUANTITIES = (
    Quantity("mean"),
    Quantity("rms"),
    Quantity("share-above", threshold=2.0),
    Quantity("quantile", level=0.9),
    Quantity("row-spread-share", threshold=6.0),
    Quantity("row-norms"),
    Quantity("largest-row-spread"),
    Quantity("largest-entry"),
    Quantity("spectral-norm"),
    Quantity("frobenius-norm"),
    Quantity("input-share", threshold=2.0, n_ctx=N_CTX),
)


def _truths(noise: np.ndarray) -> dict[str, Any]:
    size, spread = np.abs(noise), np.ptp(noise, axis=1)
    above = size > 2.0
    others = (1 - above.mean(axis=1)) ** (N_CTX - 1)
    return {
        "mean": noise.mean(),
        "rms": math.sqrt((noise**2).mean()),
        "share-above": above.mean(),
        "quantile": np.quantile(size, 0.9, method="inverted_cdf"),
        "row-spread-share": (spread > 6.0).mean(),
        "row-norms": np.linalg.norm(noise, axis=1).max(),
        "largest-row-spread": spread.max(),
        "largest-entry": size.max(),
        "spectral-norm": np.linalg.norm(noise, 2),
        "frobenius-norm": np.linalg.norm(noise),
        "input-share": np.where(np.diag(above), 1.0, 1 - others).mean(),
    }


@pytest.mark.parametrize("replicates", [25, pytest.param(1_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_coverage(kind, replicates):
    term = planted(kind, ROWS, ROWS, INNER, seed=3)
    truths = _truths(np.linalg.multi_dot([*term.remainder.factors, np.eye(ROWS)]))
    missed: dict[tuple[str, str], int] = {}
    shares: dict[str, list[float]] = {}
    for seed in range(replicates):
        settings = Settings(Stream.from_seed(seed), BUDGET, math.log(DELTA))
        for method in SAMPLED:
            asked = [q for q in QUANTITIES if q.name in method.quantities]
            for row in method.bounds(term, asked, settings):
                truth = truths[row.quantity.name]
                key = (row.method, row.quantity.name)
                wrong = row.bound < truth - 1e-9 * max(1.0, abs(truth))
                missed[key] = missed.get(key, 0) + bool(wrong)
                if row.quantity.name == "share-above":
                    shares.setdefault(row.method, []).append(row.bound - truth)
    for count in missed.values():
        coverage.check(count, replicates, DELTA)
    for method, widths in shares.items():
        coverage.check_not_vacuous(np.array(widths), 0.5 if method == "rows" else 0.2)


def test_a_deterministic_answer_is_never_wrong():
    for kind in KINDS:
        term = planted(kind, ROWS, ROWS, INNER, seed=4)
        truths = _truths(np.linalg.multi_dot([*term.remainder.factors, np.eye(ROWS)]))
        settings = Settings(Stream.from_seed(0), 2_000, math.log(1e-6))
        for method in SAMPLED:
            asked = [q for q in QUANTITIES if q.name in method.quantities]
            for row in method.bounds(term, asked, settings):
                if row.log_delta == -math.inf and row.quantity.name != "input-share":
                    assert row.bound == pytest.approx(truths[row.quantity.name], rel=1e-6)
