"""At which numbers claims may be."""

import math

import pytest

from probbound.check.claims import CLAIM_KINDS, margin_of, wrong_level
from probbound.check.tasks.registry import replay_of
from tests.factories import random_model, weights_of

ALLOWED = {
    "accuracy": [None],
    "margin": [-1.0, 0.0, 2.0],
    "loss": [None, 1e-300, 3.0],
    "kl": [0.0, 2.0],
    "universal": [0.0, 3.0],
}


@pytest.mark.parametrize("kind", CLAIM_KINDS)
def test_a_kind_is_at_numbers_of_its_own(kind):
    for at in ALLOWED[kind]:
        assert not list(wrong_level({"kind": kind, "at": at}))
    refused = {
        "accuracy": [0.0, 1.0],
        "margin": [None],
        "loss": [0.0, -1.0],
        "kl": [None, -1.0],
        "universal": [None, -1.0, 0.5],
    }
    for at in [*refused[kind], math.inf]:
        assert list(wrong_level({"kind": kind, "at": at}))
    assert margin_of({"kind": kind, "at": 2.0}) == (2.0 if kind == "margin" else 0.0)


@pytest.mark.parametrize("kind", ["loss", "kl", "universal"])
def test_pairs_have_no_losses_and_no_divergences(kind):
    claim = {"kind": kind, "at": None, "population": {"sizes": [5, 5], "size": 25}}
    found = " ".join(replay_of("modular-addition").misfits(claim, Reading((2, 5, 5))))
    assert "pairs" in found


@pytest.mark.parametrize(("kind", "at"), [("loss", 0.5), ("kl", 0.5)])
def test_max_of_k_has_its_losses_whole_and_no_divergences(kind, at):
    weights = weights_of(random_model(1))
    vocabulary, length, *_ = weights.sizes
    stated = {"d_vocab": vocabulary, "n_ctx": length, "size": vocabulary**length}
    misfits = replay_of("max-of-k").misfits
    assert len(list(misfits({"kind": kind, "at": at, "population": stated}, weights))) == 1
    assert not list(misfits({"kind": "loss", "at": None, "population": stated}, weights))


class Reading:
    """Weights that say what they read, and no more."""

    def __init__(self, reads):
        self.reads = reads
