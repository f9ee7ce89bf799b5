"""What a user can get wrong, as one exception whose message is one sentence."""

from __future__ import annotations


class UserError(ValueError):
    """Input that cannot be used: the message says what was wanted, what came, and the remedy."""


def kind_of(value: object) -> str:
    """What came, by the full name of its type."""
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def first_line(error: Exception) -> str:
    """What an error says, in one line; its type if it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0]
