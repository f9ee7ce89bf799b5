"""Which answers hold: in real numbers, or as float64 computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.machine.errors import UserError
from probbound.models.transformer.flops import JointFlops, joint_flops
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.plain import Plain
from probbound.models.transformer.radii import Ball, Radii
from probbound.models.transformer.running import of_each
from probbound.models.transformer.sharing import Joint, Shared, stages_alike
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


@dataclass(frozen=True)
class Answers:
    """From rows and a margin to the outcomes of several networks, what is alike run once (9.13)."""

    joint: Joint[Any]
    spread: Callable[[Any, float], Spread]

    def __call__(self, tokens: Int[np.ndarray, "n t"], margin: float) -> tuple[Spread, ...]:
        """One a network; rows have to begin with the prefix that was run before, if one was."""
        return tuple(self.spread(found, margin) for found in of_each(self.joint, tokens))

    def after(self, prefix: Int[np.ndarray, " p"]) -> Answers:
        """The same for rows that begin with these tokens, which are run now."""
        return replace(self, joint=self.joint.after(prefix))

    def of_one(self, tokens: Int[np.ndarray, "n t"], margin: float) -> Spread:
        """Those of the first network."""
        return self(tokens, margin)[0]


@runtime_checkable
class Arithmetic(Protocol):
    """What a claim takes a network's answers to be."""

    name: ClassVar[str]
    agreement: ClassVar[float | None]

    def answering(self, model: GeneralTransformer) -> Answering:
        """From rows and a margin to outcomes; what is of the network alone is worked out now."""
        ...

    def answering_all(self, models: Sequence[GeneralTransformer], alike: int) -> Answers:
        """The same of several, of whose stages the first so many are alike (9.13)."""
        ...

    def flops(self, models: Sequence[GeneralTransformer], length: int, share: Shared) -> JointFlops:
        """Operations of rows of so many tokens, with what is shared done once."""
        ...

    def once_flops(self, models: Sequence[GeneralTransformer]) -> int:
        """Operations of what is of the networks alone."""
        ...


@dataclass(frozen=True)
class Real:
    """Real numbers: outcomes with radii (Theorems 9.2 and 9.3)."""

    name: ClassVar[str] = "real"
    agreement: ClassVar[float | None] = None

    def answering(self, model: GeneralTransformer) -> Answering:
        """With radii; sizes of matrices are found now."""
        return self.answering_all([model], stages_alike([model])).of_one

    def answering_all(self, models: Sequence[GeneralTransformer], alike: int) -> Answers:
        """With radii; sizes of matrices are found now."""
        sizes = [sizes_of(model) for model in models]
        return Answers(Joint.of(models, Radii(), alike, sizes=sizes), self._spread)

    def _spread(self, found: Ball, margin: float) -> Spread:
        values, radii = np.asarray(found.value), np.asarray(found.radius)
        with np.errstate(invalid="ignore", over="ignore"):
            size = 2 * np.abs(values).max(axis=1) + 2 * radii.max(axis=1) + abs(margin)
            return Spread(values, radii, 8 * _U * size)

    def flops(self, models: Sequence[GeneralTransformer], length: int, share: Shared) -> JointFlops:
        """With radii."""
        return joint_flops(models, length, share, Radii())

    def once_flops(self, models: Sequence[GeneralTransformer]) -> int:
        """Sizes of matrices."""
        return sizes_flops(*models)


@dataclass(frozen=True)
class Float64:
    """The function that a program computes in float64 (Definition 9.4)."""

    name: ClassVar[str] = "float64"
    agreement: ClassVar[float | None] = AGREEMENT

    def answering(self, model: GeneralTransformer) -> Answering:
        """Outcomes as computed; a lead within the agreement of the largest is none."""
        return self.answering_all([model], stages_alike([model])).of_one

    def answering_all(self, models: Sequence[GeneralTransformer], alike: int) -> Answers:
        """Outcomes as computed; a lead within the agreement of the largest is none."""
        return Answers(Joint.of(models, Plain(), alike), self._spread)

    def _spread(self, found: Float[np.ndarray, "n out"], margin: float) -> Spread:
        return Spread(found, 0.0, AGREEMENT * np.abs(found).max(axis=1))

    def flops(self, models: Sequence[GeneralTransformer], length: int, share: Shared) -> JointFlops:
        """A forward pass."""
        return joint_flops(models, length, share, Plain())

    def once_flops(self, models: Sequence[GeneralTransformer]) -> int:
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
