"""How much noise a model carries, as one number that training can push down.

The proofs that multiply no circuit out know each path as structure plus noise, and pay for the
noise by its row spreads, none of which exceeds √2 times the norm of its row (Theorem 3.7). The sum
of the squared norms is therefore what all these payments have in common, and it is smooth in the
weights.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import Transformer

_STEPS = 16

Gram = Float[Array, "d d"]


def noise_energy(model: Transformer) -> Float[Array, ""]:
    """Mean square noise of scores, OV circuit and direct path in logits², added up.

    Noise of the scores is what their leading direction leaves, that of the OV circuit what is
    off its diagonal, that of the direct path all of it; each is centred by what no comparison of
    logits sees, or what the proofs know exactly: the mean key, the mean token, the mean output.
    A score that is off by ε moves a logit by about ε times what a token copies, so scores count
    times the mean square of the OV circuit's diagonal, a factor that the gradient leaves alone.
    From Gram matrices, in O((d_vocab + d_model) d_model²) operations, and differentiable.

    Raises:
        UserError: if the model has several heads.
    """
    if model.n_heads > 1:
        raise UserError(f"noise is suppressed in models with one head, not {model.n_heads}")
    v, out = model.d_vocab, model.d_vocab_out
    tokens = jnp.asarray(model.W_E - model.W_E.mean(axis=0, keepdims=True))
    outputs = jnp.asarray(model.W_U - model.W_U.mean(axis=1, keepdims=True))
    last = model.W_E + model.W_pos[-1:]
    queries = (last @ model.W_Q[0] + model.b_Q[:1]) / model.attn_scale
    copied = tokens @ model.W_V[0] @ model.W_O[0]
    seen = outputs @ outputs.T
    own = jnp.einsum("td,dt->t", copied, outputs[:, :v])
    scores = _without_leading(jnp.asarray(queries), tokens @ model.W_K[0])
    copying = jnp.square(own)
    off_diagonal = _energy(copied.T @ copied, seen) - copying.sum()
    direct = _energy(tokens.T @ tokens, seen)
    logits = jax.lax.stop_gradient(copying.mean())
    return logits * scores / v**2 + (off_diagonal + direct) / (v * out)


def _energy(left: Gram, right: Gram) -> Float[Array, ""]:
    """‖A B‖_F² from Aᵀ A and B Bᵀ."""
    return jnp.vdot(left, right)


def _without_leading(
    queries: Float[Array, "d_vocab d_head"], keys: Float[Array, "d_vocab d_head"]
) -> Float[Array, ""]:
    """‖Q Kᵀ‖_F² less the square of its largest singular value.

    The singular vector is found by power iteration that starts from large tokens, and held fixed
    in the gradient: where it is found, moving it changes nothing to first order.
    """
    left, right = queries.T @ queries, keys.T @ keys
    fixed_left, fixed_right = jax.lax.stop_gradient((left, right))
    start = jax.lax.stop_gradient(keys).T @ jnp.asarray(np.linspace(-1.0, 1.0, len(keys)))

    def step(_: Int[Array, ""], found: Float[Array, " d"]) -> Float[Array, " d"]:
        return _unit(fixed_left @ (fixed_right @ found))

    direction = jax.lax.fori_loop(0, _STEPS, step, _unit(fixed_left @ start))
    image = right @ direction
    length = jnp.maximum(direction @ image, jnp.finfo(image.dtype).tiny)
    return _energy(left, right) - image @ left @ image / length


def _unit(vector: Float[Array, " d"]) -> Float[Array, " d"]:
    return vector / jnp.maximum(jnp.linalg.norm(vector), jnp.finfo(vector.dtype).tiny)
