"""What may run over sequences of induction: levels and a law, each meaning in one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probbound.check import rules
from probbound.check.report import Refused
from probbound.check.tasks.arithmetic import RUN
from probbound.check.tasks.pairs.recipe import ANYTIME, FIXED, FIXED_OR_INTERRUPTED, LAWS
from probbound.check.tasks.recipes import require_settings

PAIRS, TREE, FACTORED = "pairs", "tree", "factored"
EVERY = "every filling"  # the check of cases
_LEVELS: dict[str, dict[str, rules.Rule]] = {
    RUN: {},
    PAIRS: {},
    TREE: {"nodes": rules.positive},
    FACTORED: {},
    EVERY: {},
}
_OF_CHECKED = (FIXED_OR_INTERRUPTED, ANYTIME)
_RUNS: dict[tuple[tuple[str, str], ...], tuple[str | None, ...]] = {
    ((RUN, "enumerated"),): (None,),
    ((RUN, "sampled"),): (FIXED,),
    ((EVERY, "enumerated"),): (None,),
    ((EVERY, "sampled"),): (FIXED,),
    ((PAIRS, "enumerated"),): (None,),
    ((TREE, "enumerated"),): (None,),
    ((PAIRS, "enumerated"), (RUN, "sampled")): (FIXED,),
    ((TREE, "enumerated"), (RUN, "sampled")): (FIXED,),
    ((FACTORED, "passed through"), (RUN, "sampled")): _OF_CHECKED,
}


@dataclass(frozen=True)
class Recipe:
    """Levels by name and mode; `nodes` of a tree, `draws` and `target` of a cascade."""

    levels: tuple[tuple[str, str], ...]
    law: str | None = None
    nodes: int | None = None
    draws: int | None = None
    target: float | None = None

    @property
    def screen(self) -> str | None:
        """The name of the screen that runs first, if one does."""
        return None if self.levels[0][0] in (RUN, EVERY) else self.levels[0][0]

    @property
    def cascade(self) -> bool:
        """Whether draws of all sequences pass a screen."""
        return self.levels[0][1] == "passed through"

    @property
    def budgeted(self) -> bool:
        """Whether a budget of forward passes decides anything."""
        return self.levels[-1][1] == "sampled"

    @property
    def run(self) -> str:
        """What the last check is."""
        return EVERY if self.levels[0][0] == EVERY else RUN

    @property
    def may_stop(self) -> bool:
        """Whether its law holds where the user interrupts."""
        return self.law in _OF_CHECKED

    @property
    def text(self) -> str:
        """For people."""
        return ", ".join(f"{name} {mode}" for name, mode in self.levels)


def recipe_of(found: Any, claim: Mapping[str, Any]) -> Recipe:
    """A recipe, from JSON.

    Raises:
        Refused: if it has a level, a mode, a law or a setting that there is not, or is not in the
            one form of what it means.
    """
    levels, law = found["levels"], found["law"]
    for level in levels:
        require_settings("level", level, _LEVELS, {"mode": rules.text})
    rows = tuple((level["level"], level["mode"]) for level in levels)
    if rows not in _RUNS:
        raise Refused(f"no strategy runs {', '.join(f'{name} {mode}' for name, mode in rows)}")
    named = None if law is None else law.get("law")
    if named not in _RUNS[rows]:
        raise Refused(f"the law {str(named)[:80]!r} is none that such levels are drawn by")
    if law is not None:
        require_settings("law", law, LAWS, {})
    if (rows[0][0] == EVERY) != (claim["kind"] == "universal"):
        raise Refused("cases are what universal claims are about, and nothing else is")
    settings = law or {}
    nodes = levels[0].get("nodes")
    return Recipe(rows, named, nodes, settings.get("draws"), settings.get("target"))
