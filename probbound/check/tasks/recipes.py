"""What the recipes of all tasks have in common: known settings, and one form of a question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from probbound.check import rules
from probbound.check.layout import faults
from probbound.check.report import Refused


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
