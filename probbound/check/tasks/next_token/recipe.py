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
    """All rows, if there is no law, or different ones by a law."""

    law: str | None

    @property
    def budgeted(self) -> bool:
        """Whether a budget of looks decides anything."""
        return self.law is not None

    @property
    def may_stop(self) -> bool:
        """Whether its law holds where the user interrupts."""
        return self.law is not None

    @property
    def text(self) -> str:
        """For people."""
        return f"{RUN} of all rows" if self.law is None else f"{RUN} {self.law}"


def recipe_of(found: Any, claim: Mapping[str, Any]) -> Recipe:
    """A recipe, from JSON.

    Raises:
        Refused: if no strategy over rows runs so.
    """
    del claim
    levels, law = found["levels"], found["law"]
    wanted = [{"level": RUN, "mode": "enumerated" if law is None else "sampled"}]
    if levels != wanted:
        raise Refused("no strategy over rows has such levels")
    if law is not None:
        require_settings("law", law, _LAWS, {})
    return Recipe(None if law is None else law["law"])
