"""GPT-Neo of Hugging Face: scores that are not scaled, local windows in some layers."""

from __future__ import annotations

from collections.abc import Iterator

from probbound.machine.errors import UserError
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
    normed,
    speaks,
    tied_to,
)
from probbound.models.transformer.dialects.keys import Told

_HARMLESS = (
    *("embed_dropout", "resid_dropout", "summary_activation", "summary_first_dropout"),
    *("summary_proj_to_labels", "summary_type", "summary_use_proj"),
)


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = asked(settings, *_HARMLESS)
    width, heads = told.whole("hidden_size"), told.whole("num_heads")
    layers = layers_of(told, "num_layers")
    made = Architecture(
        n_layers=layers,
        n_heads=heads,
        d_head=head_width(width, heads),
        n_ctx=told.whole("max_position_embeddings"),
        d_mlp=told.whole("intermediate_size", 4 * width),
        norm="layer",
        norm_eps=told.number("layer_norm_epsilon", 1e-5),
        final_norm=True,
        positions="learned",
        windows=_windows(told, layers),
        attn_scale=1.0,
        activation=told.word("activation_function", ACTIVATIONS, "gelu_new"),
        **ends(told, settings, shapes, width),
    )
    told.require_all_asked()
    return made


def _windows(told: Told, layers: int) -> tuple[int | None, ...]:
    """By kinds of layers, a list of which is said as [[kinds, how often], …]."""
    said = told.any("attention_types", [[["global", "local"], 12]])
    try:
        total = sum(len(group) * times for group, times in said)
        kinds = [kind for group, times in said for kind in list(group) * min(times, layers)]
    except (TypeError, ValueError) as error:
        raise UserError(f"its configuration says attention_types = {str(said)[:60]}") from error
    alike = told.any("attention_layers", kinds) == kinds
    if not alike or (total, len(kinds)) != (layers, layers):
        raise UserError(f"attention_types and attention_layers have to say {layers} layers alike")
    if others := sorted({str(kind) for kind in kinds} - {"global", "local"}):
        raise UserError(f"its configuration says attention {others[0][:60]!r}, not global or local")
    window = told.whole("window_size", 256)
    return tuple(window if kind == "local" else None for kind in kinds)


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
    inner = f"{theirs}.attn.attention"
    parts = {which: f"{inner}.{which.lower()}_proj" for which in "QKV"}
    yield from attention(a, f"{ours}.attn", {**parts, "O": f"{inner}.out_proj"}, biases="O")
    for name, part in (("in", "c_fc"), ("out", "c_proj")):
        yield from linear((f"{ours}.mlp.W_{name}", f"{ours}.mlp.b_{name}"), f"{theirs}.mlp.{part}")


def _idle(name: str) -> bool:
    return name.endswith((".attn.attention.bias", ".attn.attention.masked_bias"))


DIALECT = Dialect(
    "GPT-Neo",
    speaks("gpt_neo"),
    ("transformer.",),
    _architecture,
    _steps,
    _idle,
    tied=tied_to("wte.weight", by_default=True),
)
