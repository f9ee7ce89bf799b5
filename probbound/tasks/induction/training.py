"""Training attention-only transformers on induction, with or without a penalty on structure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.fitting import fitted, last_of, root_key
from probbound.models.recipes import MOST_STEPS
from probbound.models.transformer import forward
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.assembling import Assembly
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.plain import Plain
from probbound.models.transformer.running import outcomes
from probbound.tasks.induction.task import Induction
from probbound.tasks.induction.trainable import OPTIONS
from probbound.tasks.trainable import with_defaults

BATCH, RATE, DECAY = 256, 2e-3, 0.02
EVERYWHERE = 3  # one in so many steps, the first, also learn from every position
SCORED = 100_000


def train(
    options: Mapping[str, Any], name: str = "unnamed"
) -> tuple[GeneralTransformer, dict[str, Any]]:
    """A network of `OPTIONS`, those not given at their defaults, and how it was made and scores.

    Raises:
        UserError: if an option cannot be used.
    """
    chosen = with_defaults(OPTIONS, options)
    task = Induction(chosen["d_vocab"], chosen["n_ctx"])
    _require_usable(chosen)
    architecture = Architecture(
        n_layers=chosen["layers"],
        n_heads=chosen["heads"],
        d_model=chosen["d_model"],
        d_head=chosen["d_head"],
        d_vocab=task.d_vocab,
        d_out=task.d_vocab,
        n_ctx=task.n_ctx,
        positions="learned",
    )
    model = GeneralTransformer(
        _initial(architecture, chosen["seed"]), architecture, name, made_for=task.name
    )
    steps, penalty = chosen["steps"], chosen["structure_penalty"]
    for stage, (share, count) in enumerate(((0.5, steps // EVERYWHERE), (0.0, steps))):
        weights = (share, penalty, chosen["match_penalty"])
        objective = _Objective(task, *(jnp.asarray(each) for each in weights))
        key = jax.random.fold_in(root_key(chosen["seed"]), 1 + stage)
        count = count if stage == 0 else steps - steps // EVERYWHERE
        rate = RATE if stage == 0 else optax.cosine_decay_schedule(RATE, count, 0.02)
        optimiser = optax.adamw(rate, weight_decay=DECAY)
        model = last_of(fitted(model, objective, optimiser, key, (count,), f"training {name}"))
    model = GeneralTransformer(
        {each: np.asarray(values) for each, values in model.arrays.items()},
        architecture,
        name,
        made_for=task.name,
    )
    told = {name: value for name, value in chosen.items() if name != "seed"}
    wrong = _wrong(model, task)
    record = {
        "task": task.name,
        "recipe": _recipe(chosen),
        **told,
        "training_seed": chosen["seed"],
        "jax": jax.__version__,
        "samples": SCORED,
        "wrong": wrong,
        "sampled_accuracy": 1 - wrong / SCORED,
    }
    return model, record


def _recipe(chosen: Mapping[str, Any]) -> str:
    """Its penalties in words, for lists of models."""
    structure, match = chosen["structure_penalty"], chosen["match_penalty"]
    return f"{structure:g}, match {match:g}" if match else f"penalty {structure:g}"


def _require_usable(chosen: Mapping[str, Any]) -> None:
    if not 1 <= chosen["steps"] <= MOST_STEPS:
        raise UserError(f"steps must be 1 to {MOST_STEPS:,}, got {chosen['steps']}")
    for name in ("structure_penalty", "match_penalty"):
        if not 0 <= chosen[name] < math.inf:
            raise UserError(f"{name} must be a number of at least 0, got {chosen[name]}")
    if chosen["layers"] < 1:
        raise UserError(f"attention takes a layer at least, got {chosen['layers']}")


def _initial(a: Architecture, seed: int) -> dict[str, np.ndarray]:
    """N(0, (0.8/√d_model)²), no biases, in float32."""
    key = jax.random.fold_in(root_key(seed), 0)
    shapes: dict[str, tuple[int, ...]] = {
        "embed.W_E": (a.d_vocab, a.d_model),
        "pos_embed.W_pos": (a.n_ctx, a.d_model),
        "unembed.W_U": (a.d_model, a.d_out),
    }
    for layer in range(a.n_layers):
        at = f"blocks.{layer}.attn"
        shapes |= {f"{at}.W_{which}": (a.n_heads, a.d_model, a.d_head) for which in "QKV"}
        shapes[f"{at}.W_O"] = (a.n_heads, a.d_head, a.d_model)
    spread = 0.8 / a.d_model**0.5
    return {
        name: np.asarray(spread * jax.random.normal(jax.random.fold_in(key, i), shape))
        for i, (name, shape) in enumerate(shapes.items())
    }


class _Objective(eqx.Module):
    """Cross-entropy at the last position; `everywhere` of it is taken of all that can be known."""

    task: Induction = eqx.field(static=True)
    everywhere: Float[Array, ""]
    penalty: Float[Array, ""]
    match_penalty: Float[Array, ""]

    def __call__(self, model: Any, key: PRNGKeyArray) -> Float[Array, ""]:
        tokens, place = _batch(self.task, key)
        logits, patterns = _run(model, tokens)
        losses = optax.softmax_cross_entropy_with_integer_labels
        once, label = _known(tokens)
        last = losses(logits[:, -1], label[:, -1]).mean()
        each = jnp.where(once, losses(logits, label), 0.0)
        overall = each.sum() / jnp.maximum(once.sum(), 1)
        before = jnp.diagonal(patterns[0], offset=-1, axis1=2, axis2=3)
        structure = -jnp.log(before.max(axis=1) + 1e-30).mean()
        copied = patterns[-1][jnp.arange(BATCH), :, -1, place + 1]
        match = -jnp.log(copied.max(axis=1) + 1e-30).mean()
        loss = (1 - self.everywhere) * last + self.everywhere * overall + self.penalty * structure
        return loss + self.match_penalty * match


def _batch(task: Induction, key: PRNGKeyArray) -> tuple[Int[Array, "n n_ctx"], Int[Array, " n"]]:
    """Sequences, and where the last token of each has stood."""
    v, n = task.d_vocab, task.n_ctx
    keys = jax.random.split(key, 3)
    query = jax.random.randint(keys[0], (BATCH,), 0, v)
    place = jax.random.randint(keys[1], (BATCH,), 0, n - 2)
    tokens = jax.random.randint(keys[2], (BATCH, n), 0, v - 1)
    tokens = tokens + (tokens >= query[:, None])
    return tokens.at[:, -1].set(query).at[jnp.arange(BATCH), place].set(query), place


def _known(tokens: Int[Array, "n t"]) -> tuple[Array, Array]:
    """Where a token has stood exactly once before, and what followed it there."""
    length = tokens.shape[1]
    earlier = jnp.tril(jnp.ones((length, length), dtype=bool), -1)
    same = (tokens[:, :, None] == tokens[:, None, :]) & earlier
    label = jnp.take_along_axis(tokens, jnp.minimum(same.argmax(axis=2) + 1, length - 1), axis=1)
    return same.sum(axis=2) == 1, label


def _run(model: Any, tokens: Int[Array, "n t"]) -> tuple[Array, list[Array]]:
    """Outcomes everywhere, and each layer's attention."""
    a, ops = model.architecture, Plain()
    made = Assembly(a, model.arrays, np.float32)
    by, patterns = made.embedding(), []

    def tap(name: str, value: Any) -> Any:
        if name == "attn.hook_pattern":
            patterns.append(value)
        return value

    x = forward.embedded(ops, a, by, tokens)
    for layer, window in enumerate(a.windows):
        x = forward.through(ops, a, window, made.block(layer), by.W_pos, x, tokens.shape[1], tap)
    return forward.answered(ops, a, made.head(), x), patterns


def _wrong(model: GeneralTransformer, task: Induction) -> int:
    tokens = task.sample(Stream.from_seed(0).fold_in("scored"), 0, SCORED)
    return int((outcomes(model, tokens, np.float32).argmax(axis=1) != task.labels(tokens)).sum())
