"""Numbers as users give them, made Python's own: one value has one type, so one seed."""

from __future__ import annotations

import operator
from typing import Any

from probbound.machine.errors import UserError

MOST_DIGITS = 4300  # of an integer that Python reads and writes


def whole(name: str, value: Any) -> int:
    """A Python integer, of one of NumPy's too.

    Raises:
        UserError: if it is another thing, a boolean or a float among them.
    """
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise UserError(f"{name} must be an integer, got {value!r}")


def real(name: str, value: Any) -> float:
    """A Python float of a number.

    Raises:
        UserError: if it is another thing, text or a boolean among them, or too large for one.
    """
    try:
        if not isinstance(value, bool | str | bytes):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise UserError(f"{name} must be a number, got {value!r}")
