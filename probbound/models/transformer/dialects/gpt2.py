"""GPT-2 of Hugging Face: Conv1D matrices, queries, keys and values side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import Literal

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
from probbound.models.transformer.dialects.keys import Told

_ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
_HARMLESS = (
    *("_name_or_path", "architectures", "attn_pdrop", "bos_token_id", "embd_pdrop"),
    *("eos_token_id", "initializer_range", "resid_pdrop", "summary_activation"),
    *("summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj"),
    *("task_specific_params", "torch_dtype", "dtype", "transformers_version", "use_cache"),
    *("pad_token_id", "n_ctx", "gradient_checkpointing", "reorder_and_upcast_attn"),
    *("tie_word_embeddings", "output_past"),
)


def _speaks(names: Collection[str], settings: Settings) -> bool:
    return settings.get("model_type") == "gpt2" or (
        not settings.get("model_type") and "h.0.attn.c_attn.weight" in names
    )


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = Told(settings, _HARMLESS)
    told.only("model_type", "gpt2")
    told.only("add_cross_attention", False)
    told.only("scale_attn_by_inverse_layer_idx", False)
    width, heads = told.whole("n_embd"), told.whole("n_head")
    scaled = told.flag("scale_attn_weights", True)
    vocabulary, inner = told.whole("vocab_size"), told.whole("n_inner", 4 * width)
    head = (
        "unembed" if "lm_head.weight" in shapes or told.any("tie_word_embeddings", True) else "none"
    )
    made = Architecture(
        n_layers=told.whole("n_layer"),
        n_heads=heads,
        d_model=width,
        d_head=width // heads,
        d_vocab=vocabulary,
        d_out=vocabulary if head == "unembed" else width,
        n_ctx=told.whole("n_positions"),
        d_mlp=inner,
        norm="layer",
        norm_eps=told.number("layer_norm_epsilon", 1e-5),
        final_norm=True,
        positions="learned",
        attn_scale=float(np.sqrt(width // heads)) if scaled else 1.0,
        activation=told.word("activation_function", _ACTIVATIONS, "gelu_new"),
        head=head,
    )
    told.require_all_asked()
    return made


def _head(settings: Settings, shapes: Shapes) -> Literal["unembed", "none"]:
    """A plain GPT2Model has none: its file says so by its architectures, or by having no prefix."""
    bare = "GPT2Model" in (settings.get("architectures") or [])
    return "none" if bare and "lm_head.weight" not in shapes else "unembed"


def _steps(a: Architecture) -> Iterator[Step]:
    yield Step("embed.W_E", ("wte.weight",))
    yield Step("pos_embed.W_pos", ("wpe.weight",))
    for i in range(a.n_layers):
        yield from _layer(a, f"h.{i}", f"blocks.{i}")
    yield Step("ln_final.w", ("ln_f.weight",))
    yield Step("ln_final.b", ("ln_f.bias",))
    if a.head != "none":
        yield Step("unembed.W_U", ("lm_head.weight",), transposed, otherwise=("wte.weight",))


def _layer(a: Architecture, theirs: str, ours: str) -> Iterator[Step]:
    for norm, name in (("ln1", "ln_1"), ("ln2", "ln_2")):
        yield Step(f"{ours}.{norm}.w", (f"{theirs}.{name}.weight",))
        yield Step(f"{ours}.{norm}.b", (f"{theirs}.{name}.bias",))
    for at, name in enumerate("QKV"):
        weight, bias = partial(_head_part, a, at), partial(_bias_part, a, at)
        yield Step(f"{ours}.attn.W_{name}", (f"{theirs}.attn.c_attn.weight",), weight)
        yield Step(f"{ours}.attn.b_{name}", (f"{theirs}.attn.c_attn.bias",), bias)
    out = partial(out_of_heads, heads=a.n_heads)
    yield Step(f"{ours}.attn.W_O", (f"{theirs}.attn.c_proj.weight",), out)
    yield Step(f"{ours}.attn.b_O", (f"{theirs}.attn.c_proj.bias",))
    for name, part in (("in", "c_fc"), ("out", "c_proj")):
        yield Step(f"{ours}.mlp.W_{name}", (f"{theirs}.mlp.{part}.weight",))
        yield Step(f"{ours}.mlp.b_{name}", (f"{theirs}.mlp.{part}.bias",))


def _head_part(a: Architecture, at: int, values: np.ndarray) -> np.ndarray:
    return into_heads(third(values, at), a.n_heads)


def _bias_part(a: Architecture, at: int, values: np.ndarray) -> np.ndarray:
    return by_heads(third(values, at), a.n_heads)


def _idle(name: str) -> bool:
    return name.endswith((".attn.bias", ".attn.masked_bias"))


DIALECT = Dialect("GPT-2", _speaks, ("transformer.",), _architecture, _steps, _idle)
