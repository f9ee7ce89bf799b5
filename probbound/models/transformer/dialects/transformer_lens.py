"""TransformerLens 3: HookedTransformer's configuration, names and buffers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from probbound.machine.errors import UserError
from probbound.models.configuration_keys import ONLY_IN_4
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.dialect import Dialect, Settings, Shapes, Step
from probbound.models.transformer.dialects.keys import Told
from probbound.models.transformer.dialects.transformer_lens_buffers import (
    is_buffer,
    require_buffers,
)
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

PREFIXES = ("module._orig_mod.", "_orig_mod.module.", "module.", "_orig_mod.", "model.", "net.")
_POSITIONS = {
    "standard": "learned",
    "rotary": "rotary",
    "shortformer": "shortformer",
    "alibi": "alibi",
}
_WITHOUT_EFFECT = (  # architectures of which HookedTransformer computes nothing of its own
    *("GPT2LMHeadModel", "GPT2LMHeadCustomModel", "GPTNeoForCausalLM", "GPTJForCausalLM"),
    *("GPTNeoXForCausalLM", "OPTForCausalLM", "BloomForCausalLM", "BertForMaskedLM"),
    *("LlamaForCausalLM", "MistralForCausalLM", "QWenLMHeadModel", "Qwen2ForCausalLM"),
    *("Qwen3ForCausalLM", "PhiForCausalLM", "Phi3ForCausalLM", "GemmaForCausalLM"),
    *("Gemma2ForCausalLM", "OlmoForCausalLM", "neel", "neel-solu-old", "mingpt"),
)


def _speaks(names: Collection[str], settings: Settings) -> bool:
    return "embed.W_E" in names and "blocks.0.attn.W_Q" in names


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = read_keys(settings)
    require_no_own_architecture(told)
    told.only("architecture", None)
    made = sizes(told)
    made |= {**mlp(told, ACTIVATIONS), **norm(told), **caps(told)}
    made |= _positions(told, settings, made)
    made |= _places(told, made)
    made["parallel"] = told.flag("parallel_attn_mlp")
    made["attn_scale"] = _scale(told, settings, made["d_head"])
    made["windows"] = _windows(told, made)
    return finished(told, made, settings, shapes, "w")


def require_no_own_architecture(told: Told) -> None:
    """Refuse architectures for which HookedTransformer computes something else.

    Raises:
        UserError: naming it.
    """
    value = told.any("original_architecture")
    if value is not None and value not in _WITHOUT_EFFECT:
        raise UserError(
            f"its configuration says original_architecture = {str(value)[:60]!r}, for which "
            "TransformerLens may compute something of its own, which is not known here"
        )


def _scale(told: Told, settings: Settings, d_head: int) -> float:
    found = scale(told, d_head)
    if told.flag("use_attn_scale"):
        return found
    if ONLY_IN_4 & settings.keys():
        raise UserError(
            "its configuration says use_attn_scale = False, which TransformerLens 4 takes for the "
            "root of d_head and 3 for 1; give attn_scale itself, and use_attn_scale = True"
        )
    return 1.0


def _positions(told: Told, settings: Settings, made: Mapping[str, Any]) -> dict[str, Any]:
    kind = told.word("positional_embedding_type", _POSITIONS)
    causal = told.word("attention_dir", {"causal": True, "bidirectional": False})
    base, near = told.any("rotary_base"), told.any("rotary_base_local")
    stretched = told.any("rotary_scaling_factor", 1.0)
    for key in ("rotary_dim", "rotary_adjacent_pairs"):
        told.any(key)
    if kind == "alibi" and (not causal or made["n_heads"] & (made["n_heads"] - 1)):
        raise UserError(
            "its configuration says positional_embedding_type = 'alibi', which is computed with "
            "only where attention is causal and n_heads a power of two, as TransformerLens' slopes "
            "are others elsewhere"
        )
    found = {"positions": kind, "causal": causal}
    if kind != "rotary":
        return found
    require_said(settings, ("rotary_base", "rotary_adjacent_pairs"))
    if stretched != 1:
        raise UserError(
            f"its configuration says rotary_scaling_factor = {stretched!r}, and only 1.0 can be "
            "computed with"
        )
    if near not in (None, base):
        raise UserError(
            f"its configuration says rotary_base_local = {near!r}, and only that of all layers, "
            f"{base!r}, can be computed with"
        )
    return {
        **found,
        "rotary_dim": told.whole("rotary_dim", made["d_head"]),
        "rotary_base": told.number("rotary_base"),
        "rotary_pairs": "adjacent" if told.flag("rotary_adjacent_pairs") else "halves",
    }


def _places(told: Told, made: Mapping[str, Any]) -> dict[str, Any]:
    kind = made.get("norm", "none")
    both = told.flag("use_normalization_before_and_after")
    if both and kind == "layer":
        told.only("use_normalization_before_and_after", False)
    early = told.flag("post_embedding_ln")
    if early and (kind != "layer" or made["positions"] == "learned"):
        raise UserError(
            "its configuration says post_embedding_ln = True, which is computed with only beside "
            "normalization_type LN or LNPre and positions that are not added to the embedding"
        )
    return {"norm_place": "both" if both and kind == "rms" else "pre", "embedding_norm": early}


def _windows(told: Told, made: Mapping[str, Any]) -> tuple[int | None, ...]:
    types, width = told.any("attn_types"), told.any("window_size")
    if not told.flag("use_local_attn"):
        return ()
    layers = made["n_layers"]
    if not made["causal"]:
        raise UserError(
            "its configuration says use_local_attn = True, which TransformerLens leaves out where "
            "attention_dir is 'bidirectional'; set it to False"
        )
    known = isinstance(types, list | tuple) and len(types) >= layers
    if not known or not set(map(str, types)) <= {"global", "local"}:
        raise UserError(
            f"its configuration has to say attn_types, 'global' or 'local' for each of {layers} "
            f"layers; got {str(types)[:60]}"
        )
    if type(width) is not int:
        raise UserError(f"its configuration has to say window_size, a number; got {width!r}")
    return tuple(width if each == "local" else None for each in types[:layers])


def _steps(a: Architecture) -> Iterator[Step]:
    yield Step("embed.W_E", ("embed.W_E",))
    if a.embedding_norm:
        yield from named("embed.ln.w", "embed.ln.b")
    if a.positions in ("learned", "shortformer"):
        yield Step("pos_embed.W_pos", ("pos_embed.W_pos",))
    for layer in range(a.n_layers):
        yield from block_steps(a, f"blocks.{layer}")
    yield from named("ln_final.w", "ln_final.b", "unembed.W_U", "unembed.b_U")


def named(*names: str) -> Iterator[Step]:
    """Arrays that have the same name here."""
    for name in names:
        yield Step(name, (name,))


def block_steps(a: Architecture, at: str) -> Iterator[Step]:
    """A block: keys and values that heads share have names of their own."""
    norms = ["ln1", "ln2"] + ["ln1_post", "ln2_post"] * (a.norm_place == "both")
    for part in norms if a.norm != "none" else ():
        yield from named(f"{at}.{part}.w", f"{at}.{part}.b")
    for kind in "Wb":
        yield from named(f"{at}.attn.{kind}_Q", f"{at}.attn.{kind}_O")
        for part in "KV":
            name, shared = f"{at}.attn.{kind}_{part}", f"{at}.attn._{kind}_{part}"
            yield Step(name, (shared,), otherwise=(name,))
    if a.d_mlp:
        yield from named(f"{at}.mlp.W_in", f"{at}.mlp.W_out", f"{at}.mlp.b_out")
        yield Step(f"{at}.mlp.b_{'mid' if a.gated else 'in'}", (f"{at}.mlp.b_in",))
    if a.gated:
        yield from named(f"{at}.mlp.W_gate")


def _idle(name: str) -> bool:
    return is_buffer(name) or name == "pos_embed.W_pos"


DIALECT = Dialect(
    "TransformerLens", _speaks, PREFIXES, _architecture, _steps, _idle, require_buffers
)
