"""Training max-of-K from what a user asked for, with a record of how the model was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from probbound.draws.random_streams import Stream
from probbound.models.attention_only.evaluation import ForwardPass
from probbound.models.attention_only.transformer import Transformer
from probbound.models.recipes import Recipe, recipe_named
from probbound.strategies.levels import Inputs, Row, look
from probbound.tasks.max_of_k.task import MaxOfK
from probbound.tasks.max_of_k.trainable import OPTIONS
from probbound.tasks.max_of_k.training import train
from probbound.tasks.trainable import with_defaults

REPORT_SAMPLES = 1 << 20


def recorded_training(
    options: Mapping[str, Any], name: str = "unnamed"
) -> tuple[Transformer, dict[str, Any]]:
    """A network of `OPTIONS`, those not given at their defaults, and how it was made and scores.

    Raises:
        UserError: if an option cannot be used.
    """
    chosen = with_defaults(OPTIONS, options)
    task = MaxOfK(chosen["d_vocab"], chosen["n_ctx"])
    recipe, seed = recipe_named(chosen["recipe"], chosen["steps"]), chosen["seed"]
    model = train(task, chosen["d_model"], recipe, seed, name)
    return model, _record(model, task, recipe, seed)


def _record(model: Transformer, task: MaxOfK, recipe: Recipe, seed: int) -> dict[str, Any]:
    """How the model was made and how it scores on fresh sampled inputs."""
    stream = Stream.from_seed(seed).fold_in("report")
    row = Row((), ForwardPass.of(model, task))
    seen = look(Inputs(task, stream), REPORT_SAMPLES, row, REPORT_SAMPLES, label="evaluating")
    return {
        "task": task.name,
        "recipe": recipe.name,
        "steps": recipe.steps,
        "batch": recipe.batch,
        "training_seed": seed,
        "jax": jax.__version__,
        "samples": REPORT_SAMPLES,
        "wrong": seen.failures,
        "sampled_accuracy": 1 - seen.failures / REPORT_SAMPLES,
    }
