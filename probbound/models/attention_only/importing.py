"""Another framework's network: its weights under TransformerLens 3's names, its configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from probbound.machine.errors import UserError, first_line
from probbound.models.attention_only.assembling import assembled
from probbound.models.attention_only.configuration import (
    KEYS,
    Configuration,
    by_last_name,
    configurations_in,
    is_telling,
    last_of,
    require_understood,
    same,
    the_one,
)
from probbound.models.attention_only.names import IN_VERSION_4, STATE_DICT, prefix_of
from probbound.models.attention_only.transformer import Transformer
from probbound.models.imported import Imported

DEEPEST = 16


def network_in(
    found: Any, path: Path, config: str | None = None, weights: str | None = None
) -> Imported[Transformer]:
    """The network in what a source gave: nested mappings and lists with arrays among them.

    Raises:
        UserError: as `probbound.models.importing.import_model`.
    """
    place, state = _chosen(list(_states(found)), weights, path)
    candidates = [*_flat(state, place), *configurations_in(_without(found, state))]
    told = _configuration(candidates, config, path)
    tensors = {name: values for name, values in state.items() if isinstance(values, np.ndarray)}
    tensors = {name: values for name, values in tensors.items() if last_of(name) not in KEYS}
    prefix = prefix_of(tensors)
    named = {name.removeprefix(prefix): values for name, values in tensors.items()}
    if IN_VERSION_4 in named:
        _require_meant_by_version_4(told)
        named = _of_version_4(named, told, path)
    model = assembled(named, told, path)
    _require_no_contradiction(told, candidates, path)
    left_out = tuple(_left_out(found, state, told))
    said = {} if told is None else _for_json(told.values)
    where = None if told is None else told.place
    return Imported(model, where, said, place or "the file itself", prefix, left_out)


def _states(found: Any, place: str = "", depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping with the embedding of a transformer among its arrays, by its place."""
    if isinstance(found, list):
        found = dict(enumerate(found))
    if not isinstance(found, Mapping) or depth > DEEPEST:
        return
    ends = ("W_E", IN_VERSION_4)
    if any(isinstance(v, np.ndarray) and str(k).endswith(ends) for k, v in found.items()):
        yield place, {str(name): value for name, value in found.items()}
    for name, value in found.items():
        yield from _states(value, f"{place}.{name}" if place else str(name), depth + 1)


def _chosen(
    states: list[tuple[str, Mapping[str, Any]]], wanted: str | None, path: Path
) -> tuple[str, Mapping[str, Any]]:
    if wanted is not None:
        states = [state for state in states if state[0] == wanted]
    if len(states) == 1:
        return states[0]
    places = ", ".join(place or "the file itself" for place, _ in states) or "none"
    raise UserError(
        f"{path} has to hold the weights of one transformer, with an embedding W_E or "
        f"{IN_VERSION_4}; found: {places}"
        + ("; say which with --weights NAME" if len(states) > 1 else "; save model.state_dict()")
    )


def _flat(state: Mapping[str, Any], place: str) -> Iterator[Configuration]:
    """Settings that stand among the weights themselves, those that are not known among them."""
    told = [(name, _scalar(value)) for name, value in state.items() if _is_setting(name, value)]
    if any(is_telling(name) for name, _ in told):
        place = place or "the file itself"
        yield Configuration(place, by_last_name(told, place))


def _is_setting(name: str, value: Any) -> bool:
    return last_of(name) in KEYS or not isinstance(value, np.ndarray | Mapping | list)


def _scalar(value: Any) -> Any:
    return value.reshape(()).item() if isinstance(value, np.ndarray) and value.size == 1 else value


def _without(found: Any, state: Mapping[str, Any]) -> Any:
    """Everything else in the file: arrays say nothing of a configuration."""
    if isinstance(found, Mapping):
        if {str(name) for name in found} == set(state):
            found = {name: v for name, v in found.items() if not isinstance(v, np.ndarray)}
            found = {name: v for name, v in found.items() if last_of(str(name)) not in KEYS}
        return {name: _without(value, state) for name, value in found.items()}
    return [_without(value, state) for value in found] if isinstance(found, list) else found


def _configuration(
    candidates: list[Configuration], wanted: str | None, path: Path
) -> Configuration | None:
    if wanted is None:
        return the_one(candidates, path)
    named = [one for one in candidates if one.place == wanted]
    if named:
        return named[0]
    if not Path(wanted).is_file():
        places = ", ".join(one.place for one in candidates) or "none"
        raise UserError(
            f"{wanted} is neither a file nor a configuration in {path}, which has: {places}"
        )
    try:
        told = json.loads(Path(wanted).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{wanted} cannot be read as JSON: {first_line(error)}") from error
    if not isinstance(told, dict):
        raise UserError(f"{wanted} is no configuration: it has to hold one JSON object")
    return Configuration(wanted, told)


def _require_no_contradiction(
    told: Configuration | None, candidates: list[Configuration], path: Path
) -> None:
    """What is not the configuration may be anything but a different word about the network."""
    if told is None:
        return
    for other in candidates:
        for name, value in other.values.items():
            telling = name in KEYS and KEYS[name].telling
            if telling and not (name in told.values and same(told.values[name], value)):
                raise UserError(
                    f"{path} says {name} = {value!r} in {other.place}, which {told.place} does "
                    "not; take it out of the one that is wrong"
                )


def _require_meant_by_version_4(told: Configuration | None) -> None:
    """The two versions read use_attn_scale = False differently; the names tell which it was."""
    if told is not None:
        require_understood(told, {}, names_of_4=True)


def _of_version_4(
    named: Mapping[str, np.ndarray], told: Configuration | None, path: Path
) -> dict[str, np.ndarray]:
    """Matrices of `nn.Linear`, heads side by side, as TransformerLens 3 has them."""
    heads = None if told is None else told.values.get("n_heads")
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1:
        raise UserError(
            f"{path} has TransformerLens 4's names ({IN_VERSION_4}, blocks.0.attn.q.weight), which "
            "do not tell the number of heads; give its configuration: "
            'torch.save({"model": model.state_dict(), "cfg": model.cfg.to_dict()}, …), or '
            '--config FILE with {"n_heads": …}'
        )
    made = {}
    for name, values in named.items():
        if name not in _FROM_VERSION_4:
            made[name] = values
            continue
        short, convert = _FROM_VERSION_4[name]
        try:
            made[STATE_DICT.get(short, short)] = convert(values, heads)
        except ValueError as error:
            raise UserError(
                f"{name} in {path} has shape {values.shape}, which {heads} heads do not divide"
            ) from error
    return made


def _as_is(values: np.ndarray, _: int) -> np.ndarray:
    return values


def _transposed(values: np.ndarray, _: int) -> np.ndarray:
    return values.T


def _into_heads(values: np.ndarray, heads: int) -> np.ndarray:
    """(heads · e, d) to (heads, d, e)."""
    return values.reshape(heads, -1, values.shape[1]).swapaxes(1, 2)


def _out_of_heads(values: np.ndarray, heads: int) -> np.ndarray:
    """(d, heads · e) to (heads, e, d)."""
    return values.T.reshape(heads, -1, values.shape[0])


def _by_heads(values: np.ndarray, heads: int) -> np.ndarray:
    return values.reshape(heads, -1)


_FROM_VERSION_4 = {
    IN_VERSION_4: ("W_E", _as_is),
    "pos_embed.weight": ("W_pos", _as_is),
    "unembed.weight": ("W_U", _transposed),
    "unembed.bias": ("b_U", _as_is),
    "blocks.0.attn.o.weight": ("W_O", _out_of_heads),
    "blocks.0.attn.o.bias": ("b_O", _as_is),
    **{f"blocks.0.attn.{x.lower()}.weight": (f"W_{x}", _into_heads) for x in "QKV"},
    **{f"blocks.0.attn.{x.lower()}.bias": (f"b_{x}", _by_heads) for x in "QKV"},
}


def _left_out(found: Any, state: Mapping[str, Any], told: Configuration | None) -> Iterator[str]:
    """What else is in the file at its top, or among the weights, by name."""
    used = "" if told is None else told.place.partition(".")[0]
    if isinstance(found, Mapping) and {str(name) for name in found} == set(state):
        known = {} if told is None else told.values
        for name, value in state.items():
            if not isinstance(value, np.ndarray) and last_of(name) not in (*known, used):
                yield name
    elif isinstance(found, Mapping):
        for name, value in found.items():
            if str(name) != used and not any(True for _ in _states({name: value})):
                yield str(name)


def _for_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values; what JSON has no word for (an infinity among harmless settings) as text."""
    return {name: value if _finite(value) else str(value) for name, value in values.items()}


def _finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
