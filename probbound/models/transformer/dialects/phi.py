"""Phi of Hugging Face: one norm before attention and MLP in parallel, biases everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.dialect import Dialect, Settings, Shapes, Step
from probbound.models.transformer.dialects.hugging_face import (
    ACTIVATIONS,
    asked,
    attention,
    ends,
    head_width,
    layers_of,
    linear,
    needed,
    normed,
    speaks,
    tied_to,
)
from probbound.models.transformer.dialects.rope import rotation


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = asked(settings, "resid_pdrop", "embd_pdrop")
    told.only("qk_layernorm", False)
    width, heads = told.whole("hidden_size"), told.whole("num_attention_heads")
    inside = told.whole("head_dim", head_width(width, heads))
    dim, base = rotation(told, inside, share=0.5)
    made = Architecture(
        n_layers=layers_of(told),
        n_heads=heads,
        n_key_value_heads=told.whole("num_key_value_heads", heads),
        d_head=inside,
        n_ctx=told.whole("max_position_embeddings"),
        d_mlp=told.whole("intermediate_size"),
        norm="layer",
        norm_eps=told.number("layer_norm_eps", 1e-5),
        final_norm=True,
        parallel=True,
        positions="rotary",
        rotary_dim=dim,
        rotary_base=base,
        activation=told.word("hidden_act", ACTIVATIONS, "gelu_new"),
        **ends(told, settings, shapes, width),
    )
    told.require_all_asked()
    return made


def _steps(a: Architecture) -> Iterator[Step]:
    yield needed("embed.W_E", "embed_tokens.weight")
    for i in range(a.n_layers):
        yield from _layer(a, f"layers.{i}", f"blocks.{i}")
    yield from normed("ln_final", "final_layernorm")
    if a.head != "none":
        yield from linear(("unembed.W_U", "unembed.b_U"), "lm_head")


def _layer(a: Architecture, theirs: str, ours: str) -> Iterator[Step]:
    for norm in ("ln1", "ln2"):
        yield from normed(f"{ours}.{norm}", f"{theirs}.input_layernorm")
    parts = {which: f"{theirs}.self_attn.{which.lower()}_proj" for which in "QKV"}
    parts["O"] = f"{theirs}.self_attn.dense"
    yield from attention(a, f"{ours}.attn", parts, biases="QKVO")
    for name, part in (("in", "fc1"), ("out", "fc2")):
        yield from linear((f"{ours}.mlp.W_{name}", f"{ours}.mlp.b_{name}"), f"{theirs}.mlp.{part}")


def _idle(name: str) -> bool:
    return name.endswith(".self_attn.rotary_emb.inv_freq")


DIALECT = Dialect(
    "Phi",
    speaks("phi"),
    ("model.",),
    _architecture,
    _steps,
    _idle,
    tied=tied_to("embed_tokens.weight", by_default=False),
)
