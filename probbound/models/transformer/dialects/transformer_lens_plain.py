"""Which files of TransformerLens are of one layer of attention, the kind `attention-only`."""

from __future__ import annotations

import re
from collections.abc import Collection

from probbound.models.transformer.dialects.dialect import Settings

_PLAIN = re.compile(
    r"(embed|pos_embed|unembed)\.(W_E|W_pos|W_U|b_U|weight|bias)"
    r"|blocks\.0\.attn\.([Wb]_[QKVO]|[qkvo]\.(weight|bias)|mask|IGNORE)"
)
_USUAL = {
    "normalization_type": (None,),
    "positional_embedding_type": ("standard",),
    "attention_dir": ("causal",),
    "use_local_attn": (False, None),
}
_CAPS = ("attn_scores_soft_cap", "output_logits_soft_cap")


def is_attention_only(names: Collection[str], settings: Settings) -> bool:
    """Whether names are those of one layer of attention, and no setting makes it another network.

    What else such a configuration says is for that kind to read, or to refuse.
    """
    if not all(_PLAIN.fullmatch(name) for name in names):
        return False
    for key, usual in _USUAL.items():
        value = settings.get(key, usual[0])
        if not (value is None or isinstance(value, bool | str)) or value not in usual:
            return False
    capped = (settings.get(key) for key in _CAPS)
    if any(isinstance(cap, int | float) and cap > 0 for cap in capped):
        return False
    shared = settings.get("n_key_value_heads")
    return shared is None or (type(shared) is int and shared == settings.get("n_heads"))
