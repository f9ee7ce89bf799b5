"""BERT of Hugging Face: norms after, rows of one segment, a masked language model's head."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.conversions import transposed
from probbound.models.transformer.dialects.dialect import Dialect, Settings, Shapes, Step
from probbound.models.transformer.dialects.hugging_face import (
    ACTIVATIONS,
    asked,
    attention,
    head_width,
    layers_of,
    linear,
    needed,
    normed,
    speaks,
)

_WORDS = "embeddings.word_embeddings.weight"
_MASKED = "cls.predictions"
_DECODER = f"{_MASKED}.decoder"
_ASIDE = ("pooler.", "cls.seq_relationship.")
_HARMLESS = (
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "directionality"),
    *("pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers"),
    *("pooler_size_per_head", "pooler_type"),
)


def _tied(settings: Settings, names: Collection[str]) -> Mapping[str, str]:
    """Both biases of the decoder always are one; with the embedding it is one by default."""
    if not _has_head(names):
        return {}
    bias = {f"{_DECODER}.bias": f"{_MASKED}.bias"}
    ties = settings.get("tie_word_embeddings") is not False
    return {**bias, f"{_DECODER}.weight": _WORDS} if ties else bias


def _has_head(names: Collection[str]) -> bool:
    return any(name.startswith(f"{_MASKED}.") for name in names)


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = asked(settings, *_HARMLESS)
    told.only("is_decoder", False)
    told.only("position_embedding_type", "absolute")
    told.whole("type_vocab_size", 2)
    width, heads = told.whole("hidden_size"), told.whole("num_attention_heads")
    vocabulary, masked = told.whole("vocab_size"), _has_head(shapes)
    made = Architecture(
        n_layers=layers_of(told),
        n_heads=heads,
        d_model=width,
        d_head=head_width(width, heads),
        d_vocab=vocabulary,
        d_out=vocabulary if masked else width,
        n_ctx=told.whole("max_position_embeddings"),
        d_mlp=told.whole("intermediate_size"),
        norm="layer",
        norm_eps=told.number("layer_norm_eps", 1e-12),
        norm_place="post",
        embedding_norm=True,
        positions="learned",
        causal=False,
        activation=told.word("hidden_act", ACTIVATIONS, "gelu"),
        head="masked" if masked else "none",
    )
    told.require_all_asked()
    return made


def _steps(a: Architecture) -> Iterator[Step]:
    yield needed("embed.W_E", _WORDS)
    yield needed("embed.b_E", "embeddings.token_type_embeddings.weight", _first)
    yield needed("pos_embed.W_pos", "embeddings.position_embeddings.weight")
    yield from normed("embed.ln", "embeddings.LayerNorm")
    for i in range(a.n_layers):
        yield from _layer(a, f"encoder.layer.{i}", f"blocks.{i}")
    if a.head == "masked":
        yield from linear(("head.W", "head.b"), f"{_MASKED}.transform.dense")
        yield from normed("head.ln", f"{_MASKED}.transform.LayerNorm")
        yield needed("unembed.W_U", f"{_DECODER}.weight", transposed)
        yield needed("unembed.b_U", f"{_DECODER}.bias")


def _layer(a: Architecture, theirs: str, ours: str) -> Iterator[Step]:
    inner, out = f"{theirs}.attention", f"{theirs}.attention.output"
    names = {"Q": "query", "K": "key", "V": "value"}
    parts = {which: f"{inner}.self.{name}" for which, name in names.items()}
    parts["O"] = f"{out}.dense"
    yield from attention(a, f"{ours}.attn", parts, biases="QKVO")
    yield from normed(f"{ours}.ln1", f"{out}.LayerNorm")
    for name, part in (("in", "intermediate"), ("out", "output")):
        target = (f"{ours}.mlp.W_{name}", f"{ours}.mlp.b_{name}")
        yield from linear(target, f"{theirs}.{part}.dense")
    yield from normed(f"{ours}.ln2", f"{theirs}.output.LayerNorm")


def _first(values: np.ndarray) -> np.ndarray:
    """Of segments the first, which every row is where nothing else is given."""
    return values[0]


def _idle(name: str) -> bool:
    return name in ("embeddings.position_ids", "embeddings.token_type_ids")


def _aside(name: str) -> bool:
    return name.startswith(_ASIDE)


DIALECT = Dialect(
    "BERT",
    speaks("bert"),
    ("bert.",),
    _architecture,
    _steps,
    _idle,
    aside=_aside,
    tied=_tied,
)
