"""The pairs that a claim is about: numbered, listed and drawn, each with its right answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from probbound.check.report import Refused
from probbound.check.stream import Stream

MOST_DRAWS = 1 << 36
_AT_ONCE = 1 << 16
Labels = Callable[[np.ndarray], np.ndarray]  # the right answers to pairs (n, 2)


@dataclass(frozen=True)
class Inputs:
    """Pair number a · values + b is (a, b), all of them as likely."""

    values: int
    labels: Labels

    @property
    def size(self) -> int:
        """How many pairs there are."""
        return self.values**2

    def pairs(self, numbers: np.ndarray) -> np.ndarray:
        """Those of the numbers, (n, 2)."""
        return np.stack(np.divmod(numbers, self.values), axis=1)

    def listed(self) -> Iterator[np.ndarray]:
        """All numbers in order, some at a time."""
        for start in range(0, self.size, _AT_ONCE):
            yield np.arange(start, min(start + _AT_ONCE, self.size))

    def drawn(
        self, stream: Stream, draws: int, among: np.ndarray | None = None
    ) -> Iterator[np.ndarray]:
        """Numbers of draws from all pairs, or from those `among` the given numbers.

        Raises:
            Refused: if there are more than are independently re-checked.
        """
        if draws > MOST_DRAWS:
            raise Refused(f"{draws} draws are more than are independently re-checked")
        for start in range(0, draws, _AT_ONCE):
            stop = min(start + _AT_ONCE, draws)
            if among is None:
                yield stream.below(self.size, start, stop)
            else:
                yield among[stream.named("rank").below(len(among), start, stop)]
