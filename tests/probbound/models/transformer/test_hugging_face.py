"""Checkpoints of Hugging Face: the network that their names and keys say, or a refusal by name."""

import contextlib
import json
import random

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.machine.errors import UserError
from probbound.models.importing import import_model
from probbound.models.store import digest, read_model
from probbound.models.transformer.dialects.gemma import one_more
from probbound.models.transformer.dialects.registry import DIALECTS
from tests.probbound.models.transformer.hugging_face_cases import CASES
from tests.probbound.models.transformer.hugging_face_files import folder_of

EVERY = pytest.mark.parametrize("name", CASES)


@EVERY
def test_an_architecture_is_read_as_the_network_that_it_is(name, tmp_path):
    case = CASES[name]
    made = import_model(folder_of(case, tmp_path / "network"))
    assert made.model.architecture == case.architecture
    assert digest(made.model) == digest(case.network())
    assert made.place == "config.json"


@EVERY
def test_a_key_that_is_not_known_is_refused_by_its_name(name, tmp_path):
    with pytest.raises(UserError, match=r"attention_sinks = .?True.?, a key that is not known"):
        import_model(folder_of(CASES[name], tmp_path / "network", attention_sinks=True))


@EVERY
def test_an_array_too_many_or_too_few_is_refused_by_its_name(name, tmp_path):
    state = CASES[name].state()
    more = folder_of(CASES[name], tmp_path / "a", {**state, "score.weight": np.ones((2, 2))})
    with pytest.raises(UserError, match=r"'score\.weight' has no place"):
        import_model(more)
    optional = ("pooler", "position_ids", "masked_bias")
    for left_out in [each for each in state if not any(part in each for part in optional)]:
        others = {each: values for each, values in state.items() if each != left_out}
        with pytest.raises(UserError):
            import_model(folder_of(CASES[name], tmp_path / "a", others))


@EVERY
def test_keys_of_versions_from_5_on_say_the_same(name, tmp_path):
    case, moved = CASES[name], {}
    told = dict(case.config)
    if case.architecture.positions == "rotary":
        older = ("rope_theta", "rotary_emb_base", "rotary_pct", "partial_rotary_factor")
        share = case.architecture.rotary_dim / case.architecture.d_head
        moved["rope_parameters"] = {
            "rope_type": "default",
            "rope_theta": told.get("rope_theta", 10000.0),
            "partial_rotary_factor": share,
        }
        told = {key: value for key, value in told.items() if key not in older}
    folder = folder_of(case, tmp_path / "network")
    (folder / "config.json").write_text(json.dumps({**told, **moved}))
    assert digest(import_model(folder).model) == digest(case.network())


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("gpt2", {"activation_function": "quick_gelu"}, "activation_function = 'quick_gelu'"),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
        ("gpt2", {"add_cross_attention": True}, "add_cross_attention"),
        ("gpt2", {"quantization_config": {"bits": 4}}, "quantization_config"),
        ("gpt2", {"n_head": 5}, "5 heads do not divide a width of 12"),
        ("gpt2", {"n_layer": "2"}, "n_layer, a whole number; got '2'"),
        ("gpt_neox", {"rope_scaling": {"type": "linear", "factor": 2}}, "type = 'linear'"),
        ("gpt_neox", {"rotary_pct": 0.25}, "even number"),
        ("gpt_neox", {"attention_bias": False}, "attention_bias = False"),
        ("gpt_neox", {"hidden_act": "quick_gelu"}, "hidden_act = 'quick_gelu'"),
        ("bert", {"is_decoder": True}, "is_decoder"),
        ("bert", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ("bert", {"pruned_heads": {"0": [1]}}, "pruned_heads"),
        ("bert", {"tie_word_embeddings": False}, "no array cls.predictions.decoder.weight"),
        ("gpt_neo", {"attention_types": [[["global", "local"], 2]]}, "2 layers"),
        ("gpt_neo", {"attention_types": [[["global", "sparse"], 1]]}, "sparse"),
        ("gpt_neo", {"attention_types": 3}, "attention_types = 3"),
        ("opt", {"word_embed_proj_dim": 6}, "word_embed_proj_dim"),
        ("opt", {"do_layer_norm_before": False}, "of norms|no place|final_layer_norm"),
        ("opt", {"enable_bias": False}, "enable_bias"),
        ("phi", {"qk_layernorm": True}, "qk_layernorm"),
        ("llama", {"attention_bias": True}, "attention_bias = True"),
        ("llama", {"mlp_bias": True}, "mlp_bias = True"),
        ("llama", {"rope_parameters": {"rope_type": "llama3"}}, "rope_type = 'llama3'"),
        ("llama", {"rope_parameters": {"rope_theta": 3.0}}, "rope_theta twice"),
        ("llama", {"rope_parameters": {"attention_factor": 3.0}}, "attention_factor"),
        ("llama", {"rope_parameters": [1]}, "rope_parameters"),
        ("llama", {"partial_rotary_factor": 0.5}, "turns 2 of 4"),
        ("llama", {"hidden_act": "xielu"}, "hidden_act = 'xielu'"),
        ("mistral", {"num_key_value_heads": None}, "num_key_value_heads"),
        ("qwen2", {"layer_types": ["full_attention", "linear_attention"]}, "layer_types"),
        ("qwen2", {"layer_types": ["sliding_attention"] * 2, "use_sliding_window": False}, "slide"),
        ("gemma", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
        ("gemma", {"hidden_activation": "relu"}, "hidden_act and hidden_activation"),
        ("llama", {"model_type": "t5"}, "model_type = 't5'"),
    ],
)
def test_what_is_not_computed_with_is_refused_by_its_key(name, changes, said, tmp_path):
    with pytest.raises(UserError, match=said):
        import_model(folder_of(CASES[name], tmp_path / "network", **changes))


def test_a_refusal_names_every_architecture_that_is_read(tmp_path):
    with pytest.raises(UserError) as caught:
        import_model(folder_of(CASES["llama"], tmp_path / "network", model_type="t5"))
    for told in [case.config["model_type"] for case in CASES.values()]:
        assert told in str(caught.value)
        assert any(dialect.speaks((), {"model_type": told}) for dialect in DIALECTS[:-1])


ODD = (
    None,
    True,
    -1,
    0,
    3,
    1e300,
    10**400,
    float("nan"),
    float("inf"),
    "x",
    [],
    [[1]],
    {"a": 1},
    10**12,
)


@EVERY
def test_any_configuration_is_read_or_refused(name, tmp_path):
    rng, case = random.Random(name), CASES[name]
    folder = folder_of(case, tmp_path / "network")
    rope = {"rope_theta": 1e4, "rope_type": "default", "partial_rotary_factor": 1.0}
    more = ("architectures", "rope_parameters", "layer_types", "attention_types", "head_dim")
    read = 0
    for _ in range(120):
        told = dict(case.config)
        for key in rng.sample([*told, *more], rng.choice([1, 1, 2])):
            told[key] = rng.choice(ODD)
        if rng.random() < 0.2:
            told["rope_parameters"] = {**rope, rng.choice([*rope]): rng.choice(ODD)}
        (folder / "config.json").write_text(json.dumps(told))
        with contextlib.suppress(UserError):
            made = import_model(folder).model
            read += 1
            assert made.architecture.n_layers == case.architecture.n_layers
    assert read < 120


def test_a_null_window_is_none_and_a_missing_one_the_usual(tmp_path):
    case = CASES["mistral"]
    folder = folder_of(case, tmp_path / "network", sliding_window=None)
    assert import_model(folder).model.architecture.windows == (None, None)
    told = {key: value for key, value in case.config.items() if key != "sliding_window"}
    (folder / "config.json").write_text(json.dumps(told))
    assert import_model(folder).model.architecture.windows == (4096, 4096)


def test_a_tied_head_is_the_embedding_and_may_be_in_the_file_as_well(tmp_path):
    case = CASES["opt"]
    state = {**case.state(), "lm_head.weight": case.network().arrays["embed.W_E"]}
    folder = folder_of(case, tmp_path / "network", state)
    assert digest(import_model(folder).model) == digest(case.network())
    state["lm_head.weight"] = state["lm_head.weight"] + 1
    with pytest.raises(UserError, match=r"lm_head\.weight and embed_tokens\.weight are one array"):
        import_model(folder_of(case, folder, state))
    untied = import_model(folder_of(case, folder, state, tie_word_embeddings=False)).model
    assert (untied.arrays["unembed.W_U"] == state["lm_head.weight"].T).all()


def test_without_a_head_the_outcome_is_the_residual_stream(tmp_path):
    case = CASES["gpt2"]
    state = {name: values for name, values in case.state().items() if "lm_head" not in name}
    plain = {"tie_word_embeddings": True, "architectures": ["GPT2Model"]}
    model = import_model(folder_of(case, tmp_path / "network", state, **plain)).model
    assert (model.architecture.head, model.architecture.d_out) == ("none", 12)
    with pytest.raises(UserError, match=r"no array lm_head\.weight"):
        import_model(folder_of(case, tmp_path / "network", state, tie_word_embeddings=False))


def test_what_makes_other_outcomes_is_left_out_and_named(tmp_path):
    made = import_model(folder_of(CASES["bert"], tmp_path / "network"))
    assert made.left_out == ("pooler.dense.weight",)
    assert made.prefix == "bert."


def test_older_names_of_norms_are_read(tmp_path):
    case = CASES["bert"]
    state = {
        name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): values
        for name, values in case.state().items()
    }
    folder = folder_of(case, tmp_path / "network", state)
    assert digest(import_model(folder).model) == digest(case.network())


def test_every_format_gives_the_same_digest(tmp_path):
    case = CASES["gpt_neox"]
    folder = folder_of(case, tmp_path / "network")
    told = str(folder / "config.json")
    np.savez(tmp_path / "network.npz", **case.state())
    save_file(case.state(), tmp_path / "network.safetensors")
    made = import_model(folder)
    made.save(tmp_path / "own.safetensors")
    models = [
        made.model,
        import_model(tmp_path / "network.npz", told).model,
        import_model(tmp_path / "network.safetensors", told).model,
        read_model(tmp_path / "own.safetensors"),
    ]
    assert {digest(model) for model in models} == {digest(case.network())}


def test_arrays_without_a_configuration_are_asked_for_it(tmp_path):
    save_file(CASES["llama"].state(), tmp_path / "network.safetensors")
    with pytest.raises(UserError, match=r"--config config\.json"):
        import_model(tmp_path / "network.safetensors")


def test_weights_plus_one_are_exact_or_refused():
    fine = np.array([0.0, -1.0, 2**-29, 1.5 + 2**-23, 3e30], np.float32)
    assert [float(x) for x in one_more(fine[:4])] == [1.0, 0.0, 1 + 2**-29, 2.5 + 2**-23]
    for inexact in (fine[4:], np.array([2.0**-60]), np.array([1 / 3])):
        with pytest.raises(UserError, match="plus 1 are no float64"):
            one_more(inexact)


def test_an_embedding_in_float64_cannot_be_scaled_by_a_root(tmp_path):
    case = CASES["gemma"]
    state = {name: values.astype(np.float64) for name, values in case.state().items()}
    folder = folder_of(case, tmp_path / "network", state)
    assert digest(import_model(folder).model) == digest(case.network())  # the root of 16
    state = {n: v[..., :15] if n.endswith("embed_tokens.weight") else v for n, v in state.items()}
    with pytest.raises(UserError, match="is no float64; save float32"):
        import_model(folder_of(case, folder, state, hidden_size=15))
