"""What a forward pass is made of; each arithmetic computes it in its own way."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Array, Bool, Float, Int

from probbound.models.transformer.architecture import Activation, Norm, RotaryPairs
from probbound.models.transformer.parts import Affine, Heads, Scaling, Together

V = TypeVar("V")


@runtime_checkable
class Operations(Protocol[V]):
    """V is what is kept of activations: their numbers, or these and how far off they may be."""

    def read(self, table: Float[Array, "rows width"], at: Int[Array, "*places"]) -> V:
        """Rows of a table."""
        ...

    def add(self, x: V, y: V) -> V:
        """Their sum, which may repeat one along leading axes."""
        ...

    def shift(self, x: V, b: Float[Array, " width"] | None) -> V:
        """With a bias, if there is one."""
        ...

    def linear(self, x: V, by: Affine) -> V:
        """x W + b."""
        ...

    def heads(self, x: V, by: Heads) -> V:
        """x W_h + b_h of every head, on an axis before the last."""
        ...

    def together(self, x: V, by: Together) -> V:
        """The heads' sum."""
        ...

    def normed(self, x: V, kind: Norm, epsilon: float, by: Scaling) -> V:
        """The norm of every position."""
        ...

    def activated(self, x: V, kind: Activation) -> V:
        """The activation of every number."""
        ...

    def times(self, x: V, y: V) -> V:
        """Number by number."""
        ...

    def rotated(self, x: V, dim: int, base: float, pairs: RotaryPairs, start: int) -> V:
        """Every head turned by its position, from `start` on along the third axis from the end."""
        ...

    def following(self, past: V, x: V) -> V:
        """Keys or values of every row behind those of the one row that all begin with."""
        ...

    def alibi(self, heads: int, length: int) -> Any:
        """What `attended` adds to the scores of every head, query and key (networks.md, 5)."""
        ...

    def attended(
        self,
        q: V,
        k: V,
        z: V,
        seen: Bool[Array, "queries keys"],
        bias: Any,
        scale: float,
        cap: float | None,
    ) -> tuple[V, dict[str, Any]]:
        """Means of z under softmax of scores, and those of `attn` that hook points show."""
        ...

    def outcomes(
        self,
        x: V,
        W: Float[Array, "width out"] | None,
        b: Float[Array, " out"] | None,
        cap: float | None,
    ) -> V:
        """The numbers that come out, each by itself."""
        ...

    def at(self, x: V, places: Int[np.ndarray, " n"]) -> V:
        """One position of each row alone."""
        ...
