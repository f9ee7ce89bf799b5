"""Own claims in files: the object NAME of FILE.py, of a file that is executed."""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.abc import SourceLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from probbound.machine.errors import UserError

if TYPE_CHECKING:
    from probbound.own.given import Given

_MODULE = "probbound_own_claims"
_MOST_FILES = 16


def parts_of(place: str) -> tuple[str, str]:
    """The path and the name of FILE.py:NAME.

    Raises:
        UserError: if it is none.
    """
    path, _, name = place.rpartition(":")
    if not path.endswith(".py") or not name.isidentifier():
        raise UserError(f"an own claim is named FILE.py:NAME, got {place!r}")
    return path, name


def content_of(path: str) -> bytes:
    """What is in a file of own claims.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"there is no file {path}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def given_at(place: str, content: bytes | None = None) -> Given:
    """The `probbound.Given` at FILE.py:NAME; the file is executed, once in a process.

    `content` is what was read of the file, if it was.

    Raises:
        UserError: if there is none, it is something else, or the file raises.
    """
    from probbound.own.given import Given

    path, name = parts_of(place)
    module = _executed(path, content_of(path) if content is None else content)
    if not hasattr(module, name):
        raise UserError(f"{path} has no {name}")
    made = getattr(module, name)
    if not isinstance(made, Given):
        raise UserError(
            f"{place} is a {type(made).__name__}; it has to be a probbound.Given(population, "
            "check, name=…)"
        )
    return made


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
