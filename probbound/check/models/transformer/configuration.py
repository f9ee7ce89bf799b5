"""The configuration of a transformer: every key of `docs/networks.md`, and no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from probbound.check import rules
from probbound.check.models.files import once
from probbound.check.report import Unusable

NONE = "none"
_NORMS, _PLACES = (NONE, "layer", "rms"), ("pre", "post", "both")
_POSITIONS = (NONE, "learned", "shortformer", "rotary", "alibi")
_PAIRS, _HEADS = ("halves", "adjacent"), ("unembed", "masked", NONE)
_ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu", NONE)


def _not_negative(value: Any) -> bool:
    return rules.amount(value) or (type(value) in (int, float) and value == 0)


def _windows(value: Any) -> bool:
    return type(value) is list and all(map(rules.maybe(rules.positive), value))


RULES: dict[str, Callable[[Any], bool]] = {
    "n_layers": rules.count,
    "n_heads": rules.positive,
    "n_key_value_heads": rules.positive,
    "d_model": rules.positive,
    "d_head": rules.positive,
    "d_mlp": rules.count,
    "d_vocab": rules.positive,
    "d_out": rules.positive,
    "n_ctx": rules.positive,
    "norm": rules.one_of(*_NORMS),
    "norm_eps": _not_negative,
    "norm_place": rules.one_of(*_PLACES),
    "embedding_norm": rules.flag,
    "final_norm": rules.flag,
    "parallel": rules.flag,
    "positions": rules.one_of(*_POSITIONS),
    "rotary_dim": rules.count,
    "rotary_base": _not_negative,
    "rotary_pairs": rules.one_of(*_PAIRS),
    "causal": rules.flag,
    "windows": _windows,
    "attn_scale": rules.amount,
    "score_cap": rules.maybe(rules.amount),
    "logit_cap": rules.maybe(rules.amount),
    "activation": rules.one_of(*_ACTIVATIONS),
    "gated": rules.flag,
    "head": rules.one_of(*_HEADS),
}
FLOATS = ("norm_eps", "rotary_base", "attn_scale", "score_cap", "logit_cap")


@dataclass(frozen=True)
class Configuration:
    """What a transformer is but for its arrays, each key as the page says it."""

    n_layers: int
    n_heads: int
    n_key_value_heads: int
    d_model: int
    d_head: int
    d_mlp: int
    d_vocab: int
    d_out: int
    n_ctx: int
    norm: str
    norm_eps: float
    norm_place: str
    embedding_norm: bool
    final_norm: bool
    parallel: bool
    positions: str
    rotary_dim: int
    rotary_base: float
    rotary_pairs: str
    causal: bool
    windows: tuple[int | None, ...]
    attn_scale: float
    score_cap: float | None
    logit_cap: float | None
    activation: str
    gated: bool
    head: str

    def __post_init__(self) -> None:
        for reason in _misfits(self):
            raise Unusable(f"its configuration does not fit together: {reason}")

    @property
    def text(self) -> str:
        """It as JSON with sorted keys and no spaces."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def parts(self) -> dict[str, Any]:
        """What a certificate has to state of it: each key, all of them read."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        said = {name: NONE if value is None else value for name, value in values.items()}
        limited = any(window is not None for window in self.windows)
        windows = (NONE if window is None else str(window) for window in self.windows)
        said["windows"] = ",".join(windows) if limited else NONE
        return {name: {"value": value, "source": "read"} for name, value in said.items()}


def configuration(text: str) -> Configuration:
    """What the JSON of a file says.

    Raises:
        Unusable: if a key is missing, unknown or twice there, or if a value is not allowed.
    """
    try:
        told = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Unusable("its configuration is no JSON") from error
    if not isinstance(told, dict):
        raise Unusable("its configuration is no object of JSON")
    if unknown := sorted(set(told) - set(RULES)):
        raise Unusable(f"its configuration has a key {unknown[0][:60]!r}, which is not known")
    if missing := [key for key in RULES if key not in told]:
        raise Unusable(f"its configuration has no {missing[0]}")
    for key, rule in RULES.items():
        if not rule(told[key]):
            raise Unusable(f"its configuration says {key} {_shown(told[key])}, which is none")
    floats = {key: _as_float(key, told[key]) for key in FLOATS if told[key] is not None}
    return Configuration(**{**told, **floats, "windows": tuple(told["windows"])})


def _as_float(key: str, value: int | float) -> float:
    """The float that a number of JSON is, 0 without a sign."""
    try:
        exact = float(value) + 0.0
        same = exact == value
    except OverflowError:
        exact, same = 0.0, False
    if not same:
        raise Unusable(f"its configuration says {key} is an integer that is no float64")
    return exact


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _misfits(said: Configuration) -> Iterator[str]:
    """Why keys contradict each other, or say in two ways what is one network."""
    if said.n_heads % said.n_key_value_heads:
        yield f"n_key_value_heads {said.n_key_value_heads} does not divide {said.n_heads} heads"
    if len(said.windows) != said.n_layers:
        yield f"windows has {len(said.windows)} entries for {said.n_layers} layers"
    if said.parallel and said.norm_place != "pre":
        yield f"parallel blocks have norm_place pre, not {said.norm_place}"
    if said.head == NONE and said.d_out != said.d_model:
        yield f"d_out is {said.d_out}, and without a head d_model {said.d_model} comes out"
    if said.head == "masked" and said.activation == NONE:
        yield "head masked needs an activation"
    if (said.activation == NONE) != (said.d_mlp == 0):
        yield f"activation is {said.activation} beside d_mlp {said.d_mlp}"
    if said.positions == "rotary" and not _turns(said):
        yield f"rotary_dim {said.rotary_dim} is not even, from 2 to d_head, or rotary_base is 0"
    yield from _without_effect(said)


def _turns(said: Configuration) -> bool:
    size = said.rotary_dim
    return size % 2 == 0 and 2 <= size <= said.d_head and said.rotary_base > 0


def _without_effect(said: Configuration) -> Iterator[str]:
    """Keys that have to be neutral, as nothing reads them."""
    norms = {"norm_eps": 0.0, "norm_place": "pre", "embedding_norm": False, "final_norm": False}
    turns = {"rotary_dim": 0, "rotary_base": 0.0, "rotary_pairs": "halves"}
    readers: tuple[tuple[str, bool, dict[str, Any]], ...] = (
        ("a norm", said.norm != NONE, norms),
        ("rotary positions", said.positions == "rotary", turns),
        ("an MLP", said.d_mlp > 0, {"gated": False, "parallel": False}),
    )
    for reader, there, neutral in readers:
        for name, value in neutral.items():
            if not there and getattr(said, name) != value:
                yield f"{name} is {_shown(getattr(said, name))} without {reader}"
