"""A network of each architecture of Hugging Face, with the keys of versions before 5."""

from __future__ import annotations

from typing import Any

from probbound.models.transformer.architecture import Architecture
from tests.probbound.models.transformer import hugging_face_files as files
from tests.probbound.models.transformer.hugging_face_files import SIZES, Case

_WIDE: Any = {**SIZES, "d_mlp": 10, "d_out": 7}
_USUAL = {
    "vocab_size": 7,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 10,
    "max_position_embeddings": 5,
}
_LAYER: Any = {**_WIDE, "norm": "layer", "norm_eps": 1e-5, "final_norm": True}
_ROTARY: Any = {"positions": "rotary", "rotary_dim": 4, "rotary_base": 10000.0}
_RMS: Any = {**_WIDE, **_ROTARY, "norm": "rms", "norm_eps": 1e-6, "final_norm": True}
_GATED: Any = {**_RMS, "gated": True, "activation": "silu"}
_BERT: Any = {
    **_LAYER,
    "final_norm": False,
    "norm_eps": 1e-12,
    "norm_place": "post",
    "embedding_norm": True,
    "positions": "learned",
    "causal": False,
    "activation": "gelu",
}

_NO_BIASES = tuple(f"b_{w}" for w in (*"QKVOEU", "in", "out", "gate", "mid"))

CASES = {
    "gpt2": Case(
        Architecture(**_LAYER, positions="learned", activation="gelu_tanh"),
        {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "vocab_size": 7,
            "n_embd": 12,
            "n_layer": 2,
            "n_head": 3,
            "n_positions": 5,
            "n_ctx": 5,
            "n_inner": 10,
            "tie_word_embeddings": False,
        },
        files.gpt2,
        without=("b_U", "b_E"),
    ),
    "gpt_neox": Case(
        Architecture(**{**_LAYER, **_ROTARY, "rotary_dim": 2}, parallel=True, activation="gelu"),
        {**_USUAL, "model_type": "gpt_neox", "rotary_pct": 0.5, "rotary_emb_base": 10000},
        files.gpt_neox,
        without=("b_U", "b_E"),
    ),
    "bert": Case(
        Architecture(**_BERT, head="masked"),
        {**_USUAL, "model_type": "bert", "architectures": ["BertForMaskedLM"]},
        files.bert,
        tied=True,
    ),
    "plain bert": Case(
        Architecture(**{**_BERT, "d_out": 12}, head="none"),
        {**_USUAL, "model_type": "bert", "architectures": ["BertModel"]},
        files.bert,
    ),
    "gpt_neo": Case(
        Architecture(
            **_LAYER,
            positions="learned",
            windows=(None, 2),
            attn_scale=1.0,
            activation="gelu_tanh",
        ),
        {
            "model_type": "gpt_neo",
            "vocab_size": 7,
            "hidden_size": 12,
            "num_layers": 2,
            "num_heads": 3,
            "intermediate_size": 10,
            "max_position_embeddings": 5,
            "window_size": 2,
            "attention_types": [[["global", "local"], 1]],
        },
        files.gpt_neo,
        tied=True,
        without=("b_U", "b_E", "b_Q", "b_K", "b_V"),
    ),
    "opt": Case(
        Architecture(**_LAYER, positions="learned", activation="relu"),
        {
            **{name: value for name, value in _USUAL.items() if name != "intermediate_size"},
            "model_type": "opt",
            "ffn_dim": 10,
            "word_embed_proj_dim": 12,
        },
        files.opt,
        tied=True,
        without=("b_U", "b_E"),
    ),
    "phi": Case(
        Architecture(
            **{**_LAYER, **_ROTARY, "rotary_dim": 2}, parallel=True, activation="gelu_tanh"
        ),
        {**_USUAL, "model_type": "phi", "partial_rotary_factor": 0.5, "qk_layernorm": False},
        files.phi,
        without=("b_E",),
        one_norm=True,
    ),
    "llama": Case(
        Architecture(**_GATED),
        {**_USUAL, "model_type": "llama", "rope_theta": 10000.0, "rope_scaling": None},
        files.llama,
        without=_NO_BIASES,
    ),
    "llama with biases": Case(
        Architecture(**{**_GATED, "n_heads": 4, "n_key_value_heads": 2, "rotary_base": 500.0}),
        {
            **_USUAL,
            "model_type": "llama",
            "rope_theta": 500.0,
            "head_dim": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "attention_bias": True,
            "mlp_bias": True,
            "pretraining_tp": 1,
        },
        files.llama,
        without=("b_U", "b_E", "b_mid"),
    ),
    "mistral": Case(
        Architecture(**_GATED, n_key_value_heads=1, windows=(3, 3)),
        {**_USUAL, "model_type": "mistral", "num_key_value_heads": 1, "sliding_window": 3},
        files.llama,
        without=_NO_BIASES,
    ),
    "qwen2": Case(
        Architecture(**_GATED, windows=(None, 3)),
        {
            **_USUAL,
            "model_type": "qwen2",
            "num_key_value_heads": 3,
            "sliding_window": 3,
            "use_sliding_window": True,
            "max_window_layers": 1,
        },
        files.llama,
        without=tuple(name for name in _NO_BIASES if name not in ("b_Q", "b_K", "b_V")),
    ),
    "gemma": Case(
        Architecture(**{**_GATED, "activation": "gelu_tanh", "d_model": 16}),
        {
            **_USUAL,
            "model_type": "gemma",
            "num_key_value_heads": 3,
            "head_dim": 4,
            "hidden_size": 16,
            "num_attention_heads": 3,
            "hidden_act": "gelu",
            "hidden_activation": None,
            "tie_word_embeddings": False,
        },
        files.gemma,
        without=_NO_BIASES,
    ),
}
