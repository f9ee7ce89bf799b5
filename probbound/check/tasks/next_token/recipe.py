"""What may run over rows: all of them, or different ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probbound.check import rules
from probbound.check.report import Refused
from probbound.check.tasks.arithmetic import RUN
from probbound.check.tasks.recipes import require_settings

FIXED, ANYTIME = "without replacement", "without replacement, anytime"
_LAWS: dict[str, dict[str, rules.Rule]] = {FIXED: {}, ANYTIME: {"target": rules.inside}}


@dataclass(frozen=True)
class Recipe:
    """All rows, if there is no law, or different ones by a law.

    `may_stop` says whether it holds where the user interrupts. `balls` have so many bits, by which
    rows are decided that radii leave open; None without them.
    """

    law: str | None
    may_stop: bool
    balls: int | None = None

    @property
    def budgeted(self) -> bool:
        """Whether a budget of looks decides anything."""
        return self.law is not None

    @property
    def text(self) -> str:
        """For people."""
        balls = "" if self.balls is None else f", balls of {self.balls} bits"
        return (f"{RUN} of all rows" if self.law is None else f"{RUN} {self.law}") + balls


def recipe_of(found: Any, claim: Mapping[str, Any]) -> Recipe:
    """A recipe, from JSON.

    Raises:
        Refused: if no strategy over rows runs so, or bounds such a claim.
    """
    levels, law = found["levels"], found["law"]
    wanted: dict[str, Any] = {"level": RUN, "mode": "enumerated" if law is None else "sampled"}
    balls = levels[0].get("balls") if levels else None
    if balls is not None:
        wanted["balls"] = _bits(balls, claim)
    if levels != [wanted]:
        raise Refused("no strategy over rows has such levels")
    if law is not None:
        require_settings("law", law, _LAWS, {})
    name, of_loss = None if law is None else law["law"], claim["kind"] == "loss"
    if of_loss and name == ANYTIME:
        raise Refused("a mean loss is bounded with no target")
    return Recipe(name, law is not None and not of_loss, balls)


def _bits(balls: Any, claim: Mapping[str, Any]) -> int:
    """How many bits balls have.

    Raises:
        Refused: if balls have not so many, or the claim is not about real numbers.
    """
    if type(balls) is not int or balls % 64 or not 64 <= balls <= 4096:
        raise Refused("balls have a multiple of 64 bits, at most 4096")
    if claim["population"]["arithmetic"] != "real":
        raise Refused("balls decide rows of claims about real numbers alone")
    return balls
