"""What a training on max-of-K can be told."""

from __future__ import annotations

from probbound.models.recipes import RECIPES
from probbound.tasks.trainable import Option

OPTIONS = (
    Option("d_vocab", 64, "Number of tokens."),
    Option("d_model", 32, "Width, also of the one head."),
    Option("n_ctx", 4, "Number of positions, K."),
    Option("recipe", "longer", f"One of {', '.join(RECIPES)}."),
    Option("steps", None, "Instead of the recipe's own."),
    Option("seed", 0, "Of initial weights and inputs."),
)
