"""The tasks that the checker knows, by name; a room is imported when it is entered."""

from __future__ import annotations

from importlib import import_module

from probbound.check.report import Refused
from probbound.check.tasks.contract import Replay

_ROOMS = {
    "max-of-k": "probbound.check.tasks.max_of_k.task",
    "modular-addition": "probbound.check.tasks.modular_addition.task",
    "group-product": "probbound.check.tasks.group_product.task",
    "next-token": "probbound.check.tasks.next_token.task",
    "induction": "probbound.check.tasks.induction.task",
}


def tasks() -> list[str]:
    """Their names."""
    return list(_ROOMS)


def replay_of(task: str) -> Replay:
    """The checker's side of a task.

    Raises:
        Refused: if there is none of that name.
    """
    if task not in _ROOMS:
        raise Refused(f"there is no task {task[:80]!r}")
    return import_module(_ROOMS[task]).REPLAY
