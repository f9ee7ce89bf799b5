"""Which answers hold: in real numbers, or as float64 computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Never, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.balls import require_balls
from probbound.models.transformer.flops import JointFlops, forward_flops, joint_flops
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.plain import Plain
from probbound.models.transformer.prices import float64_price, real_price
from probbound.models.transformer.radii import Ball, Radii
from probbound.models.transformer.running import of_each, outcomes_in_balls
from probbound.models.transformer.sharing import Joint, Shared, stages_alike
from probbound.models.transformer.sizing import sizes_flops, sizes_of, sizes_price

AGREEMENT = 2.0**-24
WIDE = 2.0**-10  # a radius above which losses and divergences are bounded badly
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

    def open(self, margin: float) -> Bool[np.ndarray, " n"]:
        """Of which rows radii leave something open (9.14): how a label leads, or a large radius."""
        with np.errstate(invalid="ignore", over="ignore"):
            low, high = self.values - self.radii, self.values + self.radii
            allowed = self.allowance[:, None]
            right = low - _others(high) > margin + allowed
            wrong = high - _others(low) <= margin - allowed
            wide = ~(np.broadcast_to(self.radii, low.shape) <= WIDE)
        return np.any(wide | ~(right | wrong), axis=1)

    @property
    def first(self) -> Int[np.ndarray, " n"]:
        """The place of the largest outcome, the first of equal ones."""
        return self.values.argmax(axis=1)


def _others(numbers: Float[np.ndarray, "n out"]) -> Float[np.ndarray, "n out"]:
    """The largest number of each row but the one itself."""
    found = np.broadcast_to(numbers.max(axis=1, keepdims=True), numbers.shape).copy()
    first = numbers.argmax(axis=1)[:, None]
    without = numbers.copy()
    np.put_along_axis(without, first, -np.inf, axis=1)
    np.put_along_axis(found, first, without.max(axis=1, keepdims=True), axis=1)
    return found


Answering = Callable[[Int[np.ndarray, "n t"], float], Spread]


Nearer = Callable[[GeneralTransformer, Int[np.ndarray, "n t"], Spread, float], Spread]


@dataclass(frozen=True)
class Answers:
    """From rows and a margin to the outcomes of several networks, what is alike run once (9.13).

    `nearer` looks again at what one of them leaves open, None where nothing does.
    """

    joint: Joint[Any]
    spread: Callable[[Any, float], Spread]
    nearer: Nearer | None = None

    def __call__(self, tokens: Int[np.ndarray, "n t"], margin: float) -> tuple[Spread, ...]:
        """One a network; rows have to begin with the prefix that was run before, if one was."""
        found = tuple(self.spread(each, margin) for each in of_each(self.joint, tokens))
        if self.nearer is None:
            return found
        models = zip(self.joint.models, found, strict=True)
        return tuple(self.nearer(model, tokens, each, margin) for model, each in models)

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

    def radii(self, spread: Spread) -> Float[np.ndarray, "n out"]:
        """How far off each outcome counts as being for losses and divergences (9.9, 9.11)."""
        ...

    def price(self, architecture: Architecture, length: int) -> int:
        """What a plan takes them to be, no less (9.7)."""
        ...

    def flops(self, models: Sequence[GeneralTransformer], length: int, share: Shared) -> JointFlops:
        """Operations of rows of so many tokens, with what is shared done once."""
        ...

    def once_flops(self, models: Sequence[GeneralTransformer]) -> int:
        """Operations of what is of the networks alone."""
        ...

    def once_price(self, model: GeneralTransformer) -> int:
        """What a plan takes that to be for one network, no less (9.7)."""
        ...

    def with_balls(self, bits: int) -> Arithmetic:
        """That which decides what it leaves open by balls of so many bits.

        Raises:
            UserError: if there is nothing that balls could decide.
        """
        ...


@dataclass(frozen=True)
class Real:
    """Real numbers: outcomes with radii (Theorems 9.2 and 9.3).

    With `balls`, rows that these leave open are computed again in balls of so many bits (9.14).
    """

    name: ClassVar[str] = "real"
    agreement: ClassVar[float | None] = None
    balls: int | None = None

    def answering(self, model: GeneralTransformer) -> Answering:
        """With radii; sizes of matrices are found now."""
        return self.answering_all([model], stages_alike([model])).of_one

    def answering_all(self, models: Sequence[GeneralTransformer], alike: int) -> Answers:
        """With radii; sizes of matrices are found now."""
        sizes = [sizes_of(model) for model in models]
        joint = Joint.of(models, Radii(), alike, sizes=sizes)
        return Answers(joint, self._spread, None if self.balls is None else self._by_balls)

    def _by_balls(
        self,
        model: GeneralTransformer,
        tokens: Int[np.ndarray, "n t"],
        found: Spread,
        margin: float,
    ) -> Spread:
        """What radii leave open, computed again (Theorem 9.14)."""
        values, radii = np.array(found.values), np.array(found.radii)
        again = np.flatnonzero(found.open(margin))
        balls, within = outcomes_in_balls(model, tokens[again], self.balls or 0)
        nearer = within.max(axis=1) < radii[again].max(axis=1)
        values[again[nearer]], radii[again[nearer]] = balls[nearer], within[nearer]
        return _certain(values, radii, margin)

    def _spread(self, found: Ball, margin: float) -> Spread:
        return _certain(np.asarray(found.value), np.asarray(found.radius), margin)

    def radii(self, spread: Spread) -> Float[np.ndarray, "n out"]:
        """Twice those of Theorem 9.2, so that another program's may be up to twice ours."""
        return 2 * np.broadcast_to(spread.radii, spread.values.shape)

    def price(self, architecture: Architecture, length: int) -> int:
        """Of a pass with radii, and of one in balls."""
        again = 0 if self.balls is None else float64_price(architecture, length)
        return real_price(architecture, length) + again

    def flops(self, models: Sequence[GeneralTransformer], length: int, share: Shared) -> JointFlops:
        """With radii, and those of a pass in balls, as if each row were left open."""
        found = joint_flops(models, length, share, Radii())
        if self.balls is None:
            return found
        again = sum(forward_flops(model, length) for model in models)
        return replace(found, each=found.each + again)

    def once_flops(self, models: Sequence[GeneralTransformer]) -> int:
        """Sizes of matrices."""
        return sizes_flops(*models)

    def once_price(self, model: GeneralTransformer) -> int:
        """Sizes of all matrices."""
        return sizes_price(model)

    def with_balls(self, bits: int) -> Arithmetic:
        """The same claim, more rows of it decided."""
        return Real(require_balls(bits))


def _certain(
    values: Float[np.ndarray, "n out"], radii: Float[np.ndarray, "n out"], margin: float
) -> Spread:
    """Outcomes with radii, and what 9.3 allows for comparing them."""
    with np.errstate(invalid="ignore", over="ignore"):
        size = 2 * np.abs(values).max(axis=1) + 2 * radii.max(axis=1) + abs(margin)
        return Spread(values, radii, 8 * _U * size)


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

    def radii(self, spread: Spread) -> Float[np.ndarray, "n out"]:
        """Half the agreement, of the largest outcome."""
        largest = np.abs(spread.values).max(axis=1, keepdims=True)
        return np.broadcast_to(AGREEMENT / 2 * largest, spread.values.shape)

    def flops(self, models: Sequence[GeneralTransformer], length: int, share: Shared) -> JointFlops:
        """A forward pass."""
        return joint_flops(models, length, share, Plain())

    def price(self, architecture: Architecture, length: int) -> int:
        """Of a forward pass."""
        return float64_price(architecture, length)

    def once_flops(self, models: Sequence[GeneralTransformer]) -> int:
        """Nothing."""
        return 0

    def once_price(self, model: GeneralTransformer) -> int:
        """Nothing."""
        return 0

    def with_balls(self, bits: int) -> Never:
        """Nothing is left open here.

        Raises:
            UserError: always.
        """
        raise UserError(
            "balls decide rows in real numbers, and this claim is about float64: give "
            "--arithmetic real (in Python arithmetic='real')"
        )


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
