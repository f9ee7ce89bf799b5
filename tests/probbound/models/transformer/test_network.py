"""What makes a transformer, what is refused by name, and what identifies it."""

import json

import numpy as np
import pytest

import probbound
from probbound.check.models.registry import read_weights
from probbound.models.registry import described, load, room_of
from probbound.models.store import digest, save_model
from probbound.models.transformer.architecture import Architecture, alibi_slopes
from probbound.models.transformer.arrays import shapes
from probbound.models.transformer.flops import forward_flops, radii_flops
from probbound.models.transformer.network import GeneralTransformer
from tests.probbound.check.models.transformer.networks import CASES, random_arrays, stated
from tests.probbound.models.transformer.networks import architecture, network


@pytest.mark.parametrize("case", CASES)
def test_a_file_keeps_the_network_and_the_checker_reads_the_same(case, tmp_path):
    made, path = network(**CASES[case]), tmp_path / "made.safetensors"
    save_model(made, path)
    read = load(path)
    assert read.architecture == made.architecture
    assert digest(read) == digest(made)
    weights = read_weights(path)
    assert weights.digest() == digest(made)
    assert weights.parts == room_of(made).parts(made)
    line = described({"kind": made.kind, "parts": room_of(made).parts(made)})
    assert f"{made.architecture.n_layers} layer" in line


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_arrays_that_change_nothing_do_not_count(dtype):
    made = network()
    arrays = {name: x.astype(dtype) for name, x in made.arrays.items()}
    one = GeneralTransformer(arrays, made.architecture)
    idle = {
        name: np.full(shape.axes, shape.idle, dtype)
        for name, shape in shapes(made.architecture).items()
        if shape.idle is not None
    }
    bare = {name: x for name, x in arrays.items() if name not in idle}
    assert digest(GeneralTransformer({**bare, **idle}, made.architecture)) == digest(
        GeneralTransformer(bare, made.architecture)
    )
    assert digest(one) != digest(GeneralTransformer(bare, made.architecture))


@pytest.mark.parametrize(
    "changes",
    [
        {"n_heads": 3},
        {"n_layers": -1},
        {"d_model": 4.0},
        {"norm": "batch"},
        {"norm": "none"},
        {"norm_eps": -1.0},
        {"norm_place": "both", "parallel": True},
        {"d_mlp": 0},
        {"d_mlp": 0, "activation": "none", "gated": True},
        {"d_mlp": 0, "activation": "none", "parallel": True},
        {"activation": "none"},
        {"gated": 1},
        {"positions": "rotary"},
        {"positions": "rotary", "rotary_dim": 3, "rotary_base": 10.0},
        {"rotary_dim": 2},
        {"windows": [0]},
        {"windows": [None, None]},
        {"attn_scale": -1.0},
        {"attn_scale": "8"},
        {"score_cap": 0.0},
        {"logit_cap": -1.0},
        {"head": "none"},
        {"head": "class"},
    ],
)
def test_configurations_that_are_none_are_refused(changes):
    with pytest.raises(probbound.UserError):
        architecture(**changes)


def test_every_key_has_to_be_said_and_no_other():
    for key in stated():
        told = stated()
        del told[key]
        with pytest.raises(probbound.UserError, match=key):
            Architecture.from_json(told)
    with pytest.raises(probbound.UserError, match="new_key"):
        Architecture.from_json({**stated(), "new_key": 1})


def test_arrays_that_do_not_fit_are_refused_by_name():
    arrays, said = random_arrays(stated()), architecture()
    bad = np.full_like(arrays["ln_final.w"], np.nan)
    for changes, name in (
        ({"ln_final.w": bad}, "ln_final.w"),
        ({"ln_final.w": np.ones(4, dtype=int)}, "ln_final.w"),
        ({"embed.W_E": np.ones((3, 4))}, "embed.W_E"),
        ({"blocks.7.ln1.w": np.ones(4)}, "blocks.7.ln1.w"),
    ):
        with pytest.raises(probbound.UserError, match=name):
            GeneralTransformer({**arrays, **changes}, said)
    del arrays["unembed.W_U"]
    with pytest.raises(probbound.UserError, match=r"unembed\.W_U"):
        GeneralTransformer(arrays, said)


def test_a_file_that_says_something_else_is_refused(tmp_path):
    from safetensors.numpy import save_file

    made, path = network(), tmp_path / "made.safetensors"
    told = {"format": "probbound-model/2", "network": "transformer"}
    for config in (None, "[]", "{", json.dumps({**stated(), "n_ctx": 4})):
        said = told if config is None else {**told, "config": config}
        save_file(made.arrays, path, metadata=said)
        with pytest.raises(probbound.UserError, match=r"made\.safetensors"):
            load(path)


def test_slopes_are_those_of_the_page():
    assert alibi_slopes(4) == (2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8)
    assert alibi_slopes(3) == (2.0**-4, 2.0**-8, 2.0**-2)
    assert alibi_slopes(1) == (2.0**-8,)


def test_operations_grow_as_they_should():
    made = network(d_model=4)
    once, twice = forward_flops(made, 2), forward_flops(made, 4)
    assert once < twice < 3 * once
    assert forward_flops(made, 4) < radii_flops(made, 4) < 4 * forward_flops(made, 4)
