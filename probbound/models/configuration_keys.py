"""Keys of configurations that tell no network: how it was made, and which version wrote them."""

from __future__ import annotations

HARMLESS = (  # what cannot change the function: where it runs, hooks that only look
    *("seed", "device", "n_devices", "dtype", "trust_remote_code"),
    *("model_name", "name", "run_name", "tokenizer_name", "default_prepend_bos"),
    *("tokenizer_prepends_bos", "tokenizer_appends_eos", "default_padding_side"),
    *("from_checkpoint", "checkpoint_index", "checkpoint_label_type", "checkpoint_value"),
    *("init_mode", "initializer_range", "init_weights", "n_params"),
    *("use_attn_result", "use_split_qkv_input", "use_hook_mlp_in", "use_attn_in"),
    *("use_hook_tokens", "ungroup_grouped_query_attention"),
    *("lr", "learning_rate", "weight_decay", "wd", "betas", "optimizer", "scheduler"),
    *("steps", "n_steps", "epochs", "num_epochs", "n_epochs", "batch_size", "batch"),
    *("warmup_steps", "save_every", "log_every", "wandb", "wandb_project", "save_dir"),
    *("wandb_entity", "wandb_run", "project", "experiment", "experiment_name", "run_id"),
    *("training_seed", "data_seed", "dataset", "task", "n_train", "n_test", "num_workers"),
    *("frac_train", "train_frac", "train_batch_size", "eval_batch_size", "momentum"),
    *("grad_clip", "max_grad_norm", "min_lr", "lr_schedule", "num_steps", "step", "epoch"),
    *("train_loss", "test_loss", "train_accuracy", "test_accuracy"),
    *("author", "created", "date", "description", "notes", "version", "git_commit"),
    *("format", "framework"),
    *("torch_version", "transformer_lens_version"),
)
ONLY_IN_4 = frozenset(  # what a TransformerBridge's configuration has, and no HookedTransformer's
    (
        *("architecture", "tokenizer_appends_eos", "default_padding_side", "attn_implementation"),
        *("split_attention_weights", "qk_norm_after_rope", "rotary_interleaved_cos_sin"),
        *("per_layer_head_dim", "per_layer_num_key_value_heads", "scale_embedding"),
        *("rmsnorm_uses_offset", "is_audio_model", "is_visual_model", "is_stateful"),
        *("is_multimodal", "vision_hidden_size", "vision_num_layers", "vision_num_heads"),
        "mm_tokens_per_image",
    )
)
