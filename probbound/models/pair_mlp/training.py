"""Training a pair network on a table of answers, from a recipe and a seed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
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
from probbound.models.fitting import fitted, last_of, require_stops, root_key
from probbound.models.pair_mlp.network import PairMLP, in_float64

MOST_STEPS = (1 << 31) - 1  # the optimiser counts them in 32 bits
WARM_UP = 50
LAST_RATE = 0.02
_ROWS = 1 << 14


@dataclass(frozen=True)
class PairRecipe:
    """AdamW (0.9, 0.98): WARM_UP steps up, then a cosine down to LAST_RATE of the rate.

    `d_model` is the width of the bottleneck before and behind the neurons, 0 for none. Of all pairs
    the share `share_of_pairs` is learnt from; `batch` of these are drawn for each step, 0 for all.

    Raises:
        UserError: if a number cannot be used.
    """

    d_mlp: int
    d_model: int
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    share_of_pairs: float = 1.0
    tied: bool = True
    biased: bool = False

    def __post_init__(self) -> None:
        for size, least in (("d_mlp", 1), ("d_model", 0), ("batch", 0)):
            if getattr(self, size) < least:
                raise UserError(f"{size} must be at least {least}, got {getattr(self, size)}")
        if not 1 <= self.steps <= MOST_STEPS:
            raise UserError(
                f"steps must be at least 1 and at most {MOST_STEPS:,}, got {self.steps}"
            )
        if not 0 < self.share_of_pairs <= 1:
            raise UserError(
                f"share of pairs must be above 0 and at most 1, got {self.share_of_pairs}"
            )
        if not (0 < self.learning_rate < math.inf and 0 <= self.weight_decay < math.inf):
            raise UserError(
                "the learning rate must be above 0 and weight decay at least 0, got "
                f"{self.learning_rate} and {self.weight_decay}"
            )


def initial_network(classes: int, recipe: PairRecipe, seed: int, name: str) -> PairMLP:
    """Weights N(0, 1 / width of what they read), biases zero, in float32.

    Raises:
        UserError: if the seed is negative.
    """
    key = jax.random.fold_in(root_key(seed), 0)
    d, m = recipe.d_model or recipe.d_mlp, recipe.d_mlp
    shapes = {"W_E": ((classes, d), d), "W_U": ((d, classes), d)}
    if recipe.d_model:
        shapes |= {"W_in": ((d, m), d), "W_out": ((m, d), m)}
    if not recipe.tied:
        shapes["W_E2"] = ((classes, d), d)
    weights: dict[str, Any] = {
        weight: jax.random.normal(jax.random.fold_in(key, i), shape) / read**0.5
        for i, (weight, (shape, read)) in enumerate(shapes.items())
    }
    if recipe.biased:
        zeros = {"b_in": m, "b_out": d, "b_U": classes}
        weights |= {bias: jnp.zeros(size) for bias, size in zeros.items()}
    return PairMLP(**weights, name=name)


def learnt_pairs(
    answers: Int[np.ndarray, "n_first n_second"], share: float, seed: int
) -> Int[np.ndarray, "n 2"]:
    """The pairs that are learnt from, in the order of a random permutation; at least one."""
    key = jax.random.fold_in(root_key(seed), 2)
    number = max(1, round(share * answers.size))
    chosen = np.asarray(jax.random.permutation(key, answers.size))[:number]
    return np.stack(np.divmod(chosen, answers.shape[1]), axis=1)


def snapshots(
    answers: Int[np.ndarray, "n_first n_second"],
    recipe: PairRecipe,
    seed: int,
    at: Sequence[int],
    name: str = "unnamed",
    start: PairMLP | None = None,
) -> Iterator[PairMLP]:
    """The network after each of the numbers of steps `at`, 0 being the initial one, or `start`.

    `answers` has the class of each pair. The result depends on the arguments, the JAX version and
    the kind of processor alone.

    Raises:
        UserError: if `at` does not increase within 0 … `recipe.steps`, or the seed is negative.
    """
    require_stops(at, recipe.steps)
    pairs = learnt_pairs(answers, recipe.share_of_pairs, seed)
    classes = int(answers.max()) + 1
    labels = answers[pairs[:, 0], pairs[:, 1]]
    objective = _Loss(jnp.asarray(pairs), jnp.asarray(labels), recipe.batch)
    key = jax.random.fold_in(root_key(seed), 1)
    model = start or initial_network(classes, recipe, seed, name)
    return fitted(model, objective, _optimiser(recipe), key, at, f"training {name}")


def trained(
    answers: Int[np.ndarray, "n_first n_second"],
    recipe: PairRecipe,
    seed: int,
    name: str = "unnamed",
    stop_at: int = 0,
) -> tuple[PairMLP, dict[str, Any]]:
    """A network, and how it was made and scores: wrong answers counted over all pairs.

    With `stop_at`, training ends at the first step after which one pair is wrong at least, and
    `stop_at` at most; if there is none, at its last.

    Raises:
        UserError: if the seed or `stop_at` is negative.
    """
    if stop_at < 0:
        raise UserError(f"training can stop at 0 wrong pairs or more, got {stop_at}")
    started = time.perf_counter()
    steps = recipe.steps
    if stop_at:
        steps, model = _first_with_few_wrong(answers, recipe, seed, name, stop_at)
    else:
        model = last_of(snapshots(answers, recipe, seed, (steps,), name))
    seconds = time.perf_counter() - started
    return model, {
        "recipe": "pairs",
        **vars(recipe),
        "steps_done": steps,
        "training_seed": seed,
        "jax": jax.__version__,
        "machine": jax.devices()[0].device_kind,
        "seconds": round(seconds, 1),
        **score(model, answers, recipe.share_of_pairs, seed),
    }


def score(
    model: PairMLP, answers: Int[np.ndarray, "n_first n_second"], share: float, seed: int
) -> dict[str, Any]:
    """How many pairs there are and are wrong, also of those learnt from; a tie is wrong."""
    margins = all_margins(model, answers)
    learnt = learnt_pairs(answers, share, seed)
    return {
        "samples": answers.size,
        "wrong": int((~(margins > 0)).sum()),
        "learnt_pairs": len(learnt),
        "learnt_wrong": int((~(margins[learnt[:, 0], learnt[:, 1]] > 0)).sum()),
        "least_margin": float(margins.min()),
        "mean_margin": float(margins.mean()),
    }


def all_margins(
    model: PairMLP, answers: Int[np.ndarray, "n_first n_second"]
) -> Float[np.ndarray, "n_first n_second"]:
    """The logit of the answer minus the largest other one, of every pair, by NumPy in float64."""
    plain = in_float64(model)
    pairs = np.stack(np.divmod(np.arange(answers.size), answers.shape[1]), axis=1)
    parts = []
    for start in range(0, len(pairs), _ROWS):
        some = pairs[start : start + _ROWS]
        logits, rows = plain.plain(some), np.arange(len(some))
        labels = answers[some[:, 0], some[:, 1]]
        own = logits[rows, labels]
        logits[rows, labels] = -np.inf
        parts.append(own - logits.max(axis=1))
    return np.concatenate(parts).reshape(answers.shape)


class _Loss(eqx.Module):
    """The mean cross-entropy of a batch of the pairs that are learnt from, or of all of them."""

    pairs: Int[Array, "n 2"]
    labels: Int[Array, " n"]
    batch: int = eqx.field(static=True)

    def __call__(self, model: PairMLP, key: PRNGKeyArray) -> Float[Array, ""]:
        pairs, labels = self.pairs, self.labels
        if self.batch:
            chosen = jax.random.randint(key, (self.batch,), 0, len(pairs))
            pairs, labels = pairs[chosen], labels[chosen]
        with jax.default_matmul_precision("highest"):
            logits = model(pairs)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def _first_with_few_wrong(
    answers: Int[np.ndarray, "n_first n_second"],
    recipe: PairRecipe,
    seed: int,
    name: str,
    most: int,
) -> tuple[int, PairMLP]:
    every = range(recipe.steps + 1)
    pairs = np.stack(np.divmod(np.arange(answers.size), answers.shape[1]), axis=1)
    asked = jnp.asarray(pairs), jnp.asarray(answers.ravel())
    found = zip(every, snapshots(answers, recipe, seed, every, name), strict=True)
    return next(
        (step, model)
        for step, model in found
        if step == recipe.steps or 1 <= int(_wrong(model, *asked)) <= most
    )


@eqx.filter_jit
def _wrong(model: PairMLP, pairs: Int[Array, "n 2"], labels: Int[Array, " n"]) -> Int[Array, ""]:
    return (model(pairs).argmax(axis=1) != labels).sum()


@cache
def _optimiser(recipe: PairRecipe) -> optax.GradientTransformation:
    rate = optax.warmup_cosine_decay_schedule(
        *(0.0, recipe.learning_rate, WARM_UP, max(recipe.steps, WARM_UP + 1)),
        end_value=LAST_RATE * recipe.learning_rate,
    )
    return optax.adamw(rate, b1=0.9, b2=0.98, weight_decay=recipe.weight_decay)
