"""Keys of TransformerLens' configurations, 3 and 4: what they say of every network alike."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.configuration_keys import HARMLESS
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.dialect import Settings, Shapes
from probbound.models.transformer.dialects.keys import Told

NORMS = {None: "none", "LN": "layer", "LNPre": "layer", "RMS": "rms", "RMSPre": "rms"}
WEIGHTED = ("LN", "RMS")
ACTIVATIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "silu": "silu",
}
_SAID = (
    *("n_layers", "n_heads", "d_model", "d_head", "n_ctx", "d_vocab", "d_vocab_out"),
    *("n_key_value_heads", "attn_only", "gated_mlp", "normalization_type"),
    *("positional_embedding_type", "attention_dir", "use_local_attn"),
    *("attn_scale", "use_attn_scale", "attn_scores_soft_cap", "output_logits_soft_cap"),
    *("parallel_attn_mlp", "use_normalization_before_and_after", "post_embedding_ln"),
)
_NEVER = (  # flags of what is not computed with
    *("use_qk_norm", "use_logn_attn", "use_dynamic_ntk_rope", "use_attention_sinks"),
    *("scale_attn_by_inverse_layer_idx", "load_in_4bit", "qk_norm_after_rope"),
    *("split_attention_weights", "is_audio_model", "is_visual_model", "is_stateful"),
    *("is_multimodal", "uses_rms_norm", "rmsnorm_uses_offset", "layer_norm_folding"),
    *("scale_embedding", "use_NTK_by_parts_rope", "use_yarn_rope", "rotary_interleaved_cos_sin"),
)
_NOTHING = (  # what is not computed with, unless it is null
    *("clip_qkv", "num_experts", "quantization_method", "rope_scaling"),
    *("relative_attention_max_distance", "relative_attention_num_buckets"),
    *("decoder_start_token_id", "per_layer_head_dim", "per_layer_num_key_value_heads"),
    *("vision_hidden_size", "vision_num_layers", "vision_num_heads", "mm_tokens_per_image"),
)
_IDLE = (  # read by nothing beside those, or by no network that is said here
    *("experts_per_token", "norm_topk_prob", "train_seq_length", "tie_word_embeddings"),
    *("NTK_by_parts_low_freq_factor", "NTK_by_parts_high_freq_factor", "NTK_by_parts_factor"),
    *("NTK_original_ctx_len", "yarn_factor", "yarn_attention_factor", "yarn_beta_fast"),
    *("yarn_beta_slow", "yarn_original_max_position_embeddings", "yarn_truncate"),
    *("yarn_global_attn_only", "attn_implementation"),
)
_HOW = "torch.save({'model': model.state_dict(), 'cfg': model.cfg.to_dict()}, 'model.pth')"


def read_keys(settings: Settings) -> Told:
    """A whole configuration, asked for what must be what it is in every network here.

    Raises:
        UserError: if there is none, a key that it needs is missing, or one says what is not
            computed with.
    """
    if not settings:
        raise UserError(
            "the arrays do not say norms, positions, activation, mask and caps; give its "
            f"configuration with --config FILE.json, or save it beside them: {_HOW}"
        )
    require_said(settings, _SAID)
    for key, value in settings.items():
        if isinstance(value, np.ndarray):
            raise UserError(f"its configuration says {key}, an array of shape {value.shape}")
    told = Told(settings, (*HARMLESS, *_IDLE))
    for key in _NEVER:
        told.only(key, False)
    for key in _NOTHING:
        told.only(key, None)
    return told


def require_said(settings: Settings, keys: Iterable[str]) -> None:
    """Refuse a configuration without one of these keys, null though it may be.

    Raises:
        UserError: naming the first.
    """
    for key in keys:
        if key not in settings:
            raise UserError(
                f"its configuration does not say {key}; save all of it ({_HOW}), or add what it is"
            )


def sizes(told: Told) -> dict[str, Any]:
    """Sizes, with what TransformerLens makes of -1."""
    width, head, tokens = told.whole("d_model"), told.whole("d_head"), told.whole("d_vocab")
    heads, out = told.whole("n_heads"), told.whole("d_vocab_out")
    return {
        "n_layers": told.whole("n_layers"),
        "n_heads": width // head if heads == -1 and head > 0 else heads,
        "n_key_value_heads": told.whole("n_key_value_heads", 0),
        "d_model": width,
        "d_head": head,
        "d_vocab": tokens,
        "d_out": tokens if out == -1 else out,
        "n_ctx": told.whole("n_ctx"),
    }


def mlp(told: Told, activations: dict[str, str]) -> dict[str, Any]:
    """The MLP; without one its settings have no effect."""
    width, word, gated = told.any("d_mlp"), told.any("act_fn"), told.flag("gated_mlp")
    if told.flag("attn_only"):
        return {}
    if width is None or word is None:
        raise UserError("its configuration has to say d_mlp and act_fn, unless attn_only is true")
    return {
        "d_mlp": told.whole("d_mlp"),
        "activation": told.word("act_fn", activations),
        "gated": gated,
    }


def norm(told: Told) -> dict[str, Any]:
    """The kind of every norm and ε; RMSNorm behind blocks of LayerNorm is refused."""
    kind, epsilon = told.word("normalization_type", NORMS), told.any("eps")
    told.only("final_rms", False, *([True] if kind == "rms" else []))
    if kind == "none":
        return {}
    if epsilon is None:
        raise UserError("its configuration does not say eps, which norms add under the root")
    return {"norm": kind, "norm_eps": told.number("eps"), "final_norm": True}


def caps(told: Told) -> dict[str, Any]:
    """Soft caps: a number that is not positive stands for none."""
    return {
        "score_cap": _cap(told, "attn_scores_soft_cap"),
        "logit_cap": _cap(told, "output_logits_soft_cap"),
    }


def scale(told: Told, d_head: int) -> float:
    """What scores are divided by: -1 stands for the root of d_head."""
    value = told.number("attn_scale")
    return math.sqrt(max(d_head, 1)) if value == -1 else _positive("attn_scale", value)


def require_norms(shapes: Shapes, names: Collection[str], weighted: bool) -> None:
    """Refuse norms of a configuration that has weights for them where the file has none.

    Raises:
        UserError: naming the first that is missing, or there without a place.
    """
    for name in names:
        if weighted and name not in shapes:
            raise UserError(f"its configuration says norms with weights, and there is no {name}")
        if not weighted and name in shapes:
            raise UserError(f"its configuration says norms without weights, and there is {name}")


def finished(
    told: Told, made: dict[str, Any], settings: Settings, shapes: Shapes, weight: str
) -> Architecture:
    """The architecture, once every key has been asked for; `weight` is a norm's by its last name.

    Raises:
        UserError: if a key has not, norms lack weights, or choices do not go together.
    """
    told.require_all_asked()
    names = norm_names(made["n_layers"], mlps="d_mlp" in made, weight=weight)
    require_norms(shapes, names, settings["normalization_type"] in WEIGHTED)
    return Architecture(**made)


def norm_names(n_layers: int, *, mlps: bool, weight: str) -> list[str]:
    """Weights of the norms before attention and MLPs, and of the last one."""
    parts = ("ln1", "ln2") if mlps else ("ln1",)
    blocks = [f"blocks.{layer}.{part}.{weight}" for layer in range(n_layers) for part in parts]
    return [*blocks, f"ln_final.{weight}"]


def _cap(told: Told, key: str) -> float | None:
    value = told.number(key, -1.0)
    return None if value <= 0 else _positive(key, value)


def _positive(key: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise UserError(f"its configuration has to say {key}, a positive number; got {value!r}")
    return value
