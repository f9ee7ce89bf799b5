"""What the checker answers: what it confirmed, what it refuses, what it had to take on trust."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


class Refused(Exception):
    """A reason, one sentence, not to believe a certificate."""


class Unusable(Exception):
    """A file that cannot be read at all, in one sentence: there is nothing to judge."""


class Declined(Exception):
    """More work than is done unasked, in one sentence: nothing is said of the claim."""


@dataclass(frozen=True)
class Report:
    """`confirmed` was recomputed, `refused` is why the claim does not stand, `trusted` neither.

    `declined` says why the claim was not looked at to the end: it asks for too much work. `work`
    says how much it asks for.
    """

    confirmed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    work: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was refused or left undone, and something was confirmed."""
        return bool(self.confirmed) and not self.refused and not self.declined

    @property
    def status(self) -> int:
        """Of a process: 0 it holds, 1 it does not or cannot be shown, 3 it was not checked."""
        return 1 if self.refused else 3 if self.declined else int(not self.holds)

    def and_refused(self, reasons: Iterable[str]) -> Report:
        """The same report with further reasons."""
        return replace(self, refused=(*self.refused, *reasons))
