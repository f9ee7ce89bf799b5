"""OPT of Hugging Face: positions from the third row of their table on, norms before or after."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.conversions import transposed
from probbound.models.transformer.dialects.dialect import Dialect, Settings, Shapes, Step
from probbound.models.transformer.dialects.hugging_face import (
    ACTIVATIONS,
    HEAD,
    asked,
    attention,
    ends,
    head_width,
    layers_of,
    linear,
    needed,
    require_told,
    speaks,
    tied_to,
)

_HARMLESS = (*("activation_dropout", "dropout", "layerdrop", "init_std", "prefix"),)
_EPSILON = 1e-5  # PyTorch's, which no key changes
_UNUSED_ROWS = 2
_BIASES = (
    *(f".self_attn.{name}_proj.bias" for name in ("q", "k", "v", "out")),
    *(".fc1.bias", ".fc2.bias"),
)
_NORMS = tuple(
    f".{norm}_layer_norm.{part}" for norm in ("self_attn", "final") for part in ("weight", "bias")
)
_LAST = ("final_layer_norm.weight", "final_layer_norm.bias")  # of layers, and behind them


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = asked(settings, *_HARMLESS)
    width, heads = told.whole("hidden_size"), told.whole("num_attention_heads")
    layers, before = layers_of(told), told.flag("do_layer_norm_before", True)
    told.only("word_embed_proj_dim", width)
    removed = told.flag("_remove_final_layer_norm", False)
    final = before and not removed
    require_told(shapes, "enable_bias", told.flag("enable_bias", True), layers, _BIASES)
    affine = told.flag("layer_norm_elementwise_affine", True)
    require_told(shapes, "layer_norm_elementwise_affine", affine, layers, _NORMS)
    require_told(shapes, "layer_norm_elementwise_affine", affine, layers + final, _LAST)
    made = Architecture(
        n_layers=layers,
        n_heads=heads,
        d_head=head_width(width, heads),
        n_ctx=told.whole("max_position_embeddings"),
        d_mlp=told.whole("ffn_dim"),
        norm="layer",
        norm_eps=_EPSILON,
        norm_place="pre" if before else "post",
        final_norm=final,
        positions="learned",
        activation=told.word("activation_function", ACTIVATIONS, "relu"),
        **ends(told, settings, shapes, width),
    )
    told.require_all_asked()
    return made


def _steps(a: Architecture) -> Iterator[Step]:
    yield needed("embed.W_E", "embed_tokens.weight")
    yield needed("pos_embed.W_pos", "embed_positions.weight", _used)
    for i in range(a.n_layers):
        yield from _layer(a, f"layers.{i}", f"blocks.{i}")
    if a.final_norm:
        yield from _normed("ln_final", "final_layer_norm")
    if a.head != "none":
        yield needed("unembed.W_U", HEAD, transposed)


def _layer(a: Architecture, theirs: str, ours: str) -> Iterator[Step]:
    yield from _normed(f"{ours}.ln1", f"{theirs}.self_attn_layer_norm")
    yield from _normed(f"{ours}.ln2", f"{theirs}.final_layer_norm")
    inner = f"{theirs}.self_attn"
    parts = {which: f"{inner}.{which.lower()}_proj" for which in "QKV"}
    yield from attention(a, f"{ours}.attn", {**parts, "O": f"{inner}.out_proj"})
    for name, part in (("in", "fc1"), ("out", "fc2")):
        target = (f"{ours}.mlp.W_{name}", f"{ours}.mlp.b_{name}")
        yield from linear(target, f"{theirs}.{part}", bias=False)


def _normed(target: str, source: str) -> Iterator[Step]:
    """A LayerNorm with weights or without; that every layer has them is seen before."""
    yield Step(f"{target}.w", (f"{source}.weight",))
    yield Step(f"{target}.b", (f"{source}.bias",))


def _used(values: np.ndarray) -> np.ndarray:
    return values[_UNUSED_ROWS:]


def _idle(name: str) -> bool:
    return False


DIALECT = Dialect(
    "OPT",
    speaks("opt"),
    ("model.decoder.", "decoder."),
    _architecture,
    _steps,
    _idle,
    tied=tied_to("embed_tokens.weight", by_default=True),
)
