"""GPT-NeoX of Hugging Face: queries, keys and values of a head side by side, parallel blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial

import numpy as np

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.conversions import transposed
from probbound.models.transformer.dialects.dialect import Dialect, Settings, Shapes, Step
from probbound.models.transformer.dialects.hugging_face import (
    ACTIVATIONS,
    HEAD,
    asked,
    attention_out,
    ends,
    head_width,
    layers_of,
    linear,
    needed,
    normed,
    require_told,
    speaks,
    tied_to,
)
from probbound.models.transformer.dialects.rope import rotation

_OLD_HEAD = "embed_out.weight"
_BIASES = (".attention.query_key_value.bias", ".attention.dense.bias")
_tied_embedding = tied_to("embed_in.weight", by_default=False)


def _tied(settings: Settings, names: Collection[str]) -> Mapping[str, str]:
    """The head goes by another name before version 5."""
    head = {HEAD: _OLD_HEAD} if _OLD_HEAD in names else {}
    return {**_tied_embedding(settings, {*names, *head}), **head}


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = asked(settings, "is_decoder")
    width, heads = told.whole("hidden_size"), told.whole("num_attention_heads")
    inside, layers = head_width(width, heads), layers_of(told)
    dim, base = rotation(
        told, inside, share=0.25, base_key="rotary_emb_base", share_key="rotary_pct"
    )
    require_told(shapes, "attention_bias", told.flag("attention_bias", True), layers, _BIASES)
    made = Architecture(
        n_layers=layers,
        n_heads=heads,
        d_head=inside,
        n_ctx=told.whole("max_position_embeddings"),
        d_mlp=told.whole("intermediate_size"),
        norm="layer",
        norm_eps=told.number("layer_norm_eps", 1e-5),
        final_norm=True,
        parallel=told.flag("use_parallel_residual", True),
        positions="rotary",
        rotary_dim=dim,
        rotary_base=base,
        activation=told.word("hidden_act", ACTIVATIONS, "gelu"),
        **ends(told, settings, shapes, width),
    )
    told.require_all_asked()
    return made


def _steps(a: Architecture) -> Iterator[Step]:
    yield needed("embed.W_E", "embed_in.weight")
    for i in range(a.n_layers):
        yield from _layer(a, f"layers.{i}", f"blocks.{i}")
    yield from normed("ln_final", "final_layer_norm")
    if a.head != "none":
        yield needed("unembed.W_U", HEAD, transposed)


def _layer(a: Architecture, theirs: str, ours: str) -> Iterator[Step]:
    yield from normed(f"{ours}.ln1", f"{theirs}.input_layernorm")
    yield from normed(f"{ours}.ln2", f"{theirs}.post_attention_layernorm")
    fused = f"{theirs}.attention.query_key_value"
    for at, name in enumerate("QKV"):
        weight, bias = partial(_weight, a, at), partial(_bias, a, at)
        yield needed(f"{ours}.attn.W_{name}", f"{fused}.weight", weight)
        yield Step(f"{ours}.attn.b_{name}", (f"{fused}.bias",), bias)
    yield from attention_out(a, f"{ours}.attn", f"{theirs}.attention.dense", bias=False)
    for name, part in (("in", "dense_h_to_4h"), ("out", "dense_4h_to_h")):
        yield from linear((f"{ours}.mlp.W_{name}", f"{ours}.mlp.b_{name}"), f"{theirs}.mlp.{part}")


def _weight(a: Architecture, at: int, values: np.ndarray) -> np.ndarray:
    return values.reshape(a.n_heads, 3, -1, a.d_model)[:, at].swapaxes(1, 2)


def _bias(a: Architecture, at: int, values: np.ndarray) -> np.ndarray:
    return values.reshape(a.n_heads, 3, -1)[:, at]


def _idle(name: str) -> bool:
    ends = (".attention.bias", ".attention.masked_bias", ".attention.rotary_emb.inv_freq")
    return name.endswith(ends)


DIALECT = Dialect(
    "GPT-NeoX",
    speaks("gpt_neox"),
    ("gpt_neox.",),
    _architecture,
    _steps,
    _idle,
    tied=_tied,
)
