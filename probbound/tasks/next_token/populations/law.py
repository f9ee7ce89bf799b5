"""A law of rows: each position its own, independent of the others."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from probbound.draws.priors import MOST_TOTAL, ROUNDED_BITS, Prior, rounded
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.tasks.accepted import unaltered
from probbound.tasks.next_token.populations.contract import Rows
from probbound.tasks.next_token.populations.independent import Independent
from probbound.tasks.next_token.reading import MOST_TOKENS

Weights = Int[np.ndarray, "length d_vocab"]


@dataclass(frozen=True, eq=False, init=False)
class RowLaw(Independent):
    """Rows whose position p is t with probability weights[p, t] over their sum (Theorem 9.12).

    Made of `law`, [length, d_vocab], non-negative. Whole numbers are the weights; others are
    rounded to multiples of 2^-24 of the sum of their position, and the law is that of these.

    Attributes:
        weights: without the common factor of each position, and without last tokens that never
            occur.
        rounded_bits: 24 where they were rounded, else None.

    Raises:
        UserError: if they make no law, or those of a position add up to 2^32 or more.
    """

    weights: Weights
    rounded_bits: int | None
    kind: ClassVar[str] = "row-law"

    def __init__(self, law: np.ndarray, rounded_bits: int | None = None) -> None:
        if rounded_bits not in (None, ROUNDED_BITS):
            raise UserError(f"laws are rounded to {ROUNDED_BITS} bits, not {rounded_bits}")
        weights, bits = as_law(law)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "rounded_bits", rounded_bits or bits)

    @property
    def mass(self) -> int:
        """The product of the sums of all positions."""
        return math.prod(law.total for law in self.laws)

    @property
    def length(self) -> int:
        """The number of positions."""
        return len(self.weights)

    @property
    def reach(self) -> tuple[int, int]:
        """The largest token that occurs where tokens are read, and the largest last one."""
        read = np.flatnonzero(self.weights[:-1].any(axis=0))
        return int(read[-1]), int(np.flatnonzero(self.weights[-1])[-1])

    @cached_property
    def laws(self) -> tuple[Prior, ...]:
        """That of each position; positions with one law share it."""
        made = {row.tobytes(): row for row in self.weights}
        laws = {form: Prior(tuple(row.tolist())) for form, row in made.items()}
        return tuple(laws[row.tobytes()] for row in self.weights)

    @cached_property
    def sha256(self) -> str:
        """Of shape and weights as little-endian 64-bit integers, position by position."""
        found = hashlib.sha256(f"probbound-row-law/1\n{self.weights.shape}\n".encode())
        found.update(np.ascontiguousarray(self.weights, dtype="<i8").tobytes())
        return found.hexdigest()

    def accepted(self) -> RowLaw:
        """The same, made anew, what it drew from included."""
        anew = RowLaw(self.weights, self.rounded_bits)
        if "laws" in vars(self):
            for law, other in zip(self.laws, anew.laws, strict=True):
                unaltered(law, other)
        return unaltered(self, anew)

    def statement(self) -> dict[str, Any]:
        """Its length and digest."""
        return {
            "kind": self.kind,
            "size": None,
            "length": self.length,
            "sha256": self.sha256,
            "rounded_bits": self.rounded_bits,
        }

    def sample(self, stream: Stream, start: int, stop: int) -> Rows:
        """Position p of draw i is by number i of the stream `position p` (1.10)."""
        columns = [
            law.tokens(stream.fold_in(f"position {place}").integers(start, stop, law.total))
            for place, law in enumerate(self.laws)
        ]
        return np.stack(columns, axis=1)


def as_law(found: Any, source: str = "the law") -> tuple[Weights, int | None]:
    """Integer weights of each position without a common factor, and whether they were rounded.

    Raises:
        UserError: if they make no law, or those of a position add up to 2^32 or more.
    """
    law = np.asarray(found)
    if law.ndim != 2 or law.dtype.kind not in "iuf" or law.dtype.itemsize > 8 or len(law) < 2:
        raise UserError(
            f"{source} must be [length, d_vocab], weights of each position, two positions or more, "
            f"got an array of shape {law.shape} of {law.dtype}"
        )
    if law.shape[1] < 1 or law.shape[1] > MOST_TOKENS:
        raise UserError(f"{source} must have weights of 1 to 2^31 tokens, got {law.shape[1]}")
    if not np.isfinite(law).all() or (law < 0).any():
        raise UserError(f"{source} must hold finite weights, none of them negative")
    weights = _reduced(_of_floats(law) if law.dtype.kind == "f" else law, source)
    occurring = np.flatnonzero(weights.any(axis=0))
    kept = np.ascontiguousarray(weights[:, : int(occurring[-1]) + 1])
    return kept, ROUNDED_BITS if law.dtype.kind == "f" else None


def _of_floats(law: np.ndarray) -> Weights:
    """Rounded, each different position once."""
    made = {row.tobytes(): row.tolist() for row in law}
    found = {form: np.array(rounded(row), dtype=np.int64) for form, row in made.items()}
    return np.stack([found[row.tobytes()] for row in law])


def _reduced(law: np.ndarray, source: str) -> Weights:
    """Without the common factor of each position."""
    if not law.any(axis=1).all():
        raise UserError(f"{source} must have a weight above 0 at every position")
    reduced = law // np.gcd.reduce(law, axis=1)[:, None]
    if reduced.max() >= MOST_TOTAL or (reduced.astype(np.int64).sum(axis=1) >= MOST_TOTAL).any():
        raise UserError(
            f"the whole weights of a position of {source} must add up to less than 2^32; give "
            "probabilities, which are rounded"
        )
    return reduced.astype(np.int64)
