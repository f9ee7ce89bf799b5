"""The arrays of a transformer: their names, shapes, which may be absent, and their one form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import MASKED_NORM, Architecture, Norm


@dataclass(frozen=True)
class Shape:
    """Of an array; `idle` is the number that changes nothing if all of it are so, if there is one.

    An array with such a number may be absent.
    """

    axes: tuple[int, ...]
    idle: float | None = None


def shapes(a: Architecture) -> dict[str, Shape]:
    """Every array that a transformer may have, by name (docs/networks.md, Arrays)."""
    found = {"embed.W_E": Shape((a.d_vocab, a.d_model)), "embed.b_E": Shape((a.d_model,), 0.0)}
    if a.positions in ("learned", "shortformer"):
        found["pos_embed.W_pos"] = Shape((a.n_ctx, a.d_model))
    if a.embedding_norm:
        found |= _norm("embed.ln", a.d_model, a.norm)
    for layer in range(a.n_layers):
        found |= dict(_block(a, f"blocks.{layer}"))
    if a.final_norm:
        found |= _norm("ln_final", a.d_model, a.norm)
    if a.head == "masked":
        found["head.W"] = Shape((a.d_model, a.d_model))
        found["head.b"] = Shape((a.d_model,), 0.0)
        found |= _norm("head.ln", a.d_model, MASKED_NORM)
    if a.head != "none":
        found["unembed.W_U"] = Shape((a.d_model, a.d_out))
        found["unembed.b_U"] = Shape((a.d_out,), 0.0)
    return found


def _norm(name: str, width: int, kind: Norm) -> dict[str, Shape]:
    weights = {f"{name}.w": Shape((width,), 1.0)}
    return weights if kind == "rms" else {**weights, f"{name}.b": Shape((width,), 0.0)}


def _block(a: Architecture, block: str) -> Iterator[tuple[str, Shape]]:
    d, e, n, m = a.d_model, a.d_head, a.n_heads, a.n_key_value_heads
    parts = [1, 2] if a.d_mlp else [1]
    if a.norm != "none":
        for part in parts:
            yield from _norm(f"{block}.ln{part}", d, a.norm).items()
            if a.norm_place == "both":
                yield from _norm(f"{block}.ln{part}_post", d, a.norm).items()
    for name, heads in (("Q", n), ("K", m), ("V", m)):
        yield f"{block}.attn.W_{name}", Shape((heads, d, e))
        yield f"{block}.attn.b_{name}", Shape((heads, e), 0.0)
    yield f"{block}.attn.W_O", Shape((n, e, d))
    yield f"{block}.attn.b_O", Shape((d,), 0.0)
    if not a.d_mlp:
        return
    yield f"{block}.mlp.W_in", Shape((d, a.d_mlp))
    yield f"{block}.mlp.b_in", Shape((a.d_mlp,), 0.0)
    yield f"{block}.mlp.W_out", Shape((a.d_mlp, d))
    yield f"{block}.mlp.b_out", Shape((d,), 0.0)
    if a.gated:
        yield f"{block}.mlp.W_gate", Shape((d, a.d_mlp))
        yield f"{block}.mlp.b_gate", Shape((a.d_mlp,), 0.0)
        yield f"{block}.mlp.b_mid", Shape((a.d_mlp,), 0.0)


def in_one_form(a: Architecture, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays without those that change nothing: the form that digests are of.

    Raises:
        UserError: naming the first array that is missing, unknown, misshapen, of no floats, or
            holds a NaN or an infinity.
    """
    wanted = shapes(a)
    for name in arrays:
        if name not in wanted:
            raise UserError(f"it holds {name[:80]}, which a transformer of its configuration lacks")
    kept: dict[str, np.ndarray] = {}
    for name, shape in wanted.items():
        if name not in arrays:
            if shape.idle is None:
                raise UserError(f"it has no array {name}")
            continue
        values = arrays[name]
        if not np.issubdtype(values.dtype, np.floating) or values.dtype.itemsize > 8:
            raise UserError(f"{name} must hold floats of at most 64 bits, got {values.dtype}")
        if values.shape != shape.axes:
            raise UserError(f"{name} has shape {values.shape}, its configuration says {shape.axes}")
        if not np.isfinite(values).all():
            raise UserError(f"{name} holds a NaN or an infinity; no bound can be given")
        if shape.idle is None or not (values == shape.idle).all():
            kept[name] = values
    return kept
