"""What the checker answers: what it confirmed, what it refuses, what it had to take on trust."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class Refused(Exception):
    """A reason, one sentence, not to believe a certificate."""


class Unusable(Exception):
    """A file that cannot be read at all, in one sentence: there is nothing to judge."""


@dataclass(frozen=True)
class Report:
    """`confirmed` was recomputed, `refused` is why the claim does not stand, `trusted` neither."""

    confirmed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing was refused, and something was confirmed."""
        return bool(self.confirmed) and not self.refused

    def and_refused(self, reasons: Iterable[str]) -> Report:
        """The same report with further reasons."""
        return Report(self.confirmed, (*self.refused, *reasons), self.trusted)
