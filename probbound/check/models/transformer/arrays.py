"""Which arrays a transformer has, of which shape, and what stands for those that are absent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probbound.check.models.transformer.configuration import NONE, Configuration

_WEIGHT, _BIAS = 1.0, 0.0


class Array(NamedTuple):
    """An array of a network: `absent` is what all its numbers are where it is left out."""

    name: str
    shape: tuple[int, ...]
    absent: float | None = None


def arrays_of(said: Configuration) -> Iterator[Array]:
    """Every array that a network of this configuration has or may have, layer by layer."""
    d = said.d_model
    yield Array("embed.W_E", (said.d_vocab, d))
    yield Array("embed.b_E", (d,), _BIAS)
    if said.positions in ("learned", "shortformer"):
        yield Array("pos_embed.W_pos", (said.n_ctx, d))
    if said.embedding_norm:
        yield from _norm(said, "embed.ln")
    for layer in range(said.n_layers):
        yield from (each._replace(name=f"blocks.{layer}.{each.name}") for each in layer_of(said))
    if said.final_norm:
        yield from _norm(said, "ln_final")
    if said.head == "masked":
        yield Array("head.W", (d, d))
        yield Array("head.b", (d,), _BIAS)
        yield Array("head.ln.w", (d,), _WEIGHT)
        yield Array("head.ln.b", (d,), _BIAS)
    if said.head != NONE:
        yield Array("unembed.W_U", (d, said.d_out))
        yield Array("unembed.b_U", (said.d_out,), _BIAS)


def layer_of(said: Configuration) -> Iterator[Array]:
    """Those of one layer, without its number."""
    d, e, mlp = said.d_model, said.d_head, said.d_mlp
    if said.norm != NONE:
        for place in ("", "_post") if said.norm_place == "both" else ("",):
            for name in ("ln1", "ln2") if mlp else ("ln1",):
                yield from _norm(said, name + place)
    groups = {"Q": said.n_heads, "K": said.n_key_value_heads, "V": said.n_key_value_heads}
    for part, heads in groups.items():
        yield Array(f"attn.W_{part}", (heads, d, e))
        yield Array(f"attn.b_{part}", (heads, e), _BIAS)
    yield Array("attn.W_O", (said.n_heads, e, d))
    yield Array("attn.b_O", (d,), _BIAS)
    if not mlp:
        return
    yield Array("mlp.W_in", (d, mlp))
    yield Array("mlp.b_in", (mlp,), _BIAS)
    yield Array("mlp.W_out", (mlp, d))
    yield Array("mlp.b_out", (d,), _BIAS)
    if said.gated:
        yield Array("mlp.W_gate", (d, mlp))
        yield Array("mlp.b_gate", (mlp,), _BIAS)
        yield Array("mlp.b_mid", (mlp,), _BIAS)


def _norm(said: Configuration, name: str) -> Iterator[Array]:
    """Weight and bias; norms by the root mean square have no bias."""
    yield Array(f"{name}.w", (said.d_model,), _WEIGHT)
    if said.norm == "layer":
        yield Array(f"{name}.b", (said.d_model,), _BIAS)
