"""The forward pass in float64 with how far its numbers may be from the real ones (Theorem 9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from probbound.arithmetic.rounding import gamma
from probbound.models.transformer.architecture import Activation, Norm, RotaryPairs
from probbound.models.transformer.parts import Affine, Heads, Scaling, Together
from probbound.models.transformer.plain import Plain, behind, centred, scaled, shared_out

U = 2.0**-53
RAISED, ADDED = 1.0 + 2.0**-20, 2.0**-400  # κ and t
LARGEST, FARTHEST = 2.0**64, 2.0**256
UNDERFLOW = 2.0**-480  # more than sizes of matrices lose to squares that underflow
_NEARLY = 1.0 - 2.0**-30
_STEEPEST = {"relu": 1.0, "gelu": 1.13, "gelu_tanh": 1.13, "silu": 1.13}
_PLAIN = Plain()


class Ball(eqx.Module):
    """Computed vectors, and how far, in norm, each may be from the real one.

    Of outcomes `radius` has one number for each.
    """

    value: Float[Array, "*batch width"]
    radius: Float[Array, "..."]


@dataclass(frozen=True)
class Radii:
    """Activations are balls; rules by the letters of Theorem 9.2."""

    def read(self, table: Float[Array, "rows width"], at: Int[Array, "*places"]) -> Ball:
        """Rows as stored (a)."""
        rows = table[at]
        return Ball(rows, jnp.where(_norm(rows) <= LARGEST, 0.0, jnp.inf))

    def add(self, x: Ball, y: Ball) -> Ball:
        """Sums (a)."""
        value = x.value + y.value
        return _ball(value, x.radius + y.radius + 4 * U * _norm(value))

    def shift(self, x: Ball, b: Array | None) -> Ball:
        """Sums with what has no radius (a)."""
        return x if b is None else self.add(x, Ball(b, jnp.zeros(b.shape[:-1])))

    def linear(self, x: Ball, by: Affine) -> Ball:
        """Products with a matrix (b)."""
        value = _PLAIN.linear(x.value, by)
        fresh = gamma(len(by.W) + 4) * (by.absolute * _norm(x.value) + _norm_of(by.b))
        return _ball(value, by.spectral * x.radius + fresh, by.spectral, by.absolute, by.b)

    def heads(self, x: Ball, by: Heads) -> Ball:
        """Products with every head's matrix (b)."""
        value = _PLAIN.heads(x.value, by)
        bias = 0.0 if by.b is None else _norm(by.b)
        fresh = gamma(by.W.shape[1] + 4) * (by.absolute * _norm(x.value)[..., None] + bias)
        radius = by.spectral * x.radius[..., None] + fresh
        return _ball(value, radius, by.spectral, by.absolute, by.b)

    def together(self, x: Ball, by: Together) -> Ball:
        """Heads together (i)."""
        value = _PLAIN.together(x.value, by)
        flat = x.value.reshape(*x.value.shape[:2], -1)
        moved = jnp.minimum(x.radius @ by.spectral, by.whole * _norm(x.radius))
        fresh = gamma(flat.shape[-1] + 4) * (by.absolute * _norm(flat) + _norm_of(by.b))
        return _ball(value, moved + fresh, by.spectral, by.whole, by.absolute, by.b)

    def normed(self, x: Ball, kind: Norm, epsilon: float, by: Scaling) -> Ball:
        """Norms (c)."""
        if kind == "none":
            return x
        n = x.value.shape[-1]
        fresh = 2 * gamma(n + 8) * _norm(x.value) if kind == "layer" else 0.0
        moved = RAISED * (x.radius + fresh) + ADDED
        unit, root = scaled(centred(x.value, kind), epsilon)
        least = root[..., 0] * _NEARLY - RAISED * moved / np.sqrt(n)
        least = jnp.maximum(least, np.sqrt(epsilon) * _NEARLY)
        value = _PLAIN.normed(x.value, kind, epsilon, by)
        steepest = 1.0 if by.w is None else jnp.abs(by.w).max()
        radius = steepest * (moved / least + gamma(n + 16) * _norm(unit))
        radius = radius + 4 * U * (_norm(value) + _norm_of(by.b))
        return _ball(value, jnp.where(least > 0, radius, jnp.inf), by.w, by.b)

    def activated(self, x: Ball, kind: Activation) -> Ball:
        """Activations (d)."""
        value = _PLAIN.activated(x.value, kind)
        return _ball(value, _STEEPEST[kind] * x.radius + 64 * U * _norm(x.value))

    def times(self, x: Ball, y: Ball) -> Ball:
        """Products number by number (e)."""
        value = x.value * y.value
        largest = [jnp.abs(each.value).max(axis=-1) for each in (x, y)]
        radius = x.radius * largest[1] + y.radius * largest[0] + x.radius * y.radius
        return _ball(value, radius + 2 * U * _norm(value))

    def rotated(self, x: Ball, dim: int, base: float, pairs: RotaryPairs, start: int) -> Ball:
        """Rotations (f)."""
        value = _PLAIN.rotated(x.value, dim, base, pairs, start)
        places = jnp.arange(start, start + x.value.shape[-3])
        fresh = U * (256 * places[:, None] + 128)
        return _ball(value, x.radius + fresh * _norm(x.value))

    def following(self, past: Ball, x: Ball) -> Ball:
        """Behind those that all rows begin with, radii too."""
        return Ball(behind(past.value, x.value), behind(past.radius, x.radius))

    def alibi(self, heads: int, length: int) -> Float[Array, "heads t t"]:
        """Numbers alone; (g) says how far they are off."""
        return _PLAIN.alibi(heads, length)

    def attended(
        self,
        q: Ball,
        k: Ball,
        z: Ball,
        seen: Bool[Array, "t keys"],
        bias: Float[Array, "heads t keys"] | None,
        scale: float,
        cap: float | None,
    ) -> tuple[Ball, dict[str, Any]]:
        """Attention (g and h)."""
        value, inside = _PLAIN.attended(q.value, k.value, z.value, seen, bias, scale, cap)
        scores, weights = inside["hook_attn_scores"], inside["hook_pattern"]
        heads = q.value.shape[-2]
        apart = _score_radii(q, _repeated(k, heads), scale)
        if bias is not None:
            apart = apart + 64 * U * jnp.abs(bias)
        top = scores.max(axis=-1, keepdims=True)
        rho = RAISED * apart + ADDED + 64 * U + 4 * U * jnp.abs(scores - top)
        moved = jnp.where(seen, jnp.expm1(rho), 0.0)
        mean = (weights * moved).sum(axis=-1, keepdims=True)
        t = seen.shape[1]
        share = weights * (moved + mean + moved * mean + gamma(t + 16)) + ADDED
        share = jnp.where(seen, share, 0.0)
        lengths, radii = (_by_head(each) for each in _of_values(_repeated(z, heads)))
        visible = [jnp.where(seen, each, 0.0).max(axis=-1) for each in (lengths, radii)]
        certain = _least((share * lengths).sum(axis=-1), 2.01 * visible[0])
        carried = _least(((weights + share) * radii).sum(axis=-1), visible[1])
        rounded = gamma(t + 4) * (weights * lengths).sum(axis=-1)
        radius = (certain + carried + rounded).swapaxes(1, 2)
        return _ball(value, radius, jnp.asarray(1 / scale), bias, _number(cap)), inside

    def outcomes(self, x: Ball, W: Array | None, b: Array | None, cap: float | None) -> Ball:
        """Outcomes, each by itself (j)."""
        plain = _PLAIN.outcomes(x.value, W, b, None)
        if W is None:
            radius = jnp.broadcast_to(x.radius[..., None], plain.shape)
        else:
            columns = jnp.sqrt((W * W).sum(axis=0)) + UNDERFLOW
            bias = 0.0 if b is None else jnp.abs(b)
            fresh = gamma(len(W) + 4) * (_norm(x.value)[..., None] * columns + bias)
            radius = x.radius[..., None] * columns + fresh
        value = _PLAIN.outcomes(x.value, W, b, cap)
        radius = radius if cap is None else radius + 64 * U * jnp.abs(plain)
        return _ball(value, radius, W, b, _number(cap))

    def at(self, x: Ball, places: Int[np.ndarray, " n"]) -> Ball:
        """One position of each row alone."""
        rows = jnp.arange(len(places))
        return Ball(x.value[rows, places], x.radius[rows, places])


def _ball(value: Array, radius: Array, *limited: Array | None) -> Ball:
    """With its radius raised; infinite where it, or a number of the weights, is too large (9.1)."""
    raised = RAISED * radius + ADDED
    raised = jnp.where(raised <= FARTHEST, raised, jnp.inf)
    for each in limited:
        if each is not None:
            raised = jnp.where(jnp.abs(each).max() <= LARGEST / 2**20, raised, jnp.inf)
    return Ball(value, raised)


def _number(cap: float | None) -> Array | None:
    return None if cap is None else jnp.asarray(cap)


def _norm(x: Float[Array, "*batch width"]) -> Float[Array, "*batch"]:
    return jnp.sqrt((x * x).sum(axis=-1))


def _norm_of(b: Float[Array, " width"] | None) -> Float[Array, ""] | float:
    return 0.0 if b is None else _norm(b)


def _score_radii(q: Ball, k: Ball, scale: float) -> Float[Array, "n heads t keys"]:
    """r of rule (g), for every head, query and key."""
    long_q, long_k = (_norm(each.value).swapaxes(1, 2) for each in (q, k))
    far_q, far_k = (each.radius.swapaxes(1, 2) for each in (q, k))
    rounded = gamma(q.value.shape[-1] + 128)
    by_q = far_q[..., None] * (long_k + far_k)[..., None, :]
    by_k = long_q[..., None] * (far_k + rounded * long_k)[..., None, :]
    return (by_q + by_k) / scale


def _repeated(x: Ball, heads: int) -> Ball:
    """Keys or values of every query head."""
    radius = jnp.repeat(x.radius, heads // x.radius.shape[-1], axis=-1)
    return Ball(shared_out(x.value, heads), radius)


def _of_values(z: Ball) -> tuple[Array, Array]:
    return _norm(z.value), z.radius


def _by_head(x: Float[Array, "n keys heads"]) -> Float[Array, "n heads 1 keys"]:
    """For keys of every head, beside its queries."""
    return x.swapaxes(1, 2)[:, :, None]


def _least(first: Array, second: Array) -> Array:
    """The lesser of two bounds; one that is no number says nothing."""
    return jnp.where(first <= second, first, second)
