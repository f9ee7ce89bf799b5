"""Files of transformers: read whole, in one form, or refused by the key or array."""

import hashlib
import json
import tracemalloc
from dataclasses import fields

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.check import Unusable, read_weights
from probbound.check.layout import fits
from probbound.check.models.registry import kind_named
from probbound.check.models.transformer.configuration import RULES, Configuration
from probbound.check.models.transformer.network import Network
from tests.probbound.check.models.transformer.networks import (
    NO_MLP,
    NO_NORM,
    PLAIN,
    random_arrays,
    stated,
)


def written(path, said, arrays=None, **texts):
    """A file of probbound's own, of either format."""
    arrays = random_arrays(said) if arrays is None else arrays
    config = said if isinstance(said, str) else json.dumps(said)
    beside = {"format": "probbound-model/2", "network": "transformer", "config": config, **texts}
    beside = {name: text for name, text in beside.items() if text is not None}
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=False, **arrays, **{n: np.array(t) for n, t in beside.items()})
    else:
        save_file({n: np.ascontiguousarray(v) for n, v in arrays.items()}, path, beside)
    return path


def sentence(path):
    """Why a file is refused: one line."""
    with pytest.raises(Unusable) as refusal:
        read_weights(path)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_both_formats_hold_one_network(tmp_path):
    said = stated(positions="rotary", rotary_dim=2, rotary_base=10000)
    named = read_weights(written(tmp_path / "m.safetensors", said)).digest()
    beside = {"sha256": named, "record": "{}", "source": "{}"}
    one = read_weights(written(tmp_path / "m.safetensors", said, **beside))
    turned = {name: np.asfortranarray(v) for name, v in random_arrays(said).items()}
    two = read_weights(written(tmp_path / "m.npz", said, turned))
    assert one.digest() == two.digest()
    assert one.reads == (5, 7, 6)
    assert one.kind == "transformer"


def test_the_digest_is_of_what_the_page_says(tmp_path):
    said = stated(n_layers=0, windows=[], head="none", d_out=4, **NO_NORM, attn_scale=8)
    arrays = {"embed.W_E": np.ones((7, 4), "<f2"), "pos_embed.W_pos": np.zeros((5, 4), ">f8")}
    arrays["pos_embed.W_pos"][0, 0] = -0.0
    text = (
        '{"activation":"gelu","attn_scale":8.0,"causal":true,"d_head":3,"d_mlp":5,"d_model":4,'
        '"d_out":4,"d_vocab":7,"embedding_norm":false,"final_norm":false,"gated":false,'
        '"head":"none","logit_cap":null,"n_ctx":5,"n_heads":2,"n_key_value_heads":2,"n_layers":0,'
        '"norm":"none","norm_eps":0.0,"norm_place":"pre","parallel":false,"positions":"learned",'
        '"rotary_base":0.0,"rotary_dim":0,"rotary_pairs":"halves","score_cap":null,"windows":[]}'
    )
    wanted = hashlib.sha256(
        b"probbound-model/1\ntransformer " + text.encode() + b"\nembed.W_E (7, 4)\n"
        b"" + np.ones(28, "<f8").tobytes() + b"pos_embed.W_pos (5, 4)\n" + bytes(8 * 20)
    )
    path = written(tmp_path / "m.npz", said, arrays)
    assert read_weights(path).digest() == wanted.hexdigest()
    zero = json.dumps(said).replace('"norm_eps": 0.0', '"norm_eps": -0.0')
    assert read_weights(written(path, zero, arrays)).digest() == wanted.hexdigest()


@pytest.mark.parametrize("key", RULES)
def test_no_key_may_be_left_out(tmp_path, key):
    said = {name: value for name, value in PLAIN.items() if name != key}
    path = written(tmp_path / "m.npz", said, random_arrays(PLAIN))
    assert f"its configuration has no {key}" in sentence(path)


REFUSED = [
    *(("n_layers", value) for value in (-1, True, 1.0, "1", None, 2)),
    *((size, 0) for size in ("n_heads", "n_key_value_heads", "d_model", "d_head", "n_ctx")),
    *((size, 0) for size in ("d_vocab", "d_out")),
    ("n_key_value_heads", 3),
    ("d_mlp", -1),
    ("d_mlp", 0),
    *(("norm", value) for value in ("LN", None, "Layer", "none")),
    *(("norm_eps", value) for value in (-1e-9, "0", None, True, 10**400, 2**53 + 1)),
    *(("norm_place", value) for value in ("before", None)),
    *((flag, value) for flag in ("embedding_norm", "final_norm", "causal") for value in (1, None)),
    *(("parallel", value) for value in (0, "true")),
    *(("positions", value) for value in ("standard", "rotary", None)),
    *(("rotary_dim", value) for value in (2, 2.0)),
    *(("rotary_base", value) for value in (10000, -1)),
    *(("rotary_pairs", value) for value in ("adjacent", "both")),
    *(("windows", value) for value in (None, [], [None, None], [0], [1.0], [True], "none")),
    *(("attn_scale", value) for value in (0, -1, None, True)),
    *((cap, value) for cap in ("score_cap", "logit_cap") for value in (0, -1.0, "none", False)),
    *(("activation", value) for value in ("none", "gelu_new", None)),
    ("gated", None),
    *(("head", value) for value in ("none", "tied", None)),
    ("use_qk_norm", False),
]

NAMED_BY = {  # the keys that another one contradicts
    "norm": "norm_eps",
    "positions": "rotary_dim",
    "head": "d_out",
    "d_mlp": "activation",
    "n_layers": "1 entries for 2 layers",
}


@pytest.mark.parametrize(("key", "value"), REFUSED)
def test_a_value_that_is_none_is_refused_by_its_key(tmp_path, key, value):
    path = written(tmp_path / "m.npz", {**PLAIN, key: value}, random_arrays(PLAIN))
    said = sentence(path)
    assert key in said or NAMED_BY[key] in said


@pytest.mark.parametrize(
    "changes",
    [
        {"norm_place": "post", "parallel": True},
        {"norm_place": "both", "parallel": True},
        {**NO_NORM, "norm_place": "post"},
        {**NO_NORM, "embedding_norm": True},
        {**NO_NORM, "norm_eps": 1e-5},
        {**NO_MLP, "gated": True},
        {**NO_MLP, "parallel": True},
        {**NO_MLP, "head": "masked"},
        {"activation": "none"},
        *(
            {"positions": "rotary", "rotary_dim": size, "rotary_base": 10.0}
            for size in (0, 1, 3, 4)
        ),
        {"positions": "rotary", "rotary_dim": 2, "rotary_base": 0},
    ],
)
def test_keys_that_contradict_each_other_are_refused(tmp_path, changes):
    path = written(tmp_path / "m.npz", stated(**changes), random_arrays(PLAIN))
    assert "its configuration does not fit together" in sentence(path)


@pytest.mark.parametrize("text", ["{", "[]", "null", "", "[" * 100_000])
def test_a_configuration_that_is_none_is_refused(tmp_path, text):
    path = written(tmp_path / "m.safetensors", text, random_arrays(PLAIN))
    assert "its configuration is no" in sentence(path)


def test_no_key_stands_twice_and_no_number_is_infinite(tmp_path):
    path, arrays = tmp_path / "m.safetensors", random_arrays(PLAIN)
    twice = json.dumps(PLAIN)[:-1] + ', "norm": "layer"}'
    assert "stands twice" in sentence(written(path, twice, arrays))
    for number in ("NaN", "Infinity", "1e999"):
        text = json.dumps(PLAIN).replace("1.5", number)
        assert "attn_scale" in sentence(written(path, text, arrays))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"embed.W_E": None}, "no weight embed.W_E"),
        ({"blocks.0.mlp.W_out": None}, "no weight blocks.0.mlp.W_out"),
        ({"pos_embed.W_pos": np.ones((6, 4))}, "pos_embed.W_pos has shape (6, 4)"),
        ({"blocks.0.attn.W_K": np.ones((1, 4, 3))}, "blocks.0.attn.W_K has shape"),
        ({"unembed.b_U": np.ones(5)}, "unembed.b_U has shape"),
        ({"unembed.b_U": np.zeros(5)}, "unembed.b_U has shape"),
        ({"blocks.1.ln1.w": np.ones(4)}, "'blocks.1.ln1.w', which"),
        ({"blocks.0.mlp.W_gate": np.ones((4, 5))}, "'blocks.0.mlp.W_gate', which"),
        ({"blocks.0.ln1_post.w": np.ones(4)}, "'blocks.0.ln1_post.w', which"),
        ({"W_E": np.ones((7, 4))}, "'W_E', which"),
        ({"ln_final.b": np.array([0, 1, np.nan, 0])}, "ln_final.b holds a NaN"),
        ({"unembed.W_U": np.full((4, 6), -np.inf)}, "unembed.W_U holds a NaN"),
        ({"embed.W_E": np.ones((7, 4), int)}, "embed.W_E does not hold floats"),
        ({"embed.b_E": np.ones(4, bool)}, "embed.b_E does not hold floats"),
    ],
)
def test_an_array_that_does_not_fit_is_refused_by_its_name(tmp_path, change, why):
    arrays = {n: v for n, v in {**random_arrays(PLAIN), **change}.items() if v is not None}
    said = sentence(written(tmp_path / "m.npz", PLAIN, arrays))
    assert why in said


def test_norms_by_the_root_mean_square_have_no_bias(tmp_path):
    said = stated(norm="rms", norm_place="both", head="masked", embedding_norm=True)
    names = set(random_arrays(said))
    assert "head.ln.b" in names  # a LayerNorm whatever the others are
    for norm in ("embed.ln", "ln_final", *(f"blocks.0.{n}" for n in ("ln1", "ln2", "ln2_post"))):
        assert f"{norm}.w" in names
        arrays = {**random_arrays(said), f"{norm}.b": np.zeros(4)}
        assert f"'{norm}.b', which" in sentence(written(tmp_path / "m.npz", said, arrays))


@pytest.mark.parametrize(
    "texts",
    [
        {"format": "probbound-model/1"},
        {"format": "probbound-model/3"},
        {"format": "pt", "network": None},
        {"format": None, "network": None},
        {"config": None},
        {"cfg": "{}"},
        {"n_layers": "1"},
        {"network": "pair-mlp"},
    ],
)
def test_what_is_no_file_of_our_own_or_says_more_is_refused(tmp_path, texts):
    sentence(written(tmp_path / "m.safetensors", PLAIN, **texts))


def test_a_certificate_states_every_key(tmp_path):
    said = stated(
        n_layers=2, windows=[None, 3], score_cap=2, norm_eps=0, positions="rotary", rotary_dim=2,
        rotary_base=10000,
    )  # fmt: skip
    parts = read_weights(written(tmp_path / "m.npz", said)).parts
    assert {name: type(part["value"]) for name, part in parts.items()} == {
        each.name: {"bool": bool, "int": int, "str": str}.get(str(each.type), float)
        for each in fields(Configuration)
    } | {"windows": str, "logit_cap": str}
    assert {part["source"] for part in parts.values()} == {"read"}
    assert parts["windows"]["value"] == "none,3"
    assert parts["logit_cap"]["value"] == "none"
    assert parts["score_cap"]["value"] == 2.0
    assert list(parts) == list(RULES)
    rules = kind_named("transformer").parts
    assert fits(parts, rules)
    for value in ("nothing", 2, None, True):
        assert not fits({**parts, "score_cap": {"value": value, "source": "read"}}, rules)
    plain = read_weights(written(tmp_path / "m.npz", PLAIN)).parts
    assert plain["windows"]["value"] == "none"


def test_a_large_file_takes_little_more_memory_than_it_is_long(tmp_path):
    """Of float32: as long as it is to read, one layer of it in float64 to compute."""
    wide = {"d_model": 128, "d_head": 64, "d_mlp": 512, "d_vocab": 5000, "d_out": 5000, "n_ctx": 64}
    said = stated(n_layers=12, windows=[None] * 12, **wide)
    arrays = {name: v.astype("<f4") for name, v in random_arrays(said, spread=0.05).items()}
    path = written(tmp_path / "m.safetensors", said, arrays)
    size, layer = path.stat().st_size, 8 * (4 * 128**2 + 2 * 128 * 512)
    tracemalloc.start()
    found = read_weights(path)
    found.digest()
    read = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    Network(found).logits(np.arange(64)[None])
    computed = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read < 1.1 * size + 3 * 8 * (1 << 20)
    assert computed < 1.1 * size + 8 * 128 * 5000 + 4 * layer + (1 << 24)
    assert computed < 2 * size
