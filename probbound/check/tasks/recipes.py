"""What the recipes of all tasks have in common: known settings, and one form of a question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from probbound.check import rules
from probbound.check.layout import faults
from probbound.check.report import Refused

FIXED, FIXED_OR_INTERRUPTED, ANYTIME = "fixed", "fixed or interrupted", "anytime"
_LAWS: dict[str, dict[str, rules.Rule]] = {
    FIXED: {},
    FIXED_OR_INTERRUPTED: {"draws": rules.maybe(rules.count)},
    ANYTIME: {"target": rules.inside},
}
OF_CHECKED = (FIXED_OR_INTERRUPTED, ANYTIME)
Rows = tuple[tuple[str, str], ...]  # levels by name and mode
Settings = Mapping[str, Mapping[str, rules.Rule]]


@runtime_checkable
class Recipe(Protocol):
    """What runs: whether a budget decides anything, and whether its law allows interruption."""

    @property
    def budgeted(self) -> bool: ...

    @property
    def may_stop(self) -> bool: ...

    @property
    def text(self) -> str: ...


def misasked(
    predicate: Mapping[str, Any], read: Callable[[Any, Mapping[str, Any]], Recipe]
) -> Iterator[str]:
    """Where what was asked, or what ran, has another form than the one that its meaning has.

    `read` makes the recipe of JSON and of a claim.

    Raises:
        Refused: if one of them is no recipe.
    """
    ran, budget = read(predicate["ran"]["recipe"], predicate["claim"]), predicate["ran"]["budget"]
    if predicate["recipe"] is not None:
        read(predicate["recipe"], predicate["claim"])
    if (budget is not None) != ran.budgeted:
        yield f"a budget of {budget} is none for what ran: {ran.text}"
    if predicate["stopped_at"] is not None and not ran.may_stop:
        yield f"it cannot be interrupted: {ran.text}"


def require_settings(
    kind: str,
    found: Mapping[str, Any],
    known: Mapping[str, Mapping[str, rules.Rule]],
    others: Mapping[str, rules.Rule],
) -> None:
    """That it has just the settings of its name, each a value that it can have.

    Raises:
        Refused: at the first that it has not.
    """
    name = found.get(kind)
    settings = known.get(name) if isinstance(name, str) else None
    if settings is None:
        raise Refused(f"there is no {kind} {str(name)[:80]!r}")
    for fault in faults(found, {kind: rules.text, **others, **settings}, f"{kind} {name}"):
        raise Refused(fault)


@dataclass(frozen=True)
class Run:
    """Levels by name and mode, under a law; `draws` and `target` are those of a cascade."""

    levels: Rows
    law: str | None = None
    draws: int | None = None
    target: float | None = None

    @property
    def cascade(self) -> bool:
        """Whether draws of all inputs pass a screen."""
        return self.levels[0][1] == "passed through"

    @property
    def may_stop(self) -> bool:
        """Whether its law holds where the user interrupts."""
        return self.law in OF_CHECKED

    @property
    def text(self) -> str:
        """For people."""
        return ", ".join(f"{name} {mode}" for name, mode in self.levels)


def run_of(
    found: Any,
    known: Settings,
    laws: Mapping[Rows, tuple[str | None, ...]],
    kinds: Callable[[str], str] = str,
) -> Run:
    """Levels and law of a recipe, from JSON.

    `known` has the settings of each level, `laws` those by which levels are drawn, by the `kinds`
    and the modes of levels.

    Raises:
        Refused: if it has a level, a mode, a law or a setting that there is not.
    """
    levels, law = found["levels"], found["law"]
    for level in levels:
        require_settings("level", level, known, {"mode": rules.text})
    rows = tuple((level["level"], level["mode"]) for level in levels)
    allowed = laws.get(tuple((kinds(name), mode) for name, mode in rows))
    if allowed is None:
        raise Refused(f"no strategy runs {', '.join(f'{name} {mode}' for name, mode in rows)}")
    named = None if law is None else law.get("law")
    if named not in allowed:
        raise Refused(f"the law {str(named)[:80]!r} is none that such levels are drawn by")
    if law is not None:
        require_settings("law", law, _LAWS, {})
    settings = law or {}
    return Run(rows, named, settings.get("draws"), settings.get("target"))
