"""What a training on induction can be told."""

from __future__ import annotations

from probbound.tasks.trainable import Option

OPTIONS = (
    Option("d_vocab", 16, "Number of tokens."),
    Option("n_ctx", 8, "Number of positions."),
    Option("layers", 2, "Layers of attention; one cannot do it."),
    Option("heads", 1, "Heads of each layer."),
    Option("d_model", 32, "Width."),
    Option("d_head", 32, "Width of a head."),
    Option("structure_penalty", 0.003, "Times -mean log attention to the token before."),
    Option("match_penalty", 0.0, "Times -mean log the last layer's attention to what it copies."),
    Option("steps", 6000, "Of AdamW at 2e-3, cosine, batches of 256."),
    Option("seed", 0, "Of initial weights and inputs."),
)
