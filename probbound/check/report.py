"""What the checker answers: what it confirmed, what it refuses, what it had to take on trust."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

_LONGEST_REASON = 1000


class Refused(Exception):
    """A reason, one sentence, not to believe a certificate."""


class Unusable(Exception):
    """A file that cannot be read at all, in one sentence: there is nothing to judge."""


class Declined(Exception):
    """More work than is done unasked, in one sentence: nothing is said of the claim."""


@dataclass(frozen=True)
class Report:
    """`confirmed` was recomputed, `refused` is why the claim does not stand, `trusted` neither.

    `declined` says why the claim was not looked at to the end: it asks for too much work, or was
    not given what it takes. `work` says how much it asks for. `assumed` is what the claim stands
    or falls with and nobody looked at: if there is anything, it holds only if that is as stated.
    """

    confirmed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    work: str = ""
    assumed: tuple[str, ...] = ()

    @property
    def follows(self) -> bool:
        """Whether nothing was refused or left undone, and something was confirmed."""
        return bool(self.confirmed) and not self.refused and not self.declined

    @property
    def holds(self) -> bool:
        """Whether it follows, and from nothing that was not looked at."""
        return self.follows and not self.assumed

    @property
    def status(self) -> int:
        """Of a process: 0 it holds, 1 it does not or cannot be shown, 3 it was not checked.

        4 it holds if what was `assumed` is as stated.
        """
        if self.refused:
            return 1
        if self.declined:
            return 3
        return 0 if self.holds else 4 if self.follows else 1

    def and_refused(self, reasons: Iterable[str]) -> Report:
        """The same report with further reasons."""
        return replace(self, refused=(*self.refused, *reasons))


def require(reasons: Iterable[str]) -> None:
    """That there is no reason to refuse.

    Raises:
        Refused: for the first one.
    """
    for reason in reasons:
        raise Refused(reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + "…")
