"""What a file says of its network beyond the weights, part by part: read or assumed.

One network is computed with: one layer of causal attention, learned positions added to the
residual stream, no norm, no MLP, no soft cap. A file that says otherwise is refused.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from probbound.check.models.attention_only.configuration import configurations, shown
from probbound.check.models.attention_only.transformer_lens import (
    BRIDGE,
    HARMLESS,
    NEUTRAL,
    SIZES,
    UNUSED,
)
from probbound.check.models.contract import stated
from probbound.check.report import Unusable

_READ_BY = {
    "norms": ("normalization_type",),
    "positions": ("positional_embedding_type",),
    "mask": ("attention_dir", "use_local_attn"),
    "caps": ("attn_scores_soft_cap", "output_logits_soft_cap"),
}
MAY_BE_ASSUMED = frozenset((*_READ_BY, "attention_scale"))
_MOST_IGNORED = -1e4


@dataclass(frozen=True)
class Sizes:
    """The sizes of the weights, by TransformerLens' names."""

    n_heads: int
    d_model: int
    d_head: int
    n_ctx: int
    d_vocab: int
    d_vocab_out: int

    def allowed(self) -> dict[str, tuple[Any, ...]]:
        """What a configuration may say of each: the size, or -1 where that comes to the same."""
        said: dict[str, tuple[Any, ...]] = {name: (size,) for name, size in vars(self).items()}
        said["d_vocab"] += (-1,)
        if self.d_model == self.n_heads * self.d_head:
            said["n_heads"] += (-1,)
        if self.d_vocab_out == self.d_vocab:
            said["d_vocab_out"] += (-1,)
        return {**said, "n_key_value_heads": (self.n_heads, None)}


@dataclass(frozen=True)
class Stated:
    """The number that divides the scores, and which parts of the network are assumed."""

    attn_scale: float
    assumed: frozenset[str]


@dataclass(frozen=True)
class Configured:
    """The keys of a file's configuration, and the attention scales that stand beside it."""

    keys: Mapping[str, Any]
    scales: tuple[Any, ...] = ()


def configured(entries: Mapping[str, Any]) -> Configured:
    """What the texts and numbers of a file say of its network.

    Raises:
        Unusable: if they are of another network than the one computed with, or of more than one,
            or say what is not understood.
    """
    found = list(configurations(entries))
    beside = len(found) == 2 and found[1].flat and set(found[1].keys) == {"attn_scale"}
    if len(found) > 1 and not beside:
        raise Unusable(
            f"it holds {len(found)} configurations, in {found[0].place} and in {found[1].place}; "
            "leave the one that is its own"
        )
    keys = found[0].keys if found else {}
    for fault in _faults(keys):
        raise Unusable(fault)
    return Configured(keys, (found[1].keys["attn_scale"],) if beside else ())


def stated_network(said: Configured, constants: Mapping[str, np.ndarray], sizes: Sizes) -> Stated:
    """The network that a file states.

    `constants` are what TransformerLens keeps beside the weights, arrays called `attn_scale`,
    `...attn.mask` or `...attn.IGNORE`.

    Raises:
        Unusable: if sizes, scales or masks are of another network.
    """
    keys = said.keys
    for key, fitting in sizes.allowed().items():
        if key in keys and not any(_same(keys[key], one) for one in fitting):
            raise Unusable(f"{_said(key, keys[key])}, and its weights have {fitting[0]}")
    full = [_is_full(name, values, sizes.n_ctx) for name, values in constants.items()]
    stored = [values.item() for name, values in constants.items() if _is_scale(name, values)]
    divisors = [_divisor(scale, sizes) for scale in (*said.scales, *stored)]
    own = [_divisor(keys["attn_scale"], sizes)] if "attn_scale" in keys else []
    divisors += [1.0] if keys.get("use_attn_scale") is False else own
    if len(set(divisors)) > 1:
        raise Unusable(f"it has two attention scales, {divisors[0]!r} and {divisors[-1]!r}")
    read = {part for part, names in _READ_BY.items() if all(name in keys for name in names)}
    read |= {"mask"} if any(full) else set()
    read |= {"attention_scale"} if divisors else set()
    return Stated(divisors[0] if divisors else math.sqrt(sizes.d_head), MAY_BE_ASSUMED - read)


def _faults(keys: Mapping[str, Any]) -> Iterator[str]:
    """Where a configuration is of another network whatever the sizes, or is not understood."""
    for key, value in keys.items():
        if key in NEUTRAL:
            if not any(_same(value, one) for one in NEUTRAL[key]):
                covered = " or ".join(map(shown, NEUTRAL[key]))
                yield f"{_said(key, value)}; only {covered} is covered"
        elif key in UNUSED:
            other = UNUSED[key]
            if other not in (None, *keys) and value is not None and value is not False:
                neutral = shown(NEUTRAL[other][0])
                yield f"{_said(key, value)}, which counts unless {other} is {neutral}"
        elif key == "use_attn_scale":
            yield from _wrong_use(value, keys)
        elif key not in HARMLESS and key not in (*SIZES, "attn_scale"):
            yield f"{_said(key, value)}, which is not known"


def _said(key: str, value: Any) -> str:
    return f"its configuration has {key[:60]!r} {shown(value)}"


def _wrong_use(value: Any, keys: Mapping[str, Any]) -> Iterator[str]:
    """Whether `use_attn_scale` is false where that has two meanings."""
    bridge = sorted(BRIDGE & set(keys))
    if type(value) is not bool:
        yield f"{_said('use_attn_scale', value)}, not true or false"
    elif not value and bridge:
        yield (
            f"{_said('use_attn_scale', value)} beside {bridge[0]!r}: TransformerLens 3 divides "
            "scores by 1 then, its bridge and TransformerLens 4 by √d_head; give attn_scale"
        )


def _divisor(value: Any, sizes: Sizes) -> float:
    """What an attention scale divides the scores by."""
    if type(value) in (int, float):
        if value == -1:
            return math.sqrt(sizes.d_head)
        if 0 < value <= sys.float_info.max:
            return float(value)
    raise Unusable(f"its attn_scale is {shown(value)}; it has to be positive, or -1 for √d_head")


def _is_scale(name: str, values: np.ndarray) -> bool:
    """Whether an array is an attention scale; it has to be one number."""
    if name != "attn_scale":
        return False
    if values.size != 1 or values.dtype.kind not in "fiu":
        raise Unusable(f"its attn_scale is no single number: {values.size} of {values.dtype}")
    return True


def _is_full(name: str, values: np.ndarray, n_ctx: int) -> bool:
    """Whether an array is the whole causal mask; one of another shape has to be empty, (0, 0).

    `IGNORE`, the score of what is masked, decides nothing if it is that low: the last position, at
    which the answer is read, sees all others.
    """
    last = name.rpartition(".")[2]
    if last == "IGNORE" and not (
        values.size == 1 and values.dtype.kind in "fi" and values.item() <= _MOST_IGNORED
    ):
        raise Unusable(f"its {name} is not one number of at most {_MOST_IGNORED:g}")
    if last != "mask" or values.shape == (0, 0):
        return False
    square, numbers = (n_ctx, n_ctx), values.view("u1") if values.dtype.kind == "b" else values
    fits = values.dtype.kind in "biuf" and values.shape[-2:] == square
    if not (
        fits
        and math.prod(values.shape[:-2]) == 1
        and np.array_equal(numbers.reshape(square), np.tri(n_ctx, dtype="u1"))
    ):
        raise Unusable(f"its {name} is not the causal mask of {n_ctx} positions, in 0 and 1")
    return True


def _same(value: Any, other: Any) -> bool:
    """Equal and of one type: true is no 1, and 1.0 no size."""
    return type(value) is type(other) and value == other


def statement(heads: int, attn_scale: float, assumed: frozenset[str]) -> dict[str, Any]:
    """`claim.network` of a certificate: each part's value, and whether it is read or assumed."""
    values = {
        "layers": 1,
        "heads": heads,
        "activation": "none",
        "norms": "none",
        "positions": "standard",
        "mask": "causal",
        "caps": "none",
        "attention_scale": attn_scale,
    }
    return stated(values, assumed)
