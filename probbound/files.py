"""Writing a file in one piece or not at all; what damaged archives raise."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
import zlib
from pathlib import Path

from probbound.errors import UserError

ARCHIVE_ERRORS = (  # what a damaged zip archive can make Python's reader raise
    OSError,
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
)


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside `path`, flush to disk, then rename over it.

    Raises:
        UserError: if the directory is missing or not writable, or the disk is full; nothing is
            left behind and an older file at `path` stays as it was.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def require_writable(path: Path) -> None:
    """Refuse early, before long work, an output that could not be written at the end.

    Raises:
        UserError: if `path` is a directory, or its directory is missing or not writable.
    """
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a directory")
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: there is no directory {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"cannot write {path}: the directory {path.parent} is not writable")
