"""Writing a file in one piece or not at all; what damaged archives raise."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from probbound.machine.errors import UserError

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
_MOST_LINKS = 40  # as Linux follows
_STDOUT = 1


def write_atomically(path: Path, content: bytes) -> None:
    """`write_pieces_atomically` of one piece."""
    write_pieces_atomically(path, (content,))


def write_pieces_atomically(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write to a temporary name beside the file, flush to disk, then rename over it.

    A symbolic link stays one: the file that it leads to is written. An older file keeps its
    permissions and its owner. Where `path` leads to something that is no file (a device, a pipe, an
    open descriptor such as /dev/stdout) it is written to as it is, and not in one piece.

    Raises:
        UserError: if the directory is missing or not writable, the file may not be written, links
            lead in a circle, or the disk is full; of a file nothing is left behind, and an older
            one stays as it was.
    """
    try:
        end = _end_of_links(path)
        descriptor = _descriptor(end)
        if descriptor is not None:
            _flush_standard_streams()
            _write_all(os.dup(descriptor), pieces)
        elif _is_special(end):
            _write_all(os.open(end, os.O_WRONLY), pieces)
        else:
            _replace(end, pieces)
    except OSError as error:
        raise _refusal(path, error.strerror or str(error)) from error


def require_writable(path: Path) -> None:
    """Refuse early, before long work, an output that could not be written at the end.

    Raises:
        UserError: if `path` leads to a directory, to what may not be written or nowhere, or its
            directory is missing or not writable.
    """
    try:
        reason = _why_not_writable(_end_of_links(path))
    except OSError as error:
        reason = error.strerror or str(error)
    if reason is not None:
        raise _refusal(path, reason)


def leads_to_stdout(path: Path) -> bool:
    """Whether writing to `path` writes to the standard output of this process."""
    try:
        return _descriptor(_end_of_links(path)) == _STDOUT
    except OSError:
        return False


def _end_of_links(path: Path) -> Path:
    """Where a chain of symbolic links ends; a descriptor of this process is an end."""
    for _ in range(_MOST_LINKS):
        if not path.is_symlink() or _descriptor(path) is not None:
            return path
        path = path.parent / path.readlink()
    raise OSError("its symbolic links lead in a circle")


def _descriptor(path: Path) -> int | None:
    """The number of the open descriptor of this process that `path` is a name of."""
    home = os.path.realpath(path.parent)
    own = rf"/proc/{os.getpid()}(/task/\d+)?/fd|/dev/fd"
    return int(path.name) if path.name.isdecimal() and re.fullmatch(own, home) else None


def _why_not_writable(end: Path) -> str | None:
    if (descriptor := _descriptor(end)) is not None:
        os.fstat(descriptor)
        return None
    if end.is_dir():
        return "it is a directory"
    if not end.parent.is_dir():
        return f"there is no directory {end.parent}"
    if end.exists() and not os.access(end, os.W_OK):
        return "it is not writable"
    if not _is_special(end) and not os.access(end.parent, os.W_OK):
        return f"the directory {end.parent} is not writable"
    return None


def _is_special(path: Path) -> bool:
    """Whether there is something at `path` that is neither a file nor a directory."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _flush_standard_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _write_all(handle: int, pieces: Iterable[bytes | memoryview]) -> None:
    with os.fdopen(handle, "wb") as file:
        file.writelines(pieces)


def _replace(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    older = path.stat() if path.exists() else None
    if older is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "it is not writable")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if older is not None:
            _look_like(older, temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _look_like(older: os.stat_result, path: Path) -> None:
    """Owner and permissions of an older file, as far as this user may give them."""
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(path, older.st_uid, older.st_gid)
    os.chmod(path, stat.S_IMODE(older.st_mode))


def _refusal(path: Path, reason: str) -> UserError:
    return UserError(f"cannot write {path}: {reason}")
