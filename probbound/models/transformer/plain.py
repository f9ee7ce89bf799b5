"""The forward pass in one float type, and nothing beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf
from jaxtyping import Array, Bool, Float, Int

from probbound.models.transformer.architecture import (
    Activation,
    Norm,
    RotaryPairs,
    alibi_slopes,
)
from probbound.models.transformer.parts import Affine, Heads, Scaling, Together


def _gelu_tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return x * (1.0 + jnp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))) / 2.0


ACTIVATIONS = {
    "relu": lambda x: jnp.maximum(x, 0.0),
    "gelu": lambda x: x * (1.0 + erf(x / math.sqrt(2.0))) / 2.0,
    "gelu_tanh": _gelu_tanh,
    "silu": lambda x: x / (1.0 + jnp.exp(-x)),
}


@dataclass(frozen=True)
class Plain:
    """Activations are their numbers."""

    def read(
        self, table: Float[Array, "rows width"], at: Int[Array, "*places"]
    ) -> Float[Array, "*places width"]:
        """Rows of a table."""
        return table[at]

    def add(self, x: Array, y: Array) -> Array:
        """Their sum."""
        return x + y

    def shift(self, x: Array, b: Array | None) -> Array:
        """With a bias, if there is one."""
        return x if b is None else x + b

    def linear(self, x: Float[Array, "*batch rows"], by: Affine) -> Float[Array, "*batch columns"]:
        """x W + b."""
        return self.shift(x @ by.W, by.b)

    def heads(self, x: Float[Array, "n t width"], by: Heads) -> Float[Array, "n t heads columns"]:
        """x W_h + b_h of every head."""
        return self.shift(jnp.einsum("ntd,hde->nthe", x, by.W), by.b)

    def together(
        self, x: Float[Array, "n t heads rows"], by: Together
    ) -> Float[Array, "n t width"]:
        """The heads' sum, as one product."""
        flat = x.reshape(*x.shape[:2], -1)
        return self.shift(flat @ by.W.reshape(-1, by.W.shape[-1]), by.b)

    def normed(self, x: Array, kind: Norm, epsilon: float, by: Scaling) -> Array:
        """The norm of every position."""
        found = scaled(centred(x, kind), epsilon)[0] if kind != "none" else x
        found = found if by.w is None else found * by.w
        return self.shift(found, by.b)

    def activated(self, x: Array, kind: Activation) -> Array:
        """The activation of every number."""
        return ACTIVATIONS[kind](x)

    def times(self, x: Array, y: Array) -> Array:
        """Number by number."""
        return x * y

    def rotated(
        self,
        x: Float[Array, "n t heads e"],
        dim: int,
        base: float,
        pairs: RotaryPairs,
        start: int,
    ) -> Float[Array, "n t heads e"]:
        """Every head turned by its position."""
        half = dim // 2
        angles = np.arange(start, start + x.shape[1])[:, None] * base ** (-np.arange(half) / half)
        cos, sin = (jnp.asarray(f(angles)[:, None], x.dtype) for f in (np.cos, np.sin))
        turned, rest = x[..., :dim], x[..., dim:]
        adjacent = pairs == "adjacent"
        first = turned[..., ::2] if adjacent else turned[..., :half]
        second = turned[..., 1::2] if adjacent else turned[..., half:]
        parts = (first * cos - second * sin, second * cos + first * sin)
        if adjacent:
            return jnp.concatenate([jnp.stack(parts, -1).reshape(turned.shape), rest], -1)
        return jnp.concatenate([*parts, rest], -1)

    def following(
        self, past: Float[Array, "1 before shared e"], x: Float[Array, "n t shared e"]
    ) -> Float[Array, "n both shared e"]:
        """Behind those that all rows begin with."""
        return behind(past, x)

    def alibi(self, heads: int, length: int) -> Float[Array, "heads t t"]:
        """Slopes times distances, taken away."""
        apart = np.abs(np.arange(length)[:, None] - np.arange(length)[None])
        return jnp.asarray(-np.array(alibi_slopes(heads))[:, None, None] * apart)

    def attended(
        self,
        q: Float[Array, "n t heads e"],
        k: Float[Array, "n keys shared e"],
        z: Float[Array, "n keys shared e"],
        seen: Bool[Array, "t keys"],
        bias: Float[Array, "heads t keys"] | None,
        scale: float,
        cap: float | None,
    ) -> tuple[Float[Array, "n t heads e"], dict[str, Any]]:
        """Means of z under softmax of scores."""
        k, z = (shared_out(each, q.shape[2]) for each in (k, z))
        scores = jnp.einsum("nphe,nshe->nhps", q, k) / scale
        scores = self._capped(scores, cap)
        scores = scores if bias is None else scores + bias.astype(scores.dtype)
        scores = jnp.where(seen, scores, -jnp.inf)
        pattern = jax.nn.softmax(scores, axis=-1)
        taps = {"hook_attn_scores": scores, "hook_pattern": pattern}
        return jnp.einsum("nhps,nshe->nphe", pattern, z), taps

    def outcomes(self, x: Array, W: Array | None, b: Array | None, cap: float | None) -> Array:
        """The numbers that come out."""
        return self._capped(self.shift(x if W is None else x @ W, b), cap)

    def at(
        self, x: Float[Array, "n t width"], places: Int[np.ndarray, " n"]
    ) -> Float[Array, "n width"]:
        """One position of each row alone."""
        return x[jnp.arange(len(x)), places]

    def _capped(self, x: Array, cap: float | None) -> Array:
        return x if cap is None else cap * jnp.tanh(x / cap)


def centred(x: Float[Array, "*batch width"], kind: Norm) -> Float[Array, "*batch width"]:
    """What a norm scales."""
    return x - x.mean(axis=-1, keepdims=True) if kind == "layer" else x


def scaled(
    z: Float[Array, "*batch width"], epsilon: float
) -> tuple[Float[Array, "*batch width"], Float[Array, "*batch 1"]]:
    """z over the root of its mean square and ε, and that root."""
    root = jnp.sqrt((z * z).mean(axis=-1, keepdims=True) + epsilon)
    return z / root, root


def behind(
    past: Float[Array, "1 before *rest"], x: Float[Array, "n t *rest"]
) -> Float[Array, "n both *rest"]:
    """What one row begins with, before what each row goes on with."""
    return jnp.concatenate([jnp.broadcast_to(past, (len(x), *past.shape[1:])), x], axis=1)


def shared_out(x: Float[Array, "n t shared e"], heads: int) -> Float[Array, "n t heads e"]:
    """Keys or values of every query head, from those that several share."""
    return jnp.repeat(x, heads // x.shape[2], axis=2)
