"""What may run over rows: all of a list, different ones of it, or independent draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probbound.check import rules
from probbound.check.report import Refused
from probbound.check.tasks.arithmetic import RUN
from probbound.check.tasks.recipes import require_settings

_APART, _INDEPENDENT, _ANYTIME = "without replacement", "with replacement", ", anytime"


@dataclass(frozen=True)
class Recipe:
    """All rows, if there is no law, or draws by a law."""

    law: str | None

    @property
    def budgeted(self) -> bool:
        """Whether a budget of looks decides anything."""
        return self.law is not None

    @property
    def anytime(self) -> bool:
        """Whether drawing may end at a target."""
        return self.law is not None and self.law.endswith(_ANYTIME)

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
    size = claim["population"]["size"]
    levels, law = found["levels"], found["law"]
    wanted = [{"level": RUN, "mode": "enumerated" if law is None else "sampled"}]
    if levels != wanted:
        raise Refused("no strategy over rows has such levels")
    if law is None and size is None:
        raise Refused("rows that are only drawn cannot all be looked at")
    if law is not None:
        drawn = _INDEPENDENT if size is None else _APART
        laws = {drawn: {}, drawn + _ANYTIME: {"target": rules.inside}}
        require_settings("law", law, laws, {})
    return Recipe(None if law is None else law["law"])
