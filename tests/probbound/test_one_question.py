"""A setting decides something beside the seed, or has no part in it (Theorem 6.1).

Every strategy is asked under the same coins with one setting changed. Where no answer differs, the
two forms are one question: they must have one seed, or be refused.
"""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

import probbound
from probbound.certificate import Certificate
from probbound.check.judge import derived_seed, judge
from probbound.check.replay import DEFAULT_POINTS
from probbound.cli.verify import weights_of
from probbound.errors import UserError
from probbound.priors import ROUNDED_BITS
from probbound.strategies.registry import AUTO
from tests.factories import random_model
from tests.forgeries import resealed

MODEL = random_model(4, d_vocab=4, n_ctx=3, d_model=3, d_head=2)
STRATEGIES = (*probbound.strategy_names(), AUTO)
BASE = {"budget": 60, "delta": 0.2}
COINS = (1, 2, 3)
CHANGES = {
    "budget": {"budget": 61},
    "delta": {"delta": 0.21},
    "grid points": {"grid_points": 50},
    "default grid points": {"grid_points": DEFAULT_POINTS},
    "target": {"target": 0.9},
    "draws": {"draws": 70},
    "stopped at": {"stopped_at": 40},
    "operations": {"budget_flops": 1e5},
    "separate paths": {"paths": "separate"},
    "joint paths": {"paths": "joint"},
    "margin 0": {"claim": probbound.Claim("margin", 0.0)},
    "margin -0": {"claim": probbound.Claim("margin", -0.0)},
    "equal weights": {"prior": probbound.Prior((2, 2, 2, 2))},
    "equal weights, rounded": {"prior": probbound.Prior((1, 1, 1, 1), ROUNDED_BITS)},
}
TRIES = {"budget", "delta", "grid points", "default grid points", "target", "draws", "joint paths"}


def ask(strategy: str, seed: int | None, changes: dict) -> Certificate | None:
    """None where it is refused."""
    settings = {**BASE, **changes}
    task = probbound.MaxOfK(MODEL.d_vocab, MODEL.n_ctx, settings.pop("prior", None))
    try:
        return probbound.certify(MODEL, task, strategy=strategy, seed=seed, **settings)
    except UserError:
        return None


def answer(made: Certificate) -> tuple:
    """All that was found, without what was asked."""
    return made.bound, made.levels, made.sampling, made.ledger, made.loss


def seeds(made: Certificate, again: Certificate) -> set[int]:
    """Of two certificates, by the maker and by the checker, which accepts both."""
    found = set()
    for one in (made, again):
        stored = resealed(one.to_json())
        report = judge(stored, weights_of(MODEL))
        assert report.holds, report.refused
        found |= {one.seed.value, derived_seed(stored)}
    return found


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_changes_nothing_does_not_change_the_seed(strategy):
    before = {seed: ask(strategy, seed, {}) for seed in COINS}
    if before[1] is None:
        pytest.skip("refused")
    answers = {seed: answer(made) for seed, made in before.items()}
    tossed = len({repr(found) for found in answers.values()}) > 1
    for name, changes in CHANGES.items():
        after = {seed: ask(strategy, seed, changes) for seed in COINS}
        if None in after.values():
            assert set(after.values()) == {None}
            continue
        same = all(answer(made) == answers[seed] for seed, made in after.items())
        if not (same and tossed):
            continue
        found = seeds(ask(strategy, None, {}), ask(strategy, None, changes))
        assert len(found) == 1 or name in TRIES, (strategy, name)
