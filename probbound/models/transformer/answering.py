"""Which answers hold: in real numbers, or as float64 computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.machine.errors import UserError
from probbound.models.transformer.flops import forward_flops, radii_flops
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.running import outcomes, outcomes_with_radii
from probbound.models.transformer.sizing import sizes_flops, sizes_of

AGREEMENT = 2.0**-24
_U = 2.0**-53


@dataclass(frozen=True)
class Spread:
    """A network's outcomes after rows of tokens, and how far off each may be.

    `allowance` is by how much, besides, a row's lead has to be above a margin.
    """

    values: Float[np.ndarray, "n out"]
    radii: Float[np.ndarray, "n out"] | float
    allowance: Float[np.ndarray, " n"]

    def leads(self, targets: Int[np.ndarray, " n"], margin: float) -> Bool[np.ndarray, " n"]:
        """Whether the target's outcome is above every other by more than the margin (9.3, 9.4)."""
        with np.errstate(invalid="ignore", over="ignore"):
            low = np.take_along_axis(self.values - self.radii, targets[:, None], axis=1)[:, 0]
            high = self.values + self.radii
            np.put_along_axis(high, targets[:, None], -np.inf, axis=1)
            rival = high.max(axis=1)
            return low - rival > margin + self.allowance

    @property
    def first(self) -> Int[np.ndarray, " n"]:
        """The place of the largest outcome, the first of equal ones."""
        return self.values.argmax(axis=1)


Answering = Callable[[Int[np.ndarray, "n t"], float], Spread]


@runtime_checkable
class Arithmetic(Protocol):
    """What a claim takes a network's answers to be."""

    name: ClassVar[str]
    agreement: ClassVar[float | None]

    def answering(self, model: GeneralTransformer) -> Answering:
        """From rows and a margin to outcomes; what is of the network alone is worked out now."""
        ...

    def flops(self, model: GeneralTransformer, length: int) -> int:
        """Operations of one row of so many tokens."""
        ...

    def once_flops(self, model: GeneralTransformer) -> int:
        """Operations of what is of the network alone."""
        ...


@dataclass(frozen=True)
class Real:
    """Real numbers: outcomes with radii (Theorems 9.2 and 9.3)."""

    name: ClassVar[str] = "real"
    agreement: ClassVar[float | None] = None

    def answering(self, model: GeneralTransformer) -> Answering:
        """With radii; sizes of matrices are found now."""
        sizes = sizes_of(model)

        def spread(tokens: Int[np.ndarray, "n t"], margin: float) -> Spread:
            values, radii = outcomes_with_radii(model, tokens, sizes)
            with np.errstate(invalid="ignore", over="ignore"):
                size = 2 * np.abs(values).max(axis=1) + 2 * radii.max(axis=1) + abs(margin)
                return Spread(values, radii, 8 * _U * size)

        return spread

    def flops(self, model: GeneralTransformer, length: int) -> int:
        """With radii."""
        return radii_flops(model, length)

    def once_flops(self, model: GeneralTransformer) -> int:
        """Sizes of matrices."""
        return sizes_flops(model)


@dataclass(frozen=True)
class Float64:
    """The function that a program computes in float64 (Definition 9.4)."""

    name: ClassVar[str] = "float64"
    agreement: ClassVar[float | None] = AGREEMENT

    def answering(self, model: GeneralTransformer) -> Answering:
        """Outcomes as computed; a lead within the agreement of the largest is none."""

        def spread(tokens: Int[np.ndarray, "n t"], margin: float) -> Spread:
            values = outcomes(model, tokens)
            return Spread(values, 0.0, AGREEMENT * np.abs(values).max(axis=1))

        return spread

    def flops(self, model: GeneralTransformer, length: int) -> int:
        """A forward pass."""
        return forward_flops(model, length)

    def once_flops(self, model: GeneralTransformer) -> int:
        """Nothing."""
        return 0


REAL, FLOAT64 = Real(), Float64()
ARITHMETICS: Mapping[str, Arithmetic] = {each.name: each for each in (REAL, FLOAT64)}
AUTO, PILOT = "auto", 16


def arithmetic_named(name: str) -> Arithmetic:
    """By name.

    Raises:
        UserError: if there is none of that name.
    """
    if name not in ARITHMETICS:
        raise UserError(
            f"arithmetic must be {AUTO} or one of {', '.join(ARITHMETICS)}, got {name!r}"
        )
    return ARITHMETICS[name]


def strongest(models: Iterable[GeneralTransformer], tokens: Int[np.ndarray, "n t"]) -> Arithmetic:
    """Real numbers, if they decide all that float64 decides on a few spread rows (9.7)."""
    number = min(PILOT, len(tokens))
    rows = tokens[[i * len(tokens) // number for i in range(number)]]
    for model in models:
        decided = []
        for arithmetic in (FLOAT64, REAL):
            spread = arithmetic.answering(model)(rows, 0.0)
            decided.append(spread.leads(spread.first, 0.0))
        if (decided[0] & ~decided[1]).any():
            return FLOAT64
    return REAL
