"""The claims of a sweep, by the names that its lists have for them: `margin:0.5` is one name.

What a value of that axis may be is decided here alone.
"""

from __future__ import annotations

from probbound.contract.claims import ACCURACY, Claim, claim_of
from probbound.machine.errors import UserError

DEFAULT_CLAIM = ACCURACY.kind
WANTED = "accuracy, loss, or margin:NUMBER of logits, such as margin:0.5"


def claim_named(name: str) -> Claim:
    """The claim that a name of the axis stands for.

    Raises:
        UserError: if it is none of them.
    """
    kind, colon, at = name.partition(":")
    try:
        if kind == "margin" or not colon:
            return claim_of(kind, float(at) if colon else None)
    except ValueError as error:
        raise UserError(f"a claim must be {WANTED}, got {name!r}") from error
    raise UserError(f"a claim must be {WANTED}, got {name!r}")


def name_of(claim: Claim) -> str:
    """The one name of a claim, by which two that are the same are one cell."""
    return claim.kind if claim.at is None else f"{claim.kind}:{claim.at!r}".removesuffix(".0")
