"""Maker and checker read one network in a file of any kind, or one of them refuses it."""

import json
import random
from collections import Counter

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.check import Unusable, read_weights
from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import weights_of
from probbound.models.registry import room_of
from probbound.models.store import digest, read_model
from tests.factories import random_model
from tests.probbound.models.pair_mlp.networks import FORMS, random_network

SIZES = {"d_vocab": 5, "d_model": 4, "d_mlp": 6, "d_out": 3, "d_vocab_out": 5}
FORM = {"activation": "relu", "operands": "added"}
CONFIGURATIONS = (
    *({}, FORM, SIZES, {**SIZES, **FORM}, {"activation": "gelu"}, {"d_mlp": 6.0}, {"d_mlp": True}),
    {"n_layers": 1, "n_heads": 1},
)
TEXTS = {
    "format": ("probbound-model/1", "probbound-model/2", "pt", "np", "x", ""),
    "network": ("pair-mlp", "attention-only", "pair_mlp", ""),
    "record": ("{}", "x"),
    "W_in": ("x",),
    "note": ("pair-mlp", "config"),
}


def said(rng):
    """What a file says in words: little, and that little often the right thing."""
    texts = {name: rng.choice(TEXTS[name]) for name in TEXTS if rng.random() < 0.15}
    if rng.random() < 0.5:
        texts |= {"format": "probbound-model/2", "network": rng.choice(TEXTS["network"][:2])}
    if rng.random() < 0.7:
        written = json.dumps(rng.choice(CONFIGURATIONS))
        twice = '{"activation": "gelu", "activation": "relu"}'
        texts["config"] = rng.choice([written] * 8 + [twice, "[" * 9999, "1"])
    return texts


def arrays_of(rng):
    """Those of a network of either kind, perhaps one more or one less."""
    pair = random_network(rng.choice([*FORMS]), 1)
    model = rng.choice([pair, pair, pair, random_model(0)])
    found = {name: np.asarray(x) for name, x in room_of(model).arrays(model).items()}
    if rng.random() < 0.1:
        found["config"] = np.ones(1)
    if rng.random() < 0.1:
        found.pop(rng.choice(sorted(found)))
    return found


def saved(rng, folder):
    arrays, texts = arrays_of(rng), said(rng)
    if rng.random() < 0.5:
        save_file(arrays, folder / "m.safetensors", texts)
        return folder / "m.safetensors"
    as_bytes = rng.random() < 0.3
    entries = {n: np.array(text.encode() if as_bytes else text) for n, text in texts.items()}
    np.savez(folder / "m.npz", **{**entries, **arrays})
    return folder / "m.npz"


def test_two_readers_never_read_two_networks(tmp_path):
    counts = Counter()
    for seed in range(800):
        path, read = saved(random.Random(seed), tmp_path), {}
        for side, reader, refusal in (
            ("maker", read_model, UserError),
            ("checker", read_weights, Unusable),
        ):
            try:
                read[side] = reader(path)
            except refusal:
                counts[f"refused by the {side}"] += 1
        if len(read) == 1:
            (kind,) = (model.kind for model in read.values())
            counts[f"{kind} by {min(read)} alone"] += 1
        if len(read) == 2:
            made, checked = read["maker"], read["checker"]
            counts[path.suffix] += 1
            assert checked.kind == made.kind
            assert checked.parts == room_of(made).parts(made)
            assert checked.digest() == digest(made)
            counts[made.kind] += 1
    assert min(counts[".safetensors"], counts[".npz"]) > 50
    assert counts["pair-mlp"] > 100
    assert counts["attention-only"] > 20
    assert counts["pair-mlp by maker alone"] == counts["pair-mlp by checker alone"] == 0, counts


@pytest.mark.parametrize("kind", ["pair-mlp", "attention-only"])
def test_the_kind_that_an_npz_says_is_believed_by_both(tmp_path, kind):
    arrays = {name: np.asarray(x) for name, x in weights_of(random_network("direct", 1)).items()}
    path = tmp_path / "m.npz"
    np.savez(path, allow_pickle=False, **arrays, format="probbound-model/2", network=kind)
    if kind == "pair-mlp":
        assert read_weights(path).digest() == digest(read_model(path))
        return
    with pytest.raises(UserError):
        read_model(path)
    with pytest.raises(Unusable):
        read_weights(path)
