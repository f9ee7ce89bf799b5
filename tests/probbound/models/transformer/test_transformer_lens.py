"""TransformerLens' files by hand: read as the network that they are, or refused by the key."""

import json
import math
import random
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.models.configuration_keys import HARMLESS
from probbound.models.importing import import_model
from probbound.models.registry import importer
from probbound.models.store import digest, read_model
from probbound.models.transformer.dialects.registry import DIALECTS
from probbound.models.transformer.forward import seen
from probbound.models.transformer.importing import network_in, speaks_of
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.running import activations
from tests.probbound.models.transformer.transformer_lens_files import (
    SAID,
    SAID_3,
    SAID_4,
    in_version_3,
    in_version_4,
    network,
    without_norms,
)
from tests.transformer_lens_defaults import BRIDGE_3_9

BY_NAME = {dialect.name: dialect for dialect in DIALECTS}
ROTARY = {"positional_embedding_type": "rotary", "rotary_base": 500, "rotary_dim": None}
TURNED = {"positions": "rotary", "rotary_base": 500.0, "rotary_dim": 2}
LOCAL = {"use_local_attn": True, "window_size": 3, "attn_types": ["local", "global"]}
PATH = Path("m.pth")
CHOICES = {  # what a configuration says, and what that is here
    "as GPT-2": ({}, {}),
    "RMS": ({"normalization_type": "RMS"}, {"norm": "rms"}),
    "eps": ({"eps": 0.5}, {"norm_eps": 0.5}),
    "attention only": ({"attn_only": True}, {"d_mlp": 0, "activation": "none"}),
    "relu": ({"act_fn": "relu"}, {"activation": "relu"}),
    "gelu": ({"act_fn": "gelu"}, {"activation": "gelu"}),
    "silu": ({"act_fn": "silu"}, {"activation": "silu"}),
    "bidirectional": ({"attention_dir": "bidirectional"}, {"causal": False}),
    "scale": ({"attn_scale": 3}, {"attn_scale": 3.0}),
    "score cap": ({"attn_scores_soft_cap": 50.0}, {"score_cap": 50.0}),
    "logit cap": ({"output_logits_soft_cap": 30}, {"logit_cap": 30.0}),
    "outputs": ({"d_vocab_out": 9}, {"d_out": 9}),
    "no norms": (
        {"normalization_type": None},
        {"norm": "none", "norm_eps": 0.0, "final_norm": False},
    ),
}
CHOICES_3 = {
    **CHOICES,
    "gelu_fast": ({"act_fn": "gelu_fast"}, {}),
    "gelu_pytorch_tanh": ({"act_fn": "gelu_pytorch_tanh"}, {}),
    "rotary": (ROTARY, TURNED),
    "adjacent": (
        {**ROTARY, "rotary_adjacent_pairs": True},
        {**TURNED, "rotary_pairs": "adjacent"},
    ),
    "shortformer": ({"positional_embedding_type": "shortformer"}, {"positions": "shortformer"}),
    "alibi": ({"positional_embedding_type": "alibi"}, {"positions": "alibi"}),
    "as Bloom": (
        {"positional_embedding_type": "alibi", "post_embedding_ln": True},
        {"positions": "alibi", "embedding_norm": True},
    ),
    "windows": (LOCAL, {"windows": (3, None)}),
    "not scaled": ({"use_attn_scale": False}, {"attn_scale": 1.0}),
    "parallel": ({"parallel_attn_mlp": True}, {"parallel": True}),
    "both": (
        {"use_normalization_before_and_after": True, "normalization_type": "RMS"},
        {"norm_place": "both", "norm": "rms"},
    ),
}
CHOICES_4 = {**CHOICES, "rotary": (ROTARY, {**TURNED, "rotary_pairs": "adjacent"})}


def read(state, said, **named):
    return network_in({"model": state, "cfg": said}, PATH, **named).model


def bare(model):
    """Without what is no part of TransformerLens' networks."""
    kept = {name: v for name, v in model.arrays.items() if name not in ("embed.b_E",)}
    kept = {n: v for n, v in kept.items() if not n.endswith("b_gate")}
    return GeneralTransformer(kept, model.architecture)


@pytest.mark.parametrize("name", CHOICES_3)
def test_a_choice_in_version_3_is_that_network(name):
    said, here = CHOICES_3[name]
    wanted = bare(network(**here))
    assert digest(read(in_version_3(wanted), {**SAID_3, **said})) == digest(wanted)


@pytest.mark.parametrize("name", CHOICES_4)
def test_a_choice_in_version_4_is_that_network(name):
    said, here = CHOICES_4[name]
    wanted = bare(network(**here))
    assert digest(read(in_version_4(wanted), {**SAID_4, **said})) == digest(wanted)


@pytest.mark.parametrize("kind", ["LN", "RMS"])
@pytest.mark.parametrize("version", [3, 4])
def test_folded_norms_have_no_weights(kind, version):
    whole = bare(network(norm={"LN": "layer", "RMS": "rms"}[kind]))
    wanted = without_norms(whole)
    said, state = (SAID_3, in_version_3) if version == 3 else (SAID_4, in_version_4)
    folded = {**said, "normalization_type": f"{kind}Pre"}
    assert digest(read(state(wanted), folded)) == digest(wanted)
    with pytest.raises(UserError, match=r"norms without weights, and there is blocks\.0\.ln1"):
        read(state(whole), folded)
    with pytest.raises(UserError, match=r"norms with weights, and there is no blocks\.0\.ln1"):
        read(state(wanted), {**said, "normalization_type": kind})


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_keys_and_values_that_heads_share(heads):
    wanted = bare(network(n_key_value_heads=heads))
    said = {"n_key_value_heads": heads}
    state = in_version_3(wanted, shared=True)
    assert "blocks.0.attn._W_K" in state
    assert digest(read(state, {**SAID_3, **said})) == digest(wanted)
    assert digest(read(in_version_4(wanted), {**SAID_4, **said})) == digest(wanted)


def test_the_bias_of_a_gated_mlp_comes_after_the_product_in_version_3_and_before_it_in_4():
    whole = bare(network(gated=True, activation="silu"))
    said = {"gated_mlp": True, "act_fn": "silu"}
    arrays = {n: v for n, v in whole.arrays.items() if not n.endswith("mlp.b_in")}
    wanted = GeneralTransformer(arrays, whole.architecture)
    assert "blocks.0.mlp.b_mid" in wanted.arrays
    assert digest(read(in_version_3(wanted), {**SAID_3, **said})) == digest(wanted)
    arrays = {n: v for n, v in whole.arrays.items() if not n.endswith("mlp.b_mid")}
    wanted = GeneralTransformer(arrays, whole.architecture)
    assert digest(read(in_version_4(wanted), {**SAID_4, **said})) == digest(wanted)


def test_an_encoder_is_bert():
    wanted = network(
        norm_place="post",
        embedding_norm=True,
        final_norm=False,
        causal=False,
        activation="gelu",
        head="masked",
    )
    state = {name: v for name, v in wanted.arrays.items() if name != "embed.b_E"}
    for part in ("embed.W_E", "pos_embed.W_pos"):
        state[f"embed.{part}"] = state.pop(part)
    for part in ("W", "b", "ln.w", "ln.b"):
        state[f"mlm_head.{part}"] = state.pop(f"head.{part}")
    second = np.ones(wanted.architecture.d_model)
    state["embed.token_type_embed.W_token_type"] = np.stack([wanted.arrays["embed.b_E"], second])
    state |= {"pooler.W": np.ones((6, 6)), "nsp_head.b": np.ones(2)}
    said = {**SAID_3, "act_fn": "gelu", "attention_dir": "bidirectional"}
    assert digest(read(state, said)) == digest(wanted)
    for change in ({"attention_dir": "causal"}, {"act_fn": "relu"}, {"use_attn_scale": False}):
        with pytest.raises(UserError, match=next(iter(change))):
            read(state, {**said, **change})


UNDERSTOOD = {  # by other tests here, value by value
    *("n_layers", "n_heads", "n_key_value_heads", "d_model", "d_head", "n_ctx", "d_vocab"),
    *("d_vocab_out", "d_mlp", "act_fn", "eps", "normalization_type", "attn_only", "gated_mlp"),
    *("positional_embedding_type", "attention_dir", "use_local_attn", "attn_scale"),
    *("use_attn_scale", "attn_scores_soft_cap", "output_logits_soft_cap", "parallel_attn_mlp"),
    *("use_normalization_before_and_after", "post_embedding_ln", "final_rms"),
    *("original_architecture", "architecture"),
}
BESIDE = {  # read only beside another choice than the usual one
    *("rotary_dim", "rotary_base", "rotary_base_local", "rotary_adjacent_pairs"),
    *("rotary_scaling_factor", "window_size", "attn_types", "experts_per_token"),
    *("norm_topk_prob", "train_seq_length", "tie_word_embeddings", "attn_implementation"),
}
OTHERS = (True, 4, 0.5, "x", [1])


def idle(name):
    return name in BESIDE or name in HARMLESS or name.startswith(("NTK_", "yarn_"))


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        ("TransformerLens", SAID_3),
        ("TransformerLens 4", SAID_4),
        ("TransformerLens 4", {**BRIDGE_3_9, **SAID}),
    ],
)
def test_every_key_is_understood_or_of_no_effect_or_refused_by_name(dialect, said):
    architecture = BY_NAME[dialect].architecture
    state = in_version_3(network()) if said is SAID_3 else in_version_4(network())
    shapes = {name: values.shape for name, values in state.items()}
    usual = architecture(said, shapes)
    assert architecture(json.loads(json.dumps(said)), shapes) == usual
    for name in said.keys() - UNDERSTOOD:
        for value in OTHERS:
            changed = {**said, name: value}
            if idle(name):
                assert architecture(changed, shapes) == usual, name
            else:
                with pytest.raises(UserError, match=f"says {name} = "):
                    architecture(changed, shapes)
    with pytest.raises(UserError, match="says my_mask = 'local', a key that is not known"):
        architecture({**said, "my_mask": "local"}, shapes)


REFUSED = {
    "act_fn": "solu_ln",
    "normalization_type": "BatchNorm",
    "positional_embedding_type": "relative_positional_bias",
    "attention_dir": "sideways",
    "final_rms": True,
    "n_heads": 0,
    "d_mlp": None,
    "eps": None,
    "attn_scale": 0,
    "attn_scores_soft_cap": math.nan,
    "output_logits_soft_cap": math.inf,
    "use_attn_scale": None,
    "original_architecture": "Olmo2ForCausalLM",
    "architecture": "GPT2LMHeadModel",
    "use_normalization_before_and_after": True,
    "post_embedding_ln": True,
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("version", [3, 4])
def test_what_is_not_computed_with_is_refused_by_name(name, version):
    said, state = (SAID_3, in_version_3) if version == 3 else (SAID_4, in_version_4)
    with pytest.raises(UserError, match=name):
        read(state(bare(network())), {**said, name: REFUSED[name]})


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("rotary_scaling_factor", {**ROTARY, "rotary_scaling_factor": 8.0}),
        ("rotary_base_local", {**ROTARY, "rotary_base_local": 100}),
        ("rotary_adjacent_pairs", {**ROTARY, "rotary_adjacent_pairs": None}),
        ("attn_types", {**LOCAL, "attn_types": ["local"]}),
        ("window_size", {**LOCAL, "window_size": None}),
        ("use_local_attn", {**LOCAL, "attention_dir": "bidirectional"}),
        ("alibi", {"positional_embedding_type": "alibi", "n_heads": 3}),
        ("alibi", {"positional_embedding_type": "alibi", "attention_dir": "bidirectional"}),
        ("post_embedding_ln", {"post_embedding_ln": True, "normalization_type": "RMS", **ROTARY}),
        ("parallel", {"parallel_attn_mlp": True, "attn_only": True}),
    ],
)
def test_what_does_not_go_with_another_choice_is_refused_by_name(key, said):
    with pytest.raises(UserError, match=key):
        read(in_version_3(bare(network())), {**SAID_3, **said})


@pytest.mark.parametrize("said", [{"use_local_attn": True}, {"parallel_attn_mlp": True}])
def test_what_version_4_does_not_compute_is_refused(said):
    with pytest.raises(UserError, match=next(iter(said))):
        read(in_version_4(bare(network())), {**SAID_4, **said})


def test_scores_that_are_not_scaled_mean_different_things_in_the_two_versions():
    said = {"use_attn_scale": False}
    with pytest.raises(UserError, match="use_attn_scale = False"):
        read(in_version_4(bare(network())), {**SAID_4, **said})
    with pytest.raises(UserError, match="use_attn_scale = False"):
        read(in_version_3(bare(network())), {**SAID_3, **said, "scale_embedding": None})


@pytest.mark.parametrize("key", ["n_heads", "normalization_type", "eps", "use_local_attn"])
def test_what_is_not_said_is_not_assumed(key):
    said = {name: value for name, value in SAID_3.items() if name != key}
    with pytest.raises(UserError, match=f"does not say {key}"):
        read(in_version_3(bare(network())), said)


def test_a_state_dict_alone_is_refused_with_what_to_give():
    for state in (in_version_3(bare(network())), in_version_4(bare(network()))):
        with pytest.raises(UserError, match=r"--config FILE\.json.*model\.cfg\.to_dict\(\)"):
            network_in(state, PATH)


def test_a_weight_that_is_missing_or_has_no_place_is_refused():
    state = in_version_3(bare(network()))
    with pytest.raises(UserError, match=r"no array blocks\.1\.attn\.W_Q"):
        read({n: v for n, v in state.items() if n != "blocks.1.attn.W_Q"}, SAID_3)
    with pytest.raises(UserError, match=r"blocks\.2\.attn\.W_Q"):
        read({**state, "blocks.2.attn.W_Q": state["blocks.1.attn.W_Q"]}, SAID_3)


def test_stored_masks_are_those_of_the_configuration():
    wanted = bare(network(windows=(3, None)))
    said, state = {**SAID_3, **LOCAL}, in_version_3(wanted)
    for layer, window in enumerate((3, None)):
        state[f"blocks.{layer}.attn.mask"] = seen(wanted.architecture, window, 5)
        state[f"blocks.{layer}.attn.IGNORE"] = np.array(-np.inf)
    assert digest(read(state, said)) == digest(wanted)
    empty = {**state, "blocks.0.attn.mask": np.zeros((0, 0), bool)}
    assert digest(read(empty, said)) == digest(wanted)
    for name, other in (("mask", np.tri(5, dtype=bool)), ("IGNORE", np.array(-1.0))):
        with pytest.raises(UserError, match=rf"blocks\.0\.attn\.{name}"):
            read({**state, f"blocks.0.attn.{name}": other}, said)


def test_stored_rotations_are_those_of_the_configuration():
    wanted = bare(network(**{**TURNED, "d_head": 4, "rotary_dim": 4}))
    said, state = {**SAID_3, **ROTARY, "d_head": 4}, in_version_3(wanted)
    angles = np.arange(5)[:, None] * 500.0 ** -np.array([0, 0.5, 0, 0.5])
    state |= {
        "blocks.0.attn.rotary_sin": np.sin(angles),
        "blocks.0.attn.rotary_cos": np.cos(angles),
    }
    assert digest(read(state, said)) == digest(wanted)
    with pytest.raises(UserError, match=r"blocks\.0\.attn\.rotary_sin does not hold"):
        read(state, {**said, "rotary_base": 5})


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model."])
def test_a_prefix_before_every_name_is_left_out(prefix):
    wanted = bare(network())
    state = {prefix + name: values for name, values in in_version_3(wanted).items()}
    found = network_in({"model": state, "cfg": SAID_3}, PATH)
    assert digest(found.model) == digest(wanted)
    assert found.prefix == prefix


def test_an_optimizer_is_no_network_and_two_networks_have_to_be_told_apart():
    wanted = bare(network())
    state = in_version_3(wanted)
    adam = {"state": {0: {name: np.ones(3) for name in ("step", "exp_avg", "exp_avg_sq")}}}
    found = {"model": state, "run": {"settings": SAID_3}, "optimizer": adam}
    assert digest(network_in(found, PATH).model) == digest(wanted)
    both = {**found, "ema": {**state, "embed.W_E": 2 * state["embed.W_E"]}}
    assert not speaks_of(both)
    assert digest(network_in(both, PATH, weights="model").model) == digest(wanted)
    with pytest.raises(UserError, match=r"model, ema; say which with --weights"):
        importer(both, None, None)(both, PATH, None, None)


def test_naming_a_configuration_does_not_hide_what_another_says(tmp_path):
    wanted = bare(network())
    other = {"n_layers": 2.0, "attn_scores_soft_cap": 0.5, "seed": 3}
    found = {"model": in_version_3(wanted), "cfg": SAID_3, "config": other}
    assert not speaks_of(found)
    with pytest.raises(UserError, match=r"attn_scores_soft_cap = 0\.5 in config, and cfg says -1"):
        network_in(found, PATH, "cfg")
    del other["attn_scores_soft_cap"]
    assert digest(network_in(found, PATH, "cfg").model) == digest(wanted)


def test_whatever_a_configuration_says_the_answer_is_a_network_or_a_sentence():
    rng = random.Random(7)
    states = {3: in_version_3(bare(network())), 4: in_version_4(bare(network()))}
    odd = (True, None, 0, -1, 3, 1e400, 10**400, "x", [], ["local", 1], {}, np.ones(3), np.ones(()))
    made = 0
    for _ in range(400):
        version = rng.choice([3, 4])
        said = dict(SAID_3 if version == 3 else SAID_4)
        for _ in range(rng.choice([1, 1, 2])):
            said[rng.choice(sorted(said))] = rng.choice(odd)
        try:
            if speaks_of(found := {"model": states[version], "cfg": said}):
                made += network_in(found, PATH).model.n_ctx > 0
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017
    assert 50 < made < 350


@pytest.mark.parametrize("version", [3, 4])
def test_one_layer_of_attention_stays_the_kind_with_closed_forms(version):
    choice = {"n_layers": 1, "d_mlp": 0, "activation": "none"}
    usual = {"norm": "none", "norm_eps": 0.0, "final_norm": False}
    said, state = (SAID_3, in_version_3) if version == 3 else (SAID_4, in_version_4)
    said = {**said, "n_layers": 1, "attn_only": True}
    plain = state(bare(network(**choice, **usual)))
    assert not speaks_of({"model": plain, "cfg": {**said, "normalization_type": None}})
    assert not speaks_of(plain)
    for key, value in (
        ("normalization_type", "LNPre"),
        ("positional_embedding_type", "rotary"),
        ("attention_dir", "bidirectional"),
        ("attn_scores_soft_cap", 1.0),
        ("n_key_value_heads", 2),
    ):
        told = {**said, "normalization_type": None, key: value}
        assert speaks_of({"model": plain, "cfg": told}), key


@pytest.mark.parametrize("version", [3, 4])
def test_one_layer_of_attention_is_a_transformer_where_that_is_asked_for(version, tmp_path):
    choice = {"n_layers": 1, "d_mlp": 0, "activation": "none", "attn_scale": 2**0.5}
    wanted = bare(network(**choice, norm="none", norm_eps=0.0, final_norm=False))
    said, state = (SAID_3, in_version_3) if version == 3 else (SAID_4, in_version_4)
    said = {**said, "n_layers": 1, "attn_only": True, "normalization_type": None}
    arrays = state(wanted)
    save_file(
        {name: np.ascontiguousarray(values) for name, values in arrays.items()},
        tmp_path / "theirs.safetensors",
        {"cfg": json.dumps(said)},
    )
    special = import_model(tmp_path / "theirs.safetensors")
    special.save(tmp_path / "special.safetensors")
    assert special.model.kind == "attention-only"
    for name in ("theirs.safetensors", "special.safetensors")[: 5 - version]:
        found = import_model(tmp_path / name, kind="transformer")
        assert digest(found.model) == digest(wanted)
    tokens = np.random.default_rng(0).integers(0, 7, (20, 5))
    np.testing.assert_allclose(special.model(tokens), wanted(tokens), rtol=1e-5, atol=1e-4)


def test_another_kind_is_asked_for_by_a_name_that_there_is(tmp_path):
    save_file(
        in_version_3(bare(network())), tmp_path / "m.safetensors", {"cfg": json.dumps(SAID_3)}
    )
    for kind, sentence in (
        ("gpt", "there is no network 'gpt'; choose from"),
        ("pair-mlp", "it holds no one network that can be imported as of kind pair-mlp"),
    ):
        with pytest.raises(UserError, match=sentence):
            import_model(tmp_path / "m.safetensors", kind=kind)
    np.savez(tmp_path / "odd.npz", a=np.ones(3))
    with pytest.raises(UserError, match="it holds no one network that can be imported as of kind"):
        import_model(tmp_path / "odd.npz", kind="transformer")


def test_a_network_has_one_digest_in_every_format(tmp_path, capsys):
    wanted = bare(network(positions="alibi", norm="rms", n_key_value_heads=2))
    said = {
        **SAID_3,
        "positional_embedding_type": "alibi",
        "normalization_type": "RMS",
        "n_key_value_heads": 2,
    }
    state = in_version_3(wanted, shared=True)
    np.savez(tmp_path / "a.npz", allow_pickle=False, **state, cfg=np.array(json.dumps(said)))
    contiguous = {name: np.ascontiguousarray(v) for name, v in state.items()}
    save_file(contiguous, tmp_path / "a.safetensors", {"cfg": json.dumps(said)})
    save_file(contiguous, tmp_path / "bare.safetensors")
    (tmp_path / "cfg.json").write_text(json.dumps(said))
    named = {"bare.safetensors": str(tmp_path / "cfg.json")}
    for name in ("a.npz", "a.safetensors", "bare.safetensors"):
        found = import_model(tmp_path / name, named.get(name))
        assert digest(found.model) == digest(wanted)
        found.save(tmp_path / "ours.safetensors")
        assert digest(read_model(tmp_path / "ours.safetensors")) == digest(wanted)
    out = tmp_path / "again.safetensors"
    assert run(["import", str(tmp_path / "a.npz"), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == digest(wanted)


def test_a_network_has_the_same_digest_in_a_file_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch", reason="make test-full installs PyTorch")
    wanted = bare(network())
    state = {n: torch.tensor(np.ascontiguousarray(v)) for n, v in in_version_3(wanted).items()}
    torch.save({"model": state, "cfg": SAID_3}, tmp_path / "m.pth")
    assert digest(import_model(tmp_path / "m.pth").model) == digest(wanted)


@pytest.mark.parametrize("version", [3, 4])
def test_certify_says_that_a_file_of_a_deep_network_is_imported_first(version, tmp_path, capsys):
    said, state = (SAID_3, in_version_3) if version == 3 else (SAID_4, in_version_4)
    path = tmp_path / "deep.safetensors"
    arrays = {n: np.ascontiguousarray(v) for n, v in state(bare(network())).items()}
    save_file(arrays, path, {"cfg": json.dumps(said)})
    assert run(["certify", str(path), "--strategy", "iid", "--budget", "10"]) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert "import it once: probbound import" in message


def test_activations_are_what_the_next_ones_are_made_of():
    model = bare(network(**TURNED, gated=True, activation="silu"))
    tokens = np.array([[1, 2, 3, 0], [6, 5, 5, 5]])
    with jax.disable_jit():
        found = activations(model, tokens, lambda _: True)
    scores = found["blocks.1.attn.hook_attn_scores"]
    assert np.isneginf(scores[..., 0, 1:]).all()
    weights = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(found["blocks.1.attn.hook_pattern"], weights, atol=1e-12)
    q, k = (found[f"blocks.1.attn.hook_rot_{part}"] for part in "qk")
    turned = np.einsum("nphe,nshe->nhps", q, k) / math.sqrt(2)
    np.testing.assert_allclose(np.where(np.isinf(scores), scores, turned), scores, atol=1e-12)
    before = found["blocks.1.attn.hook_q"]
    np.testing.assert_allclose(before[:, 0], q[:, 0], atol=1e-12)
    assert np.abs(before[:, 1:] - q[:, 1:]).max() > 0.1
    for start, part, end in (
        ("blocks.1.hook_resid_pre", "blocks.1.hook_attn_out", "blocks.1.hook_resid_mid"),
        ("blocks.1.hook_resid_mid", "blocks.1.hook_mlp_out", "blocks.1.hook_resid_post"),
    ):
        np.testing.assert_allclose(found[start] + found[part], found[end], atol=1e-12)
    out = found["unembed.hook_in"] @ model.arrays["unembed.W_U"] + model.arrays["unembed.b_U"]
    np.testing.assert_allclose(out[:, -1], model(tokens), atol=1e-12)


def test_logits_are_compared_when_a_network_is_imported(tmp_path, capsys):
    wanted = bare(network())
    state = {n: np.ascontiguousarray(v) for n, v in in_version_3(wanted).items()}
    save_file(state, tmp_path / "m.safetensors", {"cfg": json.dumps(SAID_3)})
    tokens = np.array([[1, 2, 3, 4, 0], [6, 6, 6, 5, 1]])
    np.savez(tmp_path / "right.npz", tokens=tokens, logits=wanted(tokens))
    np.savez(tmp_path / "wrong.npz", tokens=tokens, logits=wanted(tokens[::-1]))
    command = ["import", str(tmp_path / "m.safetensors"), "--out", str(tmp_path / "o.safetensors")]
    assert run([*command, "--reference", str(tmp_path / "right.npz")]) == 0
    assert "reference: logits of another framework on 2 sequences agree" in capsys.readouterr().out
    assert run([*command, "--reference", str(tmp_path / "right.npz"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reference"]["sequences"] == 2
    (tmp_path / "o.safetensors").unlink()
    assert run([*command, "--reference", str(tmp_path / "wrong.npz")]) == 2
    assert "is of another network" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "o.safetensors").exists()
