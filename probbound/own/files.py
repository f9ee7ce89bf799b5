"""Own claims in files: the object NAME of FILE.py, of a file that is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probbound.machine.errors import UserError
from probbound.machine.python_files import content_of, object_at, parts_of

if TYPE_CHECKING:
    from probbound.own.given import Given

__all__ = ["content_of", "given_at", "parts_of"]


def given_at(place: str, content: bytes | None = None) -> Given:
    """The `probbound.Given` at FILE.py:NAME; the file is executed, once in a process.

    `content` is what was read of the file, if it was.

    Raises:
        UserError: if there is none, it is something else, or the file raises.
    """
    from probbound.own.given import Given

    made = object_at(place, content)
    if not isinstance(made, Given):
        raise UserError(
            f"{place} is a {type(made).__name__}; it has to be a probbound.Given(population, "
            "check, name=…)"
        )
    return made
