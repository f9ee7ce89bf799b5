"""Training a transformer on a task, from a named recipe and a seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from probbound.machine.errors import UserError
from probbound.models.attention_only.accepted import accepted_model
from probbound.models.attention_only.transformer import BIASES, Transformer
from probbound.models.fitting import fitted, last_of, require_stops, root_key
from probbound.models.recipes import Recipe
from probbound.tasks.max_of_k.accepted import accepted_task
from probbound.tasks.max_of_k.task import MaxOfK

Penalty = Callable[[Transformer], Float[Array, ""]]


def initial_model(task: MaxOfK, d_model: int, seed: int, name: str = "unnamed") -> Transformer:
    """One head, d_head = d_model, weights N(0, (0.8/√d_model)²), biases zero, in float32.

    Raises:
        UserError: if d_model < 1 or the seed is negative.
    """
    task = accepted_task(task)
    if d_model < 1:
        raise UserError(f"d_model must be at least 1, got {d_model}")
    key = jax.random.fold_in(root_key(seed), 0)
    shapes = {
        "W_E": (task.d_vocab, d_model),
        "W_pos": (task.n_ctx, d_model),
        "W_Q": (1, d_model, d_model),
        "W_K": (1, d_model, d_model),
        "W_V": (1, d_model, d_model),
        "W_O": (1, d_model, d_model),
        "W_U": (d_model, task.d_vocab),
    }
    spread = 0.8 / d_model**0.5
    weights: dict[str, Any] = {
        weight: spread * jax.random.normal(jax.random.fold_in(key, i), shape)
        for i, (weight, shape) in enumerate(shapes.items())
    }
    zeros = {"b_O": (d_model,), "b_U": (task.d_vocab,)}
    biases: dict[str, Any] = {b: jnp.zeros(zeros.get(b, (1, d_model))) for b in BIASES}
    return Transformer(**weights, **biases, attn_scale=d_model**0.5, name=name)


def train(
    task: MaxOfK, d_model: int, recipe: Recipe, seed: int, name: str = "unnamed"
) -> Transformer:
    """Train from scratch; the result depends on the arguments and the JAX version alone.

    Raises:
        UserError: if d_model < 1 or the seed is negative.
    """
    return last_of(snapshots(task, d_model, recipe, seed, (recipe.steps,), name))


def snapshots(
    task: MaxOfK,
    d_model: int,
    recipe: Recipe,
    seed: int,
    at: Sequence[int],
    name: str = "unnamed",
) -> Iterator[Transformer]:
    """The model after each of the numbers of steps `at`, 0 being the initial one.

    The one after `recipe.steps` is that of `train`, bit for bit.

    Raises:
        UserError: as `train`, or if `at` does not increase within 0 … `recipe.steps`.
    """
    require_stops(at, recipe.steps)
    task = accepted_task(task)
    key = jax.random.fold_in(root_key(seed), 1)
    model, objective = initial_model(task, d_model, seed, name), _Objective(task, recipe.batch)
    return fitted(model, objective, _optimiser(recipe), key, at, f"training {name}")


def fine_tune(
    model: Transformer,
    task: MaxOfK,
    recipe: Recipe,
    seed: int,
    penalty: Penalty,
    strength: float,
) -> Transformer:
    """Train on, with `strength` · `penalty` of the weights added to the loss.

    What comes out is another model: nothing that was certified of `model` holds of it. The
    optimiser starts anew. At strength 0 it is the control.

    Raises:
        UserError: if the strength or the seed is negative.
    """
    task, model = accepted_task(task), accepted_model(model)
    if not 0 <= strength < math.inf:
        raise UserError(f"strength must be a number of at least 0, got {strength}")
    key = jax.random.fold_in(root_key(seed), 2)
    objective = _Objective(task, recipe.batch, penalty, jnp.asarray(strength))
    at, label = (recipe.steps,), f"training {model.name}"
    return last_of(fitted(model, objective, _optimiser(recipe), key, at, label))


class _Objective(eqx.Module):
    """The loss on a batch of fresh draws, and `strength` · `penalty` of the weights."""

    task: MaxOfK = eqx.field(static=True)
    batch: int = eqx.field(static=True)
    penalty: Penalty | None = eqx.field(static=True, default=None)
    strength: Float[Array, ""] | float = 0.0

    def __call__(self, model: Transformer, key: PRNGKeyArray) -> Float[Array, ""]:
        shape = (self.batch, self.task.n_ctx)
        tokens = jax.random.randint(key, shape, 0, self.task.d_vocab)
        labels = tokens.max(axis=1)
        losses = optax.softmax_cross_entropy_with_integer_labels(model(tokens), labels)
        loss = losses.mean()
        return loss if self.penalty is None else loss + self.strength * self.penalty(model)


@cache
def _optimiser(recipe: Recipe) -> optax.GradientTransformation:
    rate = (
        optax.cosine_decay_schedule(recipe.learning_rate, recipe.steps)
        if recipe.schedule == "cosine"
        else recipe.learning_rate
    )
    return optax.adamw(rate, b1=0.9, b2=0.999, weight_decay=recipe.weight_decay)
