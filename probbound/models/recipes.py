"""The recipes that models are trained by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from probbound.machine.errors import UserError

MOST_STEPS = (1 << 31) - 1  # the optimiser counts them in 32 bits


@dataclass(frozen=True)
class Recipe:
    """AdamW (0.9, 0.999), uniform tokens streamed, cross-entropy at the last position."""

    name: str
    steps: int
    batch: int
    learning_rate: float
    schedule: Literal["constant", "cosine"]
    weight_decay: float


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("published", 3000, 128, 1e-3, "constant", 0.01),
        Recipe("longer", 8000, 512, 2e-3, "cosine", 0.0),
    )
}


def recipe_named(name: str, steps: int | None = None) -> Recipe:
    """A recipe, with its number of steps replaced if `steps` is given.

    Raises:
        UserError: if there is no such recipe, or steps are not in 1 … MOST_STEPS.
    """
    if name not in RECIPES:
        raise UserError(f"there is no recipe {name!r}; choose from {', '.join(RECIPES)}")
    if steps is not None and not 1 <= steps <= MOST_STEPS:
        raise UserError(f"steps must be at least 1 and at most {MOST_STEPS:,}, got {steps}")
    return RECIPES[name] if steps is None else replace(RECIPES[name], steps=steps)
