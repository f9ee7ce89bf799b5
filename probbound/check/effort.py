"""How much work the checker does unasked, and how it says what more would take."""

from __future__ import annotations

import math
from dataclasses import dataclass

from probbound.check.report import Declined

MOST_OPERATIONS = 6e11  # ten minutes of one core
MOST_BYTES = 2.0**33


@dataclass(frozen=True)
class Work:
    """About so many operations of a nanosecond each, and so many bytes held at once."""

    operations: float
    memory: float

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"checking it takes about {self.operations:.2g} operations, {_time(self.operations)} "
            f"or so, and {_size(self.memory)} of memory"
        )

    def require_within(self, operations: float, memory: float) -> None:
        """Do no more than that.

        Raises:
            Declined: if more is asked for.
        """
        if not (self.operations <= operations and self.memory <= memory):
            raise Declined(
                f"{self.sentence}; at most {MOST_OPERATIONS:.0e} operations, "
                f"{_time(MOST_OPERATIONS)}, and {_size(MOST_BYTES)} are spent on a certificate "
                "without --patient (in Python patient=True)"
            )


def _time(operations: float) -> str:
    seconds = operations / 1e9
    for size, unit in ((31557600, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 1.5 * size:
            return f"{_short(seconds / size)} {unit}"
    return f"{_short(seconds)} seconds"


def _size(memory: float) -> str:
    for size, unit in ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB")):
        if memory >= size:
            return f"{_short(memory / size)} {unit}"
    return "less than 1 MiB"


def _short(number: float) -> str:
    if math.isinf(number):
        return "endless"
    return f"{number:.0f}" if 10 <= number < 1e6 else f"{number:.2g}"
