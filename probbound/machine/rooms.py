"""Rooms by name: packages that are imported when they are entered, so that a hundredth is free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from probbound.machine.errors import UserError, kind_of


@dataclass(frozen=True)
class Rooms:
    """Packages by name, of what they are rooms of: `what` is the word for one, "task"."""

    what: str
    packages: Mapping[str, str]

    def __iter__(self) -> Iterator[str]:
        return iter(self.packages)

    def required(self, name: str) -> str:
        """The name, if there is such a room; it is not entered.

        Raises:
            UserError: with the names there are.
        """
        if name not in self.packages:
            raise UserError(f"there is no {self.what} {name[:80]!r}; choose from {', '.join(self)}")
        return name

    def module(self, name: str, module: str) -> ModuleType:
        """One module of a room.

        Raises:
            UserError: as `required`.
        """
        return import_module(f"{self.packages[self.required(name)]}.{module}")

    def named_by(self, thing: object, attribute: str) -> str:
        """The room that a thing says it belongs to, by an attribute of its type.

        Raises:
            UserError: if it belongs to none.
        """
        name = getattr(type(thing), attribute, None)
        if not isinstance(name, str) or name not in self.packages:
            raise UserError(
                f"bounds are proved for the {self.what}s {', '.join(self)}, got {kind_of(thing)}; "
                f"no strategy serves another {self.what}"
            )
        return name
