"""A network's configuration, found in what a file holds and read by allow-list.

Keys are those of TransformerLens 3 and 4. Each is understood, or accepted only where it changes
nothing, or refused by name; so is a key that nobody here knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.machine.errors import UserError
from probbound.machine.json_objects import named_once
from probbound.models.configuration_keys import HARMLESS, ONLY_IN_4

NAMES = ("config", "cfg", "model_config", "model_cfg")
DEEPEST = 16
_LARGEST_SCALE = 1e300


@dataclass(frozen=True)
class Key:
    """What a key may say: `allows(value, whole configuration, sizes of the weights)`.

    One that is not `telling` does not by itself make a mapping the configuration of a network.
    """

    wanted: str
    allows: Callable[[Any, Mapping[str, Any], Mapping[str, int]], bool]
    telling: bool = True


@dataclass(frozen=True)
class Configuration:
    """Plain values by key, and the place in the file where they stand."""

    place: str
    values: Mapping[str, Any]


def _only(*allowed: Any) -> Key:
    return Key(
        " or ".join(map(repr, allowed)), lambda value, *_: any(same(value, a) for a in allowed)
    )


def _size(axis: str, unset: Callable[[Mapping[str, int]], int] | None = None) -> Key:
    """The size of an axis of the weights; -1 stands for what TransformerLens makes of it then."""

    def allows(value: Any, _: Mapping[str, Any], sizes: Mapping[str, int]) -> bool:
        if not sizes:
            return True
        meant = unset(sizes) if unset is not None and same(value, -1) else value
        return same(meant, sizes[axis])

    return Key(f"the {axis} of the weights", allows)


def _beside(decider: str, *, telling: bool = True) -> Key:
    """Without effect here where the configuration has `decider`, which allows one value only."""
    return Key(f"a value beside {decider}", lambda _, told, __: decider in told, telling)


def same(value: Any, wanted: Any) -> bool:
    """Equality that takes no flag for a number and no text for either."""
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None or value is None:
        return value is wanted
    numbers = isinstance(value, int | float) and isinstance(wanted, int | float)
    return (numbers or type(value) is type(wanted)) and value == wanted


def _is_scale(value: Any, *_: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and (value == -1 or 0 < value <= _LARGEST_SCALE)


_HARMLESS = Key("anything", lambda *_: True, telling=False)
_NO_MLP = "attn_only"
_NO_NORM = "normalization_type"
_NO_ROTATION = "positional_embedding_type"

KEYS: dict[str, Key] = {
    "n_layers": _only(1),
    "n_heads": _size("n_heads", lambda sizes: sizes["d_model"] // sizes["d_head"]),
    "d_model": _size("d_model"),
    "d_head": _size("d_head"),
    "n_ctx": _size("n_ctx"),
    "d_vocab": _size("d_vocab", lambda sizes: sizes["d_vocab"]),
    "d_vocab_out": _size("d_vocab_out", lambda sizes: sizes["d_vocab"]),
    "n_key_value_heads": Key(
        "None or n_heads", lambda value, told, _: value is None or same(value, told.get("n_heads"))
    ),
    "attn_scale": Key("a positive number, or -1 for the root of d_head", _is_scale),
    "use_attn_scale": _only(True, False),
    "attn_only": _only(True),
    "normalization_type": _only(None),
    "positional_embedding_type": _only("standard"),
    "attention_dir": _only("causal"),
    "attn_scores_soft_cap": _only(-1, None),
    "output_logits_soft_cap": _only(-1, None),
    "architecture": _only(None, "TransformerLensNative"),
    "scale_embedding": _only(None, False),
    **dict.fromkeys(
        (
            *("final_rms", "post_embedding_ln", "use_qk_norm", "use_logn_attn"),
            *("use_dynamic_ntk_rope", "use_local_attn", "use_attention_sinks"),
            *("use_normalization_before_and_after", "parallel_attn_mlp", "tie_word_embeddings"),
            *("scale_attn_by_inverse_layer_idx", "load_in_4bit", "qk_norm_after_rope"),
            *("split_attention_weights", "is_audio_model", "is_visual_model"),
            *("is_stateful", "is_multimodal"),
        ),
        _only(False),
    ),
    **dict.fromkeys(
        (
            *("clip_qkv", "window_size", "attn_types", "train_seq_length"),
            *("original_architecture", "quantization_method", "rope_scaling"),
            *("relative_attention_max_distance", "relative_attention_num_buckets"),
            *("decoder_start_token_id", "per_layer_head_dim", "per_layer_num_key_value_heads"),
            "attn_implementation",
            *("vision_hidden_size", "vision_num_layers", "vision_num_heads"),
            "mm_tokens_per_image",
        ),
        _only(None),
    ),
    "act_fn": _beside(_NO_MLP),
    "d_mlp": _beside(_NO_MLP),
    "gated_mlp": _beside(_NO_MLP),
    "num_experts": _beside(_NO_MLP),
    "experts_per_token": _beside(_NO_MLP),
    "norm_topk_prob": _beside(_NO_MLP),
    "eps": _beside(_NO_NORM, telling=False),  # optimizers have one too
    "uses_rms_norm": _beside(_NO_NORM),
    "rmsnorm_uses_offset": _beside(_NO_NORM),
    "layer_norm_folding": _beside(_NO_NORM),
    "rotary_dim": _beside(_NO_ROTATION),
    "rotary_base": _beside(_NO_ROTATION),
    "rotary_base_local": _beside(_NO_ROTATION),
    "rotary_scaling_factor": _beside(_NO_ROTATION),
    "rotary_adjacent_pairs": _beside(_NO_ROTATION),
    "rotary_interleaved_cos_sin": _beside(_NO_ROTATION),
    "use_NTK_by_parts_rope": _beside(_NO_ROTATION),
    "NTK_by_parts_low_freq_factor": _beside(_NO_ROTATION),
    "NTK_by_parts_high_freq_factor": _beside(_NO_ROTATION),
    "NTK_by_parts_factor": _beside(_NO_ROTATION),
    "NTK_original_ctx_len": _beside(_NO_ROTATION),
    "use_yarn_rope": _beside(_NO_ROTATION),
    "yarn_factor": _beside(_NO_ROTATION),
    "yarn_attention_factor": _beside(_NO_ROTATION),
    "yarn_beta_fast": _beside(_NO_ROTATION),
    "yarn_beta_slow": _beside(_NO_ROTATION),
    "yarn_original_max_position_embeddings": _beside(_NO_ROTATION),
    "yarn_truncate": _beside(_NO_ROTATION),
    "yarn_global_attn_only": _beside(_NO_ROTATION),
    **dict.fromkeys(HARMLESS, _HARMLESS),
}
_TELLING = "|".join(sorted(name for name, key in KEYS.items() if key.telling))
_SPEAKS = re.compile(rf"(?<![A-Za-z0-9_])(?:{_TELLING})['\"]?\s{{0,9}}[:=]")  # as YAML, or a repr
PARTS_READ = {
    "norms": ("normalization_type",),
    "positions": ("positional_embedding_type",),
    "mask": ("attention_dir", "use_local_attn"),
    "caps": ("attn_scores_soft_cap", "output_logits_soft_cap"),
}


def require_understood(
    configuration: Configuration, sizes: Mapping[str, int], names_of_4: bool = False
) -> None:
    """Refuse a configuration of another network than the one that is computed with.

    `sizes` are those of the weights, empty where they are not known yet; `names_of_4` says that the
    weights have TransformerLens 4's names.

    Raises:
        UserError: naming the first key, and what it says.
    """
    told = configuration.values
    for name, value in told.items():
        where = f"{configuration.place} says {name} = {_shown(value)}"
        key = KEYS.get(name)
        if key is None:
            raise UserError(
                f"{where}, a key that is not known here: it may make another network than the one "
                "that is computed with, one layer of attention without norms; if it changes "
                "nothing, leave it out"
            )
        if not key.allows(value, told, sizes):
            raise UserError(f"{where}, and only {key.wanted} can be computed with")
    if told.get("use_attn_scale") is False and (names_of_4 or ONLY_IN_4 & told.keys()):
        raise UserError(
            f"{configuration.place} says use_attn_scale = False, which TransformerLens 4 takes for "
            "the root of d_head and 3 for 1; give attn_scale itself"
        )


def scale_told(told: Mapping[str, Any]) -> float | None:
    """The attention scale that a configuration names; -1 for √d_head, None if it names none."""
    if told.get("use_attn_scale") is False:
        return 1.0
    return float(told["attn_scale"]) if "attn_scale" in told else None


def the_one(found: list[Configuration], path: object) -> Configuration | None:
    """The only configuration of a file, None if it has none.

    Raises:
        UserError: if there are several: one of them might be skipped.
    """
    if len(found) > 1:
        places = ", ".join(f"{one.place} ({', '.join(sorted(one.values)[:3])}, …)" for one in found)
        raise UserError(
            f"{path} holds {len(found)} configurations: {places}; say which one is the network's "
            "with probbound import --config NAME"
        )
    return found[0] if found else None


def configurations_in(found: Any, place: str = "", depth: int = 0) -> Iterator[Configuration]:
    """Every configuration in nested mappings and lists, JSON text included, by its place.

    It is a mapping with a key that tells something of a network, or one under a name for it.

    Raises:
        UserError: at a text that speaks of a network or is called a configuration, but is no JSON.
    """
    if depth > DEEPEST:
        raise UserError(f"its contents are nested more than {DEEPEST} levels deep, at {place[:60]}")
    if isinstance(found, str):
        found = _in_text(found, place)
    if isinstance(found, Mapping):
        parts = [(str(name), value) for name, value in found.items()]
        named = _is_name_for_one(place) and bool(found)
        if named or any(is_telling(name) for name, _ in parts):
            yield Configuration(place or "it", by_last_name(parts, place))
    elif isinstance(found, list | tuple):
        parts = [(str(number), value) for number, value in enumerate(found)]
    else:
        return
    for name, value in parts:
        if isinstance(value, Mapping | list | tuple | str):
            yield from configurations_in(value, f"{place}.{name}" if place else name, depth + 1)


def is_telling(name: str) -> bool:
    """Whether a key tells something of a network; a path may stand before it (`cfg.n_layers`)."""
    key = KEYS.get(last_of(name))
    return key is not None and key.telling


def last_of(name: str) -> str:
    """The name at the end of a path."""
    return re.split(r"[./:]", name)[-1]


def _is_name_for_one(place: str) -> bool:
    return last_of(place).lower() in NAMES


def by_last_name(parts: list[tuple[str, Any]], place: str) -> dict[str, Any]:
    """Values by key, without the paths before keys that tell something.

    Raises:
        UserError: if one key stands there under two paths.
    """
    made = {last_of(name) if is_telling(name) else name: value for name, value in parts}
    if len(made) < len(parts):
        raise UserError(f"{place or 'it'} says one thing under two names; leave one of them out")
    return made


def _in_text(text: str, place: str) -> Any:
    """The JSON in a text; None where the text is about something else.

    Raises:
        UserError: where it is not JSON, but may be a configuration all the same.
    """
    made = as_json(text)
    if made is None and (_is_name_for_one(place) or _SPEAKS.search(text)):
        raise UserError(
            f"{place} may be a configuration ({_shown(text)}), but it is no JSON object; write it "
            "as one, or leave it out"
        )
    return made


def as_json(text: str, *, plain: bool = False) -> Any:
    """What a text says as JSON, if it is an object or a list; None otherwise.

    With `plain`, numbers, flags and null are understood too, and any other text is itself.

    Raises:
        UserError: if one of its objects has a name twice.
    """
    if not plain and not text.lstrip("\ufeff \t\r\n").startswith(("{", "[", '"')):
        return None
    try:
        found = json.loads(text.strip("\ufeff \t\r\n"), object_pairs_hook=named_once)
    except UserError as error:
        raise UserError(f"a configuration cannot be used: {error}") from error
    except (ValueError, RecursionError):
        return text if plain else None
    return as_json(found) if isinstance(found, str) and not plain else found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
