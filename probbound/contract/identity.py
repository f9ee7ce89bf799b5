"""What a user's function is: the digest of its source, or a version that the user names."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from probbound.machine.errors import UserError

_LONGEST = 1_000


@dataclass(frozen=True)
class Identity:
    """`source`: SHA-256 of the text of the function; `version`: the user's word; `none`: unknown.

    What a function closes over, calls or loads is not in its source.
    """

    kind: Literal["source", "version", "none"]
    sha256: str | None = None
    version: str | None = None

    @classmethod
    def of(cls, function: Callable[..., Any], version: str | None) -> Identity:
        """The version if one is given, else the source if Python finds it.

        Raises:
            UserError: if the version is no text, or too long.
        """
        if version is not None:
            if not isinstance(version, str) or not 0 < len(version) <= _LONGEST:
                raise UserError(f"a version is a text of 1 to {_LONGEST} characters")
            return cls("version", version=version)
        source = _source(function)
        if source is None:
            return cls("none")
        return cls("source", hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest())

    def to_json(self) -> dict[str, Any]:
        """Its kind, and what there is of digest and version."""
        return {"identity": self.kind, "sha256": self.sha256, "version": self.version}


def _source(function: Callable[..., Any]) -> str | None:
    """The text of a function, of what a wrapper wraps, or of the class of a callable object.

    A partial application has none: what it is applied to is no text.
    """
    plain = inspect.unwrap(function)
    if isinstance(plain, functools.partial):
        return None
    if not inspect.isroutine(plain) and not inspect.isclass(plain):
        plain = type(plain)
    try:
        return inspect.getsource(plain)
    except (OSError, TypeError):
        return None
