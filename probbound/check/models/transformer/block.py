"""One layer of a transformer: its attention, its MLP, and how a block puts them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from probbound.check.models.transformer.configuration import Configuration
from probbound.check.models.transformer.functions import unseen
from probbound.check.models.transformer.values import Arithmetic, Matrix

Numbers = np.ndarray


@dataclass(frozen=True)
class Layer:
    """Layer `number`, computed in an arithmetic of whose states x, u and v are.

    `arrays` are its own in float64, without `blocks.i.`; `places` is W_pos at the positions of a
    row where attention reads it.
    """

    arithmetic: Arithmetic
    number: int
    arrays: Mapping[str, Numbers]
    places: Numbers | None

    @property
    def said(self) -> Configuration:
        """The network's configuration."""
        return self.arithmetic.said

    def norm(self, name: str, x: Any) -> Any:
        """`ln1`, `ln2`, `ln1_post` or `ln2_post` of x."""
        weight, bias = self.arrays.get(f"{name}.w"), self.arrays.get(f"{name}.b")
        return self.arithmetic.normed(x, self.said.norm, weight, bias)

    def attention(self, v: Any, length: int) -> Any:
        """Of values from v, and of queries and keys from v or, with shortformer, v + W_pos."""
        do, said = self.arithmetic, self.said
        u = v if self.places is None else do.plus(v, do.exact(self.places))
        q, k, z = (self._heads(part, x) for part, x in (("Q", u), ("K", u), ("V", v)))
        if said.positions == "rotary":
            q, k = do.rotated(q), do.rotated(k)
        hidden = unseen(length, said.windows[self.number], causal=said.causal)
        mixed = do.attended(q, k, z, hidden)
        return do.joined(mixed, self._matrix("attn.W_O"), self.arrays.get("attn.b_O"))

    def _heads(self, part: str, x: Any) -> Any:
        bias = self.arrays.get(f"attn.b_{part}")
        return self.arithmetic.heads(x, self._matrix(f"attn.W_{part}"), bias)

    def _matrix(self, name: str) -> Matrix:
        return Matrix(f"blocks.{self.number}.{name}", self.arrays[name])

    def mlp(self, u: Any) -> Any:
        """Gated or not."""
        do = self.arithmetic
        found = self._affine("in", u)
        if not self.said.gated:
            return self._affine("out", do.activated(found))
        found = do.times(do.activated(self._affine("gate", u)), found)
        if "mlp.b_mid" in self.arrays:
            found = do.plus(found, do.exact(self.arrays["mlp.b_mid"]))
        return self._affine("out", found)

    def _affine(self, part: str, x: Any) -> Any:
        bias = self.arrays.get(f"mlp.b_{part}")
        return self.arithmetic.affine(x, self._matrix(f"mlp.W_{part}"), bias)

    def of(self, x: Any, length: int) -> Any:
        """The residual stream after it, of the residual stream before it."""
        said = self.said
        return _FORMS["parallel" if said.parallel else said.norm_place](self, x, length)


def _pre(layer: Layer, x: Any, length: int) -> Any:
    plus = layer.arithmetic.plus
    y = plus(x, layer.attention(layer.norm("ln1", x), length))
    return plus(y, layer.mlp(layer.norm("ln2", y))) if layer.said.d_mlp else y


def _parallel(layer: Layer, x: Any, length: int) -> Any:
    plus = layer.arithmetic.plus
    y = plus(x, layer.attention(layer.norm("ln1", x), length))
    return plus(y, layer.mlp(layer.norm("ln2", x)))


def _post(layer: Layer, x: Any, length: int) -> Any:
    plus = layer.arithmetic.plus
    y = layer.norm("ln1", plus(x, layer.attention(x, length)))
    return layer.norm("ln2", plus(y, layer.mlp(y))) if layer.said.d_mlp else y


def _both(layer: Layer, x: Any, length: int) -> Any:
    plus = layer.arithmetic.plus
    attended = layer.attention(layer.norm("ln1", x), length)
    y = plus(x, layer.norm("ln1_post", attended))
    if not layer.said.d_mlp:
        return y
    return plus(y, layer.norm("ln2_post", layer.mlp(layer.norm("ln2", y))))


_FORMS: dict[str, Callable[[Layer, Any, int], Any]] = {
    "pre": _pre,
    "parallel": _parallel,
    "post": _post,
    "both": _both,
}
