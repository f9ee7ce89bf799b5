"""Circuits by TransformerLens' names are the products that a network computes with."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound import UserError, load, noise_term, save_model
from probbound.models.circuits import circuits_in
from probbound.models.ends import Ends
from tests.probbound.models.transformer.networks import network as network_of_ours

D, HEADS, D_HEAD, V, D_MLP = 6, 4, 3, 9, 10


def network(seed=0, layers=2, groups=HEADS, norm=True):
    """Arrays of a pre-norm transformer by the names of a state dict."""
    rng = np.random.default_rng(seed)
    shapes = {"embed.W_E": (V, D), "pos_embed.W_pos": (5, D), "unembed.W_U": (D, V)}
    for layer in range(layers):
        block = f"blocks.{layer}"
        shapes |= {f"{block}.attn.W_Q": (HEADS, D, D_HEAD), f"{block}.attn.W_O": (HEADS, D_HEAD, D)}
        grouped = "" if groups == HEADS else "_"
        shapes |= {f"{block}.attn.{grouped}W_{part}": (groups, D, D_HEAD) for part in "KV"}
        shapes |= {f"{block}.mlp.W_in": (D, D_MLP), f"{block}.mlp.W_out": (D_MLP, D)}
        if norm:
            shapes |= {f"{block}.ln{n}.{part}": (D,) for n in "12" for part in "wb"}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def written(tmp_path, arrays, **config):
    path = tmp_path / "net.safetensors"
    save_file(arrays, path, metadata={"config": json.dumps(config)} if config else None)
    return path


def by_name(path, ends: Ends = "tokens"):
    return {
        c.name: np.linalg.multi_dot([*c.factors, np.eye(c.factors[-1].shape[1])])
        for c in circuits_in(path, ends)
    }


def normalised(rows):
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + 1e-5)


def centred(scores):
    """Less what a softmax over keys does not see."""
    return scores - scores.mean(axis=1, keepdims=True)


def test_every_layer_and_head_of_a_pre_norm_network(tmp_path):
    a = network()
    found = by_name(written(tmp_path, a))
    heads = [
        f"{kind} {layer}.{head}" for layer in range(2) for head in range(4) for kind in ("qk", "ov")
    ]
    assert set(found) == {
        *heads,
        *(f"mlp-{way} {layer}" for way in ("in", "out") for layer in (0, 1)),
    }
    tokens = normalised(a["embed.W_E"] + a["pos_embed.W_pos"].mean(axis=0))
    read = tokens * a["blocks.1.ln1.w"]
    q, k = (a[f"blocks.1.attn.W_{part}"][2] for part in "QK")
    scores = centred(read @ q @ (read @ k).T / math.sqrt(D_HEAD))
    np.testing.assert_allclose(found["qk 1.2"], scores, rtol=1e-9, atol=1e-12)
    copied = read @ a["blocks.1.attn.W_V"][2] @ a["blocks.1.attn.W_O"][2] @ a["unembed.W_U"]
    np.testing.assert_allclose(found["ov 1.2"], copied, rtol=1e-9, atol=1e-12)
    entered = tokens * a["blocks.0.ln2.w"] @ a["blocks.0.mlp.W_in"]
    np.testing.assert_allclose(found["mlp-in 0"], entered, rtol=1e-9, atol=1e-12)
    left = a["blocks.0.mlp.W_out"] @ a["unembed.W_U"]
    np.testing.assert_allclose(found["mlp-out 0"], left, rtol=1e-9, atol=1e-12)


def test_within_the_stream_tokens_are_left_out(tmp_path):
    a = network(norm=False)
    found = by_name(written(tmp_path, a), "stream")
    q, k, v, o = (a[f"blocks.0.attn.W_{part}"][1] for part in "QKVO")
    np.testing.assert_allclose(found["qk 0.1"], q @ k.T / math.sqrt(D_HEAD))
    np.testing.assert_allclose(found["ov 0.1"], v @ o)
    np.testing.assert_allclose(found["mlp-in 1"], a["blocks.1.mlp.W_in"])


def test_the_configuration_says_the_scale_and_a_norm_whose_weights_are_folded(tmp_path):
    a = network(norm=False)
    found = by_name(written(tmp_path, a, attn_scale=2.0, normalization_type="LNPre"))
    tokens = normalised(a["embed.W_E"] + a["pos_embed.W_pos"].mean(axis=0))
    q, k = (a[f"blocks.0.attn.W_{part}"][0] for part in "QK")
    np.testing.assert_allclose(
        found["qk 0.0"], centred(tokens @ q @ (tokens @ k).T / 2), atol=1e-12
    )


def test_heads_share_the_keys_of_their_group(tmp_path):
    a = network(groups=2, norm=False)
    found = by_name(written(tmp_path, a), "stream")
    q, k = a["blocks.0.attn.W_Q"][3], a["blocks.0.attn._W_K"][1]
    np.testing.assert_allclose(found["qk 0.3"], q @ k.T / math.sqrt(D_HEAD))


def test_embeddings_that_are_normalised_before_the_first_block(tmp_path):
    a = network() | {"embed.ln.w": np.arange(1.0, D + 1), "embed.ln.b": np.ones(D)}
    found = by_name(written(tmp_path, a))
    tokens = normalised(a["embed.W_E"] + a["pos_embed.W_pos"].mean(axis=0))
    tokens = tokens * a["embed.ln.w"] + 1
    np.testing.assert_allclose(
        found["mlp-in 1"], tokens @ a["blocks.1.mlp.W_in"], rtol=1e-9, atol=1e-12
    )


def test_a_shipped_network_has_the_paths_that_a_single_table_bounds():
    model = load("max-of-4")
    (ov,) = (c for c in circuits_in("max-of-4") if c.label == "ov")
    path = noise_term(model, "ov").original
    np.testing.assert_array_equal(ov.factors[1], path.factors[1])
    assert ov.factors[0].shape == path.factors[0].shape


@pytest.mark.parametrize(
    ("change", "ends", "message"),
    [
        ({"embed.W_E": None}, "tokens", "--ends stream leaves the tokens out"),
        ({"blocks.0.attn.W_K": None}, "stream", "no array 'blocks.0.attn._W_K'"),
        ({"blocks.0.attn.W_O": np.ones((3, D))}, "stream", "W_O"),
        ({"blocks.0.attn.W_K": np.ones((3, D, D_HEAD))}, "stream", "4 heads cannot share the 3"),
        ({"blocks.0.attn.W_Q": np.ones((D, D_HEAD))}, "stream", "must be a stack of matrices"),
        ({"blocks.0.ln1.w": np.ones(D + 1)}, "stream", "must be a vector of 6"),
        ({"pos_embed.W_pos": np.ones((5, D + 1))}, "tokens", "W_pos has 7 columns"),
        ({"blocks.0.mlp.W_in": np.full((D, 2), np.inf)}, "stream", "holds a NaN or an infinity"),
    ],
)
def test_what_is_missing_or_malformed_is_named(tmp_path, change, ends, message):
    arrays = {name: held for name, held in (network() | change).items() if held is not None}
    with pytest.raises(UserError, match=message):
        circuits_in(written(tmp_path, arrays), ends)


def test_a_file_of_other_names_is_sent_to_chains():
    with pytest.raises(UserError, match="--chain takes any names"):
        circuits_in("mod-add-p59-s0")


@pytest.mark.parametrize(
    ("changes", "normed"),
    [
        ({"norm": "layer"}, True),
        ({"norm": "rms"}, True),
        ({"norm": "none", "norm_eps": 0.0, "final_norm": False}, False),
        ({"norm": "layer", "norm_place": "post", "embedding_norm": True}, True),
        ({"norm": "layer", "norm_place": "post", "embedding_norm": False}, False),
    ],
)
def test_a_file_of_ours_says_which_norms_there_are_though_weights_of_1_are_left_out(
    tmp_path, changes, normed
):
    model = network_of_ours(**changes)
    bare = {name: held for name, held in model.arrays.items() if ".ln" not in name}
    model = replace(model, arrays=bare)
    save_model(model, tmp_path / "net.safetensors")
    circuit = next(c for c in circuits_in(tmp_path / "net.safetensors") if c.name == "mlp-in 0")
    tokens = bare["embed.W_E"].astype(float) + bare.get("embed.b_E", 0)
    tokens = tokens + np.mean(bare.get("pos_embed.W_pos", np.zeros((1, 1))), axis=0)
    if normed and changes["norm"] == "layer":
        tokens = tokens - tokens.mean(axis=1, keepdims=True)
    if normed:
        square = (tokens**2).mean(axis=1, keepdims=True)
        tokens = tokens / np.sqrt(square + model.architecture.norm_eps)
    np.testing.assert_allclose(circuit.factors[0], tokens, rtol=1e-12, atol=1e-12)
