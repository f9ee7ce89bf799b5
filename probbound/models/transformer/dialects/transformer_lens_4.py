"""TransformerLens 4: a TransformerBridge over TransformerLens' own module (`boot_native`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.conversions import (
    by_heads,
    into_heads,
    out_of_heads,
    transposed,
)
from probbound.models.transformer.dialects.dialect import Dialect, Settings, Shapes, Step
from probbound.models.transformer.dialects.keys import Told
from probbound.models.transformer.dialects.transformer_lens import PREFIXES
from probbound.models.transformer.dialects.transformer_lens_keys import (
    ACTIVATIONS,
    caps,
    finished,
    mlp,
    norm,
    read_keys,
    require_said,
    scale,
    sizes,
)

_ACTIVATIONS = {
    **{name: meaning for name, meaning in ACTIVATIONS.items() if "fast" not in name},
    "swish": "silu",
}
_UNUSED = ("use_local_attn", "parallel_attn_mlp", "post_embedding_ln")  # it has no such thing
_BESIDE = (
    *("window_size", "attn_types", "rotary_adjacent_pairs", "rotary_base_local"),
    *("rotary_dim", "rotary_base", "rotary_scaling_factor"),
)


def _speaks(names: Collection[str], settings: Settings) -> bool:
    return "embed.weight" in names and "blocks.0.attn.q.weight" in names


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = read_keys(settings)
    _require_native(told)
    for key in (*_UNUSED, "use_normalization_before_and_after"):
        told.only(key, False)
    for key in _BESIDE:
        told.any(key)
    made = sizes(told) | mlp(told, _ACTIVATIONS) | norm(told) | caps(told)
    made["causal"] = told.word("attention_dir", {"causal": True, "bidirectional": False})
    made["positions"] = told.word(
        "positional_embedding_type", {"standard": "learned", "rotary": "rotary"}
    )
    if made["positions"] == "rotary":
        require_said(settings, ("rotary_base",))
        made["rotary_dim"] = told.whole("rotary_dim", made["d_head"])
        made["rotary_base"] = told.number("rotary_base")
        made["rotary_pairs"] = "adjacent"  # whatever rotary_adjacent_pairs says
    made["attn_scale"] = scale(told, made["d_head"])
    if not told.flag("use_attn_scale"):
        raise UserError(
            "its configuration says use_attn_scale = False, which TransformerLens 4 takes for the "
            "root of d_head and 3 for 1; give attn_scale itself, and use_attn_scale = True"
        )
    return finished(told, made, settings, shapes, "weight")


def _require_native(told: Told) -> None:
    told.only("original_architecture", None)
    value = told.any("architecture")
    if value not in (None, "TransformerLensNative"):
        raise UserError(
            f"its configuration says architecture = {str(value)[:60]!r}, a bridge over a model of "
            "Hugging Face: save and import that (model.original_model.save_pretrained('DIR'))"
        )


def _steps(a: Architecture) -> Iterator[Step]:
    yield Step("embed.W_E", ("embed.weight",))
    if a.positions == "learned":
        yield Step("pos_embed.W_pos", ("pos_embed.weight",))
    for layer in range(a.n_layers):
        yield from _layer(a, f"blocks.{layer}")
    yield from _norm("ln_final")
    yield Step("unembed.W_U", ("unembed.weight",), transposed)
    yield Step("unembed.b_U", ("unembed.bias",))


def _norm(name: str) -> Iterator[Step]:
    yield Step(f"{name}.w", (f"{name}.weight",))
    yield Step(f"{name}.b", (f"{name}.bias",))


def _layer(a: Architecture, at: str) -> Iterator[Step]:
    if a.norm != "none":
        yield from _norm(f"{at}.ln1")
        yield from _norm(f"{at}.ln2")
    for part, heads in (("Q", a.n_heads), ("K", a.n_key_value_heads), ("V", a.n_key_value_heads)):
        theirs = f"{at}.attn.{part.lower()}"
        weight, bias = partial(_columns, heads=heads), partial(by_heads, heads=heads)
        yield Step(f"{at}.attn.W_{part}", (f"{theirs}.weight",), weight)
        yield Step(f"{at}.attn.b_{part}", (f"{theirs}.bias",), bias)
    yield Step(f"{at}.attn.W_O", (f"{at}.attn.o.weight",), partial(_rows, heads=a.n_heads))
    yield Step(f"{at}.attn.b_O", (f"{at}.attn.o.bias",))
    for part in ("in", "out", "gate") if a.gated else ("in", "out") if a.d_mlp else ():
        yield Step(f"{at}.mlp.W_{part}", (f"{at}.mlp.{part}.weight",), transposed)
        yield Step(f"{at}.mlp.b_{part}", (f"{at}.mlp.{part}.bias",))


def _columns(values: np.ndarray, heads: int) -> np.ndarray:
    return into_heads(values.T, heads)


def _rows(values: np.ndarray, heads: int) -> np.ndarray:
    return out_of_heads(values.T, heads)


def _idle(name: str) -> bool:
    return False


DIALECT = Dialect("TransformerLens 4", _speaks, PREFIXES, _architecture, _steps, _idle)
