"""Objects of Python files that a user names, FILE.py:NAME: the file is executed for them."""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.abc import SourceLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from probbound.machine.errors import UserError

_MODULE = "probbound_own_claims"
_MOST_FILES = 16


def is_meant(text: str) -> bool:
    """Whether FILE.py:NAME was meant; the last colon counts, so that a drive may have one."""
    path, _, name = text.rpartition(":")
    return path.endswith(".py") or name.endswith(".py")


def parts_of(place: str, what: str = "an own claim") -> tuple[str, str]:
    """The path and the name of FILE.py:NAME, which is `what` is named so.

    Raises:
        UserError: if it is none.
    """
    path, _, name = place.rpartition(":")
    if not path.endswith(".py") or not name.isidentifier():
        raise UserError(f"{what} is named FILE.py:NAME, got {place!r}")
    return path, name


def content_of(path: str) -> bytes:
    """What is in a Python file.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"there is no file {path}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def object_at(place: str, content: bytes | None = None, what: str = "an own claim") -> Any:
    """The object NAME of FILE.py:NAME; the file is executed, once in a process.

    `content` is what was read of the file, if it was.

    Raises:
        UserError: if there is none, or the file raises.
    """
    path, name = parts_of(place, what)
    module = _executed(path, content_of(path) if content is None else content)
    if not hasattr(module, name):
        raise UserError(f"{path} has no {name}")
    return getattr(module, name)


class _Read(SourceLoader):
    """Runs just the bytes that were read: nothing that was compiled of other ones is used."""

    def __init__(self, path: str, content: bytes) -> None:
        self._path, self._content = path, content

    def get_filename(self, fullname: str) -> str:
        """The path, for tracebacks and for sources of functions."""
        return self._path

    def get_data(self, path: str) -> bytes:
        """What was read of it."""
        return self._content


@lru_cache(_MOST_FILES)
def _executed(path: str, content: bytes) -> ModuleType:
    resolved = Path(path).resolve()
    digest = hashlib.sha256(bytes(resolved) + b"\0" + content).hexdigest()
    name, loader = f"{_MODULE}_{digest[:16]}", _Read(str(resolved), content)
    module = ModuleType(name)
    module.__file__, module.__loader__ = str(resolved), loader
    sys.modules[name] = module
    sys.path.insert(0, str(resolved.parent))
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())
        shown = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise UserError(f"{path} cannot be run: {shown}") from error
    finally:
        with suppress(ValueError):
            sys.path.remove(str(resolved.parent))
    return module
