"""Every field of a certificate over pairs altered: refused, or shown to be still true."""

from __future__ import annotations

import json

import numpy as np
import pytest

import probbound
from probbound.models.pair_mlp.network import PairMLP
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.group_product.task import GroupProduct
from probbound.tasks.modular_addition.task import ModularAddition
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.check.test_fuzz import run
from tests.probbound.tasks.pairs.networks import waves

QUESTIONS = {
    "brute force": {"strategy": "brute-force"},
    "iid": {"strategy": "iid", "budget": 40, "delta": 0.1, "seed": 3},
    "screen": {"strategy": "low-rank:5"},
    "hybrid": {"strategy": "hybrid:low-rank:5", "budget": 5, "delta": 0.1},
    "hybrid of all": {"strategy": "hybrid:low-rank:5", "budget": 49},
    "cascade": {"strategy": "cascade:low-rank:5", "budget": 9, "delta": 0.1, "beacon": "public"},
    "draws": {"strategy": "cascade:low-rank:5", "budget": 9, "draws": 60, "delta": 0.1},
    "target": {"strategy": "cascade:low-rank:5", "budget": 20, "delta": 0.1, "target": 0.7},
    "gates": {"strategy": "gates:7"},
    "hybrid of gates": {"strategy": "hybrid:gates:7", "budget": 5, "delta": 0.1},
    "cascade of gates": {"strategy": "cascade:gates:7", "budget": 9, "delta": 0.1},
    "frame": {"strategy": "rotating-frame:2"},
    "hybrid of a frame": {"strategy": "hybrid:rotating-frame:1", "budget": 5, "delta": 0.1},
    "cascade of a frame": {"strategy": "cascade:rotating-frame:2", "budget": 9, "delta": 0.1},
    "entries": {"strategy": "entries:6", "budget": 4000, "delta": 0.2},
    "exact noise": {"strategy": "entries:exact:6"},
    "noise by levels": {"strategy": "entries:sums:6"},
    "noise by norms": {"strategy": "entries:norm:6"},
    "norms": {"strategy": "norms", "claim": probbound.Claim("margin", -30.0)},
    "hybrid of norms": {
        "strategy": "hybrid:norms",
        "budget": 9,
        "delta": 0.1,
        "claim": probbound.Claim("margin", -30.0),
    },
    "cascade of integrals": {"strategy": "cascade:integral", "budget": 9, "delta": 0.1},
    "margin": {
        "strategy": "hybrid:low-rank:5",
        "budget": 9,
        "delta": 0.1,
        "claim": probbound.Claim("margin", 0.5),
    },
}

ENUMERATED = (
    *("screen", "hybrid", "gates", "hybrid of gates", "frame", "hybrid of a frame"),
    *("norms", "hybrid of norms"),
)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr("probbound.strategies.on_screens.PILOT_DRAWS", 64)
    monkeypatch.setattr("probbound.check.tasks.pairs.replay.PILOT", 64)
    monkeypatch.setattr("probbound.check.tasks.pairs.inputs.MOST_DRAWS", 1 << 18)


def noisy_waves() -> PairMLP:
    """Of whose pairs the screen leaves some, and the network answers some wrongly."""
    rng = np.random.default_rng(0)
    rows, out = waves(7, (1, 2, 3), 6, rng)
    rows, out = (x + 0.3 * rng.normal(size=x.shape) for x in (rows, out))
    return PairMLP(W_E=rows, W_U=out, b_in=0.1 * rng.normal(size=rows.shape[1]))


@pytest.mark.parametrize("question", QUESTIONS)
def test_altered_fields_are_refused_or_weaker(question):
    model = noisy_waves()
    task = GroupProduct(group_named("c7")) if question == "iid" else ModularAddition(7)
    made = probbound.certify(model, task, **QUESTIONS[question])
    if question in ENUMERATED:
        assert 0 < made.to_json()["levels"][0]["share_upper"] < 1
    run((json.loads(json.dumps(made.to_json())), weights_read(model)), 150, 5)
