"""Rows that a user's function makes: it is run again if the user says so (Theorem 9.12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from probbound.check.own.given import load_object, source_digest
from probbound.check.report import Refused, Unusable
from probbound.check.stream import Stream
from probbound.check.tasks.next_token.rows import Numbers

BLOCK = 256
ON_TRUST = (
    "that the rows of the generator are independent and have one law, and that what it closes "
    "over, calls or loads is what it was"
)


@dataclass(frozen=True)
class Generator:
    """Rows of `length` tokens by a function of (rng, n), which has numbers under a `stream`."""

    function: Callable[[np.random.Generator, int], Any]
    length: int
    stream: Stream | None = None

    at_hand = True
    seen = ("the generator is the one that the certificate names",)
    reach = (-1, -1)  # of each block it is seen when it is made

    def drawn(self, stream: Stream, draws: int) -> tuple[Generator, Numbers]:
        """The draws of a stream, and their numbers."""
        return replace(self, stream=stream), range(draws)

    anew = drawn

    def at(self, numbers: Numbers) -> np.ndarray:
        """Rows of consecutive numbers (n, length)."""
        first, last = int(numbers[0]) // BLOCK, int(numbers[-1]) // BLOCK
        blocks = [self._block(number) for number in range(first, last + 1)]
        start = int(numbers[0]) - first * BLOCK
        return np.concatenate(blocks)[start : start + len(numbers)]

    def _block(self, number: int) -> np.ndarray:
        if self.stream is None:
            raise Refused("rows of a generator have no numbers before they are drawn")
        key = int.from_bytes(self.stream.named(f"block {number}").key, "little")
        try:
            made = self.function(np.random.Generator(np.random.Philox(key=key)), BLOCK)
            rows = np.asarray(made)
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise Unusable(f"the generator raised {said}") from error
        if rows.shape != (BLOCK, self.length) or rows.dtype.kind not in "iu" or rows.min() < 0:
            raise Refused(
                f"the generator makes {rows.shape} of {rows.dtype}, not {BLOCK} rows of "
                f"{self.length} tokens"
            )
        return rows.astype(np.int64)


@dataclass(frozen=True)
class Unseen:
    """A generator that is not run again: nothing is drawn of it."""

    length: int

    at_hand, seen = False, ()
    reach = (-1, -1)

    def drawn(self, stream: Stream, draws: int) -> tuple[Unseen, Numbers]:
        """Nothing can be."""
        raise Unusable("rows of a generator are drawn by its code alone: --replay FILE.py:NAME")

    anew = drawn

    def at(self, numbers: Numbers) -> np.ndarray:
        """Nothing is."""
        raise Unusable("rows of a generator are made by its code alone: --replay FILE.py:NAME")


def generator_at(place: str, stated: Mapping[str, Any]) -> Generator:
    """The function at FILE.py:NAME, or that of an object with `function`; the file is executed.

    Raises:
        Unusable: if there is none.
        Refused: if it has another source than the certificate's.
    """
    made = load_object(place)
    function = getattr(made, "function", made)
    if not callable(function):
        raise Unusable(f"{place} is no function that makes rows")
    said = stated["source"]
    if said["identity"] == "source" and source_digest(function) != said["sha256"]:
        raise Refused(f"the generator {place} has another source than the certificate's")
    return Generator(function, stated["length"])
