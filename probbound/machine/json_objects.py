"""Objects of JSON in which a name stands twice: readers disagree on what they say."""

from __future__ import annotations

from typing import Any

from probbound.machine.errors import UserError

_SHOWN = 60


def named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs, as `object_pairs_hook` of `json.loads`.

    Raises:
        UserError: if a name stands twice in it, naming the first that does.
    """
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise UserError(f"the name {name[:_SHOWN]!r} stands twice in one object")
        made[name] = value
    return made
