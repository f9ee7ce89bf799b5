"""Training a transformer on a task, from a named recipe and a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from probbound.errors import UserError
from probbound.models.transformer import BIASES, Transformer
from probbound.progress import track
from probbound.tasks import MaxOfK

STEPS_PER_CALL = 100


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
        UserError: if there is no such recipe, or steps < 1.
    """
    if name not in RECIPES:
        raise UserError(f"there is no recipe {name!r}; choose from {', '.join(RECIPES)}")
    if steps is not None and steps < 1:
        raise UserError(f"steps must be at least 1, got {steps}")
    return RECIPES[name] if steps is None else replace(RECIPES[name], steps=steps)


def initial_model(task: MaxOfK, d_model: int, seed: int, name: str = "unnamed") -> Transformer:
    """One head, d_head = d_model, weights N(0, (0.8/√d_model)²), biases zero, in float32.

    Raises:
        UserError: if d_model < 1 or the seed is negative.
    """
    if d_model < 1:
        raise UserError(f"d_model must be at least 1, got {d_model}")
    key = jax.random.fold_in(_root_key(seed), 0)
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
    weights = {
        weight: spread * jax.random.normal(jax.random.fold_in(key, i), shape)
        for i, (weight, shape) in enumerate(shapes.items())
    }
    zeros = {"b_O": (d_model,), "b_U": (task.d_vocab,)}
    biases = {b: jnp.zeros(zeros.get(b, (1, d_model))) for b in BIASES}
    return Transformer(**weights, **biases, attn_scale=d_model**0.5, name=name)


def train(
    task: MaxOfK, d_model: int, recipe: Recipe, seed: int, name: str = "unnamed"
) -> Transformer:
    """Train from scratch; the result depends on the arguments and the JAX version alone.

    Raises:
        UserError: if d_model < 1 or the seed is negative.
    """
    model = initial_model(task, d_model, seed, name)
    optimiser = _optimiser(recipe)
    state = optimiser.init(eqx.filter(model, eqx.is_array))
    key = jax.random.fold_in(_root_key(seed), 1)
    calls = range(0, recipe.steps, STEPS_PER_CALL)
    for first in track(calls, f"training {name}"):
        steps = jnp.arange(first, min(first + STEPS_PER_CALL, recipe.steps))
        model, state = _run(model, state, optimiser, key, steps, task, recipe.batch)
    return jax.tree.map(lambda leaf: np.asarray(leaf), model)


def _root_key(seed: int) -> PRNGKeyArray:
    if seed < 0:
        raise UserError(f"seed must be a non-negative integer, got {seed}")
    return jax.random.key(seed)


@cache
def _optimiser(recipe: Recipe) -> optax.GradientTransformation:
    rate = (
        optax.cosine_decay_schedule(recipe.learning_rate, recipe.steps)
        if recipe.schedule == "cosine"
        else recipe.learning_rate
    )
    return optax.adamw(rate, b1=0.9, b2=0.999, weight_decay=recipe.weight_decay)


@partial(eqx.filter_jit, donate="all-except-first")
def _run(
    model: Transformer,
    state: optax.OptState,
    optimiser: optax.GradientTransformation,
    key: PRNGKeyArray,
    steps: Int[Array, " steps"],
    task: MaxOfK,
    batch: int,
) -> tuple[Transformer, optax.OptState]:
    def step(carry: tuple, index: Int[Array, ""]) -> tuple[tuple, None]:
        model, state = carry
        tokens = jax.random.randint(
            jax.random.fold_in(key, index), (batch, task.n_ctx), 0, task.d_vocab
        )
        grads = jax.grad(_loss)(model, tokens)
        updates, state = optimiser.update(grads, state, model)
        return (optax.apply_updates(model, updates), state), None

    (model, state), _ = jax.lax.scan(step, (model, state), steps)
    return model, state


def _loss(model: Transformer, tokens: Int[Array, "batch n_ctx"]) -> Float[Array, ""]:
    logits = model(tokens)
    labels = tokens.max(axis=1)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
