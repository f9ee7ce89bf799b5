"""What a claim is about, rebuilt from its statement: members, tickets, and whose a ticket is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol, runtime_checkable

import numpy as np

from probbound.check.report import Declined, Refused

MOST_NUMBERED = 1 << 53
MOST_STRATA = 10_000
_MOST_WEIGHTS = 1 << 16
_MOST_BITS = 1 << 14  # of a number of members, which a certificate writes out
_UNNUMBERED = "what a sampler draws has no numbers"


@runtime_checkable
class Population(Protocol):
    """One that tickets are drawn from; what cannot be numbered has no members and no tickets."""

    @property
    def members(self) -> int | None:
        """How many there are."""
        ...

    @property
    def tickets(self) -> int | None:
        """How many they have together."""
        ...

    @property
    def one_each(self) -> bool:
        """Whether each member has one ticket."""
        ...

    @property
    def uneven(self) -> bool:
        """Whether it is a list whose members have not."""
        ...

    @property
    def weights(self) -> np.ndarray | None:
        """The tickets of each member of an uneven list (members,), if they are known."""
        ...

    @property
    def radices(self) -> tuple[int, ...]:
        """What the digits of a ticket are below; of a list there are none."""
        ...

    def members_of(self, tickets: np.ndarray) -> np.ndarray:
        """The numbers of the members (n,) whose tickets these are, rising with them."""
        ...

    def ticket_counts(self, members: np.ndarray) -> np.ndarray:
        """How many tickets each of these members (n,) has."""
        ...

    def tickets_before(self, member: int) -> int:
        """How many tickets the members before this one have together."""
        ...

    def rows(self, members: np.ndarray) -> np.ndarray:
        """What a function is handed for members by number, int64 (n, positions)."""
        ...

    def rows_of(self, digits: np.ndarray) -> np.ndarray:
        """The same for digits of tickets (n, positions)."""
        ...


class Product:
    """Tuples of indices below `sizes`, the last counting fastest."""

    uneven, one_each, weights = False, True, None

    def __init__(self, sizes: Sequence[int]) -> None:
        self.radices = tuple(sizes)
        self.members = self.tickets = _product_of(sizes)

    def members_of(self, tickets: np.ndarray) -> np.ndarray:
        return tickets

    def ticket_counts(self, members: np.ndarray) -> np.ndarray:
        return np.ones(len(members), dtype=np.int64)

    def tickets_before(self, member: int) -> int:
        return member

    def rows(self, members: np.ndarray) -> np.ndarray:
        return _digits(members, self.radices)

    def rows_of(self, digits: np.ndarray) -> np.ndarray:
        return digits


class Sequences:
    """Tokens by position, each with its own integer law; those of weight zero do not occur."""

    uneven, weights = False, None

    def __init__(self, laws: Sequence[Sequence[int]], positions: Sequence[int]) -> None:
        numbers = [np.array(law, dtype=np.int64) for law in laws]
        tokens = [np.flatnonzero(law) for law in numbers]
        held = [law[law > 0] for law in numbers]
        self._tokens = [tokens[p] for p in positions]
        self._weights = [held[p] for p in positions]
        self._ends = [np.cumsum(held[p]) for p in positions]
        self.radices = tuple(int(ends[-1]) for ends in self._ends)
        self._counts = tuple(len(found) for found in self._tokens)
        self.tickets, self.members = _product_of(self.radices), _product_of(self._counts)
        self.one_each = self.tickets == self.members

    def members_of(self, tickets: np.ndarray) -> np.ndarray:
        digits, numbers = _digits(tickets, self.radices), np.zeros(len(tickets), dtype=np.int64)
        for column, ends in zip(digits.T, self._ends, strict=True):
            numbers = numbers * len(ends) + np.searchsorted(ends, column, side="right")
        return numbers

    def ticket_counts(self, members: np.ndarray) -> np.ndarray:
        counts = np.ones(len(members), dtype=np.int64)
        for column, held in zip(_digits(members, self._counts).T, self._weights, strict=True):
            counts = counts * held[column]
        return counts

    def tickets_before(self, member: int) -> int:
        if member >= self.members:
            return self.tickets
        before, own, left = 0, 1, self.tickets
        for column, count, ends in zip(
            _places(member, self._counts), self._counts, self._ends, strict=True
        ):
            left //= int(ends[count - 1])
            first = int(ends[column - 1]) if column else 0
            before += own * first * left
            own *= int(ends[column]) - first
        return before

    def rows(self, members: np.ndarray) -> np.ndarray:
        columns = zip(_digits(members, self._counts).T, self._tokens, strict=True)
        return np.stack([tokens[column] for column, tokens in columns], axis=1)

    def rows_of(self, digits: np.ndarray) -> np.ndarray:
        columns = zip(digits.T, self._ends, self._tokens, strict=True)
        return np.stack([t[np.searchsorted(e, c, side="right")] for c, e, t in columns], axis=1)


class Listed:
    """The items of a list; what they are is not in a certificate, their number and weights are."""

    radices = ()

    def __init__(self, members: int, tickets: int, weights: np.ndarray | None) -> None:
        self.members, self.tickets, self.weights = members, tickets, weights
        self.one_each = members == tickets
        self.uneven = not self.one_each
        self._ends = None if weights is None else np.cumsum(weights)

    def members_of(self, tickets: np.ndarray) -> np.ndarray:
        if self._ends is None:
            return tickets
        return np.searchsorted(self._ends, tickets, side="right")

    def ticket_counts(self, members: np.ndarray) -> np.ndarray:
        if self.weights is None:
            return np.ones(len(members), dtype=np.int64)
        return self.weights[members]

    def tickets_before(self, member: int) -> int:
        return member if self.weights is None else int(self.weights[:member].sum())

    def rows(self, members: np.ndarray) -> np.ndarray:
        return members[:, None]

    def rows_of(self, digits: np.ndarray) -> np.ndarray:
        return digits


class Drawn:
    """What a sampler draws: nothing of it is numbered."""

    members = tickets = weights = None
    one_each = uneven = False
    radices = ()

    def members_of(self, tickets: np.ndarray) -> np.ndarray:
        raise Refused(_UNNUMBERED)

    def ticket_counts(self, members: np.ndarray) -> np.ndarray:
        raise Refused(_UNNUMBERED)

    def tickets_before(self, member: int) -> int:
        raise Refused(_UNNUMBERED)

    def rows(self, members: np.ndarray) -> np.ndarray:
        raise Refused(_UNNUMBERED)

    def rows_of(self, digits: np.ndarray) -> np.ndarray:
        raise Refused(_UNNUMBERED)


def population_of(statement: Mapping[str, Any], weights: np.ndarray | None = None) -> Population:
    """The population of a statement that is no strata; `weights` of a list if they are elsewhere.

    Raises:
        Refused: if the statement contradicts itself, or is not in the one form that it has.
    """
    return _BUILT[statement["kind"]](statement, weights)


def _product(statement: Mapping[str, Any], _: np.ndarray | None) -> Population:
    return Product(statement["sizes"])


def _sequences(statement: Mapping[str, Any], _: np.ndarray | None) -> Population:
    laws, positions = statement["laws"], statement["positions"]
    if not positions or list(dict.fromkeys(positions)) != list(range(len(laws))):
        raise Refused("its laws of tokens are not those of its positions, in their order")
    if len({tuple(law) for law in laws}) < len(laws) or any(math.gcd(*law) != 1 for law in laws):
        raise Refused("its laws of tokens are not each there once, without a common factor")
    return Sequences(laws, positions)


def _listed(statement: Mapping[str, Any], elsewhere: np.ndarray | None) -> Population:
    members, tickets, weights = (statement[name] for name in ("members", "tickets", "weights"))
    if tickets > MOST_NUMBERED or tickets < members:
        raise Refused(f"a list of {members} members cannot have {tickets} tickets")
    if weights is None:
        if members < tickets and members <= _MOST_WEIGHTS:
            raise Refused("the weights of its list are not in it, though they are few")
        return Listed(members, tickets, elsewhere if members < tickets else None)
    if len(weights) != members or sum(weights) != tickets or len(weights) > _MOST_WEIGHTS:
        raise Refused("the weights of its list are not those of its members and tickets")
    if members == tickets or math.gcd(*weights) != 1:
        raise Refused("the weights of its list have a common factor, or are all one")
    return Listed(members, tickets, np.array(weights, dtype=np.int64))


def _drawn(statement: Mapping[str, Any], _: np.ndarray | None) -> Population:
    return Drawn()


_BUILT = {"product": _product, "sequences": _sequences, "listed": _listed, "drawn": _drawn}


def plain_parts(statement: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """The strata and their weights, or the population itself, with weight one.

    Raises:
        Refused: if the weights have a common factor.
        Declined: if there are more than MOST_STRATA.
    """
    if statement["kind"] != "strata":
        return [(1, statement)]
    if len(statement["strata"]) > MOST_STRATA:
        raise Declined(f"it has more than {MOST_STRATA:,} strata, which are not checked")
    found = [(stratum["weight"], stratum["population"]) for stratum in statement["strata"]]
    if math.gcd(*(weight for weight, _ in found)) != 1:
        raise Refused("the weights of its strata have a common factor")
    return found


def _product_of(factors: Sequence[int]) -> int:
    product = 1
    for factor in factors:
        product *= factor
        if product.bit_length() > _MOST_BITS:
            raise Refused("its population has more members than a certificate can say")
    return product


def _places(number: int, radices: Sequence[int]) -> list[int]:
    """The digits of one number of whatever size."""
    places = []
    for radix in reversed(radices):
        number, place = divmod(number, radix)
        places.append(place)
    return places[::-1]


def _digits(numbers: np.ndarray, radices: Sequence[int]) -> np.ndarray:
    """The digits (n, positions) of numbers (n,), the last counting fastest."""
    steps = [*accumulate(reversed(radices[1:]), lambda a, b: a * b, initial=1)][::-1]
    columns = [numbers // step % radix for step, radix in zip(steps, radices, strict=True)]
    return np.stack(columns, axis=1)
