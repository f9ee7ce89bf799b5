"""A mixture of populations in known shares, each bounded from draws of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.populations.contract import Population

_MOST_STRATA = 10_000


class Strata(Population):
    """A member is of stratum j with probability share_j / sum of the shares, and then of its law.

    Draws are given to the strata by their shares, and each has a bound of its own at an even part
    of δ (Theorem 7.11): dear for many strata, exact for those that are looked at as a whole.

    Args:
        strata: pairs of a share, an integer or a Fraction above 0, and a population.

    Raises:
        UserError: if there are none, a share is another number, or a population is empty or Strata.
    """

    kind = "strata"

    def __init__(self, strata: Iterable[tuple[int | Fraction, Population]]) -> None:
        pairs = list(strata)
        if not 1 <= len(pairs) <= _MOST_STRATA:
            raise UserError(f"Strata needs 1 to {_MOST_STRATA} pairs of a share and a population")
        for share, population in pairs:
            if not isinstance(share, Rational) or isinstance(share, bool) or share <= 0:
                raise UserError(
                    f"the share of a stratum is an integer or a Fraction above 0, got {share!r}; "
                    "write Fraction('0.1') for 0.1"
                )
            if not isinstance(population, Population) or population.size == 0:
                raise UserError("each stratum has a population with members, such as Listed(items)")
            if isinstance(population, Strata):
                raise UserError("strata are not made of strata; multiply the shares out")
        exact = [Fraction(share) for share, _ in pairs]
        common = math.lcm(*(share.denominator for share in exact))
        weights = [int(share * common) for share in exact]
        self._weights = [weight // math.gcd(*weights) for weight in weights]
        self._populations = [population for _, population in pairs]

    @property
    def mass(self) -> None:
        """Shares are known, no weights."""

    @property
    def tickets(self) -> None:
        """Those of its parts are theirs."""

    @property
    def uniform(self) -> bool:
        """There are no tickets."""
        return False

    @property
    def size(self) -> int | None:
        """The members of all strata, None if some can only be drawn."""
        sizes = [population.size for population in self._populations]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def parts(self) -> tuple[tuple[Fraction, Population], ...]:
        """The strata and their shares of the whole."""
        total = sum(self._weights)
        shares = [Fraction(weight, total) for weight in self._weights]
        return tuple(zip(shares, self._populations, strict=True))

    def statement(self) -> dict[str, Any]:
        """Weights without a common factor, and the populations."""
        pairs = zip(self._weights, self._populations, strict=True)
        strata = [{"weight": weight, "population": each.statement()} for weight, each in pairs]
        return {"kind": self.kind, "strata": strata}

    def without_identity(self) -> tuple[str, ...]:
        """What nothing names in any of them."""
        return tuple(name for each in self._populations for name in each.without_identity())

    def trusted(self) -> list[str]:
        """The shares, and what each stratum takes on trust."""
        inner = [sentence for each in self._populations for sentence in each.trusted()]
        return ["the shares of the strata", *inner]

    def draw(self, stream: Stream, start: int, stop: int) -> np.ndarray:
        """Draws are made in its parts."""
        raise UserError("Strata are drawn from stratum by stratum")

    def members(self, tickets: np.ndarray) -> np.ndarray:
        """Tickets are those of its parts."""
        raise UserError("Strata are drawn from stratum by stratum")

    firsts = members

    def listing(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Members are listed in its parts."""
        raise UserError("Strata are listed stratum by stratum")

    def handed(self, batch: np.ndarray) -> Any:
        """Batches are those of its parts."""
        raise UserError("Strata are handed on stratum by stratum")
