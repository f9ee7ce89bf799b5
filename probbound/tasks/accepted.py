"""What a claim may be about: objects that are what they say, made anew to see it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from probbound.contract.claims import Claim
from probbound.machine.errors import UserError, kind_of

_Made = TypeVar("_Made")


def accepted_claim(claim: Any) -> Claim:
    """The same claim, made anew.

    Raises:
        UserError: if it is none, or of a subclass.
    """
    if type(claim) is not Claim:
        raise UserError(f"the claim must be a probbound.Claim itself, got {kind_of(claim)}")
    return Claim(claim.kind, claim.at)


def require_not_of_rows(claim: Claim) -> None:
    """Refuse what is claimed of rows alone: a divergence, a loss that is cut; and of induction.

    Raises:
        UserError: in one sentence.
    """
    if claim.kind == "kl":
        raise UserError(
            "a KL divergence is claimed of rows of tokens that two networks read (--data, "
            "--against), not of this task"
        )
    require_not_universal(claim)
    if claim.kind == "loss" and claim.at is not None:
        raise UserError(
            "a loss is cut at a number over rows of tokens (--data) alone; leave --at out"
        )


def require_not_universal(claim: Claim) -> None:
    """Refuse what is claimed of cases, which most tasks do not have.

    Raises:
        UserError: in one sentence.
    """
    if claim.kind == "universal":
        raise UserError("a universal claim is about cases, which induction has, not this task")


def unaltered(given: _Made, anew: _Made) -> _Made:
    """`anew`, if all that `given` holds, what it worked out earlier included, is the same.

    Raises:
        UserError: naming what is not.
    """
    made: Any = anew
    for name, value in vars(given).items():
        known = name in {field.name for field in fields(made)} or hasattr(type(anew), name)
        if not known or not np.array_equal(value, getattr(anew, name)):
            raise UserError(
                f"{name} of the {type(anew).__name__} was altered after it was made; make it anew"
            )
    return anew
