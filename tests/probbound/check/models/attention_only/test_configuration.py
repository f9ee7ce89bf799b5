"""The network that a file states, by the checker's own reading of it."""

import json
import math

import numpy as np
import pytest

from probbound.check import Unusable, read_weights
from probbound.check.models.attention_only.stated_network import MAY_BE_ASSUMED
from tests.probbound.model_files import WEIGHTS, npz, with_config, with_metadata, write_safetensors
from tests.transformer_lens_defaults import BRIDGE_3_9, BRIDGE_4_3, HOOKED_3_9

KINDS = {"hooked 3.9": HOOKED_3_9, "bridge 3.9": BRIDGE_3_9, "bridge 4.3": BRIDGE_4_3}

# Another value than the neutral one, and whether TransformerLens 3.9 and 4.3 then compute the same
# logits for a network of one layer of attention without norms (tried with both).
SAME = {
    "act_fn": "gelu",
    "d_mlp": 64,
    "gated_mlp": True,
    "num_experts": 2,
    "experts_per_token": 1,
    "norm_topk_prob": True,
    "eps": 0.5,
    "train_seq_length": 2,
    "seed": 5,
    "n_params": 3,
    "rotary_dim": 4,
    "rotary_base": 100,
    "rotary_base_local": 100,
    "rotary_scaling_factor": 2.0,
    "rotary_adjacent_pairs": True,
    "rotary_interleaved_cos_sin": True,
    "yarn_factor": 4.0,
    "use_NTK_by_parts_rope": True,
    "NTK_by_parts_low_freq_factor": 2.0,
    "NTK_by_parts_high_freq_factor": 5.0,
    "NTK_by_parts_factor": 3.0,
    "NTK_original_ctx_len": 2,
    "use_dynamic_ntk_rope": True,
    "use_yarn_rope": True,
    "yarn_attention_factor": 3.0,
    "yarn_beta_fast": 2.0,
    "yarn_beta_slow": 2.0,
    "yarn_original_max_position_embeddings": 2,
    "yarn_truncate": False,
    "yarn_global_attn_only": True,
    "trust_remote_code": True,
    "model_name": "x",
    "init_mode": "xavier_uniform",
    "init_weights": False,
    "device": "cuda",
    "initializer_range": 3.0,
    "from_checkpoint": True,
    "checkpoint_index": 3,
    "n_devices": 2,
    "checkpoint_label_type": "step",
    "checkpoint_value": 4,
    "tokenizer_prepends_bos": False,
    "tokenizer_appends_eos": True,
    "default_prepend_bos": False,
    "default_padding_side": "left",
    "decoder_start_token_id": 3,
    "use_attn_result": True,
    "use_attn_in": True,
    "use_split_qkv_input": True,
    "use_hook_mlp_in": True,
    "use_hook_tokens": True,
    "ungroup_grouped_query_attention": True,
    "scale_attn_by_inverse_layer_idx": True,
    "n_key_value_heads": 1,
    "tokenizer_name": "gpt2",
    "dtype": "torch.bfloat16",
}
REFUSED = {
    "n_layers": 2,
    "n_heads": 2,
    "d_model": 8,
    "d_head": 3,
    "n_ctx": 4,
    "d_vocab": 7,
    "d_vocab_out": 7,
    "attn_only": False,
    "attention_dir": "bidirectional",
    "clip_qkv": 0.5,
    "normalization_type": "LNPre",
    "positional_embedding_type": "shortformer",
    "attn_scores_soft_cap": 0.5,
    "output_logits_soft_cap": 4,
    "use_local_attn": True,
    "window_size": 2,
    "attn_types": ["local"],
    "use_qk_norm": True,
    "qk_norm_after_rope": True,
    "use_logn_attn": True,
    "use_attention_sinks": True,
    "uses_rms_norm": True,
    "final_rms": True,
    "rmsnorm_uses_offset": True,
    "layer_norm_folding": True,
    "post_embedding_ln": True,
    "use_normalization_before_and_after": True,
    "parallel_attn_mlp": True,
    "tie_word_embeddings": True,
    "split_attention_weights": True,
    "load_in_4bit": True,
    "is_audio_model": True,
    "is_visual_model": True,
    "is_stateful": True,
    "is_multimodal": True,
    "original_architecture": "Olmo2ForCausalLM",
    "attn_scale": 0,
    "quantization_method": "gptq",
    "per_layer_head_dim": [7],
    "attn_implementation": "eager",
    "per_layer_num_key_value_heads": [1],
    "relative_attention_max_distance": 3,
    "relative_attention_num_buckets": 3,
    "architecture": "GPT2LMHeadModel",
    "scale_embedding": True,
    "vision_hidden_size": 3,
    "vision_num_layers": 3,
    "vision_num_heads": 3,
    "mm_tokens_per_image": 3,
    "use_attn_scale": None,
}


def sentence(path):
    """Why a file is refused: one line that begins with its name."""
    with pytest.raises(Unusable) as refusal:
        read_weights(path)
    said = str(refusal.value)
    assert said.startswith(f"{path} cannot be used: ")
    assert "\n" not in said
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_what_transformer_lens_writes_is_read_whole(tmp_path, kind):
    weights = read_weights(with_config(tmp_path, **KINDS[kind]))
    assert weights.attn_scale == math.sqrt(7)
    assert weights.assumed == frozenset()
    assert weights.parts["attention_scale"] == {"value": math.sqrt(7), "source": "read"}
    assert weights.parts["heads"] == {"value": 1, "source": "read"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_understood_without_effect_or_refused_by_name(tmp_path, kind):
    assert not set(SAME) & set(REFUSED)
    keys = KINDS[kind]
    plain = read_weights(with_config(tmp_path, **keys))
    for key in keys:
        if key in SAME:
            other = read_weights(with_config(tmp_path, **{**keys, key: SAME[key]}))
            assert (other.digest(), other.assumed) == (plain.digest(), plain.assumed), key
        else:
            path = with_config(tmp_path, **{**keys, key: REFUSED[key]})
            said = sentence(path)
            assert key in said
            assert json.dumps(REFUSED[key]) in said


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_layers", True),
        ("n_layers", 1.0),
        ("n_heads", "1"),
        ("n_ctx", -1),
        ("attn_only", 1),
        ("attn_only", "True"),
        ("use_local_attn", 0),
        ("use_local_attn", None),
        ("normalization_type", "None"),
        ("normalization_type", False),
        ("positional_embedding_type", None),
        ("attn_scores_soft_cap", 0),
        ("attn_scores_soft_cap", True),
        ("attn_scores_soft_cap", "-1"),
        ("use_attn_scale", 1),
        ("use_attn_scale", "false"),
        ("n_key_value_heads", True),
        ("is_stateful", None),
        ("a_new_key", 1),
        ("Attn_scale", 3.0),
        ("rope_theta", 10000),
        ("dropout", 0.1),
    ],
)
def test_types_are_strict_and_unknown_keys_are_named(tmp_path, key, value):
    said = sentence(with_config(tmp_path, **{**HOOKED_3_9, key: value}))
    assert f"{key!r} {json.dumps(value)}" in said


@pytest.mark.parametrize(
    ("key", "missing"),
    [("eps", "normalization_type"), ("d_mlp", "attn_only"), ("act_fn", "attn_only")],
)
def test_what_another_key_leaves_without_effect_counts_without_it(tmp_path, key, missing):
    keys = {key: HOOKED_3_9[key], "n_layers": 1}
    assert read_weights(with_config(tmp_path, **keys, **{missing: HOOKED_3_9[missing]})).attn_scale
    assert f"{key!r} " in sentence(with_config(tmp_path, **keys))


def test_positions_that_are_not_named_are_standard_as_in_transformer_lens(tmp_path):
    weights = read_weights(with_config(tmp_path, rotary_base=10000, d_model=7))
    assert "positions" in weights.assumed


def test_a_key_is_named_before_the_weights_that_it_brings(tmp_path):
    norm = {**WEIGHTS, "ln_final.w": np.ones(7)}
    config = {"config": json.dumps({**HOOKED_3_9, "normalization_type": "LN"})}
    path = write_safetensors(tmp_path / "m.safetensors", norm, config)
    assert "'normalization_type' \"LN\"; only null is covered" in sentence(path)


def test_sizes_that_are_not_set_follow_from_others(tmp_path):
    unset = {"n_heads": -1, "d_vocab": -1, "d_vocab_out": -1, "n_key_value_heads": None}
    assert read_weights(with_config(tmp_path, **{**HOOKED_3_9, **unset})).attn_scale
    wide = {**WEIGHTS, "W_U": np.ones((7, 9)), "b_U": np.ones(9)}
    path = tmp_path / "wide.safetensors"
    write_safetensors(path, wide, {"config": json.dumps({"d_vocab_out": 9, "d_vocab": 6})})
    assert read_weights(path).sizes[-1] == 9
    write_safetensors(path, wide, {"config": json.dumps({"d_vocab_out": -1})})
    assert "'d_vocab_out' -1, and its weights have 9" in sentence(path)


@pytest.mark.parametrize(
    ("keys", "scale", "read"),
    [
        ({"attn_scale": 100}, 100.0, True),
        ({"attn_scale": 2.5}, 2.5, True),
        ({"attn_scale": -1}, math.sqrt(7), True),
        ({"attn_scale": -1.0, "use_attn_scale": True}, math.sqrt(7), True),
        ({"attn_scale": 2.5, "use_attn_scale": True}, 2.5, True),
        ({"attn_scale": 2.5, "use_attn_scale": False}, 1.0, True),
        ({"use_attn_scale": False}, 1.0, True),
        ({"use_attn_scale": True}, math.sqrt(7), False),
        ({"d_model": 7}, math.sqrt(7), False),
    ],
)
def test_the_attention_scale_is_read(tmp_path, keys, scale, read):
    weights = read_weights(with_config(tmp_path, **keys))
    assert weights.attn_scale == scale
    assert ("attention_scale" not in weights.assumed) == read


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-0.0",
        "-2",
        "true",
        "null",
        '"5.65"',
        "[5.65]",
        "NaN",
        "Infinity",
        "1e999",
        f"1{'0' * 290}" * 2,
    ],
)
def test_an_attention_scale_that_is_no_positive_number_is_refused(tmp_path, text):
    said = sentence(with_metadata(tmp_path, {"config": f'{{"attn_scale": {text}}}'}))
    assert "attn_scale" in said or "digits" in said
    assert (
        "attn_scale"
        in sentence(
            with_metadata(
                tmp_path, {"config": f'{{"use_attn_scale": false, "attn_scale": {text}}}'}
            )
        )
        or len(text) > 300
    )


@pytest.mark.parametrize("kind", ["bridge 3.9", "bridge 4.3"])
def test_no_scale_has_two_meanings_beside_keys_of_the_bridge(tmp_path, kind):
    keys = {**KINDS[kind], "use_attn_scale": False}
    assert "'use_attn_scale' false beside 'architecture'" in sentence(with_config(tmp_path, **keys))
    hooked = {**HOOKED_3_9, "use_attn_scale": False}
    assert read_weights(with_config(tmp_path, **hooked)).attn_scale == 1.0


@pytest.mark.parametrize(
    "values",
    [
        *(np.array(3, kind) for kind in ("<f8", "<f4", "<f2", "<i8", "|u1")),
        np.array([3.0]),
        np.array("3"),
        np.array([b"3.0"]),
    ],
)
def test_an_attention_scale_among_the_arrays_is_read_in_all_types(tmp_path, values):
    weights = read_weights(npz(tmp_path, attn_scale=values))
    assert weights.attn_scale == 3.0
    assert "attention_scale" not in weights.assumed
    if values.dtype.kind in "fiu":
        path = tmp_path / "m.safetensors"
        write_safetensors(path, {**WEIGHTS, "attn_scale": values}, {"attn_scale": "3"})
        assert read_weights(path).attn_scale == 3.0
        write_safetensors(path, {**WEIGHTS, "attn_scale": values}, {"attn_scale": "3.5"})
        assert "two attention scales" in sentence(path)


@pytest.mark.parametrize(
    "values", [np.array(0), np.array([2.0, 2.0]), np.array(True), np.array("True"), np.zeros(0)]
)
def test_an_attention_scale_among_the_arrays_that_is_none_is_refused(tmp_path, values):
    assert "attn_scale" in sentence(npz(tmp_path, attn_scale=values))


def test_a_flat_scale_beside_a_configuration_has_to_agree(tmp_path):
    config = json.dumps(HOOKED_3_9)
    for flat in (repr(math.sqrt(7)), "-1"):
        path = with_metadata(tmp_path, {"config": config, "attn_scale": flat})
        assert read_weights(path).assumed == frozenset()
    said = sentence(with_metadata(tmp_path, {"attn_scale": "2.0", "config": config}))
    assert "two attention scales" in said
    unscaled = json.dumps({**HOOKED_3_9, "use_attn_scale": False, "attn_scale": 2.0})
    said = sentence(with_metadata(tmp_path, {"config": unscaled, "attn_scale": "2.0"}))
    assert "two attention scales" in said
    said = sentence(with_metadata(tmp_path, {"config": config, "n_layers": "1"}))
    assert "2 configurations, in its entry 'config' and in its entries 'n_layers'" in said


LAYERS = {"n_layers": 2, "note": "é"}
TEXT = json.dumps(LAYERS)
HIDDEN = {
    "under another name": {"hyperparameters": TEXT},
    "nested": {"extra": json.dumps({"run": [1, {"model": LAYERS}]})},
    "in JSON within JSON": {"extra": json.dumps({"run": json.dumps({"m": TEXT})})},
    "a text of JSON that is text": {"extra": json.dumps(TEXT)},
    "flat": {"n_layers": "2"},
    "flat under a prefix": {"config.n_layers": "2"},
    "an object with a prefix": {"extra": json.dumps({"model.n_layers": 2})},
    "with a byte order mark": {"extra": "\ufeff" + TEXT},
    "with escapes": {"extra": TEXT.replace("n_layers", "n\\u005flayers")},
    "under its name without telling keys": {"cfg": json.dumps({"layers": 2})},
    "under its name deep inside": {"extra": json.dumps({"a": {"Model_Cfg": {"layers": 2}}})},
    "as Python writes it": {"config": repr(LAYERS)},
    "as Python writes it, elsewhere": {"extra": repr(LAYERS)},
    "as a dataclass": {"extra": "Config(n_layers=2, lr=0.1)"},
    "as YAML": {"extra": "seed: 1\nn_layers: 2\n"},
    "damaged": {"extra": TEXT[:-1]},
    "under its name, no object": {"config": "[1, 2]"},
    "under its name, a text": {"model_config": "gpt2"},
    "twice in one object": {"config": '{"n_layers": 2, "n_layers": 1}'},
    "in what calls itself a record": {"record": TEXT},
    "too deep": {"extra": "[" * 100_000},
    "very deep": {"extra": json.dumps({"a": [[[[TEXT]]]] * 2}) + " " * 9, "b": "[" * 40 + "]" * 40},
}


@pytest.mark.parametrize("case", HIDDEN)
def test_a_configuration_is_found_wherever_it_is(tmp_path, case):
    sentence(with_metadata(tmp_path, HIDDEN[case]))
    sentence(npz(tmp_path, **{name: np.array(text) for name, text in HIDDEN[case].items()}))


@pytest.mark.parametrize("case", ["under another name", "nested", "in JSON within JSON"])
def test_what_is_found_is_read(tmp_path, case):
    found = json.loads(json.dumps(HIDDEN[case]).replace("n_layers", "d_model").replace("2,", "7,"))
    with pytest.raises(Unusable, match="note"):
        read_weights(with_metadata(tmp_path, found))
    text = json.dumps({"attn_scale": 3, "normalization_type": None})
    weights = read_weights(with_metadata(tmp_path, {"extra": json.dumps([{"m": text}])}))
    assert weights.attn_scale == 3.0
    assert weights.assumed == {"positions", "mask", "caps"}


def test_two_configurations_are_named(tmp_path):
    training = json.dumps({"lr": 0.1, "d_model": 7})
    path = with_metadata(tmp_path, {"config": training, "cfg": json.dumps(HOOKED_3_9)})
    said = sentence(path)
    assert "2 configurations, in its entry 'config' and in its entry 'cfg'" in said
    inner = json.dumps({"model": HOOKED_3_9, "d_model": 7})
    assert "and in its entry 'config', under 'model'" in sentence(
        with_metadata(tmp_path, {"config": inner})
    )


def test_without_a_configuration_all_that_weights_do_not_show_is_assumed(tmp_path):
    beside = {"note": "trained by me, 3 layers tried", "format": "pt", "loss": "[0.1, 0.2]"}
    weights = read_weights(with_metadata(tmp_path, beside))
    assert weights.assumed == MAY_BE_ASSUMED
    sources = {part: said["source"] for part, said in weights.parts.items()}
    assert [part for part, source in sources.items() if source == "read"] == [
        "layers",
        "heads",
        "activation",
    ]
    digest = weights.digest()
    own = {"format": "probbound-model/1", "record": TEXT, "source": TEXT, "sha256": digest}
    assert read_weights(with_metadata(tmp_path, own)).assumed == MAY_BE_ASSUMED


@pytest.mark.parametrize("missing", ["attention_dir", "attn_scores_soft_cap", "normalization_type"])
def test_what_a_configuration_leaves_out_is_assumed(tmp_path, missing):
    parts = {"attention_dir": "mask", "attn_scores_soft_cap": "caps", "normalization_type": "norms"}
    keys = {name: value for name, value in HOOKED_3_9.items() if name not in (missing, "eps")}
    assert read_weights(with_config(tmp_path, **keys)).assumed == {parts[missing]}


def test_entries_of_an_npz_are_a_configuration(tmp_path):
    beside = {"n_layers": np.array(1), "attn_only": np.array([True]), "lr": np.array(0.1)}
    beside |= {"normalization_type": np.array("null"), "act_fn": np.array(b"relu")}
    weights = read_weights(npz(tmp_path, **beside, config_note=np.array("none")))
    assert weights.assumed == MAY_BE_ASSUMED - {"norms"}
    assert "'use_local_attn' true" in sentence(npz(tmp_path, use_local_attn=np.array(True)))
    assert "'n_layers' 1.0" in sentence(npz(tmp_path, n_layers=np.array(1.0)))
    assert "'gate'" in sentence(npz(tmp_path, gate=np.array([2.0])))
    whole = np.array(json.dumps(HOOKED_3_9))
    assert read_weights(npz(tmp_path, cfg=whole)).assumed == frozenset()
    assert read_weights(npz(tmp_path, cfg=np.array([whole.item().encode()]))).attn_scale


CAUSAL = np.tri(3, dtype=bool)


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((0, 0), bool),
        CAUSAL,
        CAUSAL[None, None],
        *(CAUSAL.astype(k) for k in ("u1", "<i8", "<f4")),
    ],
)
@pytest.mark.parametrize("name", ["blocks.0.attn.mask", "attn.mask"])
def test_the_causal_mask_is_read(tmp_path, mask, name):
    whole = MAY_BE_ASSUMED - ({"mask"} if mask.size else set())
    beside = {name: mask, "blocks.0.attn.IGNORE": np.array(-np.inf, "<f4")}
    assert read_weights(npz(tmp_path, **beside)).assumed == whole
    path = write_safetensors(tmp_path / "m.safetensors", {**WEIGHTS, **beside})
    assert read_weights(path).assumed == whole


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mask", np.ones((3, 3), bool)),
        ("mask", CAUSAL.T),
        ("mask", np.tri(4, dtype=bool)),
        ("mask", np.tri(2, dtype=bool)),
        ("mask", CAUSAL & ~np.tri(3, k=-2, dtype=bool)),
        ("mask", np.stack([CAUSAL, CAUSAL])),
        ("mask", np.zeros((0, 3), bool)),
        ("mask", np.zeros(0, bool)),
        ("mask", CAUSAL * 1.5),
        ("mask", CAUSAL.astype("u1") * 255),
        ("mask", np.array(True)),
        ("IGNORE", np.array(-100.0)),
        ("IGNORE", np.array(np.nan)),
        ("IGNORE", np.array(np.inf)),
        ("IGNORE", np.full(2, -np.inf)),
        ("IGNORE", np.array(True)),
    ],
)
def test_another_mask_is_refused(tmp_path, name, values):
    assert f"attn.{name}" in sentence(npz(tmp_path, **{f"blocks.0.attn.{name}": values}))


def test_a_mask_of_bytes_that_are_neither_true_nor_false_is_refused(tmp_path):
    mask = ("blocks.0.attn.mask", "BOOL", 2 * CAUSAL.astype("u1"))
    entries = [*((name, "F64", values) for name, values in WEIGHTS.items()), mask]
    assert "attn.mask" in sentence(write_safetensors(tmp_path / "m.safetensors", entries))


@pytest.mark.parametrize("value", [-1e4, -1e5, -np.inf])
def test_scores_of_what_is_masked_are_low(tmp_path, value):
    assert read_weights(npz(tmp_path, **{"attn.IGNORE": np.array([value])})).attn_scale
