"""What tasks that screen inputs and run the rest have in common: levels, draws that pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from probbound.check.expected import Facts
from probbound.check.report import Refused
from probbound.check.tasks.arithmetic import RUN, form_of

PILOT = 1 << 12
ALL_INPUTS = "all inputs"
_ALONE = {"enumerated": "all run", "sampled": "sampled"}
_BEHIND_A_SCREEN = ("screen, all run", "screen, sampled")


@runtime_checkable
class Rows(Protocol):
    """A recipe whose levels are (name, mode), and whether draws of all inputs pass a screen."""

    @property
    def levels(self) -> tuple[tuple[str, str], ...]: ...

    @property
    def cascade(self) -> bool: ...

    @property
    def budgeted(self) -> bool: ...

    @property
    def text(self) -> str: ...


def require_levels(predicate: Mapping[str, Any], recipe: Rows, screen: str | None) -> None:
    """That a certificate has the levels of what ran, a screen by its name or none.

    Raises:
        Refused: if it has not.
    """
    first = predicate["levels"][0]["check"] if predicate["levels"] else ""
    form = form_of(predicate, screen or "", RUN if screen else recipe.levels[-1][0])
    if screen is None:
        right, name = (_ALONE[recipe.levels[0][1]],), first
    elif recipe.cascade:
        right, name = ("cascade",), ALL_INPUTS
    else:
        right, name = _BEHIND_A_SCREEN if recipe.budgeted else ("screen",), screen
    if form not in right or first != name:
        raise Refused(f"the levels are not those of what ran: {recipe.text}")


def passed_through(
    parts: Iterable[np.ndarray],
    left: Callable[[np.ndarray], np.ndarray],
    wrong: Callable[[np.ndarray], np.ndarray],
    budget: int,
) -> Facts:
    """Draws, in parts, of which those `left` by a screen are run up to the budget (4.21)."""
    draws = passed = run = failures = 0
    for part in parts:
        on = part[left(part)]
        follow = on[: max(budget - run, 0)]
        failures += int(wrong(follow).sum()) + len(on) - len(follow)
        draws, passed, run = draws + len(part), passed + len(on), run + len(follow)
    return Facts(1.0, draws, passed, run, failures)
