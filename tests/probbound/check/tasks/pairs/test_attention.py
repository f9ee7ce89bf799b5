"""Nearly even attention to the checker: folded apart from the maker, and nothing wrong passes."""

import json
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

import probbound
from probbound.check import Unusable, read_weights
from probbound.check.models.registry import kind_named
from probbound.check.tasks.pairs.kinds import KINDS
from probbound.machine.errors import UserError
from probbound.models.registry import room_of
from probbound.models.store import digest, read_model
from probbound.models.uniform_pair.network import logits
from probbound.models.uniform_pair.stating import configuration_of
from tests.probbound.models.uniform_pair.networks import adding

PAIRS = np.argwhere(np.ones((7, 7)))
LABELS = PAIRS.sum(axis=1) % 7


def read_by_the_checker(model, folder):
    probbound.save_model(model, folder / "m.safetensors")
    return read_weights(folder / "m.safetensors")


def networks():
    for seed in range(8):
        for coefficient in (0.0, 0.004, 0.05, 1.0):
            soft = adding(coefficient=coefficient, noise=0.03 * seed, seed=seed)
            yield from (soft, replace(soft, W_Q=1e3 * soft.W_Q))


def test_no_pair_that_is_wrong_with_its_attention_passes(tmp_path):
    passed = 0
    for margin in (0.0, 0.7):
        for model in networks():
            weights = read_by_the_checker(model, tmp_path)
            kind = KINDS[weights.kind]
            network = kind_named(weights.kind).subject(weights, margin, np.inf)
            wrong = kind.wrong(network, lambda of=weights, kind=kind: kind.folded(of))
            left = wrong(PAIRS, LABELS)
            found = logits(model, PAIRS, np.float64)
            np.testing.assert_allclose(network.logits(PAIRS), found, atol=1e-9)
            own = found[np.arange(49), LABELS].copy()
            found[np.arange(49), LABELS] = -np.inf
            assert not (~left & ~(own - found.max(axis=1) > margin)).any()
            passed += int((~left).sum())
    assert passed > 1000


@pytest.mark.parametrize("own", [True, False])
def test_rows_are_no_further_off_than_is_said(tmp_path, own):
    """Of the logits with attention: no margin is below that of what is folded by more than κ."""
    for model in networks():
        told = model if own else replace(model, W_E2=None)
        weights = read_by_the_checker(told, tmp_path)
        folded = KINDS[weights.kind].folded(weights)
        a, b = PAIRS.T
        mine = folded.features(a, b) @ folded.out
        theirs = logits(told, PAIRS, np.float64)
        gaps = mine - mine[np.arange(49), LABELS][:, None]
        true = theirs - theirs[np.arange(49), LABELS][:, None]
        kappa = folded.off_first[a] + folded.off_second[b]
        assert (np.abs(gaps - true).max(axis=1) <= kappa + 1e-9).all()


def test_two_readers_never_read_two_networks(tmp_path):
    counts: Counter[str] = Counter()
    for seed in range(300):
        rng = random.Random(seed)
        model = adding(coefficient=rng.choice([0.0, 0.25, 1.0]), seed=seed)
        arrays = {n: np.asarray(x) for n, x in room_of(model).arrays(model).items()}
        said = configuration_of(model)
        if rng.random() < 0.5:
            name = rng.choice(sorted(said))
            said[name] = rng.choice([None, True, 1, -0.5, "relu", 7])
        if rng.random() < 0.2:
            said.pop(rng.choice(sorted(said)))
        if rng.random() < 0.2:
            arrays.pop(rng.choice(sorted(arrays)))
        if rng.random() < 0.1:
            arrays["W_skip"] = np.ones((2, 2))
        texts = {"format": "probbound-model/2", "network": "uniform-pair"}
        if rng.random() < 0.1:
            texts["note"] = "x"
        texts["config"] = json.dumps(said)
        save_file(
            {n: np.ascontiguousarray(x) for n, x in arrays.items()},
            tmp_path / "m.safetensors",
            texts,
        )
        read = {}
        for side, reader, refusal in (
            ("maker", read_model, UserError),
            ("checker", read_weights, Unusable),
        ):
            try:
                read[side] = reader(tmp_path / "m.safetensors")
            except refusal:
                counts[f"refused by the {side}"] += 1
        assert len(read) != 1, (seed, read, said)
        if len(read) == 2:
            counts["read"] += 1
            made, checked = read["maker"], read["checker"]
            assert checked.digest() == digest(made)
            assert checked.parts == room_of(made).parts(made)
    assert counts["read"] > 50, counts
