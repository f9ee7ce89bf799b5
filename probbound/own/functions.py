"""A user's functions: what they are handed, and what they may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from probbound.contract.identity import Identity
from probbound.machine.errors import UserError
from probbound.populations.contract import Batch, Population


@dataclass(frozen=True)
class Function:
    """A function of a batch, its name in the certificate, and what it is."""

    name: str
    call: Callable[[Any], Any]
    identity: Identity

    @classmethod
    def of(
        cls, call: Callable[[Any], Any], version: str | None, name: str | None = None
    ) -> Function:
        """A user's function under its own name, or another.

        Raises:
            UserError: if it cannot be called.
        """
        if not callable(call):
            raise UserError(f"a check or measure is a function of a batch of members, got {call!r}")
        own = getattr(call, "__name__", None) or type(call).__name__
        return cls(name or str(own), call, Identity.of(call, version))

    def good(self, population: Population, batch: Batch) -> Bool[np.ndarray, " n"]:
        """Which members of a batch the check passes.

        Raises:
            UserError: if it does not answer with one boolean a member.
        """
        found = self._answers(population, batch)
        if found.shape != (len(batch),) or found.dtype != np.bool_:
            raise UserError(
                f"{self.name} has to answer a batch of {len(batch)} members with as many booleans "
                f"(True: good), and answered with {_shown(found)}"
            )
        return found

    def bad(self, population: Population, batch: Batch) -> Bool[np.ndarray, " n"]:
        """Which members of a batch the check does not pass.

        Raises:
            UserError: as `good`.
        """
        return ~self.good(population, batch)

    def values(
        self, population: Population, batch: Batch, low: float, high: float
    ) -> Float[np.ndarray, " n"]:
        """What the measure says of each member of a batch, as float64.

        Raises:
            UserError: if it does not answer with one number in [low, high] a member.
        """
        found = self._answers(population, batch)
        if found.shape != (len(batch),) or found.dtype.kind not in "biuf":
            raise UserError(
                f"{self.name} has to answer a batch of {len(batch)} members with as many numbers, "
                f"and answered with {_shown(found)}"
            )
        values = found.astype(np.float64)
        outside = np.flatnonzero(~((values >= low) & (values <= high)))
        if len(outside):
            member = population.handed(batch[outside[:1]])[0]
            raise UserError(
                f"{self.name} is said to lie in [{low:g}, {high:g}], and is "
                f"{values[outside[0]]:g} for {_short(member)}; give bounds that hold for every "
                "member"
            )
        return values

    def _answers(self, population: Population, batch: Batch) -> np.ndarray:
        """What the function says; what it raises goes on as it is, with a note of where."""
        handed = population.handed(batch)
        try:
            return np.asarray(self.call(handed))
        except Exception as error:
            first = _short(population.handed(batch[:1])[0])
            error.add_note(f"{self.name} was asked of {len(batch)} members, the first {first}")
            raise


def _shown(found: np.ndarray) -> str:
    return f"an array of shape {found.shape} and type {found.dtype}"


def _short(member: Any) -> str:
    text = " ".join(str(member).split())
    return text if len(text) <= 60 else f"{text[:60]}…"
