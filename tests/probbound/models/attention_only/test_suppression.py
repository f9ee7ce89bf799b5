"""The noise penalty against the matrices multiplied out, and what fine-tuning does with it."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.models.attention_only.suppression import noise_energy
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer, in_float64
from probbound.models.recipes import Recipe
from probbound.models.store import digest
from probbound.tasks.max_of_k.task import task_for
from probbound.tasks.max_of_k.training import fine_tune
from tests.factories import random_model, trained_model

MODELS = {
    "random": lambda: random_model(3, d_vocab=12, d_model=8),
    "biases, more outputs": lambda: random_model(4, d_vocab=9, biases=True, d_vocab_out=11),
    "trained": lambda: trained_model(0),
}
BRIEF = Recipe("brief", 60, 64, 1e-3, "constant", 0.0)


def dense_energy(model: Transformer) -> jax.Array:
    """The same from its definition: all three matrices, and the singular values of the first."""
    m = jax.tree.map(jnp.asarray, model)
    keys = m.W_E - m.W_E.mean(axis=0, keepdims=True)
    queries = (m.W_E + m.W_pos[-1:]) @ m.W_Q[0] + m.b_Q[:1]
    scores = queries @ (keys @ m.W_K[0]).T / m.attn_scale
    outputs = m.W_U - m.W_U.mean(axis=1, keepdims=True)
    values, direct = keys @ m.W_V[0] @ m.W_O[0] @ outputs, keys @ outputs
    diagonal = jnp.diagonal(values)
    off = values - jnp.eye(*values.shape) * values
    rest = jnp.square(jnp.linalg.svd(scores, compute_uv=False)[1:]).sum()
    logits = jax.lax.stop_gradient(jnp.square(diagonal).mean())
    return logits * rest / scores.size + jnp.square(off).mean() + jnp.square(direct).mean()


@pytest.mark.parametrize("name", MODELS)
def test_energy_and_gradient_are_those_of_the_matrices_multiplied_out(name):
    with jax.enable_x64(True):
        model = in_float64(MODELS[name]())
        assert float(noise_energy(model)) == pytest.approx(float(dense_energy(model)), rel=1e-6)
        model = jax.tree.map(jnp.asarray, model)
        found, wanted = jax.grad(noise_energy)(model), jax.grad(dense_energy)(model)
        for weight in WEIGHT_SHAPES:
            a, b = (np.asarray(getattr(g, weight)) for g in (found, wanted))
            assert np.allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(b).max() + 1e-9), weight


def test_a_model_of_pure_structure_has_no_noise_but_that_of_centring():
    v = 6
    eye, size = np.eye(v), np.linspace(0, 1, v)
    embed = np.concatenate([eye, np.ones((v, 1)), size[:, None]], axis=1)
    unembed = np.concatenate([np.zeros((v, v)), np.zeros((2, v)), eye])
    model = Transformer(
        W_E=np.concatenate([embed, np.zeros((v, v))], axis=1),
        W_pos=np.zeros((3, 2 * v + 2)),
        W_Q=np.eye(2 * v + 2)[None, :, v : v + 1] * 5,
        W_K=np.eye(2 * v + 2)[None, :, v + 1 : v + 2],
        W_V=np.zeros((1, 2 * v + 2, 1)),
        W_O=np.zeros((1, 1, 2 * v + 2)),
        W_U=unembed,
        b_Q=np.zeros((1, 1)),
        b_K=np.zeros((1, 1)),
        b_V=np.zeros((1, 1)),
        b_O=np.zeros(2 * v + 2),
        b_U=np.zeros(v),
        attn_scale=1.0,
    )
    assert float(noise_energy(model)) == pytest.approx(0.0, abs=1e-5)


def test_several_heads_are_refused():
    with pytest.raises(UserError, match="one head, not 2"):
        noise_energy(random_model(5, n_heads=2))


def test_fine_tuning_with_the_penalty_lowers_the_noise_and_leaves_the_model_given_alone():
    model = trained_model(0)
    task, before = task_for(model), digest(model)
    control = fine_tune(model, task, BRIEF, 0, noise_energy, 0.0)
    quiet = fine_tune(model, task, BRIEF, 0, noise_energy, 1.0)
    assert digest(model) == before
    assert digest(control) != before
    assert float(noise_energy(quiet)) < 0.8 * float(noise_energy(control))
    assert quiet.name == model.name


@pytest.mark.parametrize("strength", [-1.0, float("nan"), float("inf")])
def test_a_strength_that_is_none_is_refused(strength):
    model = random_model(3)
    with pytest.raises(UserError, match="strength"):
        fine_tune(model, task_for(model), replace(BRIEF, steps=1), 0, noise_energy, strength)
