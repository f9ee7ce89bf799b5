"""The claim that options ask for."""

from __future__ import annotations

from probbound.contract.claims import Claim, claim_of
from probbound.machine.errors import UserError


def claim_told(kind: str, at: float | None, revealed: int | None) -> Claim:
    """The claim of that name, at a number; of a universal one that is how many are revealed.

    Raises:
        UserError: if there is none, or it has no use for one of the numbers.
    """
    if kind != "universal":
        if revealed is not None:
            raise UserError(f"a claim of {kind} reveals nothing; leave --revealed out")
        return claim_of(kind, at)
    if at is not None:
        raise UserError("a universal claim is at no number; say with --revealed what is given")
    return claim_of(kind, float(revealed or 0))
