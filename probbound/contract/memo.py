"""What of a run depends on its subject alone, worked out and paid for once (Theorem 4.25)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from probbound.contract.cost import CostMeter

T = TypeVar("T")


@dataclass(frozen=True)
class Key(Generic[T]):
    """What something goes by in a memo, and the type of it.

    Each kind of thing is a frozen dataclass of its own, `class Tables(Key[Array])`, whose fields
    are all that it depends on beside the subject. Keys of two kinds are never equal.
    """


class Memo:
    """What was worked out of one subject: kept for one run, with no randomness that certifies.

    It is mutable, for else each function between a plan and a strategy had to hand a new record
    back, and what one forgot would be paid for twice. So it has one owner: a question makes it,
    its altered copies share it, and nobody keeps it longer. What is in it is never altered. What is
    computed may not depend on what is there already, only what that costs.
    """

    def __init__(self) -> None:
        self._subject: object = None
        self._found: dict[Key[Any], Any] = {}

    def belongs_to(self, subject: object) -> None:
        """Whatever is in it is of this very object.

        Raises:
            ValueError: if it is of another.
        """
        if self._subject is None:
            self._subject = subject
        elif self._subject is not subject:
            raise ValueError("a memo is of one subject; give a question about another its own")

    def get(self, key: Key[T], build: Callable[[CostMeter], T], meter: CostMeter) -> T:
        """What `key` stands for; `build` books what it takes, and what is there is free.

        It is put in once all of it is built and booked: what is interrupted leaves nothing behind,
        and is paid for again.
        """
        if key not in self._found:
            self._found[key] = build(meter)
        return self._found[key]

    def find(self, key: Key[T]) -> T | None:
        """The same if it is there, else None."""
        return self._found.get(key)
