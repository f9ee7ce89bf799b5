"""A network of two tokens: embeddings that are added, one layer of ReLU, an unembedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from probbound.arithmetic.operations import floats, integers, operations, operations_each
from probbound.machine.errors import UserError
from probbound.models.pair_mlp.names import WEIGHT_SHAPES

AnyArray = Array | np.ndarray


class PairMLP(eqx.Module):
    """logits(a, b) = (relu(E_a W_in + E'_b W_in2 + b_in) W_out + (E_a + E'_b) W_skip + b_out) W_U
    + b_U, with E = W_E and E' = W_E2.

    What is None is not there. Without W_E2 both operands share W_E, and without W_in2 they share
    W_in; without W_in the embeddings are added where the neurons are, d_model being d_mlp, and
    without W_out the neurons are unembedded themselves, d_out being d_mlp. A W_skip or a bias that
    is not there is zero. `assumed` names the parts of the network that its file did not tell, and
    `made_for` the task that it says it was made for.

    Raises:
        UserError: if the weights' shapes do not fit together.
    """

    W_E: Float[AnyArray, "d_vocab d_model"]
    W_U: Float[AnyArray, "d_out d_vocab_out"]
    W_E2: Float[AnyArray, "d_vocab d_model"] | None = None
    W_in: Float[AnyArray, "d_model d_mlp"] | None = None
    W_in2: Float[AnyArray, "d_model d_mlp"] | None = None
    b_in: Float[AnyArray, " d_mlp"] | None = None
    W_out: Float[AnyArray, "d_mlp d_out"] | None = None
    W_skip: Float[AnyArray, "d_model d_out"] | None = None
    b_out: Float[AnyArray, " d_out"] | None = None
    b_U: Float[AnyArray, " d_vocab_out"] | None = None
    name: str = eqx.field(static=True, default="unnamed")
    assumed: frozenset[str] = eqx.field(static=True, default=frozenset())
    made_for: str = eqx.field(static=True, default="")
    kind: ClassVar[str] = "pair-mlp"

    def __check_init__(self) -> None:
        sizes: dict[str, int] = {}
        joined = {
            "d_model": "d_model" if self.W_in is not None else "d_mlp",
            "d_out": "d_out" if self.W_out is not None else "d_mlp",
        }
        if self.W_in is None and self.W_in2 is not None:
            raise UserError("W_in2 is a second W_in, and there is no first; call it W_in")
        for weight, values in weights_of(self).items():
            axes, shape = WEIGHT_SHAPES[weight], np.shape(values)
            if len(shape) != len(axes):
                raise UserError(
                    f"{weight} needs the {len(axes)} axes ({', '.join(axes)}), got shape {shape}"
                )
            for axis, size in zip(axes, shape, strict=True):
                same = joined.get(axis, axis)
                if size == 0 or sizes.setdefault(same, size) != size:
                    raise UserError(
                        f"{weight} has shape {shape}, which does not fit {axis} = "
                        f"{sizes.get(same, 'at least 1')} (wanted: {', '.join(axes)})"
                    )

    @property
    def d_vocab(self) -> int:
        """Number of tokens of each operand."""
        return self.W_E.shape[0]

    @property
    def d_vocab_out(self) -> int:
        """Number of classes."""
        return self.W_U.shape[1]

    @property
    def n_ctx(self) -> int:
        """Two operands."""
        return 2

    @property
    def d_model(self) -> int:
        """Width of the embedding."""
        return self.W_E.shape[1]

    @property
    def d_mlp(self) -> int:
        """Number of neurons."""
        return self.d_model if self.W_in is None else self.W_in.shape[1]

    @property
    def d_out(self) -> int:
        """Width of what is unembedded: of the bottleneck, where there is one."""
        return self.W_U.shape[0]

    @property
    def tables(self) -> PairTables:
        """What each operand alone gives, computed by whatever the weights are arrays of."""
        first, second = self.W_E, _or(self.W_E2, self.W_E)
        skips = (None, None)
        if self.W_skip is not None:
            skips = first @ self.W_skip, second @ self.W_skip
        if self.W_in is not None:
            first, second = first @ self.W_in, second @ _or(self.W_in2, self.W_in)
        if self.b_in is not None:
            second = second + self.b_in[None]
        return PairTables(first, second, *skips, self.W_out, self.b_out, self.W_U, self.b_U)

    def __call__(self, tokens: Int[AnyArray, "batch 2"]) -> Float[Array, "batch d_vocab_out"]:
        """Logits of each pair; what depends on one operand alone is computed once for its token."""
        return self.tables(tokens)

    def plain(self, tokens: Int[np.ndarray, "batch 2"]) -> Float[np.ndarray, "batch d_vocab_out"]:
        """The same by NumPy; in float64, where the weights are."""
        return self.tables.logits(tokens, np)


class PairTables(eqx.Module):
    """A pair network with what each operand alone gives to the neurons, and past them, as a table.

    b_in is in `second`. What is None is not there.
    """

    first: Float[AnyArray, "d_vocab d_mlp"]
    second: Float[AnyArray, "d_vocab d_mlp"]
    first_skip: Float[AnyArray, "d_vocab d_out"] | None
    second_skip: Float[AnyArray, "d_vocab d_out"] | None
    W_out: Float[AnyArray, "d_mlp d_out"] | None
    b_out: Float[AnyArray, " d_out"] | None
    W_U: Float[AnyArray, "d_out d_vocab_out"]
    b_U: Float[AnyArray, " d_vocab_out"] | None

    def __call__(self, tokens: Int[AnyArray, "batch 2"]) -> Float[Array, "batch d_vocab_out"]:
        """Logits of each pair."""
        return self.logits(tokens, jnp)

    def logits(self, tokens: Any, arrays: ModuleType) -> Any:
        """Logits of each pair, by NumPy or its twin."""
        first, second, a, b = *map(arrays.asarray, (self.first, self.second)), *tokens.T
        out = arrays.maximum(first[a] + second[b], 0.0)
        if self.W_out is not None:
            out = out @ self.W_out
        if self.first_skip is not None:
            skips = map(arrays.asarray, (self.first_skip, self.second_skip))
            past, beside = skips
            out = out + (past[a] + beside[b])
        if self.b_out is not None:
            out = out + self.b_out[None]
        logits = out @ self.W_U
        return logits if self.b_U is None else logits + self.b_U[None]


def _or(array: AnyArray | None, other: AnyArray) -> AnyArray:
    return other if array is None else array


def weights_of(model: PairMLP) -> dict[str, Any]:
    """The weights that are there, by name."""
    found = {weight: getattr(model, weight) for weight in WEIGHT_SHAPES}
    return {weight: values for weight, values in found.items() if values is not None}


def with_weights(model: PairMLP, weights: Mapping[str, Any]) -> PairMLP:
    """The same network with other numbers."""
    return replace(model, **weights)


def require_finite(model: PairMLP) -> None:
    """Refuse weights with NaN or infinite entries.

    Raises:
        UserError: naming the first such weight.
    """
    for weight, values in weights_of(model).items():
        if not np.all(np.isfinite(np.asarray(values))):
            raise UserError(f"{weight} holds a NaN or an infinity; no bound can be given")


def in_float64(model: PairMLP) -> PairMLP:
    """The same model with NumPy float64 weights: exact, since every narrower float is one.

    It loses its name, so that compiled functions are shared by all models of one shape.
    """
    weights = {w: np.asarray(x, dtype=np.float64) for w, x in weights_of(model).items()}
    return with_weights(_unnamed(model), weights)


def _unnamed(model: PairMLP) -> PairMLP:
    return replace(model, name="", assumed=frozenset(), made_for="")


def shapes_of(model: PairMLP) -> PairMLP:
    """`in_float64` with shapes in place of weights: what operations are counted on."""
    return jax.tree.map(lambda weight: floats(*np.shape(weight)), _unnamed(model))


def forward_flops(model: PairMLP) -> int:
    """Operations of the logits of one pair, from tables; these are not among them."""
    shapes = shapes_of(model)
    return operations_each(PairMLP.__call__, lambda n: (shapes, integers(n, 2)))


def table_flops(model: PairMLP) -> int:
    """Operations of `PairMLP.tables`."""
    shapes = shapes_of(model)
    return operations(PairMLP.__call__, shapes, integers(1, 2)) - forward_flops(model)
