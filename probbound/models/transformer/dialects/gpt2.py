"""GPT-2 of Hugging Face: Conv1D matrices, queries, keys and values side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

import numpy as np

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.conversions import (
    by_heads,
    into_heads,
    out_of_heads,
    third,
    transposed,
)
from probbound.models.transformer.dialects.dialect import Dialect, Settings, Shapes, Step
from probbound.models.transformer.dialects.hugging_face import (
    ACTIVATIONS,
    HEAD,
    asked,
    causal_head,
    head_width,
    layers_of,
    needed,
    normed,
    tied_to,
)

_HARMLESS = (
    *("attn_pdrop", "embd_pdrop", "resid_pdrop", "summary_activation", "summary_first_dropout"),
    *("summary_proj_to_labels", "summary_type", "summary_use_proj", "n_ctx"),
    *("reorder_and_upcast_attn",),
)


def _speaks(names: Collection[str], settings: Settings) -> bool:
    return settings.get("model_type") == "gpt2" or (
        not settings.get("model_type") and "h.0.attn.c_attn.weight" in names
    )


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = asked(settings, *_HARMLESS)
    told.only("scale_attn_by_inverse_layer_idx", False)
    width, heads = told.whole("n_embd"), told.whole("n_head")
    inside = head_width(width, heads)
    scaled = told.flag("scale_attn_weights", True)
    vocabulary, inner = told.whole("vocab_size"), told.whole("n_inner", 4 * width)
    head = causal_head(settings, shapes)
    made = Architecture(
        n_layers=layers_of(told, "n_layer"),
        n_heads=heads,
        d_model=width,
        d_head=inside,
        d_vocab=vocabulary,
        d_out=vocabulary if head == "unembed" else width,
        n_ctx=told.whole("n_positions"),
        d_mlp=inner,
        norm="layer",
        norm_eps=told.number("layer_norm_epsilon", 1e-5),
        final_norm=True,
        positions="learned",
        attn_scale=0.0 if scaled else 1.0,
        activation=told.word("activation_function", ACTIVATIONS, "gelu_new"),
        head=head,
    )
    told.require_all_asked()
    return made


def _steps(a: Architecture) -> Iterator[Step]:
    yield needed("embed.W_E", "wte.weight")
    yield needed("pos_embed.W_pos", "wpe.weight")
    for i in range(a.n_layers):
        yield from _layer(a, f"h.{i}", f"blocks.{i}")
    yield from normed("ln_final", "ln_f")
    if a.head != "none":
        yield needed("unembed.W_U", HEAD, transposed)


def _layer(a: Architecture, theirs: str, ours: str) -> Iterator[Step]:
    yield from normed(f"{ours}.ln1", f"{theirs}.ln_1")
    yield from normed(f"{ours}.ln2", f"{theirs}.ln_2")
    for at, name in enumerate("QKV"):
        weight, bias = partial(_head_part, a, at), partial(_bias_part, a, at)
        yield needed(f"{ours}.attn.W_{name}", f"{theirs}.attn.c_attn.weight", weight)
        yield needed(f"{ours}.attn.b_{name}", f"{theirs}.attn.c_attn.bias", bias)
    out = partial(out_of_heads, heads=a.n_heads)
    yield needed(f"{ours}.attn.W_O", f"{theirs}.attn.c_proj.weight", out)
    yield needed(f"{ours}.attn.b_O", f"{theirs}.attn.c_proj.bias")
    for name, part in (("in", "c_fc"), ("out", "c_proj")):
        yield needed(f"{ours}.mlp.W_{name}", f"{theirs}.mlp.{part}.weight")
        yield needed(f"{ours}.mlp.b_{name}", f"{theirs}.mlp.{part}.bias")


def _head_part(a: Architecture, at: int, values: np.ndarray) -> np.ndarray:
    return into_heads(third(values, at), a.n_heads)


def _bias_part(a: Architecture, at: int, values: np.ndarray) -> np.ndarray:
    return by_heads(third(values, at), a.n_heads)


def _idle(name: str) -> bool:
    return name.endswith((".attn.bias", ".attn.masked_bias"))


DIALECT = Dialect(
    "GPT-2",
    _speaks,
    ("transformer.",),
    _architecture,
    _steps,
    _idle,
    tied=tied_to("wte.weight", by_default=True),
)
