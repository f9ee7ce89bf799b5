"""Ctrl-C while modules are loaded."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from probbound.cli.main import INTERRUPTED


@contextmanager
def loading() -> Iterator[None]:
    """Inside, Ctrl-C ends the process there and then: nothing has begun that could be left undone.

    As an exception it would be raised within whatever is being imported, where NumPy makes an
    ImportError of it, JAX loses it and extension modules crash. A handler that is not Python's
    own, and threads where none can be set, are left alone.
    """
    try:
        before = signal.getsignal(signal.SIGINT)
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, _end)
    except ValueError:
        before = None
    try:
        yield
    finally:
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, before)


def _end(*_: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
