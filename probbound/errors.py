"""What a user can get wrong, as one exception whose message is one sentence."""

from __future__ import annotations


class UserError(ValueError):
    """Input that cannot be used: the message says what was wanted, what came, and the remedy."""
