"""A transformer of any depth, with TransformerLens' names of weights and of activations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.arrays import in_one_form

Arrays = Mapping[str, np.ndarray]


class GeneralTransformer(eqx.Module):
    """`architecture` and the arrays that it names, as stored (docs/networks.md).

    Raises:
        UserError: if an array is missing, unknown, misshapen or not finite.
    """

    arrays: dict[str, np.ndarray]
    architecture: Architecture = eqx.field(static=True)
    name: str = eqx.field(static=True, default="unnamed")
    made_for: str = eqx.field(static=True, default="")
    kind: ClassVar[str] = "transformer"

    def __init__(
        self,
        arrays: Arrays,
        architecture: Architecture,
        name: str = "unnamed",
        made_for: str = "",
    ) -> None:
        self.arrays = in_one_form(architecture, arrays)
        self.architecture, self.name, self.made_for = architecture, name, made_for

    @property
    def n_ctx(self) -> int:
        """Most positions of a row."""
        return self.architecture.n_ctx

    @property
    def d_vocab(self) -> int:
        """Number of tokens."""
        return self.architecture.d_vocab

    @property
    def d_vocab_out(self) -> int:
        """Numbers that come out of a position."""
        return self.architecture.d_out

    def __call__(self, tokens: Int[np.ndarray, "n t"]) -> Float[np.ndarray, "n out"]:
        """Outcomes of the last position, in float64."""
        from probbound.models.transformer.running import outcomes

        return outcomes(self, tokens)


def whole_rows(tokens: Any) -> Int[np.ndarray, "n t"]:
    """Rows of whole numbers.

    Raises:
        UserError: if they are none.
    """
    rows = np.asarray(tokens)
    if rows.ndim != 2 or rows.dtype.kind not in "iu":
        raise UserError(f"tokens must be rows of whole numbers, got {rows.shape} of {rows.dtype}")
    return rows


def require_rows(model: GeneralTransformer, tokens: Any) -> Int[np.ndarray, "n t"]:
    """Rows of tokens that the network reads.

    Raises:
        UserError: if they are no rows of whole numbers, too long, or of tokens that there are not.
    """
    rows = whole_rows(tokens)
    if not 1 <= rows.shape[1] <= model.n_ctx:
        raise UserError(
            f"{model.name} reads rows of 1 to {model.n_ctx} tokens, got {rows.shape[1]}"
        )
    if rows.size and not (rows.min() >= 0 and rows.max() < model.d_vocab):
        raise UserError(f"tokens of {model.name} are 0 to {model.d_vocab - 1}")
    return rows.astype(np.int64)


def layer_arrays(model: GeneralTransformer, layer: int) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of a layer, without what stands before their names."""
    prefix = f"blocks.{layer}."
    for name, values in model.arrays.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), values
