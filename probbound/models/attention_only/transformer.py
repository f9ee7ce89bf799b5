"""The one-layer attention-only transformer, with TransformerLens' names and shapes."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from probbound.arithmetic.operations import floats, integers, operations_each
from probbound.machine.errors import UserError

WEIGHT_SHAPES: dict[str, tuple[str, ...]] = {
    "W_E": ("d_vocab", "d_model"),
    "W_pos": ("n_ctx", "d_model"),
    "W_Q": ("n_heads", "d_model", "d_head"),
    "W_K": ("n_heads", "d_model", "d_head"),
    "W_V": ("n_heads", "d_model", "d_head"),
    "W_O": ("n_heads", "d_head", "d_model"),
    "W_U": ("d_model", "d_vocab_out"),
    "b_Q": ("n_heads", "d_head"),
    "b_K": ("n_heads", "d_head"),
    "b_V": ("n_heads", "d_head"),
    "b_O": ("d_model",),
    "b_U": ("d_vocab_out",),
}
BIASES = ("b_Q", "b_K", "b_V", "b_O", "b_U")

AnyArray = Array | np.ndarray


class Transformer(eqx.Module):
    """One attention layer on learned token and position embeddings; no MLP, no layer norm.

    Scores are divided by `attn_scale` (TransformerLens' convention: √d_head by default). The
    answer is read at the last position, so only that position's query is ever formed. Biases
    that a file lacks are zeros, `assumed` names the parts of the network (of
    `stating`) that it did not tell, and `made_for` the task that it says it was made for.

    Raises:
        UserError: if the weights' shapes do not fit together, or a value is not finite.
    """

    kind: ClassVar[str] = "attention-only"

    W_E: Float[AnyArray, "d_vocab d_model"]
    W_pos: Float[AnyArray, "n_ctx d_model"]
    W_Q: Float[AnyArray, "n_heads d_model d_head"]
    W_K: Float[AnyArray, "n_heads d_model d_head"]
    W_V: Float[AnyArray, "n_heads d_model d_head"]
    W_O: Float[AnyArray, "n_heads d_head d_model"]
    W_U: Float[AnyArray, "d_model d_vocab_out"]
    b_Q: Float[AnyArray, "n_heads d_head"]
    b_K: Float[AnyArray, "n_heads d_head"]
    b_V: Float[AnyArray, "n_heads d_head"]
    b_O: Float[AnyArray, " d_model"]
    b_U: Float[AnyArray, " d_vocab_out"]
    attn_scale: float = eqx.field(static=True)
    name: str = eqx.field(static=True, default="unnamed")
    assumed: frozenset[str] = eqx.field(static=True, default=frozenset())
    made_for: str = eqx.field(static=True, default="")

    def __check_init__(self) -> None:
        sizes: dict[str, int] = {}
        for weight, axes in WEIGHT_SHAPES.items():
            shape = np.shape(getattr(self, weight))
            if len(shape) != len(axes):
                raise UserError(
                    f"{weight} needs the {len(axes)} axes ({', '.join(axes)}), got shape {shape}"
                )
            for axis, size in zip(axes, shape, strict=True):
                if size == 0 or sizes.setdefault(axis, size) != size:
                    raise UserError(
                        f"{weight} has shape {shape}, which does not fit {axis} = "
                        f"{sizes.get(axis, 'at least 1')} (wanted: {', '.join(axes)})"
                    )
        if not (np.isfinite(self.attn_scale) and self.attn_scale > 0):
            raise UserError(f"attn_scale must be a positive number, got {self.attn_scale}")

    @property
    def d_vocab(self) -> int:
        """Number of input tokens."""
        return self.W_E.shape[0]

    @property
    def d_vocab_out(self) -> int:
        """Number of output tokens."""
        return self.W_U.shape[1]

    @property
    def n_ctx(self) -> int:
        """Number of positions."""
        return self.W_pos.shape[0]

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.W_E.shape[1]

    @property
    def n_heads(self) -> int:
        """Number of attention heads."""
        return self.W_Q.shape[0]

    @property
    def d_head(self) -> int:
        """Width of one head."""
        return self.W_Q.shape[2]

    def __call__(self, tokens: Int[AnyArray, "batch n_ctx"]) -> Float[Array, "batch d_vocab_out"]:
        """Logits at the last position.

        The key matrix is folded into the query and attention mixes the residual stream before
        the value matrix is applied: the same numbers at a cost of O(d_model²), not
        O(n_ctx d_model²), a sequence.
        """
        residual = jnp.asarray(self.W_E)[tokens] + self.W_pos[None]
        query = jnp.einsum("bd,hde->bhe", residual[:, -1], self.W_Q) + self.b_Q[None]
        probe = jnp.einsum("bhe,hde->bhd", query, self.W_K)
        constant = jnp.einsum("bhe,he->bh", query, self.b_K)
        scores = jnp.einsum("bpd,bhd->bhp", residual, probe) + constant[:, :, None]
        pattern = jax.nn.softmax(scores / self.attn_scale, axis=-1)
        mixed = jnp.einsum("bhp,bpd->bhd", pattern, residual)
        values = jnp.einsum("bhd,hde->bhe", mixed, self.W_V) + self.b_V[None]
        out = jnp.einsum("bhe,hed->bd", values, self.W_O) + self.b_O[None]
        return (residual[:, -1] + out) @ self.W_U + self.b_U[None]


def require_finite(model: Transformer) -> None:
    """Refuse weights with NaN or infinite entries.

    Raises:
        UserError: naming the first such weight.
    """
    for weight in WEIGHT_SHAPES:
        if not np.all(np.isfinite(np.asarray(getattr(model, weight)))):
            raise UserError(f"{weight} holds a NaN or an infinity; no bound can be given")


def in_float64(model: Transformer) -> Transformer:
    """The same model with NumPy float64 weights: exact, since every narrower float is one.

    It loses its name, so that compiled functions are shared by all models of one shape.
    """
    return eqx.tree_at(
        lambda m: [getattr(m, w) for w in WEIGHT_SHAPES],
        _unnamed(model),
        [np.asarray(getattr(model, w), dtype=np.float64) for w in WEIGHT_SHAPES],
    )


def _unnamed(model: Transformer) -> Transformer:
    return replace(model, name="", assumed=frozenset(), made_for="")


def shapes_of(model: Transformer) -> Transformer:
    """`in_float64` with shapes in place of weights: what operations are counted on."""
    return jax.tree.map(lambda weight: floats(*np.shape(weight)), _unnamed(model))


def forward_flops(model: Transformer) -> int:
    """Operations of the logits of one sequence; the comparison of logits is not among them."""
    shapes = shapes_of(model)
    return operations_each(Transformer.__call__, lambda n: (shapes, integers(n, model.n_ctx)))
