"""Configurations: every key of TransformerLens understood, neutral or refused by name."""

import json

import pytest

from probbound.machine.errors import UserError
from probbound.models.attention_only.configuration import (
    KEYS,
    Configuration,
    configurations_in,
    require_understood,
    scale_told,
    the_one,
)
from tests.transformer_lens_defaults import BRIDGE_3_9, BRIDGE_4_3, HOOKED_3_9

SIZES = {"n_heads": 1, "d_model": 7, "d_head": 7, "n_ctx": 3, "d_vocab": 6, "d_vocab_out": 6}
VERSION_3, VERSION_4 = HOOKED_3_9, BRIDGE_4_3
BOTH = {**BRIDGE_3_9, **VERSION_3, **VERSION_4}
HARMLESS = {name for name in BOTH if not KEYS[name].telling}
IDLE = {  # without effect beside attn_only, no normalization and standard positions
    *("act_fn", "d_mlp", "gated_mlp", "num_experts", "experts_per_token", "norm_topk_prob"),
    *("eps", "uses_rms_norm", "rmsnorm_uses_offset", "layer_norm_folding"),
    *(name for name in BOTH if name.startswith(("rotary_", "yarn_", "NTK_"))),
    *("use_NTK_by_parts_rope", "use_yarn_rope"),
}
MEANT = {"attn_scale"}
OTHERS = (True, False, None, 0, 4, 0.5, "x", "", [1])
NEUTRAL_TOO = {
    "use_attn_scale": (False,),
    "attn_scores_soft_cap": (None,),
    "output_logits_soft_cap": (None,),
    "architecture": (None,),
    "scale_embedding": (False,),
}


def understood(values, sizes=SIZES, **more):
    require_understood(Configuration("cfg", values), sizes, **more)


@pytest.mark.parametrize("told", [HOOKED_3_9, BRIDGE_3_9, BRIDGE_4_3], ids=["3.9", "bridge", "4.3"])
def test_a_whole_configuration_of_an_attention_layer_is_understood(told):
    understood(told)
    understood(json.loads(json.dumps(told)))
    assert scale_told(told) == told["attn_scale"]


@pytest.mark.parametrize("name", sorted(set(BOTH) - HARMLESS - IDLE - MEANT))
def test_every_other_value_is_refused_by_name(name):
    told = VERSION_3 if name in VERSION_3 else VERSION_4
    allowed = [told[name], *NEUTRAL_TOO.get(name, ())]
    others = [o for o in OTHERS if not any(o == a and type(o) is type(a) for a in allowed)]
    assert len(others) >= len(OTHERS) - 2
    for other in others:
        with pytest.raises(UserError, match=f"cfg says {name} = "):
            understood({**told, name: other})


@pytest.mark.parametrize("name", sorted(IDLE))
def test_what_another_key_rules_out_may_be_anything_only_beside_it(name):
    told = VERSION_3 if name in VERSION_3 else VERSION_4
    understood({**told, name: "anything"})
    for value in ("anything", told[name]):
        with pytest.raises(UserError, match=f"cfg says {name} = "):
            understood({name: value})


def test_what_cannot_change_the_function_is_on_a_written_list():
    assert {"seed", "device", "dtype", "model_name", "n_params", "use_attn_result"} <= HARMLESS
    understood({**VERSION_3, "seed": 9, "run_name": "mine", "device": "cuda:0", "lr": 1e-3})


@pytest.mark.parametrize("name", ["rope_theta", "my_mask", "normalization", "shortformer_pos"])
def test_an_unknown_key_is_refused_by_name(name):
    with pytest.raises(UserError, match=f"cfg says {name} = 'x', a key that is not known"):
        understood({**VERSION_3, name: "x"})


@pytest.mark.parametrize("scale", [0, 0.0, -2, -1.5, True, "5.6", None, float("nan"), 10**400])
def test_a_scale_that_is_no_positive_number_is_refused(scale):
    with pytest.raises(UserError, match="cfg says attn_scale = "):
        understood({**VERSION_3, "attn_scale": scale})


@pytest.mark.parametrize(("scale", "read"), [(100, 100.0), (2.5, 2.5), (-1, -1.0), (-1.0, -1.0)])
def test_whole_numbers_are_scales_too(scale, read):
    told = {**VERSION_3, "attn_scale": scale}
    understood(told)
    assert scale_told(told) == read


def test_no_scale_means_1_in_version_3_and_is_refused_in_4():
    told = {**VERSION_3, "use_attn_scale": False}
    understood(told)
    assert scale_told(told) == 1.0
    with pytest.raises(UserError, match="use_attn_scale = False"):
        understood(told, names_of_4=True)
    with pytest.raises(UserError, match="use_attn_scale = False"):
        understood({**VERSION_4, "use_attn_scale": False})


@pytest.mark.parametrize("name", sorted(SIZES))
def test_sizes_are_those_of_the_weights(name):
    with pytest.raises(UserError, match=f"cfg says {name} = 4"):
        understood({name: 4})
    with pytest.raises(UserError, match=f"cfg says {name} = True"):
        understood({name: True}, {**SIZES, name: 1})


def test_sizes_that_are_not_set_are_what_transformer_lens_makes_of_them():
    understood({"n_heads": -1, "d_vocab": -1, "d_vocab_out": -1})
    with pytest.raises(UserError, match="d_vocab_out"):
        understood({"d_vocab_out": -1}, {**SIZES, "d_vocab_out": 13})
    with pytest.raises(UserError, match="n_heads"):
        understood({"n_heads": -1}, {**SIZES, "d_head": 3})


TEXT = json.dumps({"n_layers": 1, "attn_scale": 3.0})


@pytest.mark.parametrize(
    ("found", "place"),
    [
        ({"cfg": {"n_layers": 1}}, "cfg"),
        ({"anything": {"d_model": 16}}, "anything"),
        ({"run": {"model": {"attn_scale": 3.0}, "lr": 1}}, "run.model"),
        ({"config": TEXT}, "config"),
        ({"notes": json.dumps({"model": TEXT})}, "notes.model"),
        ({"history": [{"step": 1}, {"normalization_type": None}]}, "history.1"),
        ({"history": [0.5] * 5000 + [{"normalization_type": None}]}, "history.5000"),
        ({"cfg": {"my_own_mask": "local"}}, "cfg"),
        ({"attn_scale": 3.0, "epoch": 5}, "it"),
        ({"config": json.dumps(TEXT)}, "config"),
        ({"cfg.n_layers": 1, "cfg.attn_scale": 3.0}, "it"),
        ({"run/model:d_model": 16}, "it"),
        ({"CONFIG": {"mystery": 1}}, "CONFIG"),
    ],
)
def test_a_configuration_is_found_wherever_it_stands(found, place):
    (one,) = configurations_in(found)
    assert one.place == place


@pytest.mark.parametrize(
    "found",
    [{}, {"epoch": 3, "losses": [1.0, 2.0]}, {"cfg": {}}, {"text": "{not json"}, {"x": "[1, 2]"}],
)
def test_what_tells_nothing_of_a_network_is_no_configuration(found):
    assert list(configurations_in(found)) == []


@pytest.mark.parametrize(
    "found",
    [
        {"notes": "n_layers: 1\nnormalization_type: LNPre"},
        {"args": "Namespace(n_layers=1, use_local_attn=True)"},
        {"repr": "{'attn_scores_soft_cap': 0.5}"},
        {"config": "see the README"},
    ],
)
def test_a_text_that_speaks_of_a_network_is_not_skipped(found):
    with pytest.raises(UserError, match="may be a configuration"):
        list(configurations_in(found))


def test_one_key_under_two_names_is_refused():
    with pytest.raises(UserError, match="under two names"):
        list(configurations_in({"a.attn_scale": 1.0, "b.attn_scale": 2.0}))


def test_what_stands_around_a_configuration_under_a_name_for_one_is_not_skipped():
    around = {"config": {"window": 2, "model": {"n_layers": 1}}}
    assert [one.place for one in configurations_in(around)] == ["config", "config.model"]


def test_two_configurations_are_refused_with_their_places():
    found = list(configurations_in({"config": {"lr": 0.1}, "cfg": {"n_layers": 1}}))
    with pytest.raises(UserError, match=r"2 configurations: config .*, cfg .*--config NAME"):
        the_one(found, "m.pth")


def test_a_name_twice_in_json_text_is_refused():
    with pytest.raises(UserError, match="stands twice in one object"):
        list(configurations_in({"cfg": '{"n_layers": 1, "n_layers": 2}'}))


def test_nesting_beyond_reason_is_refused():
    deep: dict = {"n_layers": 1}
    for _ in range(40):
        deep = {"x": deep}
    with pytest.raises(UserError, match="levels deep"):
        list(configurations_in(deep))
