"""TransformerLens 3: HookedEncoder, which is BERT."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.dialect import Dialect, Settings, Shapes, Step
from probbound.models.transformer.dialects.transformer_lens import (
    PREFIXES,
    block_steps,
    named,
    require_no_own_architecture,
)
from probbound.models.transformer.dialects.transformer_lens_buffers import (
    is_buffer,
    require_buffers,
)
from probbound.models.transformer.dialects.transformer_lens_keys import (
    mlp,
    norm,
    read_keys,
    require_norms,
    scale,
    sizes,
)

_NEVER = (
    *("attn_only", "use_local_attn", "parallel_attn_mlp", "post_embedding_ln", "final_rms"),
    "use_normalization_before_and_after",
)
_BESIDE = (
    *("window_size", "attn_types", "rotary_dim", "rotary_base", "rotary_base_local"),
    *("rotary_adjacent_pairs", "rotary_scaling_factor"),
)


def _speaks(names: Collection[str], settings: Settings) -> bool:
    return "embed.embed.W_E" in names and "blocks.0.attn.W_Q" in names


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    told = read_keys(settings)
    require_no_own_architecture(told)
    for key in _NEVER:
        told.only(key, False)
    for key in _BESIDE:
        told.any(key)
    told.only("normalization_type", "LN")
    told.only("positional_embedding_type", "standard")
    told.only("attention_dir", "bidirectional")
    told.only("n_key_value_heads", None)
    told.only("use_attn_scale", True)
    told.only("attn_scores_soft_cap", -1.0, -1)
    told.only("output_logits_soft_cap", -1.0, -1)
    made = sizes(told) | mlp(told, {"gelu": "gelu"}) | norm(told)
    made |= {"final_norm": False, "norm_place": "post", "embedding_norm": True}
    made |= {"positions": "learned", "causal": False, "head": "masked"}
    made["attn_scale"] = scale(told, made["d_head"])
    told.require_all_asked()
    blocks = [f"blocks.{i}.{ln}.w" for i in range(made["n_layers"]) for ln in ("ln1", "ln2")]
    require_norms(shapes, [*blocks, "embed.ln.w", "mlm_head.ln.w"], weighted=True)
    return Architecture(**made)


def _steps(a: Architecture) -> Iterator[Step]:
    yield Step("embed.W_E", ("embed.embed.W_E",))
    yield Step("pos_embed.W_pos", ("embed.pos_embed.W_pos",))
    yield Step("embed.b_E", ("embed.token_type_embed.W_token_type",), _first)
    yield from named("embed.ln.w", "embed.ln.b")
    for layer in range(a.n_layers):
        yield from block_steps(a, f"blocks.{layer}")
    for part in ("W", "b", "ln.w", "ln.b"):
        yield Step(f"head.{part}", (f"mlm_head.{part}",))
    yield from named("unembed.W_U", "unembed.b_U")


def _first(values: np.ndarray) -> np.ndarray:
    return values[0]


def _idle(name: str) -> bool:
    """What another task than predicting masked tokens takes is left out."""
    return is_buffer(name) or name.startswith(("nsp_head.", "pooler."))


DIALECT = Dialect(
    "HookedEncoder of TransformerLens",
    _speaks,
    PREFIXES,
    _architecture,
    _steps,
    _idle,
    require_buffers,
)
