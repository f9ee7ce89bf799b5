"""Training a pair network on a table of answers, from what a user asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int

from probbound.models.pair_mlp.network import PairMLP
from probbound.models.pair_mlp.training import PairRecipe, trained


def train_on(
    answers: Int[np.ndarray, "n n"], options: Mapping[str, Any], name: str, *, tied: bool
) -> tuple[PairMLP, dict[str, Any]]:
    """The network, and how it was made and scores; `options` are those of `PAIR_OPTIONS`.

    Raises:
        UserError: as `PairRecipe` and `trained`.
    """
    recipe = PairRecipe(
        d_mlp=options["d_mlp"],
        d_model=options["d_model"],
        steps=options["steps"],
        batch=options["batch"],
        learning_rate=options["learning_rate"],
        weight_decay=options["weight_decay"],
        share_of_pairs=options["share_of_pairs"],
        tied=tied,
        biased=options["biased"],
    )
    return trained(answers, recipe, options["seed"], name, options["stop_at"])
