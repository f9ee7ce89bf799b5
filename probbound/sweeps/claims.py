"""The claims of a sweep, by the names that its lists have for them: `margin:0.5` is one name.

What a value of that axis may be is decided here alone.
"""

from __future__ import annotations

from probbound.contract.claims import ACCURACY, Claim, claim_of, is_own_claim
from probbound.machine.errors import UserError

DEFAULT_CLAIM = ACCURACY.kind
WANTED = (
    "accuracy, loss, margin:NUMBER of logits, such as margin:0.5, or over rows kl:NUMBER or "
    "loss:NUMBER of nats, or of induction universal:NUMBER of tokens; or FILE.py:NAME"
)


def claim_named(name: str) -> Claim:
    """The claim about a network that a name of the axis stands for.

    Raises:
        UserError: if it is none of them.
    """
    kind, colon, at = name.partition(":")
    try:
        return claim_of(kind, float(at) if colon else None)
    except (ValueError, UserError) as error:
        raise UserError(f"a claim must be {WANTED}, got {name!r}") from error


def one_name(name: str) -> str:
    """The name of a claim of the axis in its one form; that of an own claim is as it is.

    Raises:
        UserError: as `claim_named`.
    """
    return name if is_own_claim(name) else name_of(claim_named(name))


def name_of(claim: Claim) -> str:
    """The one name of a claim, by which two that are the same are one cell."""
    return claim.kind if claim.at is None else f"{claim.kind}:{claim.at!r}".removesuffix(".0")
