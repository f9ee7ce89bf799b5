"""The forward pass and its twin against exact arithmetic, shapes, operations and files."""

import itertools
import json

import equinox as eqx
import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import (
    PairMLP,
    forward_flops,
    in_float64,
    table_flops,
    weights_of,
    with_weights,
)
from probbound.models.registry import described, room_of
from probbound.models.store import digest, read_model, save_model
from tests.counting import counted, counting
from tests.probbound.models.pair_mlp.networks import FORMS, exact_logits, random_network

PAIRS = np.array(list(itertools.product(range(5), repeat=2)))


@pytest.mark.parametrize("form", FORMS)
def test_both_forward_passes_are_the_definition(form):
    model = in_float64(random_network(form, 1))
    exact = np.array([[float(x) for x in exact_logits(model, a, b)] for a, b in PAIRS])
    np.testing.assert_allclose(model.plain(PAIRS), exact, rtol=0, atol=1e-13)
    with jax.enable_x64(True):
        np.testing.assert_allclose(np.asarray(model(PAIRS)), exact, rtol=0, atol=1e-13)


@pytest.mark.parametrize("form", FORMS)
def test_operations_are_those_that_numpy_does(form):
    model = in_float64(random_network(form, 1))
    seen = with_weights(model, {name: counted(x) for name, x in weights_of(model).items()})
    with counting() as count:
        seen.plain(PAIRS)
    assert count.floats == table_flops(model) + len(PAIRS) * forward_flops(model)


@pytest.mark.parametrize(
    ("weight", "shape", "said"),
    [
        ("W_in", (3, 6), "W_in has shape"),
        ("W_E", (5,), "W_E needs the 2 axes"),
        ("W_U", (4, 5), "does not fit d_out"),
        ("b_in", (0,), "does not fit d_mlp"),
    ],
)
def test_misshapen_weights_are_refused(weight, shape, said):
    model = random_network("biased", 0)
    broken = eqx.tree_at(lambda m: getattr(m, weight), model, np.zeros(shape))
    with pytest.raises(UserError, match=said):
        broken.__check_init__()


def test_a_second_matrix_needs_a_first():
    model = random_network("direct", 0)
    with pytest.raises(UserError, match="W_in2 is a second W_in"):
        PairMLP(model.W_E, model.W_U, W_in2=np.zeros((6, 6)))


@pytest.mark.parametrize("form", FORMS)
def test_a_file_gives_the_network_back(form, tmp_path):
    model = random_network(form, 2)
    save_model(model, tmp_path / "net.safetensors", {"seed": 1})
    found = read_model(tmp_path / "net.safetensors")
    assert (type(found), found.name, found.assumed) == (PairMLP, "net", frozenset())
    assert digest(found) == digest(model)
    room = room_of(found)
    assert room.notice(found) == ""
    assert room.parts(found)["weights"]["value"] == " ".join(sorted(FORMS[form]))


def test_what_a_bare_file_does_not_say_is_assumed(tmp_path):
    path = tmp_path / "bare.safetensors"
    save_file(weights_of(random_network("bottleneck", 2)), path)
    model = read_model(path)
    assert model.assumed == {"activation", "operands"}
    assert "assumed: ReLU" in room_of(model).notice(model)
    assert "assumed" in described({"kind": model.kind, "parts": room_of(model).parts(model)})


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"activation": "gelu"}, "activation is 'gelu', not 'relu'"),
        ({"operands": "concatenated"}, "not 'added'"),
        ({"d_mlp": 7}, "d_mlp is 7, not 6"),
        ({"d_mlp": True}, "d_mlp is True"),
        ({"norm": None}, "may say activation"),
        ([1], "may say activation"),
    ],
)
def test_another_network_is_refused_by_name(told, said, tmp_path):
    path = tmp_path / "other.safetensors"
    weights = weights_of(random_network("bottleneck", 2))
    save_file(weights, path, metadata={"config": json.dumps(told)})
    with pytest.raises(UserError, match=said):
        read_model(path)


def test_what_stands_beside_the_weights_must_be_known(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file(weights_of(random_network("direct", 2)), path, metadata={"act_fn": "gelu"})
    with pytest.raises(UserError, match="act_fn, which is not known"):
        read_model(path)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    weights = weights_of(random_network("direct", 2))
    weights["W_U"] = np.full_like(weights["W_U"], np.nan)
    save_file(weights, tmp_path / "nan.safetensors")
    with pytest.raises(UserError, match="W_U holds a NaN"):
        read_model(tmp_path / "nan.safetensors")
