"""What a training can be told: its options by name, as data that a front end makes its own of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """One number, text or switch (False by default), its default and what it is.

    None as a default is a whole number that need not be given.
    """

    name: str
    default: int | float | str | bool | None
    help: str


def with_defaults(options: tuple[Option, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option, the given ones as given."""
    return {option.name: given.get(option.name, option.default) for option in options}
