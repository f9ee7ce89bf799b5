"""A network of two operands as the screens see it: two rows that are added, ReLU, one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from probbound.machine.errors import UserError

Rows = Float[np.ndarray, "n n_features"]


@dataclass(frozen=True)
class CyclicSum:
    """The labels a + b mod p, where a table of them would be large: read as a table is."""

    p: int

    @property
    def shape(self) -> tuple[int, int]:
        """Values of a and of b."""
        return self.p, self.p

    def __getitem__(self, pair: Any) -> Any:
        return (pair[0] + pair[1]) % self.p

    def min(self) -> int:
        """The least label."""
        return 0

    def max(self) -> int:
        """The largest label."""
        return self.p - 1


Labelling = Int[np.ndarray, "_ _"] | CyclicSum


@dataclass(frozen=True)
class Folded:
    """logits(a, b) = f(a, b) · out, where f is first[a] + second[b] through the gates.

    The first `gated` features pass a ReLU, the others are as they are: a path past the neurons,
    a bias (1 in `first`). `labels[a, b]` is the right class: a + b mod p, or the product of any
    group, a table of integers. The weights that are meant may differ from the stored ones, in
    2-norm by at most `first_error[a]` in a row of `first` (after all that was folded in),
    `second_error[b]` in one of `second`, and `out_error[c]` in a column of `out` (Theorem 8.1).
    All in float64; what is not finite is allowed, and certifies nothing.

    Raises:
        UserError: if the shapes do not fit together, or a label is no class.
    """

    first: Float[np.ndarray, "_ _"]
    second: Float[np.ndarray, "_ _"]
    out: Float[np.ndarray, "_ _"]
    gated: int
    labels: Labelling
    first_error: Float[np.ndarray, " _"]
    second_error: Float[np.ndarray, " _"]
    out_error: Float[np.ndarray, " _"]

    def __post_init__(self) -> None:
        n_features, n_classes = self.out.shape
        wanted = {
            "first": (self.n_first, n_features),
            "second": (self.n_second, n_features),
            "labels": (self.n_first, self.n_second),
            "first_error": (self.n_first,),
            "second_error": (self.n_second,),
            "out_error": (n_classes,),
        }
        for name, shape in wanted.items():
            found = getattr(self, name).shape
            if found != shape:
                raise UserError(f"{name} must have shape {shape} beside the others, got {found}")
        if not 0 <= self.gated <= n_features:
            raise UserError(
                f"gated must lie between 0 and the {n_features} features, got {self.gated}"
            )
        if self.size and not (self.labels.min() >= 0 and self.labels.max() < n_classes):
            raise UserError(
                f"labels must be classes 0 … {n_classes - 1}, got {self.labels.min()} … "
                f"{self.labels.max()}"
            )

    @classmethod
    def of(
        cls,
        first: Float[np.ndarray, "n_first gated"],
        second: Float[np.ndarray, "n_second gated"],
        out: Float[np.ndarray, "gated n_classes"],
        labels: Labelling,
        *,
        bias: Float[np.ndarray, " n_classes"] | None = None,
        skip: tuple[Rows, Rows, Float[np.ndarray, "k n_classes"]] | None = None,
        first_error: Float[np.ndarray, " n_first"] | float = 0.0,
        second_error: Float[np.ndarray, " n_second"] | float = 0.0,
        out_error: Float[np.ndarray, " n_classes"] | float = 0.0,
    ) -> Folded:
        """Gates, and beside them an output bias and a path past the gates, where there are any.

        `skip` = (rows of a, rows of b, matrix): (rows[a] + rows[b]) · matrix is added to the
        logits. The errors are those of the whole rows and columns, skip and bias included. A bias
        of zeros is left out where it is exact.

        Raises:
            UserError: as the class.
        """
        n_first, n_second, gated = len(first), len(second), first.shape[1]
        firsts, seconds, outs = [first], [second], [out]
        if skip is not None:
            firsts.append(skip[0])
            seconds.append(skip[1])
            outs.append(skip[2])
        if bias is not None and (bias.any() or np.any(out_error)):
            firsts.append(np.ones((n_first, 1)))
            seconds.append(np.zeros((n_second, 1)))
            outs.append(bias[None])
        return cls(
            first=_joined(firsts, axis=1),
            second=_joined(seconds, axis=1),
            out=_joined(outs, axis=0),
            gated=gated,
            labels=labels,
            first_error=_each(first_error, n_first),
            second_error=_each(second_error, n_second),
            out_error=_each(out_error, out.shape[1]),
        )

    @property
    def n_first(self) -> int:
        """Values of a."""
        return len(self.first)

    @property
    def n_second(self) -> int:
        """Values of b."""
        return len(self.second)

    @property
    def n_features(self) -> int:
        """Gates, and what passes beside them."""
        return self.out.shape[0]

    @property
    def n_classes(self) -> int:
        """Outputs."""
        return self.out.shape[1]

    @property
    def size(self) -> int:
        """Number of pairs."""
        return self.n_first * self.n_second

    @cached_property
    def tied(self) -> bool:
        """Whether a and b have the same rows, so that what is made of them is made once."""
        same = self.first.shape == self.second.shape
        return same and bool((self.first == self.second).all())

    def scaled(self, exponents: Int[np.ndarray, " n_features"]) -> Folded:
        """The same function: feature i divided by 2^exponents[i], its row of `out` multiplied.

        Exact, but for what overflows or underflows (Theorem 8.2); the errors are kept, which are
        about the weights as they were.
        """
        return Folded(
            first=np.ldexp(self.first, -exponents),
            second=np.ldexp(self.second, -exponents),
            out=np.ldexp(self.out, exponents[:, None]),
            gated=self.gated,
            labels=self.labels,
            first_error=self.first_error,
            second_error=self.second_error,
            out_error=self.out_error,
        )


def _joined(parts: list[np.ndarray], axis: int) -> np.ndarray:
    return np.ascontiguousarray(np.concatenate(parts, axis=axis), dtype=np.float64)


def _each(error: np.ndarray | float, n: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(error, dtype=np.float64), (n,)).copy()
