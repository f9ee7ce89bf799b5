"""A network's arrays as the forward pass takes them, one layer at a time, in one float type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.parts import (
    MLP,
    Affine,
    Attention,
    Block,
    Embedding,
    Head,
    Heads,
    Scaling,
    Together,
)


@dataclass(frozen=True)
class MatrixSizes:
    """σ and α of a matrix, or of every head's; `whole` are those of all heads' in one."""

    spectral: np.ndarray
    absolute: np.ndarray
    whole: tuple[float, float] | None = None


@dataclass(frozen=True)
class Assembly:
    """Parts of a network in a float type, with sizes of matrices if they are given.

    `arrays` may be traced.
    """

    architecture: Architecture
    arrays: Mapping[str, Any]
    dtype: type = np.float64
    sizes: Mapping[str, MatrixSizes] = field(default_factory=dict)

    def positions(self) -> Array | None:
        """The table that every block reads by position, if they do."""
        shortformer = self.architecture.positions == "shortformer"
        return self._maybe("pos_embed.W_pos") if shortformer else None

    def embedding(self) -> Embedding:
        """The tables."""
        return Embedding(
            self._needed("embed.W_E"),
            self._maybe("embed.b_E"),
            self._maybe("pos_embed.W_pos"),
            self._scaling("embed.ln"),
        )

    def block(self, layer: int) -> Block:
        """A layer."""
        at, gated = f"blocks.{layer}", self.architecture.gated
        mlp = None
        if self.architecture.d_mlp:
            mlp = MLP(
                self._affine(f"{at}.mlp.W_in", f"{at}.mlp.b_in"),
                self._affine(f"{at}.mlp.W_out", f"{at}.mlp.b_out"),
                self._affine(f"{at}.mlp.W_gate", f"{at}.mlp.b_gate") if gated else None,
                self._maybe(f"{at}.mlp.b_mid"),
            )
        q, k, v = (self._heads(f"{at}.attn", which) for which in "QKV")
        norms = (self._scaling(f"{at}.{ln}") for ln in ("ln1", "ln2", "ln1_post", "ln2_post"))
        return Block(Attention(q, k, v, self._together(f"{at}.attn")), mlp, *norms)

    def head(self) -> Head:
        """What stands behind the last block."""
        masked = self.architecture.head == "masked"
        return Head(
            self._scaling("ln_final"),
            self._affine("head.W", "head.b") if masked else None,
            self._scaling("head.ln"),
            self._maybe("unembed.W_U"),
            self._maybe("unembed.b_U"),
        )

    def _maybe(self, name: str) -> Array | None:
        values = self.arrays.get(name)
        return None if values is None else jnp.asarray(values, dtype=self.dtype)

    def _needed(self, name: str) -> Array:
        return jnp.asarray(self.arrays[name], dtype=self.dtype)

    def _scaling(self, name: str) -> Scaling:
        return Scaling(self._maybe(f"{name}.w"), self._maybe(f"{name}.b"))

    def _affine(self, name: str, bias: str) -> Affine:
        return Affine(self._needed(name), self._maybe(bias), *self._sized(name))

    def _heads(self, at: str, which: str) -> Heads:
        name = f"{at}.W_{which}"
        return Heads(self._needed(name), self._maybe(f"{at}.b_{which}"), *self._sized(name))

    def _together(self, at: str) -> Together:
        name, sizes = f"{at}.W_O", self.sizes.get(f"{at}.W_O")
        each, whole = np.full(len(self.arrays[name]), np.nan), (np.nan, np.nan)
        if sizes is not None and sizes.whole is not None:
            each, whole = sizes.spectral, sizes.whole
        matrix, bias = self._needed(name), self._maybe(f"{at}.b_O")
        return Together(matrix, bias, *map(jnp.asarray, (each, *whole)))

    def _sized(self, name: str) -> tuple[Array, Array]:
        unknown = np.full(self.arrays[name].shape[:-2], np.nan)
        sizes = self.sizes.get(name, MatrixSizes(unknown, unknown))
        return jnp.asarray(sizes.spectral), jnp.asarray(sizes.absolute)
