"""Weights as the forward pass takes them: matrices with their biases, and norms of matrices."""

from __future__ import annotations

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float


class Affine(eqx.Module):
    """x W + b; `spectral` and `absolute` are σ(W) and α(W) of Theorem 9.2, NaN if not known."""

    W: Float[Array, "rows columns"]
    b: Float[Array, " columns"] | None
    spectral: Float[Array, ""]
    absolute: Float[Array, ""]


class Heads(eqx.Module):
    """x W_h + b_h of every head, sizes by head."""

    W: Float[Array, "heads rows columns"]
    b: Float[Array, "heads columns"] | None
    spectral: Float[Array, " heads"]
    absolute: Float[Array, " heads"]


class Together(eqx.Module):
    """Σ_h o_h W_h + b: σ of every head's matrix, then σ and α of all of them in one."""

    W: Float[Array, "heads rows columns"]
    b: Float[Array, " columns"] | None
    spectral: Float[Array, " heads"]
    whole: Float[Array, ""]
    absolute: Float[Array, ""]


class Scaling(eqx.Module):
    """What a norm multiplies by and adds."""

    w: Float[Array, " width"] | None
    b: Float[Array, " width"] | None


class Attention(eqx.Module):
    """Four matrices of a layer."""

    q: Heads
    k: Heads
    v: Heads
    o: Together


class MLP(eqx.Module):
    """Its matrices; `gate` and `mid` only where it is gated."""

    into: Affine
    out: Affine
    gate: Affine | None
    mid: Float[Array, " neurons"] | None


class Block(eqx.Module):
    """A layer; norms that are not there scale by nothing."""

    attention: Attention
    mlp: MLP | None
    ln1: Scaling
    ln2: Scaling
    ln1_post: Scaling
    ln2_post: Scaling


class Embedding(eqx.Module):
    """Tables that are read by token and by position, and what is added everywhere."""

    W_E: Float[Array, "tokens width"]
    b: Float[Array, " width"] | None
    W_pos: Float[Array, "positions width"] | None
    ln: Scaling


class Past(eqx.Module):
    """Keys (turned, where they are) and values of a layer at the first `length` positions of a row.

    They are numbers or balls, as the arithmetic has them (Theorem 9.13).
    """

    keys: Any
    values: Any
    length: int = eqx.field(static=True)


class Head(eqx.Module):
    """What stands behind the last block."""

    final: Scaling
    masked: Affine | None
    masked_ln: Scaling
    W_U: Float[Array, "width out"] | None
    b_U: Float[Array, " out"] | None
