"""The settings that some strategies of max-of-K have."""

from __future__ import annotations

from typing import Any, get_args

from probbound.arithmetic.scalars import whole
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.structured.families import PathChoice
from probbound.tasks.settings import OF_DRAWING, Setting


def _grid_points(value: Any) -> int:
    found = whole("grid points", value)
    if found < 1:
        raise UserError(f"grid points must be at least 1, got {found}")
    return found


def _paths(value: Any) -> PathChoice:
    for choice in get_args(PathChoice):
        if value == choice:
            return choice
    raise UserError(f"paths must be joint or separate, got {value!r}")


SETTINGS = (
    *OF_DRAWING,
    Setting(
        *("grid_points", _grid_points),
        "{} has no grid to count on; cubic has, also in a hybrid or cascade",
    ),
    Setting("paths", _paths, "{} has no paths to sample jointly or separately; entries has"),
)
