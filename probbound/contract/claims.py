"""What a certificate claims of a model: an accuracy, a share of margins, or a mean loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from probbound.machine.errors import UserError
from probbound.machine.python_files import is_meant

Kind = Literal["accuracy", "margin", "loss"]


def _known(kind: str) -> Kind:
    for known in get_args(Kind):
        if kind == known:
            return known
    raise UserError(f"there is no claim {kind!r}; choose from {', '.join(get_args(Kind))}")


@dataclass(frozen=True)
class Claim:
    """The share of inputs answered rightly, or by a margin, or the mean cross-entropy in nats.

    An input's margin is the label's logit minus the largest other one. An accuracy is the share
    of inputs whose margin is above 0, a margin claim the share above `at` (Theorem 1.8).

    Raises:
        UserError: if there is no such kind, or `at` is missing, superfluous or not finite.
    """

    kind: Kind = "accuracy"
    at: float | None = None

    def __post_init__(self) -> None:
        _known(self.kind)
        if self.kind == "margin" and self.at is None:
            raise UserError("a margin claim needs the margin it is about; give it with --at")
        if self.kind != "margin" and self.at is not None:
            raise UserError(f"only a margin claim is made at a margin, not one of {self.kind}")
        if self.at is not None and not math.isfinite(self.at):
            raise UserError(f"the margin must be a finite number, got {self.at}")
        if self.at is not None:
            object.__setattr__(self, "at", float(self.at) + 0.0)  # one name for each margin

    @property
    def margin(self) -> float:
        """An input fails unless its margin is above this."""
        return self.at or 0.0


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
