"""What is asked of rows: of which networks, and of which rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from probbound.check.models.transformer.network import Network
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.next_token.lengths import OfAnyLength
from probbound.check.tasks.next_token.populations import Population
from probbound.check.tasks.next_token.rows import Numbers

_AT_ONCE = 256


@dataclass(frozen=True)
class Asked:
    """Networks that read rows, the one that a claim is about first, and what rows come from."""

    networks: tuple[Network, ...]
    rows: Population

    @property
    def readers(self) -> tuple[OfAnyLength, ...]:
        """The networks, on rows of any length."""
        return tuple(map(OfAnyLength, self.networks))

    def tokens(self, numbers: Numbers) -> np.ndarray:
        """Those of the rows with such numbers (n, length).

        Raises:
            Refused: if the networks do not know one.
        """
        found = self.rows.at(numbers)
        self.require_known(int(found[:, :-1].max()), int(found[:, -1].max()))
        return found

    def require_known(self, read: int, last: int) -> None:
        """That the networks know tokens up to such ones, and can answer with the last.

        Raises:
            Refused: if they do not.
        """
        for network in self.networks:
            _, known, out = network.weights.reads
            if read >= known:
                raise Refused("the rows are none that the networks read")
            if len(self.networks) == 1 and last >= out:
                raise Refused("the rows end in a token that the network cannot answer")


@dataclass(frozen=True)
class Counted(Asked, ABC):
    """Of which rows count or do not."""

    @abstractmethod
    def wrong(self, numbers: Numbers) -> int:
        """How many of the rows with such numbers do not."""


A = TypeVar("A", bound=Asked)


def drawn(asked: A, seed: int, number: int) -> tuple[A, Numbers]:
    """The same of the rows that a seed looks at, and their numbers in order (9.5, 9.12)."""
    rows, numbers = asked.rows.drawn(Stream.of_seed(seed).named("certify", "rows"), number)
    return replace(asked, rows=rows), numbers


def anew(asked: A, stream: Stream, number: int) -> tuple[A, Numbers]:
    """The same of rows drawn with replacement, and their numbers in order."""
    rows, numbers = asked.rows.anew(stream, number)
    return replace(asked, rows=rows), numbers


def parts(numbers: Numbers) -> Iterator[Numbers]:
    """Numbers of rows, as many of them as networks are run on at once."""
    for at in range(0, len(numbers), _AT_ONCE):
        yield numbers[at : at + _AT_ONCE]
