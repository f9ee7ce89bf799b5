"""A forged number over pairs keeps nobody busy for longer than he wants."""

from __future__ import annotations

import copy
import time
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import probbound
from probbound.check.judge import derived_seed, judge
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.registry import room_named
from tests.forgeries import resealed
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.models.pair_mlp.networks import random_network

JUDGE = import_module("probbound.check.judge")
LONGEST = 3.0  # seconds
STRATEGIES = (
    *("iid", "hybrid:low-rank:3", "cascade:low-rank:3", "brute-force"),
    *("gates:3", "hybrid:gates:3", "cascade:gates:3"),
    *("rotating-frame:2", "cascade:rotating-frame:1"),
    *("entries:3", "entries:row-max:3", "norms", "cascade:integral"),
)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("number", [1 << 36, 1 << 40, 10**300, 10**400])
def test_no_forged_number_keeps_the_checker_busy(strategy, number, monkeypatch):
    monkeypatch.setattr(JUDGE, "MOST_OPERATIONS", 2e8)
    model = random_network("biased", 4, 5, np.float64)
    drawn = room_named("modular-addition").uses(strategy).chance
    given: dict[str, Any] = {"budget": 40, "delta": 0.1} if drawn else {}
    made = probbound.certify(model, ModularAddition(5), strategy=strategy, **given).to_json()
    for place in ("budget", "draws", "stopped_at", "levels", "waves", "beside", "rank"):
        forged = copy.deepcopy(made)
        for asked in (forged, forged["ran"]):
            if place == "budget" and asked["budget"] is not None:
                asked["budget"] = number
            law = asked["recipe"]["law"] or {}
            if place == "draws" and "draws" in law:
                law["draws"] = number
            for level in asked["recipe"]["levels"]:
                if place in level:
                    level[place] = number
        if place == "stopped_at":
            forged["stopped_at"] = number
        forged["sampling"] = forged["sampling"] | {"draws": number, "samples": number}
        forged["seed"] = derived_seed(forged)
        start = time.thread_time()
        assert not judge(resealed(forged), weights_read(model)).holds
        assert time.thread_time() - start < LONGEST
