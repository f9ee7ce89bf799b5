"""Settings that some strategies have: what each may be, and what is said where it is not used."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.arithmetic.scalars import real, whole
from probbound.machine.errors import UserError


@dataclass(frozen=True)
class Setting:
    """One setting: `parse` refuses what it cannot be; `unused` is said of a strategy without it."""

    name: str
    parse: Callable[[Any], Any]
    unused: str


def _share(value: Any) -> float:
    found = real("target", value)
    if not 0 < found < 1:
        raise UserError(f"target must lie strictly between 0 and 1, got {found!r}")
    return found


def _draws(value: Any) -> int:
    found = whole("draws", value)
    if found < 0:
        raise UserError(f"draws must be a non-negative integer, got {found}")
    return found


def _operations(value: Any) -> float:
    found = real("budget in flops", value)
    if not 0 < found < math.inf:
        raise UserError(f"budget in flops must be a positive number, got {found}")
    return found


OF_DRAWING = (
    Setting(
        *("budget_flops", _operations),
        "a budget of operations is for the strategy auto, not for {}",
    ),
    Setting("target", _share, "{} has no target to stop at; a cascade has"),
    Setting("draws", _draws, "{} has no number of draws to set; a cascade has"),
)


def parsed(
    given: Mapping[str, Any],
    settings: Collection[Setting],
    used: frozenset[str],
    strategy: str,
) -> dict[str, Any]:
    """Every one of the settings by name, None where none was given.

    Raises:
        UserError: if one cannot be used, is not among those that the strategy has, or is unknown.
    """
    known = {setting.name for setting in settings}
    for name, value in given.items():
        if value is not None and name not in known:
            raise UserError(f"{strategy} has no setting {name!r}")
    set_to = {setting: given.get(setting.name) for setting in settings}
    for setting, value in set_to.items():
        if value is not None and setting.name not in used:
            raise UserError(setting.unused.format(strategy))
    if given.get("draws") is not None and given.get("target") is not None:
        raise UserError("give a target to stop at or a number of draws, not both")
    return {
        setting.name: None if value is None else setting.parse(value)
        for setting, value in set_to.items()
    }
