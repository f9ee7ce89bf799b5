"""What a certificate claims of a model: the share of inputs that do as said, or a mean loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from probbound.machine.errors import UserError
from probbound.machine.python_files import is_meant

Kind = Literal["accuracy", "margin", "loss", "kl", "universal"]


@dataclass(frozen=True)
class _At:
    """What the number of a claim is, whether there has to be one, and from where on."""

    what: str
    needed: bool
    least: float
    strictly: bool = False
    whole: bool = False

    def may_be(self, at: float) -> bool:
        """Whether it is finite, and not too small."""
        if self.whole and not float(at).is_integer():
            return False
        return math.isfinite(at) and (at > self.least if self.strictly else at >= self.least)


_AT = {
    "margin": _At("the margin", needed=True, least=-math.inf),
    "loss": _At("what a loss is cut at", needed=False, least=0.0, strictly=True),
    "kl": _At("the divergence, in nats,", needed=True, least=0.0),
    "universal": _At("the number of tokens that are revealed", True, 0.0, whole=True),
}


def _known(kind: str) -> Kind:
    for known in get_args(Kind):
        if kind == known:
            return known
    raise UserError(f"there is no claim {kind!r}; choose from {', '.join(get_args(Kind))}")


@dataclass(frozen=True)
class Claim:
    """The share of inputs answered rightly, by a margin or near a reference, or a mean loss.

    An input's margin is the label's logit minus the largest other one. An accuracy is the share
    of inputs whose margin is above 0, a margin claim the share above `at` (Theorem 1.8), "kl"
    the share of rows on which the Kullback-Leibler divergence from a reference is at most `at`
    nats (Theorem 9.11). A loss is the mean cross-entropy in nats, of min(loss, `at`) where there
    is such a number (Theorem 9.10). "universal" is the share of cases, `at` of their tokens
    revealed, that are right on every filling of the others (Theorem 10.12).

    Raises:
        UserError: if there is no such kind, or `at` is missing, superfluous or not what it may be.
    """

    kind: Kind = "accuracy"
    at: float | None = None

    def __post_init__(self) -> None:
        rule = _AT.get(_known(self.kind))
        if self.at is None:
            if rule is not None and rule.needed:
                raise UserError(
                    f"a {self.kind} claim needs {rule.what} it is about; give it with --at"
                )
            return
        if rule is None:
            raise UserError(f"a claim of {self.kind} is made at no number; leave --at out")
        if not rule.may_be(self.at):
            sign = "" if rule.least < 0 else " above 0" if rule.strictly else ", 0 or more"
            kind = "whole" if rule.whole else "finite"
            raise UserError(f"{rule.what} must be a {kind} number{sign}, got {self.at}")
        object.__setattr__(self, "at", float(self.at) + 0.0)  # one name for each number

    @property
    def margin(self) -> float:
        """An input fails unless its margin is above this; of claims about margins alone.

        Raises:
            ValueError: of a claim of a divergence, whose number is no margin.
        """
        if self.kind == "kl":
            raise ValueError("a claim of a divergence has no margin")
        return (self.at or 0.0) if self.kind == "margin" else 0.0

    @property
    def revealed(self) -> int | None:
        """Tokens of a case that are given, of a universal claim; None of others."""
        return int(self.at or 0.0) if self.kind == "universal" else None


ACCURACY = Claim()


def claim_of(kind: str, at: float | None = None) -> Claim:
    """The claim of that name.

    Raises:
        UserError: as `Claim`.
    """
    return Claim(_known(kind), at)


def is_own_claim(subject: str) -> bool:
    """Whether FILE.py:NAME was meant; the last colon counts, so that a drive may have one."""
    return is_meant(subject)
