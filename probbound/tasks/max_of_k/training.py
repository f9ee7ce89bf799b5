"""Training a transformer on a task, from a named recipe and a seed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from probbound.machine.errors import UserError
from probbound.machine.progress import track
from probbound.models.attention_only.accepted import accepted_model
from probbound.models.attention_only.transformer import BIASES, Transformer
from probbound.models.recipes import Recipe
from probbound.tasks.max_of_k.accepted import accepted_task
from probbound.tasks.max_of_k.task import MaxOfK

STEPS_PER_CALL = 100

Penalty = Callable[[Transformer], Float[Array, ""]]


def initial_model(task: MaxOfK, d_model: int, seed: int, name: str = "unnamed") -> Transformer:
    """One head, d_head = d_model, weights N(0, (0.8/√d_model)²), biases zero, in float32.

    Raises:
        UserError: if d_model < 1 or the seed is negative.
    """
    task = accepted_task(task)
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
    return _last(snapshots(task, d_model, recipe, seed, (recipe.steps,), name))


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
    if list(at) != sorted({*at}) or not all(0 <= step <= recipe.steps for step in at):
        raise UserError(f"snapshots must increase within 0 … {recipe.steps} steps, got {list(at)}")
    task = accepted_task(task)
    key = jax.random.fold_in(_root_key(seed), 1)
    return _trained(initial_model(task, d_model, seed, name), Training(task, recipe, key), at)


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
    key = jax.random.fold_in(_root_key(seed), 2)
    training = Training(task, recipe, key, penalty, strength)
    return _last(_trained(model, training, (recipe.steps,)))


@dataclass(frozen=True)
class Training:
    """What is minimised, how, and on which draws."""

    task: MaxOfK
    recipe: Recipe
    key: PRNGKeyArray
    penalty: Penalty | None = None
    strength: float = 0.0


def _trained(model: Transformer, training: Training, at: Sequence[int]) -> Iterator[Transformer]:
    """The model after each number of steps; where the calls are cut changes no bit."""
    optimiser = _optimiser(training.recipe)
    model = jax.tree.map(jnp.asarray, model)
    state = optimiser.init(eqx.filter(model, eqx.is_array))
    last = max(at, default=0)
    ends = sorted({*range(0, last, STEPS_PER_CALL), *at} - {0})
    if 0 in at:
        yield _as_numpy(model)
    for first, stop in track(list(itertools.pairwise([0, *ends])), f"training {model.name}"):
        model, state = _run(
            *(model, state, optimiser, training.key, jnp.asarray([first, stop])),
            *(training.task, training.recipe.batch),
            *(training.penalty, jnp.asarray(training.strength)),
        )
        if stop in at:
            yield _as_numpy(model)


def _last(models: Iterator[Transformer]) -> Transformer:
    *_, last = models
    return last


def _as_numpy(model: Transformer) -> Transformer:
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


@eqx.filter_jit
def _run(
    model: Transformer,
    state: optax.OptState,
    optimiser: optax.GradientTransformation,
    key: PRNGKeyArray,
    span: Int[Array, "2"],
    task: MaxOfK,
    batch: int,
    penalty: Penalty | None,
    strength: Float[Array, ""],
) -> tuple[Transformer, optax.OptState]:
    """Steps span[0] … span[1] - 1, compiled once for spans of any length."""

    def objective(model: Transformer, tokens: Int[Array, "batch n_ctx"]) -> Float[Array, ""]:
        loss = _loss(model, tokens)
        return loss if penalty is None else loss + strength * penalty(model)

    def step(index: Int[Array, ""], carry: tuple) -> tuple:
        model, state = carry
        tokens = jax.random.randint(
            jax.random.fold_in(key, index), (batch, task.n_ctx), 0, task.d_vocab
        )
        grads = jax.grad(objective)(model, tokens)
        updates, state = optimiser.update(grads, state, model)
        return optax.apply_updates(model, updates), state

    return jax.lax.fori_loop(span[0], span[1], step, (model, state))


def _loss(model: Transformer, tokens: Int[Array, "batch n_ctx"]) -> Float[Array, ""]:
    logits = model(tokens)
    labels = tokens.max(axis=1)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
