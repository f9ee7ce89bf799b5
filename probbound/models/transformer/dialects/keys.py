"""Configurations read by allow-list: every key is understood, or of no effect, or refused."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any

from probbound.machine.errors import UserError

_MOST = 1 << 53  # whole numbers that floats have exactly


class Told:
    """A configuration that is asked key by key; at the end whatever was not asked is refused.

    `harmless` are keys that change nothing whatever they say.
    """

    def __init__(self, settings: Mapping[str, Any], harmless: Collection[str]) -> None:
        self._settings = settings
        self._harmless = frozenset(harmless)
        self._asked: set[str] = set()

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number; `default` where the key is missing or null.

        Raises:
            UserError: if it is none, or missing without a default.
        """
        value = self._get(key, default)
        if type(value) is not int or abs(value) > _MOST:
            raise UserError(
                f"its configuration has to say {key}, a whole number; got {_shown(value)}"
            )
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A number.

        Raises:
            UserError: as `whole`.
        """
        value = self._get(key, default)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not abs(value) <= sys.float_info.max:
            raise UserError(f"its configuration has to say {key}, a number; got {_shown(value)}")
        return float(value)

    def flag(self, key: str, default: bool | None = None) -> bool:
        """True or false.

        Raises:
            UserError: as `whole`.
        """
        value = self._get(key, default)
        if type(value) is not bool:
            raise UserError(
                f"its configuration has to say {key}, true or false; got {_shown(value)}"
            )
        return value

    def word(self, key: str, choices: Mapping[Any, Any], default: Any = None) -> Any:
        """What stands for one of several words.

        Raises:
            UserError: if it is none of them.
        """
        value = self._get(key, default)
        for known, meaning in choices.items():
            if type(value) is type(known) and value == known:
                return meaning
        shown = ", ".join(map(repr, choices))
        raise UserError(
            f"its configuration says {key} = {_shown(value)}, and only {shown} can be computed with"
        )

    def only(self, key: str, *allowed: Any) -> None:
        """Refuse another value than these; a missing key is one of them.

        Raises:
            UserError: naming the key, and what it says.
        """
        self.word(key, dict.fromkeys(allowed), allowed[0])

    def wanted(self, key: str) -> bool:
        """Whether it is said or left out, and not null."""
        self._asked.add(key)
        return key not in self._settings or self._settings[key] is not None

    def any(self, key: str, default: Any = None) -> Any:
        """Whatever it says, for who looks at it closely."""
        return self._get(key, default)

    def require_all_asked(self) -> None:
        """Refuse what nobody asked for.

        Raises:
            UserError: naming the first such key.
        """
        for key, value in self._settings.items():
            if key not in self._asked and key not in self._harmless:
                raise UserError(
                    f"its configuration says {key} = {_shown(value)}, a key that is not known "
                    "here: it may make another network than the one that is computed with; if it "
                    "changes nothing, leave it out"
                )

    def _get(self, key: str, default: Any) -> Any:
        self._asked.add(key)
        value = self._settings.get(key)
        return default if value is None else value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
