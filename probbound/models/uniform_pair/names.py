"""Names of the weights of a nearly uniform transformer of pairs, and of its configuration."""

from __future__ import annotations

SHOWN = ("d_vocab", "d_mlp", "d_model")  # of a configuration, in a list of models
WEIGHT_SHAPES: dict[str, tuple[str, ...]] = {
    "W_E": ("d_vocab", "d_model"),
    "W_E2": ("d_vocab", "d_model"),
    "W_pos": ("n_ctx", "d_model"),
    "W_Q": ("n_heads", "d_model", "d_head"),
    "W_K": ("n_heads", "d_model", "d_head"),
    "W_V": ("n_heads", "d_model", "d_head"),
    "W_O": ("n_heads", "d_head", "d_model"),
    "W_in": ("d_model", "d_mlp"),
    "b_in": ("d_mlp",),
    "W_out": ("d_mlp", "d_model"),
    "b_out": ("d_model",),
    "W_U": ("d_model", "d_vocab_out"),
}
OPTIONAL = ("W_E2",)
SIZES = ("d_vocab", "d_model", "n_heads", "d_head", "d_mlp", "d_vocab_out", "n_ctx")
COEFFICIENT = "attn_coeff"
FORM = {"activation": "relu", "attention": "attn_coeff * softmax + (1 - attn_coeff)"}
