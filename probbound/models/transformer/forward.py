"""The forward pass, stage by stage, in any arithmetic (docs/networks.md, What is computed)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from probbound.models.transformer.architecture import MASKED_NORM, Architecture
from probbound.models.transformer.operations import Operations
from probbound.models.transformer.parts import (
    MLP,
    Attention,
    Block,
    Embedding,
    Head,
    Past,
    Scaling,
)

V = TypeVar("V")
Tap = Callable[[str, Any], Any]


def untouched(name: str, value: Any) -> Any:
    """The activation as it is."""
    return value


def embedded(
    ops: Operations[V],
    a: Architecture,
    by: Embedding,
    tokens: Int[Array, "n t"],
    tap: Tap = untouched,
    start: int = 0,
) -> V:
    """The residual stream before the first block, of positions from `start` on."""
    x = ops.shift(ops.read(by.W_E, tokens), by.b)
    if a.positions == "learned":
        places = _positions(ops, by.W_pos, start, start + tokens.shape[1])
        at = tap("hook_pos_embed", places)
        x = ops.add(tap("hook_embed", x), at)
    if a.embedding_norm:
        x = ops.normed(x, a.norm, a.norm_eps, by.ln)
    if a.positions != "learned":
        x = tap("hook_embed", x)
    return tap("hook_full_embed", x)


def through(
    ops: Operations[V],
    a: Architecture,
    window: int | None,
    by: Block,
    W_pos: Float[Array, "positions width"] | None,
    x: V,
    length: int,
    tap: Tap = untouched,
    past: Past | None = None,
) -> V:
    """The residual stream behind one block, of the positions up to `length` that `past` lacks."""
    start = past.length if past is not None else 0

    def normed(value: V, scaling: Scaling) -> V:
        return ops.normed(value, a.norm, a.norm_eps, scaling)

    def attention(value: V) -> V:
        beside = value
        if a.positions == "shortformer":
            beside = ops.add(value, _positions(ops, W_pos, start, length))
        return _attention(ops, a, window, by.attention, beside, value, length, tap, past)

    x = tap("hook_resid_pre", x)
    if a.norm_place == "post":
        y = tap("hook_resid_mid", ops.add(x, tap("hook_attn_out", attention(x))))
        x = normed(y, by.ln1)
        if by.mlp is not None:
            out = tap("hook_mlp_out", _mlp(ops, a, by.mlp, x, tap))
            x = normed(tap("hook_resid_post", ops.add(x, out)), by.ln2)
        return tap("hook_normalized_resid_post", x)
    out = attention(normed(x, by.ln1))
    out = normed(out, by.ln1_post) if a.norm_place == "both" else out
    y = ops.add(x, tap("hook_attn_out", out))
    if not a.parallel:
        y = tap("hook_resid_mid", y)
    if by.mlp is not None:
        out = _mlp(ops, a, by.mlp, normed(x if a.parallel else y, by.ln2), tap)
        out = normed(out, by.ln2_post) if a.norm_place == "both" else out
        y = ops.add(y, tap("hook_mlp_out", out))
    return tap("hook_resid_post", y)


def answered(ops: Operations[V], a: Architecture, by: Head, x: V, tap: Tap = untouched) -> V:
    """What comes out of residual streams."""
    if a.final_norm:
        x = ops.normed(x, a.norm, a.norm_eps, by.final)
    if by.masked is not None:
        x = ops.activated(ops.linear(x, by.masked), a.activation)
        x = ops.normed(x, MASKED_NORM, a.norm_eps, by.masked_ln)
    x = tap("unembed.hook_in", x)
    return ops.outcomes(x, by.W_U, by.b_U, a.logit_cap)


def seen(a: Architecture, window: int | None, length: int) -> Bool[np.ndarray, "t t"]:
    """Which positions each one sees."""
    before = np.arange(length)[:, None] - np.arange(length)[None]
    found = before >= 0 if a.causal else np.ones_like(before, dtype=bool)
    return found if window is None else found & (np.abs(before) < window)


def _positions(ops: Operations[V], table: Any, start: int, stop: int) -> V:
    return ops.read(table, jnp.arange(start, stop))


def _attention(
    ops: Operations[V],
    a: Architecture,
    window: int | None,
    by: Attention,
    x: V,
    values: V,
    length: int,
    tap: Tap,
    past: Past | None,
) -> V:
    start = past.length if past is not None else 0
    q, k, z = ops.heads(x, by.q), ops.heads(x, by.k), ops.heads(values, by.v)
    q, k, z = tap("attn.hook_q", q), tap("attn.hook_k", k), tap("attn.hook_v", z)
    if a.positions == "rotary":
        turn = (a.rotary_dim, a.rotary_base, a.rotary_pairs, start)
        q = tap("attn.hook_rot_q", ops.rotated(q, *turn))
        k = tap("attn.hook_rot_k", ops.rotated(k, *turn))
    bias = ops.alibi(a.n_heads, length)[:, start:] if a.positions == "alibi" else None
    mask = jnp.asarray(seen(a, window, length)[start:])
    if past is not None:
        k, z = ops.following(past.keys, k), ops.following(past.values, z)
    out, inside = ops.attended(q, k, z, mask, bias, a.attn_scale, a.score_cap)
    for name, value in inside.items():
        tap(f"attn.{name}", value)
    return ops.together(tap("attn.hook_z", out), by.o)


def _mlp(ops: Operations[V], a: Architecture, by: MLP, x: V, tap: Tap) -> V:
    before = tap("mlp.hook_pre", ops.linear(x, by.into if by.gate is None else by.gate))
    inside = ops.activated(before, a.activation)
    if by.gate is not None:
        linear = tap("mlp.hook_pre_linear", ops.linear(x, by.into))
        inside = ops.shift(ops.times(inside, linear), by.mid)
    return ops.linear(tap("mlp.hook_post", inside), by.out)
