"""The loop that every training here runs: gradient steps, compiled, with stops on the way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from probbound.machine.errors import UserError
from probbound.machine.progress import track

STEPS_PER_CALL = 100

M = TypeVar("M", bound=eqx.Module)
Objective = Callable[[Any, PRNGKeyArray], Float[Array, ""]]


def root_key(seed: int) -> PRNGKeyArray:
    """The key that everything in a training comes from.

    Raises:
        UserError: if the seed is negative.
    """
    if seed < 0:
        raise UserError(f"seed must be a non-negative integer, got {seed}")
    return jax.random.key(seed)


def require_stops(at: Sequence[int], steps: int) -> None:
    """Refuse stops that a training does not come by.

    Raises:
        UserError: if `at` does not increase within 0 … `steps`.
    """
    if list(at) != sorted({*at}) or not all(0 <= step <= steps for step in at):
        raise UserError(f"snapshots must increase within 0 … {steps} steps, got {list(at)}")


def fitted(
    model: M,
    objective: Objective,
    optimiser: optax.GradientTransformation,
    key: PRNGKeyArray,
    at: Sequence[int],
    label: str,
) -> Iterator[M]:
    """The model after each of the numbers of steps `at`; where the calls are cut changes no bit.

    `objective(model, key)` is minimised, with a key of its own at every step. It is a pytree
    (an Equinox module), whose arrays are arguments of the compiled loop and no constants in it.
    """
    model = jax.tree.map(jnp.asarray, model)
    state = optimiser.init(eqx.filter(model, eqx.is_array))
    last = max(at, default=0)
    ends = sorted({*range(0, last, STEPS_PER_CALL), *at} - {0})
    if 0 in at:
        yield _as_numpy(model)
    for first, stop in track(list(itertools.pairwise([0, *ends])), label):
        span = jnp.asarray([first, stop])
        model, state = _run(model, state, optimiser, key, span, objective)
        if stop in at:
            yield _as_numpy(model)


def last_of(models: Iterator[M]) -> M:
    """The last of at least one."""
    *_, last = models
    return last


def _as_numpy(model: M) -> M:
    return jax.tree.map(lambda leaf: np.asarray(leaf), model)


@eqx.filter_jit
def _run(
    model: M,
    state: optax.OptState,
    optimiser: optax.GradientTransformation,
    key: PRNGKeyArray,
    span: Int[Array, "2"],
    objective: Objective,
) -> tuple[M, optax.OptState]:
    """Steps span[0] … span[1] - 1, compiled once for spans of any length."""

    def step(index: Int[Array, ""], carry: tuple) -> tuple:
        model, state = carry
        grads = jax.grad(objective)(model, jax.random.fold_in(key, index))
        updates, state = optimiser.update(grads, state, model)
        return optax.apply_updates(model, updates), state

    return jax.lax.fori_loop(span[0], span[1], step, (model, state))
