"""What a user can get wrong, as one exception whose message is one sentence."""

from __future__ import annotations


class UserError(ValueError):
    """Input that cannot be used: the message says what was wanted, what came, and the remedy."""


def first_line(error: Exception) -> str:
    """What an error says, in one line; its type if it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0]
