"""What may run over sequences of induction: levels and a law, each meaning in one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probbound.check import rules
from probbound.check.report import Refused
from probbound.check.tasks.arithmetic import RUN
from probbound.check.tasks.recipes import FIXED, OF_CHECKED, Rows, Run, run_of

PAIRS, TREE, FACTORED, SOFT = "pairs", "tree", "factored", "soft"
EVERY = "every filling"  # the check of cases
_LEVELS: dict[str, dict[str, rules.Rule]] = {
    RUN: {},
    PAIRS: {},
    TREE: {"nodes": rules.positive},
    FACTORED: {},
    SOFT: {},
    EVERY: {},
}
_RUNS: dict[Rows, tuple[str | None, ...]] = {
    ((RUN, "enumerated"),): (None,),
    ((RUN, "sampled"),): (FIXED,),
    ((EVERY, "enumerated"),): (None,),
    ((EVERY, "sampled"),): (FIXED,),
    ((PAIRS, "enumerated"),): (None,),
    ((TREE, "enumerated"),): (None,),
    ((PAIRS, "enumerated"), (RUN, "sampled")): (FIXED,),
    ((TREE, "enumerated"), (RUN, "sampled")): (FIXED,),
    ((FACTORED, "passed through"), (RUN, "sampled")): OF_CHECKED,
    ((SOFT, "passed through"), (RUN, "sampled")): OF_CHECKED,
}


@dataclass(frozen=True)
class Recipe(Run):
    """What runs; `nodes` are those of a tree."""

    nodes: int | None = None

    @property
    def screen(self) -> str | None:
        """The name of the screen that runs first, if one does."""
        return None if self.levels[0][0] in (RUN, EVERY) else self.levels[0][0]

    @property
    def budgeted(self) -> bool:
        """Whether a budget of forward passes decides anything."""
        return self.levels[-1][1] == "sampled"

    @property
    def run(self) -> str:
        """What the last check is."""
        return EVERY if self.levels[0][0] == EVERY else RUN


def recipe_of(found: Any, claim: Mapping[str, Any]) -> Recipe:
    """A recipe, from JSON.

    Raises:
        Refused: if it has a level, a mode, a law or a setting that there is not, or is not in the
            one form of what it means.
    """
    run = run_of(found, _LEVELS, _RUNS)
    if (run.levels[0][0] == EVERY) != (claim["kind"] == "universal"):
        raise Refused("cases are what universal claims are about, and nothing else is")
    return Recipe(run.levels, run.law, run.draws, run.target, found["levels"][0].get("nodes"))
