"""Names of a pair network's weights in files, and of its configuration; nothing heavy is loaded."""

from __future__ import annotations

SHOWN = ("d_vocab", "d_mlp", "d_model")  # of a configuration, in a list of models
WEIGHT_SHAPES: dict[str, tuple[str, ...]] = {
    "W_E": ("d_vocab", "d_model"),
    "W_E2": ("d_vocab", "d_model"),
    "W_in": ("d_model", "d_mlp"),
    "W_in2": ("d_model", "d_mlp"),
    "b_in": ("d_mlp",),
    "W_out": ("d_mlp", "d_out"),
    "W_skip": ("d_model", "d_out"),
    "b_out": ("d_out",),
    "W_U": ("d_out", "d_vocab_out"),
    "b_U": ("d_vocab_out",),
}
ALWAYS = ("W_E", "W_U")
SIZES = ("d_vocab", "d_model", "d_mlp", "d_out", "d_vocab_out")
FORM = {"activation": "relu", "operands": "added"}  # what weights alone do not show
