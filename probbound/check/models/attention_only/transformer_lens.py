"""What each key of a TransformerLens configuration does to one layer of attention.

Read from the sources of TransformerLens 3.9 (`HookedTransformer`, and its bridge) and 4.3 (the
native model of its bridge): `config/`, `components/`, `model_bridge/sources/native/model.py`.
"""

from __future__ import annotations

from typing import Any

_UNSET = (-1, -1.0)

# The network computed with is the one where each of these has one of the values beside it.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n_layers": (1,),
    "attn_only": (True,),
    "attention_dir": ("causal",),
    "normalization_type": (None,),
    "positional_embedding_type": ("standard",),
    "attn_scores_soft_cap": (*_UNSET, None),
    "output_logits_soft_cap": (*_UNSET, None),
    "architecture": (None, "TransformerLensNative"),
    "scale_embedding": (None, False),
    **dict.fromkeys(
        (
            "use_local_attn",
            "use_qk_norm",
            "qk_norm_after_rope",
            "use_logn_attn",
            "use_attention_sinks",
            "uses_rms_norm",
            "final_rms",
            "rmsnorm_uses_offset",
            "layer_norm_folding",
            "post_embedding_ln",
            "use_normalization_before_and_after",
            "parallel_attn_mlp",
            "tie_word_embeddings",
            "split_attention_weights",
            "load_in_4bit",
            "is_audio_model",
            "is_visual_model",
            "is_stateful",
            "is_multimodal",
        ),
        (False,),
    ),
    **dict.fromkeys(
        (
            "window_size",
            "attn_types",
            "clip_qkv",
            "original_architecture",
            "quantization_method",
            "per_layer_head_dim",
            "per_layer_num_key_value_heads",
            "relative_attention_max_distance",
            "relative_attention_num_buckets",
            "attn_implementation",
            "vision_hidden_size",
            "vision_num_layers",
            "vision_num_heads",
            "mm_tokens_per_image",
        ),
        (None,),
    ),
}
SIZES = ("n_heads", "d_model", "d_head", "n_ctx", "d_vocab", "d_vocab_out", "n_key_value_heads")
SCALES = ("attn_scale", "use_attn_scale")

# Nothing reads these where another key has its neutral value. Named is the one that then has to be
# there, as TransformerLens takes another value if it is not; None if it takes the neutral one.
UNUSED: dict[str, str | None] = {
    **dict.fromkeys(
        ("act_fn", "d_mlp", "gated_mlp", "num_experts", "experts_per_token", "norm_topk_prob"),
        "attn_only",
    ),
    "eps": "normalization_type",
    **dict.fromkeys(
        (
            "rotary_dim",
            "rotary_base",
            "rotary_base_local",
            "rotary_scaling_factor",
            "rotary_adjacent_pairs",
            "rotary_interleaved_cos_sin",
            "rope_scaling",
            "use_NTK_by_parts_rope",
            "NTK_by_parts_low_freq_factor",
            "NTK_by_parts_high_freq_factor",
            "NTK_by_parts_factor",
            "NTK_original_ctx_len",
            "use_dynamic_ntk_rope",
            "use_yarn_rope",
            "yarn_factor",
            "yarn_attention_factor",
            "yarn_beta_fast",
            "yarn_beta_slow",
            "yarn_original_max_position_embeddings",
            "yarn_truncate",
            "yarn_global_attn_only",
            "train_seq_length",  # where queries grow with the context: use_logn_attn
        ),
        None,
    ),
}

# Of no effect on the logits of a sequence of tokens: where and how weights were made and are kept,
# what tokenizers and generation do, and hooks, which pass on what they get.
# So is the factor 1 / (layer + 1) in layer 0, and groups of one head each.
HARMLESS = frozenset(
    (
        *("seed", "device", "n_devices", "dtype", "model_name", "n_params", "trust_remote_code"),
        *("init_mode", "init_weights", "initializer_range"),
        *("from_checkpoint", "checkpoint_index", "checkpoint_label_type", "checkpoint_value"),
        *("tokenizer_name", "tokenizer_prepends_bos", "tokenizer_appends_eos"),
        *("default_prepend_bos", "default_padding_side", "decoder_start_token_id"),
        *("use_attn_result", "use_attn_in", "use_split_qkv_input", "use_hook_mlp_in"),
        *("use_hook_tokens", "ungroup_grouped_query_attention", "scale_attn_by_inverse_layer_idx"),
        # of other makers
        *("name", "run_name", "run_id", "version", "transformer_lens_version", "torch_version"),
        *("description", "notes", "author", "date", "created", "git_commit", "task", "dataset"),
        *("project", "wandb_project", "wandb_entity", "wandb_run", "experiment", "experiment_name"),
        *("lr", "learning_rate", "min_lr", "lr_schedule", "scheduler", "warmup_steps", "optimizer"),
        *("weight_decay", "wd", "betas", "momentum", "grad_clip", "max_grad_norm"),
        *("steps", "n_steps", "num_steps", "step", "epoch", "epochs", "n_epochs", "num_epochs"),
        *("batch", "batch_size", "train_batch_size", "eval_batch_size", "n_train", "n_test"),
        *("train_frac", "frac_train", "training_seed", "data_seed", "log_every", "save_every"),
        *("save_dir", "wandb"),
        *("num_workers", "train_loss", "test_loss", "train_accuracy", "test_accuracy"),
    )
)

# Keys by which an object is told to be a configuration: those that change some network.
TELLING = frozenset((*NEUTRAL, *SIZES, *SCALES, *UNUSED)) - {"eps", "num_experts"}
TELLING |= {"scale_attn_by_inverse_layer_idx"}

KNOWN = TELLING | set(UNUSED) | HARMLESS

# Keys of the bridge alone, where `use_attn_scale` false means √d_head and not 1.
BRIDGE = frozenset(
    (
        *("architecture", "tokenizer_appends_eos", "default_padding_side"),
        *("split_attention_weights", "qk_norm_after_rope", "rotary_interleaved_cos_sin"),
        *("per_layer_head_dim", "per_layer_num_key_value_heads", "scale_embedding"),
        *("rmsnorm_uses_offset", "attn_implementation", "rope_scaling"),
        *("is_audio_model", "is_visual_model", "is_stateful", "is_multimodal"),
        *("vision_hidden_size", "vision_num_layers", "vision_num_heads", "mm_tokens_per_image"),
    )
)
