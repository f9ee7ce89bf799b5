"""Numbers that overflow certify nothing, and warn nobody, in the maker and in the checker."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import probbound
from probbound.machine.errors import UserError
from tests.factories import checked, random_model

BASE = random_model(2, d_vocab=4, n_ctx=3, d_model=3, d_head=2, biases=True)
ROWS = np.array([1e-200, 1.0, 1e19, 1e-19])
HOSTILE = {
    "scores of 1e12": replace(BASE, W_Q=1e6 * BASE.W_Q, W_K=1e6 * BASE.W_K),
    "scores of 1000": replace(BASE, W_Q=50 * BASE.W_Q, W_K=50 * BASE.W_K),
    "places of 1e19": replace(BASE, W_pos=1e19 * BASE.W_pos),
    "a scale of 1e-19": replace(BASE, attn_scale=1e-19),
    "tiny": replace(BASE, W_E=1e-300 * BASE.W_E, W_pos=1e-300 * BASE.W_pos),
    "large": replace(BASE, W_E=1e150 * BASE.W_E),
    "rows far apart": replace(BASE, W_E=ROWS[:, None] * BASE.W_E),
    "nothing": replace(BASE, W_U=0 * BASE.W_U, b_U=0 * BASE.b_U),
}
FEW = (
    *("brute-force", "iid", "iid:tables", "cubic", "sub-cubic", "low-rank-qk-eu:svd"),
    *("quadratic-qk-eu:sketch", "entries", "entries:exact", "hybrid", "cascade:sub-cubic", "auto"),
)
CLAIMS = (probbound.Claim(), probbound.Claim("margin", -1e300), probbound.Claim("loss"))


@pytest.mark.parametrize(
    "strategy",
    [*FEW, *(pytest.param(s, marks=pytest.mark.slow) for s in probbound.strategy_names())],
)
@pytest.mark.parametrize("name", HOSTILE)
def test_no_warning_reaches_anybody(name, strategy):
    model = HOSTILE[name]
    task = probbound.task_for(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for claim in CLAIMS:
            settings = {"strategy": strategy, "claim": claim, "budget": 50, "delta": 0.1}
            try:
                made = probbound.certify(model, task, **settings)
            except UserError:
                continue
            checked(made, model)
