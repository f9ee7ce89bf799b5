"""Maker and checker read one network in a file, or one of them refuses it, whatever it says."""

import json
import random
from collections import Counter

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.check import Unusable, read_weights
from probbound.machine.errors import UserError
from probbound.models.attention_only.configuration import KEYS
from probbound.models.attention_only.stating import parts_of
from probbound.models.attention_only.transformer import WEIGHT_SHAPES
from probbound.models.store import digest, read_model
from tests.factories import random_model
from tests.transformer_lens_defaults import BRIDGE_4_3, HOOKED_3_9

MODEL = random_model(0)
WEIGHTS = {name: np.asarray(getattr(MODEL, name)) for name in WEIGHT_SHAPES}
SIZES = {"d_model": 6, "d_head": 4, "n_ctx": 3, "d_vocab": 5, "d_vocab_out": 5}
VALUES = (True, False, None, 0, 1, -1, 2.5, 3, "x", "standard", "causal", "relu", [], "1", 1e-5)


def configuration(rng):
    """As TransformerLens writes it or nearly so: keys missing, or with other values."""
    told = {**rng.choice([HOOKED_3_9, BRIDGE_4_3, {}]), "n_layers": 1, "n_heads": 1, **SIZES}
    if rng.random() < 0.5:
        told.pop("attn_scale", None)
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        told[rng.choice(sorted(KEYS))] = rng.choice(VALUES)
    return {name: value for name, value in told.items() if rng.random() < 0.95}


def metadata(rng):
    """A configuration as text under some name, nested, in a list, or as entries of the file."""
    told = configuration(rng)
    made = rng.choice(
        [
            {rng.choice(["config", "cfg", "notes", "x"]): json.dumps(told)},
            {name: v if isinstance(v, str) else json.dumps(v) for name, v in told.items()},
            {"run": json.dumps({"model": told, "lr": 1})},
            {"a": json.dumps([1, json.dumps(told)])},
        ]
    )
    more = {"attn_scale": rng.choice(["2.0", "4", "-1", "0", "x"])} if rng.random() < 0.2 else {}
    tag = {"format": rng.choice(["pt", "probbound-model/2"])} if rng.random() < 0.2 else {}
    return {**made, **more, **tag}


def readings(tmp_path, seeds):
    """How often both readers accepted a file, and so on; what both accept is one network."""
    counts = Counter()
    for seed in seeds:
        path = tmp_path / "m.safetensors"
        said = metadata(random.Random(seed))
        save_file(WEIGHTS, path, said)
        made = checked = None
        try:
            made = read_model(path)
        except UserError:
            counts["refused by the maker"] += 1
        try:
            checked = read_weights(path)
        except Unusable:
            counts["refused by the checker"] += 1
        if made is not None and checked is not None:
            counts["accepted by both"] += 1
            assert checked.parts == parts_of(made), said
            assert checked.digest() == digest(made), said
        counts["accepted by the maker alone"] += made is not None and checked is None
    return counts


def test_two_readers_never_read_two_networks(tmp_path):
    counts = readings(tmp_path, range(600))
    assert counts["accepted by both"] > 150
    assert min(counts["refused by the maker"], counts["refused by the checker"]) > 100
    assert counts["accepted by the maker alone"] <= 12


@pytest.mark.slow
def test_two_readers_never_read_two_networks_at_length(tmp_path):
    readings(tmp_path, range(1000, 11_000))
