"""The configuration of a transformer: every choice that makes it another function."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Never, get_args

from probbound.machine.errors import UserError

Norm = Literal["none", "layer", "rms"]
NormPlace = Literal["pre", "post", "both"]
Positions = Literal["none", "learned", "shortformer", "rotary", "alibi"]
RotaryPairs = Literal["halves", "adjacent"]
Activation = Literal["relu", "gelu", "gelu_tanh", "silu", "none"]
Head = Literal["unembed", "masked", "none"]
MASKED_NORM: Norm = "layer"  # behind the masked head's matrix, whatever the others are

_WORDS: dict[str, tuple[str, ...]] = {
    "norm": get_args(Norm),
    "norm_place": get_args(NormPlace),
    "positions": get_args(Positions),
    "rotary_pairs": get_args(RotaryPairs),
    "activation": get_args(Activation),
    "head": get_args(Head),
}
_LEAST = {
    "n_layers": 0,
    "d_mlp": 0,
    "rotary_dim": 0,
    **dict.fromkeys(
        (
            *("n_heads", "n_key_value_heads", "d_model", "d_head"),
            *("d_vocab", "d_out", "n_ctx"),
        ),
        1,
    ),
}
_MOST = 1 << 20
_FLAGS = ("embedding_norm", "final_norm", "parallel", "causal", "gated")
_FLOATS = ("norm_eps", "rotary_base", "attn_scale")
_CAPS = ("score_cap", "logit_cap")


@dataclass(frozen=True)
class Architecture:
    """What a transformer computes, but for its weights (docs/networks.md, Configuration).

    Raises:
        UserError: naming the first choice that cannot be, or does not go with the others.
    """

    n_layers: int
    n_heads: int
    d_model: int
    d_head: int
    d_vocab: int
    d_out: int
    n_ctx: int
    d_mlp: int = 0
    n_key_value_heads: int = 0
    norm: Norm = "none"
    norm_eps: float = 0.0
    norm_place: NormPlace = "pre"
    embedding_norm: bool = False
    final_norm: bool = False
    parallel: bool = False
    positions: Positions = "none"
    rotary_dim: int = 0
    rotary_base: float = 0.0
    rotary_pairs: RotaryPairs = "halves"
    causal: bool = True
    windows: tuple[int | None, ...] = ()
    attn_scale: float = 0.0
    score_cap: float | None = None
    logit_cap: float | None = None
    activation: Activation = "none"
    gated: bool = False
    head: Head = "unembed"

    def __post_init__(self) -> None:
        self._fill()
        for name, least in _LEAST.items():
            if not least <= getattr(self, name) <= _MOST:
                raise UserError(f"{name} must be from {least} to 2^20, got {getattr(self, name)}")
        self._require_consistent()

    def _fill(self) -> None:
        """Sizes and scale that are not given, by what they are by default."""
        if self.n_key_value_heads == 0:
            object.__setattr__(self, "n_key_value_heads", self.n_heads)
        if self.attn_scale == 0 and self.d_head > 0:
            object.__setattr__(self, "attn_scale", math.sqrt(self.d_head))
        if not self.windows:
            object.__setattr__(self, "windows", (None,) * min(max(self.n_layers, 0), _MOST))

    def _require_consistent(self) -> None:
        for holds, sentence in (
            (
                self.n_heads % max(self.n_key_value_heads, 1) == 0,
                f"{self.n_heads} heads do not share {self.n_key_value_heads} key and value heads",
            ),
            (
                0 <= self.norm_eps < math.inf and (self.norm != "none" or self.norm_eps == 0),
                f"norm_eps = {self.norm_eps} does not go with norm {self.norm}",
            ),
            (
                self.norm != "none"
                or not (self.embedding_norm or self.final_norm or self.norm_place != "pre"),
                "there is no norm whose place could be told",
            ),
            (not self.parallel or self.norm_place == "pre", "parallel blocks have norms before"),
            (
                (self.d_mlp == 0) == (self.activation == "none"),
                f"d_mlp = {self.d_mlp} does not go with activation {self.activation}",
            ),
            (
                self.d_mlp > 0 or not (self.gated or self.parallel),
                "there is no MLP to be gated or parallel to attention",
            ),
            (0 < self.attn_scale < math.inf, f"attn_scale must be positive, got {self.attn_scale}"),
            (
                all(cap is None or 0 < cap < math.inf for cap in (self.score_cap, self.logit_cap)),
                f"caps must be positive, got {self.score_cap} and {self.logit_cap}",
            ),
            (self.head != "none" or self.d_out == self.d_model, "without a head d_out is d_model"),
            (
                self.head != "masked" or self.activation != "none",
                "a masked head has the activation of the MLPs, and there are none",
            ),
            (
                len(self.windows) == self.n_layers
                and all(w is None or (type(w) is int and 0 < w <= _MOST) for w in self.windows),
                f"windows must be one entry for each of {self.n_layers} layers, None or positive",
            ),
        ):
            if not holds:
                raise UserError(f"this is no transformer: {sentence}")
        self._require_positions()

    def _require_positions(self) -> None:
        if self.positions == "rotary":
            even = 0 < self.rotary_dim <= self.d_head and self.rotary_dim % 2 == 0
            if not even or not 1 <= self.rotary_base <= 2.0**32:
                raise UserError(
                    f"rotary positions turn an even number of the {self.d_head} numbers of a head, "
                    f"with a base from 1 to 2^32, got {self.rotary_dim} and {self.rotary_base}"
                )
        elif (self.rotary_dim, self.rotary_base, self.rotary_pairs) != (0, 0.0, "halves"):
            raise UserError(f"nothing is rotated with positions {self.positions}")

    def to_json(self) -> dict[str, Any]:
        """Every choice in JSON values: what a file says beside the weights."""
        return {**asdict(self), "windows": list(self.windows)}

    def canonical(self) -> str:
        """The line of a digest: sorted keys, no spaces."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Architecture:
        """What a file says, every key of it.

        Raises:
            UserError: if a key is missing or unknown, or as `Architecture`.
        """
        known = {field.name for field in fields(cls)}
        if others := sorted(set(told) - known):
            raise UserError(f"its configuration says {others[0][:60]!r}, which no transformer has")
        if missing := sorted(known - set(told)):
            raise UserError(f"its configuration does not say {missing[0]}")
        made = {name: _typed(name, value) for name, value in told.items()}
        if made["n_key_value_heads"] == 0 or made["attn_scale"] == 0:
            raise UserError("its configuration leaves heads or scale open")
        if len(made["windows"]) != made["n_layers"]:
            raise UserError("its windows are not one entry a layer")
        return cls(**made)


def _typed(name: str, value: Any) -> Any:
    """A value of JSON as the type that its key has.

    Raises:
        UserError: if it is of another.
    """
    if name == "windows":
        whole = isinstance(value, list) and all(w is None or type(w) is int for w in value)
        return tuple(value) if whole else _refused(name, "a list of whole numbers and null", value)
    if name in _LEAST:
        return value if type(value) is int else _refused(name, "a whole number", value)
    if name in _FLAGS:
        return value if type(value) is bool else _refused(name, "true or false", value)
    if name in _WORDS:
        known = type(value) is str and value in _WORDS[name]
        return value if known else _refused(name, f"one of {', '.join(_WORDS[name])}", value)
    if value is None and name in _CAPS:
        return None
    if (type(value) is int and abs(value) <= 1 << 53) or type(value) is float:
        return float(value) + 0.0  # 0 has no sign
    return _refused(name, "a number that is a float", value)


def _refused(name: str, wanted: str, value: Any) -> Never:
    raise UserError(f"{name} must be {wanted}, got {str(value)[:60]!r}")


def alibi_exponents(heads: int) -> tuple[float, ...]:
    """Logarithms to base 2 of the slopes of each head, as floats that they are exactly."""
    largest = 1 << (heads.bit_length() - 1)
    first = [-8.0 * (h + 1) / largest for h in range(largest)]
    twice = [-8.0 * (h + 1) / (2 * largest) for h in range(2 * largest)]
    return (*first, *twice[::2][: heads - largest])


def alibi_slopes(heads: int) -> tuple[float, ...]:
    """How fast the scores of each head fall with distance (docs/networks.md, 5)."""
    return tuple(2.0**exponent for exponent in alibi_exponents(heads))
