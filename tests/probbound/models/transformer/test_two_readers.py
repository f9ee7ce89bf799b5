"""Maker and checker, each written from docs/networks.md: one network in a file, one function."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.check import Unusable, read_weights
from probbound.check.models.transformer.network import Network
from probbound.machine.errors import UserError
from probbound.models.store import digest, read_model, save_model
from probbound.models.transformer.running import everywhere, outcomes_with_radii
from probbound.models.transformer.sizing import sizes_of
from probbound.models.transformer.stating import parts_of
from tests.probbound.check.models.transformer.networks import (
    CASES,
    NO_MLP,
    NO_NORM,
    PLAIN,
    ROW,
    random_arrays,
    stated,
)
from tests.probbound.models.transformer.networks import run_in

ROWS = np.array([ROW, ROW[::-1], [1] * 5])


def written(path, said, arrays):
    """A file of probbound's own with this configuration and these arrays."""
    texts = {"format": "probbound-model/2", "network": "transformer", "config": json.dumps(said)}
    save_file({name: np.ascontiguousarray(v) for name, v in arrays.items()}, path, texts)
    return path


@pytest.mark.parametrize("case", CASES)
def test_both_read_one_network(tmp_path, case):
    said = stated(**CASES[case])
    path = written(tmp_path / "m.safetensors", said, random_arrays(said))
    model, weights = read_model(path), read_weights(path)
    assert digest(model) == weights.digest()
    assert parts_of(model) == weights.parts
    again = tmp_path / "again.safetensors"
    save_model(model, again, {})
    assert read_weights(again).digest() == weights.digest()


@pytest.mark.parametrize(
    ("case", "rows", "way"),
    [
        *(pytest.param(case, ROWS[:1], "by operations", id=case) for case in CASES),
        pytest.param("as Gemma 2", ROWS, "compiled", id="several rows"),
    ],
)
def test_both_compute_one_function_and_its_radii(tmp_path, case, rows, way):
    said = stated(**CASES[case])
    path = written(tmp_path / "m.safetensors", said, random_arrays(said, seed=len(case)))
    model, network = read_model(path), Network(read_weights(path))
    with run_in(way):
        assert np.abs(everywhere(model, rows) - network.outcomes(rows)).max() < 1e-12
        values, radii = outcomes_with_radii(model, rows, sizes_of(model))
    mine = network.outcomes_with_radii(rows)
    assert (np.abs(values - mine.values) <= radii + mine.radii).all()
    np.testing.assert_allclose(radii, mine.radii, rtol=0.01)


OTHERS = {int: (0, -1, 2, 3), float: (0.0, -1.0, 2.0), bool: (True, False)}
WORDS = {
    "norm": ("none", "rms"),
    "norm_place": ("post", "both"),
    "positions": ("none", "rotary", "shortformer"),
    "rotary_pairs": ("adjacent",),
    "activation": ("none", "relu"),
    "head": ("none", "masked"),
}
TURNED = {"positions": "rotary"}
CHANGES = [
    *(
        {**PLAIN, key: other}
        for key, value in PLAIN.items()
        for other in OTHERS.get(type(value), WORDS.get(key, ()))
    ),
    *({**PLAIN, cap: value} for cap in ("score_cap", "logit_cap") for value in OTHERS[float]),
    *({name: value for name, value in PLAIN.items() if name != key} for key in PLAIN),
    {**PLAIN, "n_layers": 0, "windows": []},
    {**PLAIN, "parallel": True, "norm_place": "post"},
    {**PLAIN, **NO_NORM, "embedding_norm": True},
    {**PLAIN, **NO_NORM, "norm_place": "both"},
    {**PLAIN, **NO_NORM, "norm_eps": 1e-5},
    {**PLAIN, **NO_MLP, "gated": True},
    {**PLAIN, **NO_MLP, "parallel": True},
    {**PLAIN, **NO_MLP, "head": "masked"},
    *(
        {**PLAIN, **TURNED, "rotary_dim": size, "rotary_base": base}
        for size in (0, 1, 2, 4)
        for base in (0.0, 100.0)
    ),
    *({**PLAIN, "windows": windows} for windows in ([0], [2], [2, 2], [])),
    {**PLAIN, "use_qk_norm": False},
]


@pytest.mark.parametrize("said", CHANGES)
def test_both_refuse_the_same_configurations(tmp_path, said):
    try:
        arrays = random_arrays(said)
    except Unusable:
        arrays = random_arrays(PLAIN)
    path = written(tmp_path / "m.safetensors", said, arrays)
    try:
        weights = read_weights(path)
    except Unusable:
        with pytest.raises(UserError):
            read_model(path)
        return
    model = read_model(path)
    assert digest(model) == weights.digest()
    assert parts_of(model) == weights.parts


def test_there_are_configurations_of_both_kinds():
    refused = 0
    for said in CHANGES:
        try:
            random_arrays(said)
        except Unusable:
            refused += 1
    assert 50 < refused < len(CHANGES) - 15


@pytest.mark.parametrize(
    "change",
    [
        {"embed.W_E": None},
        {"embed.b_E": np.zeros(3)},
        {"embed.b_E": np.zeros(4, np.int64)},
        {"ln_final.w": np.full(4, np.inf)},
        {"blocks.1.ln1.w": np.ones(4)},
        {"blocks.0.mlp.W_gate": np.ones((4, 5))},
    ],
)
def test_both_refuse_arrays_that_do_not_fit(tmp_path, change):
    arrays = {n: v for n, v in {**random_arrays(PLAIN), **change}.items() if v is not None}
    path = written(tmp_path / "m.safetensors", PLAIN, arrays)
    with pytest.raises(Unusable):
        read_weights(path)
    with pytest.raises(UserError):
        read_model(path)
