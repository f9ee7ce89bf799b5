"""A finite list: prompts, edges, pairs; equal items are one member."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from copy import copy
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int

from probbound.arithmetic.scalars import whole
from probbound.draws.priors import ROUNDED_BITS
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.populations.contract import (
    MOST_TICKETS,
    Counts,
    Heavy,
    Population,
    Tickets,
)
from probbound.populations.forms import array_form, form

MOST_LISTED_WEIGHTS = 1 << 16  # that a certificate writes out


class Listed(Population):
    """The items of a list, each with an integer weight (one by default).

    Equal items are merged into one member, which has their weights together and is looked at once;
    members are in the order in which they appear first, and those of weight zero are left out. A
    check is handed a list of items, or rows of the array if `items` is an array.

    Args:
        items: text, numbers, bytes, arrays, or lists, tuples, dicts and sets of those; or an array,
            whose rows are the members.
        weights: non-negative integers, one for each item, of at most 2^53 in all once divided by
            their common factor. For other numbers see `of_shares`.

    Raises:
        UserError: if an item has no form, or the weights do not fit.
    """

    kind = "listed"

    def __init__(
        self, items: Iterable[Any], weights: Sequence[int] | np.ndarray | None = None
    ) -> None:
        rows = items if isinstance(items, np.ndarray) else list(items)
        if isinstance(rows, np.ndarray) and not rows.ndim:
            raise UserError("Listed needs a list of items or an array of rows, got one number")
        forms = _row_forms(rows) if isinstance(rows, np.ndarray) else list(map(form, rows))
        given = _checked(weights, len(forms))
        merged: dict[bytes, int] = {}
        first: dict[bytes, int] = {}
        for place, (each, weight) in enumerate(zip(forms, given, strict=True)):
            if weight:
                merged[each] = merged.get(each, 0) + weight
                first.setdefault(each, place)
        kept = list(first.values())
        self.items = rows[kept] if isinstance(rows, np.ndarray) else [rows[at] for at in kept]
        self._mass = sum(merged.values())
        common = math.gcd(*merged.values()) or 1
        if self._mass // common > MOST_TICKETS:
            raise UserError(
                f"the weights of a Listed population add up to {self._mass // common}, more than "
                "2^53; give Listed.of_shares(items, shares), which rounds them"
            )
        self.weights = np.array([weight // common for weight in merged.values()], dtype=np.int64)
        self._digest = _digest(merged, common)

    @classmethod
    def of_shares(cls, items: Iterable[Any], shares: Sequence[float] | np.ndarray) -> Listed:
        """The list with weights round(2^24 · share / sum of all): the claim is about these.

        Raises:
            UserError: if a share is negative or no number, or as `Listed`.
        """
        exact = [Fraction(share) if math.isfinite(share) else None for share in shares]
        if not exact or any(share is None or share < 0 for share in exact):
            raise UserError("shares must be finite numbers, none of them negative")
        known = [share for share in exact if share is not None]
        total = sum(known) or Fraction(1)
        return cls(items, [round(share / total * 2**ROUNDED_BITS) for share in known])

    @property
    def mass(self) -> int:
        """The sum of the weights, as given."""
        return self._mass

    @property
    def size(self) -> int:
        """How many items differ."""
        return len(self.items)

    @property
    def tickets(self) -> int:
        """The sum of the weights over their common factor."""
        return self._sum

    @property
    def uniform(self) -> bool:
        """Whether all weights are equal."""
        return self._equal

    @cached_property
    def _sum(self) -> int:
        return int(self.weights.sum())

    @cached_property
    def _equal(self) -> bool:
        return bool((self.weights == 1).all())

    @cached_property
    def ends(self) -> Int[np.ndarray, " members"]:
        """The tickets of all members up to each."""
        return self.weights.cumsum()

    def statement(self) -> dict[str, Any]:
        """Numbers, the digest of items and weights, and the weights over their common factor.

        `weights` is null where all are equal, or where there are too many to write out.
        """
        written = not self.uniform and self.size <= MOST_LISTED_WEIGHTS
        return {
            "kind": self.kind,
            "members": self.size,
            "tickets": self.tickets,
            "weights": self.weights.tolist() if written else None,
            "sha256": self._digest,
        }

    def draw(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, " n"]:
        """The member of ticket number i of the stream."""
        return self.members(stream.integers(start, stop, self.tickets))

    def members(self, tickets: Tickets) -> Int[np.ndarray, " n"]:
        """The number of the member in whose stretch each ticket falls."""
        return tickets if self.uniform else np.searchsorted(self.ends, tickets, side="right")

    def firsts(self, tickets: Tickets) -> Tickets:
        """The first ticket of each one's member."""
        return tickets if self.uniform else (self.ends - self.weights)[self.members(tickets)]

    def listing(self, start: int, stop: int) -> tuple[Int[np.ndarray, " n"], Counts]:
        """Members in order."""
        return np.arange(start, stop), self.weights[start:stop]

    def heavy(self, looks: int) -> Heavy | None:
        """By falling weight, as long as weight times looks left is at least the weight left."""
        if self.uniform:
            return None
        taken, left = 0, self.tickets
        falling = np.argsort(-self.weights, kind="stable")
        for weight in self.weights[falling[: looks + 1]].tolist():
            if weight * (looks - taken) < left:
                break
            taken, left = taken + 1, left - weight
        if not taken:
            return None
        members = np.sort(falling[:taken])
        rest = copy(self)
        rest.weights = self.weights.copy()
        rest.weights[members] = 0
        for worked_out in ("ends", "_sum", "_equal"):
            rest.__dict__.pop(worked_out, None)
        return Heavy(members, self.weights[members], rest)

    def handed(self, batch: Int[np.ndarray, " n"]) -> Any:
        """The items themselves."""
        if isinstance(self.items, np.ndarray):
            return self.items[batch]
        return [self.items[place] for place in batch.tolist()]


def _checked(weights: Sequence[int] | np.ndarray | None, items: int) -> list[int]:
    if weights is None:
        return [1] * items
    given = weights.tolist() if isinstance(weights, np.ndarray) else list(weights)
    if len(given) != items:
        raise UserError(f"there are {items} items and {len(given)} weights; give one for each")
    if not all(isinstance(weight, int | np.integer) and weight >= 0 for weight in given):
        raise UserError(
            "weights are non-negative integers; give Listed.of_shares(items, shares) for other "
            "numbers, which rounds them"
        )
    return [whole("a weight", weight) for weight in given]


def _row_forms(rows: np.ndarray) -> list[bytes]:
    head = array_form(rows[:0])
    if rows.dtype.hasobject:
        return [form(row) for row in rows.tolist()]
    little = np.ascontiguousarray(rows.astype(rows.dtype.newbyteorder("<")))
    return [head + row.tobytes() for row in little]


def _digest(merged: dict[bytes, int], common: int) -> str:
    found = hashlib.sha256()
    for each, weight in merged.items():
        found.update(len(each).to_bytes(8, "little") + each + f" {weight // common}\n".encode())
    return found.hexdigest()
