"""A law of rows in a file, and rows drawn by it (Theorem 9.12)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from probbound.check.models.files import read_contents
from probbound.check.report import Refused, Unusable
from probbound.check.stream import Stream
from probbound.check.tasks.next_token.rows import Numbers

NAME, ROWS = "law", "tokens"
_BITS, _LARGEST = 24, 1 << 32


@dataclass(frozen=True)
class Law:
    """Integer weights (length, tokens) of independent positions, none with a common factor.

    `bits` is 24 if they were rounded. Its rows have numbers under a `stream`.
    """

    weights: np.ndarray
    bits: int | None
    stream: Stream | None = None

    at_hand = True
    seen = ("the law of the rows has the digest of the certificate",)

    @property
    def length(self) -> int:
        """Positions of a row."""
        return len(self.weights)

    @property
    def reach(self) -> tuple[int, int]:
        """The largest token that is read, and the largest last one."""
        places, tokens = np.nonzero(self.weights)
        last = places == self.length - 1
        return int(tokens[~last].max()), int(tokens[last].max())

    @property
    def digest(self) -> str:
        """SHA-256 of the shape and of all weights as little-endian 64-bit integers."""
        state = hashlib.sha256(f"probbound-row-law/1\n{self.weights.shape}\n".encode())
        state.update(self.weights.astype("<i8").tobytes())
        return state.hexdigest()

    @cached_property
    def _ends(self) -> np.ndarray:
        return self.weights.cumsum(axis=1)

    def drawn(self, stream: Stream, draws: int) -> tuple[Law, Numbers]:
        """The draws of a stream, and their numbers."""
        return replace(self, stream=stream), range(draws)

    anew = drawn

    def at(self, numbers: Numbers) -> np.ndarray:
        """Rows of consecutive numbers (n, length)."""
        if self.stream is None:
            raise Refused("rows of a law have no numbers before they are drawn")
        start, stop = int(numbers[0]), int(numbers[-1]) + 1
        columns = []
        for place, ends in enumerate(self._ends):
            units = self.stream.named(f"position {place}").below(int(ends[-1]), start, stop)
            columns.append(np.searchsorted(ends, units, side="right"))
        return np.stack(columns, axis=1)


def read_law(path: Path) -> Law:
    """The law in an `.npz` file: whole weights, or others, which are rounded.

    Raises:
        Unusable: if it is missing, damaged, of another format, or holds no law, or rows beside it.
    """
    if path.suffix != ".npz":
        raise Unusable(f"{path} is no file of a law of rows: expected .npz with an array {NAME}")
    arrays = read_contents(path).arrays
    found = arrays.get(NAME)
    if found is None or ROWS in arrays:
        raise Unusable(f"{path} holds no array {NAME}, or {ROWS} beside it")
    if found.ndim != 2 or len(found) < 2 or not found.shape[1] or found.dtype.kind not in "iuf":
        raise Unusable(f"{path} holds no law of positions, but {found.shape} of {found.dtype}")
    if not np.isfinite(found).all() or found.min() < 0:
        raise Unusable(f"{path} holds a weight that is negative or no number")
    bits = _BITS if found.dtype.kind == "f" else None
    different = {row.tobytes(): row.tolist() for row in found}
    try:
        made = {form: _coprime(_whole(row) if bits else row) for form, row in different.items()}
        return Law(_trimmed([made[row.tobytes()] for row in found]), bits)
    except (ValueError, OverflowError) as error:
        raise Unusable(f"{path} holds no law: {error}") from error


def _whole(shares: list[float]) -> list[int]:
    """2^24 times each share of their sum, to the nearest whole number, halves to the even one."""
    parts = [Fraction(share) for share in shares]
    total = sum(parts, Fraction(0))
    return [round(part * (1 << _BITS) / total) for part in parts] if total else [0] * len(parts)


def _coprime(weights: list[int]) -> np.ndarray:
    common = int(np.gcd.reduce(np.array(weights, dtype=object)))
    if not common:
        raise ValueError("a position has no weight")
    reduced = [weight // common for weight in weights]
    if sum(reduced) >= _LARGEST:
        raise ValueError("the weights of a position add up to 2^32 or more")
    return np.array(reduced, dtype=np.int64)


def _trimmed(rows: list[np.ndarray]) -> np.ndarray:
    """Without the last tokens, as far as they occur nowhere."""
    weights = np.stack(rows)
    return weights[:, : int(np.nonzero(weights)[1].max()) + 1]
